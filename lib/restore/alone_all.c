/* A whole database through one session (alone.h). */
#include "restore/alone.h"
#include "restore/load.h"
#include "restore/load_extensions.h"
#include "restore/text.h"
#include <inttypes.h>

static bool load(struct restore_alone *alone, struct db_worker *worker,
	const struct pack_table *table, bool freeze, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(alone->settings->reader);
	bool routed;
	AUTO_FREE char *target = load_target(worker->db, manifest, table, &routed);
	return restore_alone_rows(alone, worker, table, target, freeze && !routed, err);
}

bool restore_alone_all_rows(struct restore_alone *alone, struct db_worker *worker, bool freeze,
	int64_t *rows, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(alone->settings->reader);
	struct pack_content total = {0};
	int64_t done = 0;
	pack_manifest_total(manifest, &total);
	if (!load_extension_tables(worker, alone->settings->reader, NULL, rows, err))
		return false;
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		if (table->emptied || table->extension)
			continue;
		if (!load(alone, worker, table, freeze, err))
			return false;
		done += table->content.bytes;
		*rows += table->content.rows;
		log_progress(alone->settings->log, "rows", "bytes", done, total.bytes);
	}
	return true;
}

bool restore_alone_sequences(struct restore_alone *alone, struct db_worker *worker, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(alone->settings->reader);
	for (size_t i = 0; i < manifest->sequences.count; i++) {
		const struct pack_sequence *sequence = &manifest->sequences.items[i];
		AUTO_FREE char *name = db_qualified(worker->db, sequence->schema, sequence->name);
		AUTO_FREE char *literal = db_literal(worker->db, name);
		if (!db_execf(worker->db, err, "select pg_catalog.setval(%s, %" PRId64 ", %s)",
			    literal, sequence->last_value, sequence->is_called ? "true" : "false"))
			return err_context(err, "sequence %s.%s", sequence->schema, sequence->name);
	}
	return true;
}

bool restore_alone_large_objects(
	struct restore_alone *alone, struct db_worker *worker, struct err *err)
{
	const struct restore_settings *settings = alone->settings;
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	AUTO_STRBUF(text);
	if (!manifest->large_objects)
		return true;
	if (!pack_reader_text(settings->reader, PACK_LARGE_OBJECTS, &text, err) ||
		!restore_text_run(settings, worker->db, text.buf, err) ||
		!db_exec(worker->db, err, LOAD_OBJECT_BYTES " on commit drop"))
		return err_context(err, "large objects");
	for (size_t i = 0; i < manifest->members.count; i++) {
		const struct pack_member *member = &manifest->members.items[i];
		if (pack_member_is_large_object(member) &&
			!load_object_member(worker, settings->reader, member, err))
			return false;
	}
	return true;
}
