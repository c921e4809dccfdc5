#include "restore/cat.h"

#include <inttypes.h>
#include <regex.h>

#include "backup/create_filter.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "pack/turns.h"
#include "restore/cat_tables.h"
#include "schema/minors.h"

enum { CHUNK = 256 << 10 };

struct cat {
	const struct restore_cat *settings;
	const struct pack_manifest *manifest;
	char *chunk;
	int64_t done, total; /* bytes of rows */
};

static bool go_on(struct cat *cat, struct err *err)
{
	const struct restore_cat *settings = cat->settings;
	log_progress(settings->log, "cat", "bytes", cat->done, cat->total);
	if (!settings->cancelled || !settings->cancelled(NULL))
		return true;
	return err_set(err, ERR_SIGNAL, "interrupted");
}

static bool put(struct cat *cat, const char *text, struct err *err)
{
	return cat->settings->write(cat->settings->ctx, text, strlen(text), err);
}

/* --- begin and end ---------------------------------------------------------------------------- */

/* Rows were written under these, and are read back under them; see restore.sh. */
static const char settings_sql[] = "SET statement_timeout = 0;\n"
				   "SET lock_timeout = 0;\n"
				   "SET idle_in_transaction_session_timeout = 0;\n"
				   "SET standard_conforming_strings = on;\n"
				   "SELECT pg_catalog.set_config('search_path', '', false);\n"
				   "SET check_function_bodies = false;\n"
				   "SET xmloption = content;\n"
				   "SET client_min_messages = warning;\n"
				   "SET row_security = off;\n"
				   "SET datestyle = ISO;\n"
				   "SET intervalstyle = postgres;\n"
				   "SET timezone = 'UTC';\n"
				   "SET lc_monetary = 'C';\n";

/* What is written here goes to psql. */
static void warn_of_minor(const struct cat *cat)
{
	const char *version = cat->manifest->pg_dump;
	const char *fixed = version ? schema_minors_fixed(version) : NULL;
	if (fixed)
		log_warn(cat->settings->log, "pg_dump_unpatched",
			json_pack("{s:s, s:s}", "pg_dump", version, "fixed", fixed),
			"the definitions were written by pg_dump %s, without the fix of "
			"CVE-2025-8714 (%s): a malicious server could have brought commands of "
			"psql into them. mig-restore runs none",
			version, fixed);
}

static bool put_begin(struct cat *cat, struct err *err)
{
	const struct pack_manifest *manifest = cat->manifest;
	warn_of_minor(cat);
	AUTO_FREE char *database = utf8_one_line(manifest->database.name);
	AUTO_FREE char *taken = clock_utc(manifest->started_ms);
	AUTO_FREE char *text = xstrfmt("-- snapshot %s of %s, %s\n"
				       "-- for psql: it knows where rows of COPY end\n"
				       "\\set ON_ERROR_STOP on\n"
				       "BEGIN;\n"
				       "SET client_encoding = '%s';\n%s",
		manifest->id, database, taken, manifest->database.encoding, settings_sql);
	return put(cat, text, err);
}

/* --- members ---------------------------------------------------------------------------------- */

static bool put_stream(struct cat *cat, struct pack_stream *stream, struct err *err)
{
	size_t got;
	do {
		if (!go_on(cat, err) || !pack_stream_read(stream, cat->chunk, CHUNK, &got, err) ||
			(got && !cat->settings->write(cat->settings->ctx, cat->chunk, got, err)))
			return false;
		cat->done += (int64_t)got;
	} while (got);
	return true;
}

static bool put_text(struct cat *cat, const char *member, struct err *err)
{
	AUTO_STRBUF(text);
	return pack_reader_text(cat->settings->reader, member, &text, err) && put(cat, "\n", err) &&
	       put(cat, text.buf, err);
}

static bool put_rows(struct cat *cat, const struct pack_table *table, struct err *err)
{
	AUTO_FREE char *member = xstrfmt("data/%" PRIu32 "/copy.sql", table->oid);
	if (table->emptied || !table->content.rows)
		return true;
	CLEANUP(pack_stream_free_auto)
	struct pack_stream *stream = pack_stream_table(cat->settings->reader, table);
	return put_text(cat, member, err) && put(cat, ";\n", err) && put_stream(cat, stream, err) &&
	       put(cat, "\\.\n", err);
}

