#include "backup/verify.h"

#include <inttypes.h>

#include "base/clock.h"

struct verify {
	struct pack_reader *reader;
	const struct pack_manifest *manifest;
	const struct backup_verify *settings;
	int64_t done;
	char *buffer;
};

enum { BUFFER = 256 << 10 };

static bool stopped(const struct verify *verify, struct err *err)
{
	const struct backup_verify *settings = verify->settings;
	if (!settings->cancelled || !settings->cancelled(settings->ctx))
		return false;
	return !err_set(err, ERR_SIGNAL, "interrupted");
}

/* To its end, which is where it is found to be sound. rows: NULL for what has none. */
static bool drain(
	struct verify *verify, struct pack_stream *stream, struct pack_rows *rows, struct err *err)
{
	size_t got;
	do {
		if (stopped(verify, err) ||
			!pack_stream_read(stream, verify->buffer, BUFFER, &got, err))
			return false;
		if (rows)
			pack_rows_feed(rows, verify->buffer, got);
		verify->done += (int64_t)got;
		log_progress(verify->settings->log, "verify", "bytes", verify->done, 0);
	} while (got);
	return true;
}

/* --- rows ------------------------------------------------------------------------------------- */

static bool differs(const char *what, const struct pack_content *expected,
	const struct pack_rows *found, struct err *err)
{
	char should[PACK_HASH_TEXT], is[PACK_HASH_TEXT];
	pack_hash_text(&expected->hash, should);
	pack_hash_text(&found->content.hash, is);
	err_set(err, ERR_CORRUPT, "%s: its rows are not those that the manifest tells of", what);
	return err_detail(err,
		"manifest: %" PRId64 " rows, %" PRId64 " bytes, hash %s\nfound:    %" PRId64
		" rows, %" PRId64 " bytes, hash %s%s",
		expected->rows, expected->bytes, should, found->content.rows, found->content.bytes,
		is, found->open ? ", and an unfinished row" : "");
}

static bool check_rows(struct verify *verify, struct pack_stream *stream, const char *what,
	const struct pack_content *expected, struct err *err)
{
	CLEANUP(pack_rows_release) struct pack_rows rows = {0};
	if (!drain(verify, stream, &rows, err))
		return false;
	return (!rows.open && pack_content_equal(&rows.content, expected)) ||
	       differs(what, expected, &rows, err);
}

static bool check_table(struct verify *verify, const struct pack_table *table, struct err *err)
{
	CLEANUP(pack_stream_free_auto)
	struct pack_stream *stream = pack_stream_table(verify->reader, table);
	AUTO_FREE char *what = xstrfmt("table %s.%s", table->schema, table->name);
	return check_rows(verify, stream, what, &table->content, err);
}

static bool check_root(struct verify *verify, const struct pack_root *root, struct err *err)
{
	struct pack_content sum = {0};
	for (size_t i = 0; i < verify->manifest->tables.count; i++)
		if (verify->manifest->tables.items[i].root == root->oid)
			pack_content_add(&sum, &verify->manifest->tables.items[i].content);
	return pack_content_equal(&sum, &root->content) ||
	       err_set(err, ERR_CORRUPT, "manifest: %s.%s is not the sum of its partitions",
		       root->schema, root->name);
}

/* --- members ---------------------------------------------------------------------------------- */

/* Members of no table, each for itself; rows of large objects are summed. */
static bool check_others(struct verify *verify, struct err *err)
{
	CLEANUP(pack_rows_release) struct pack_rows large = {0};
	for (size_t i = 0; i < verify->manifest->members.count; i++) {
		const struct pack_member *member = &verify->manifest->members.items[i];
		if (member->table)
			continue;
		CLEANUP(pack_stream_free_auto)
		struct pack_stream *stream = pack_stream_member(verify->reader, member);
		if (!drain(verify, stream, pack_member_is_large_object(member) ? &large : NULL,
			    err))
			return false;
	}
	const struct pack_content *expected = &verify->manifest->large_object_data;
	return pack_content_equal(&large.content, expected) ||
	       differs("large objects", expected, &large, err);
}

static bool verify_all(struct verify *verify, struct err *err)
{
	const struct pack_manifest *manifest = verify->manifest;
	if (!pack_reader_check_layout(verify->reader, err) || !check_others(verify, err))
		return false;
	for (size_t i = 0; i < manifest->tables.count; i++)
		if (!check_table(verify, &manifest->tables.items[i], err))
			return false;
	for (size_t i = 0; i < manifest->roots.count; i++)
		if (!check_root(verify, &manifest->roots.items[i], err))
			return false;
	return true;
}

bool backup_verify_note(const struct backup_entry *entry, struct pack_reader *reader,
	const struct grade_act *act, struct log_sink *log)
{
	AUTO_ERR(why);
	if (backup_grade(entry, reader, act, &why))
		return true;
	log_warn(log, "grade_not_kept",
		json_pack("{s:s, s:s}", "grade", act->grade, "error", why.msg),
		"that snapshot %s is %s could not be kept: %s", entry->id, act->grade, why.msg);
	return false;
}

bool backup_verify(struct pack_reader *reader, const struct backup_verify *settings,
	struct backup_verified *verified, struct err *err)
{
	int64_t began = clock_monotonic_ms();
	AUTO_FREE char *buffer = xrealloc(NULL, BUFFER);
	struct verify verify = {.reader = reader,
		.manifest = pack_reader_manifest(reader),
		.settings = settings,
		.buffer = buffer};
	if (!verify_all(&verify, err))
		return false;
	struct pack_content total;
	pack_manifest_total(verify.manifest, &total);
	*verified = (struct backup_verified){
		.members = (int64_t)verify.manifest->members.count,
		.bytes = pack_reader_size(reader),
		.tables = (int64_t)verify.manifest->tables.count,
		.rows = total.rows,
		.plain_bytes = total.bytes,
		.ms = clock_monotonic_ms() - began,
	};
	return true;
}