/* psql cannot be told to look at constraints later without owning the extension's tables. */
static void tell_circle(const struct cat *cat, const struct pack_turns *turns)
{
	if (!turns->circle.count)
		return;
	AUTO_FREE char *tables = strvec_join(&turns->circle, ", ");
	log_warn(cat->settings->log, "circle", NULL,
		"configuration tables of extensions refer to one another in a circle: %s. psql "
		"may stop there; mig-restore does not",
		tables);
}

/* Extensions have their constraints already, and so their tables an order. */
static bool put_extension_tables(struct cat *cat, struct err *err)
{
	CLEANUP(pack_turns_release) struct pack_turns turns;
	pack_turns_init(&turns, cat->manifest);
	tell_circle(cat, &turns);
	for (size_t i = 0; i < turns.count; i++)
		if (!put_rows(cat, turns.tables[i], err))
			return false;
	return true;
}

static bool put_tables(struct cat *cat, struct err *err)
{
	for (size_t i = 0; i < cat->manifest->tables.count; i++) {
		const struct pack_table *table = &cat->manifest->tables.items[i];
		if (!table->extension && !put_rows(cat, table, err))
			return false;
	}
	return true;
}

/* --- large objects ---------------------------------------------------------------------------- */

#define PIECES "pg_temp.mig_large_object_bytes"

static bool put_pieces(struct cat *cat, const struct pack_member *member, struct err *err)
{
	CLEANUP(pack_stream_free_auto)
	struct pack_stream *stream = pack_stream_member(cat->settings->reader, member);
	return put(cat, "COPY " PIECES " FROM stdin;\n", err) && put_stream(cat, stream, err) &&
	       put(cat,
		       "\\.\n"
		       "SELECT pg_catalog.count(pg_catalog.lo_put(object, start, bytes)) "
		       "FROM " PIECES ";\n"
		       "TRUNCATE " PIECES ";\n",
		       err);
}

static bool put_large_objects(struct cat *cat, struct err *err)
{
	if (!cat->manifest->large_objects)
		return true;
	if (!put_text(cat, PACK_LARGE_OBJECTS, err) ||
		!put(cat,
			"CREATE TEMPORARY TABLE mig_large_object_bytes (object pg_catalog.oid,"
			" start pg_catalog.int8, bytes pg_catalog.bytea);\n",
			err))
		return false;
	for (size_t i = 0; i < cat->manifest->members.count; i++) {
		const struct pack_member *member = &cat->manifest->members.items[i];
		if (pack_member_is_large_object(member) && !put_pieces(cat, member, err))
			return false;
	}
	return put(cat, "DROP TABLE " PIECES ";\n", err);
}

/* --- chosen tables ---------------------------------------------------------------------------- */

static bool regex_is(const char *regex, const char *text)
{
	regex_t compiled;
	if (regcomp(&compiled, regex, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	bool is = regexec(&compiled, text, 0, NULL, 0) == 0;
	regfree(&compiled);
	return is;
}

/* Tables that a pattern means: a partitioned one with all of its partitions. */
struct chosen {
	bool *tables; /* by table of the manifest */
	uint32_t *oids; /* of these, and of partitioned tables */
	size_t count, alloc;
};

static void chosen_release(struct chosen *chosen)
{
	free(chosen->tables);
	free(chosen->oids);
}

static void add_oid(struct chosen *chosen, uint32_t oid)
{
	xgrow(chosen->oids, chosen->count, chosen->alloc);
	chosen->oids[chosen->count++] = oid;
}

static void choose_table(struct cat *cat, size_t index, struct chosen *chosen)
{
	if (chosen->tables[index])
		return;
	chosen->tables[index] = true;
	add_oid(chosen, cat->manifest->tables.items[index].oid);
}

static void choose_root(struct cat *cat, const struct pack_root *root, struct chosen *chosen)
{
	add_oid(chosen, root->oid);
	for (size_t i = 0; i < cat->manifest->tables.count; i++)
		if (cat->manifest->tables.items[i].root == root->oid)
			choose_table(cat, i, chosen);
}

static bool means(
	const char *schema_regex, const char *name_regex, const char *schema, const char *name)
{
	return regex_is(name_regex, name) && (!schema_regex || regex_is(schema_regex, schema));
}

static bool choose(struct cat *cat, const char *pattern, struct chosen *chosen, struct err *err)
{
	const struct pack_manifest *manifest = cat->manifest;
	AUTO_FREE char *schema = NULL;
	AUTO_FREE char *name = NULL;
	size_t before = chosen->count;
	if (!create_filter_regex(pattern, &schema, &name, err))
		return false;
	for (size_t i = 0; i < manifest->roots.count; i++) {
		const struct pack_root *root = &manifest->roots.items[i];
		if (means(schema, name, root->schema, root->name))
			choose_root(cat, root, chosen);
	}
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		if (means(schema, name, table->schema, table->name))
			choose_table(cat, i, chosen);
	}
	if (chosen->count > before)
		return true;
	err_set(err, ERR_NOTFOUND, "the snapshot has no table %s", pattern);
	return err_hint(err, "which it has: mig-backup show %s --tables", cat->manifest->id);
}

static bool put_chosen_rows(struct cat *cat, const struct chosen *chosen, struct err *err)
{
	for (size_t i = 0; i < cat->manifest->tables.count; i++)
		if (chosen->tables[i] && !put_rows(cat, &cat->manifest->tables.items[i], err))
			return false;
	return true;
}

static bool put_chosen(struct cat *cat, struct err *err)
{
	const struct strvec *patterns = cat->settings->tables;
	CLEANUP(cat_definitions_release)
	struct cat_definitions definitions = {STRBUF_INIT, STRBUF_INIT, STRBUF_INIT};
	CLEANUP(chosen_release)
	struct chosen chosen = {
		.tables = xcalloc(cat->manifest->tables.count + 1, sizeof(*chosen.tables))};
	STRVEC_EACH (patterns, pattern)
		if (!choose(cat, pattern, &chosen, err))
			return false;
	if (!cat->settings->data_only && !cat_definitions_read(cat->settings->reader, chosen.oids,
						 chosen.count, &definitions, err))
		return false;
	return put_begin(cat, err) && put(cat, definitions.pre.buf, err) &&
	       put_chosen_rows(cat, &chosen, err) && put(cat, definitions.sequences.buf, err) &&
	       put(cat, definitions.post.buf, err) && put(cat, "\nCOMMIT;\n", err);
}

static bool put_all(struct cat *cat, struct err *err)
{
	return put_begin(cat, err) && put_text(cat, PACK_PRE_DATA, err) &&
	       put_extension_tables(cat, err) && put_tables(cat, err) &&
	       put_text(cat, PACK_SEQUENCES, err) && put_large_objects(cat, err) &&
	       put_text(cat, PACK_POST_DATA, err) && put(cat, "\nCOMMIT;\n", err);
}

bool restore_cat(const struct restore_cat *settings, struct err *err)
{
	struct pack_content total;
	AUTO_FREE char *chunk = xrealloc(NULL, CHUNK);
	struct cat cat = {.settings = settings,
		.manifest = pack_reader_manifest(settings->reader),
		.chunk = chunk};
	pack_manifest_total(cat.manifest, &total);
	cat.total = total.bytes;
	return settings->tables->count ? put_chosen(&cat, err) : put_all(&cat, err);
}

bool restore_cat_answer(const struct backup_ask *ask, struct err *err)
{
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	if (ask->data_only && !ask->tables->count)
		return err_set(err, ERR_USAGE, "--data-only goes with --table");
	if (!backup_open(&ask->find, ask->word, &reader, NULL, err))
		return false;
	struct restore_cat how = {
		.reader = reader,
		.tables = ask->tables,
		.data_only = ask->data_only,
		.write = ask->bytes,
		.ctx = ask->ctx,
		.cancelled = ask->cancelled,
		.log = ask->find.log,
	};
	return restore_cat(&how, err);
}
