#include "backup/report.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/utf8.h"

/* --- for programs ----------------------------------------------------------------------------- */

json_t *backup_texts_json(const struct strvec *texts)
{
	json_t *array = json_array();
	STRVEC_EACH (texts, text)
		json_array_append_new(array, json_string(text));
	return array;
}

json_t *backup_entry_json(const struct backup_entry *entry)
{
	AUTO_FREE char *started = clock_utc(entry->started_ms);
	AUTO_FREE char *database = utf8_clean(entry->database, strlen(entry->database));
	json_t *fields = json_pack("{s:s, s:s, s:s?, s:s?, s:s, s:s, s:I, s:I, s:I, s:o, s:b, s:b}",
		"snapshot", entry->id, "database", database, "label", entry->label, "store",
		entry->store, "path", entry->path, "started", started, "bytes",
		(json_int_t)entry->bytes, "tables", (json_int_t)entry->tables, "rows",
		(json_int_t)entry->rows, "revisions", backup_texts_json(&entry->revisions),
		"partial", entry->partial, "keep", entry->keep != NULL);
	grade_record_json(&entry->grade, fields);
	return fields;
}

json_t *backup_table_json(const struct pack_table *table)
{
	char hash[PACK_HASH_TEXT];
	AUTO_FREE char *schema = utf8_clean(table->schema, strlen(table->schema));
	AUTO_FREE char *name = utf8_clean(table->name, strlen(table->name));
	pack_hash_text(&table->content.hash, hash);
	return json_pack("{s:s, s:s, s:I, s:I, s:s}", "schema", schema, "name", name, "rows",
		(json_int_t)table->content.rows, "bytes", (json_int_t)table->content.bytes, "hash",
		hash);
}

json_t *backup_result_json(const struct backup_result *result)
{
	return json_pack("{s:s, s:s?, s:s, s:I, s:I, s:I, s:f, s:o, s:o, s:b}", "snapshot",
		result->id, "store", result->store, "path", result->path, "bytes",
		(json_int_t)result->bytes, "tables", (json_int_t)result->tables, "rows",
		(json_int_t)result->rows, "seconds", (double)result->ms / 1000, "revisions",
		backup_texts_json(&result->revisions), "notes", backup_texts_json(&result->notes),
		"partial", result->partial);
}

/* --- for people ------------------------------------------------------------------------------- */

char *backup_table_line(const struct pack_table *table)
{
	char hash[PACK_HASH_TEXT];
	AUTO_FREE char *full = xstrfmt("%s.%s", table->schema, table->name);
	AUTO_FREE char *line = utf8_one_line(full);
	pack_hash_text(&table->content.hash, hash);
	return xstrfmt("%s  %12" PRId64 " row%-1s  %10" PRId64 " byte%-1s  %s%s", hash,
		table->content.rows, str_plural(table->content.rows), table->content.bytes,
		str_plural(table->content.bytes), line, table->emptied ? "  (rows not held)" : "");
}

void backup_result_lines(const struct backup_result *result, struct strvec *lines)
{
	AUTO_FREE char *size = clock_size_text(result->bytes);
	AUTO_FREE char *took = clock_duration_text(result->ms);
	strvec_pushf(lines, "snapshot %s  %s, %" PRId64 " table%s, %" PRId64 " row%s, %s",
		result->id, size, result->tables, str_plural(result->tables), result->rows,
		str_plural(result->rows), took);
	strvec_push(lines, result->path);
	if (result->partial)
		strvec_push(lines, "it holds a part of the database: never latest, and not put in "
				   "place of it");
}

void backup_entry_lines(const struct backup_entry *entry, struct strvec *lines)
{
	AUTO_FREE char *when = clock_local(entry->started_ms);
	AUTO_FREE char *size = clock_size_text(entry->bytes);
	AUTO_FREE char *grade = grade_record_text(&entry->grade);
	AUTO_FREE char *revisions = strvec_join(&entry->revisions, ", ");
	AUTO_FREE char *database = utf8_one_line(entry->database);
	strvec_pushf(lines,
		"%-24s  %-23s  %9s  %6" PRId64 " table%-1s  %10" PRId64
		" row%-1s  %s  %s%s%s%s%s%s%s",
		entry->id, when, size, entry->tables, str_plural(entry->tables), entry->rows,
		str_plural(entry->rows), entry->store, grade, revisions[0] ? "  at " : "",
		revisions, entry->partial ? "  partial" : "", entry->keep ? "  kept" : "",
		entry->foreign ? "  of database " : "", entry->foreign ? database : "");
	if (entry->label)
		strvec_pushf(lines, "    label: %s", entry->label);
}

static void what_it_holds(const struct backup_entry *entry, const struct pack_manifest *manifest,
	struct strvec *lines)
{
	enum { NAMED = 10 };
	strvec_pushf(lines,
		"holds      %" PRId64 " table%s, %" PRId64 " row%s, %zu sequence%s, %" PRId64
		" large object%s",
		entry->tables, str_plural(entry->tables), entry->rows, str_plural(entry->rows),
		manifest->sequences.count, str_plural((int64_t)manifest->sequences.count),
		manifest->large_objects, str_plural(manifest->large_objects));
	if (entry->partial) {
		AUTO_FREE char *options = strvec_join(&manifest->partial, " ");
		strvec_pushf(lines, "partial    %s", options);
	}
	for (size_t i = 0; i < manifest->left_out.count && i < NAMED; i++) {
		AUTO_FREE char *line = utf8_one_line(manifest->left_out.items[i]);
		strvec_pushf(lines, "left out   %s", line);
	}
	if (manifest->left_out.count > NAMED)
		strvec_pushf(lines, "left out   and %zu more", manifest->left_out.count - NAMED);
	for (size_t i = 0; i < manifest->revisions.count; i++) {
		AUTO_FREE char *at = strvec_join(&manifest->revisions.items[i].revisions, ", ");
		strvec_pushf(lines, "revision   %s: %s", manifest->revisions.items[i].table,
			at[0] ? at : "none");
	}
	STRVEC_EACH (&manifest->notes, note)
		strvec_pushf(lines, "note       %s", note);
}

void backup_show_lines(const struct backup_entry *entry, const struct pack_manifest *manifest,
	struct strvec *lines)
{
	const struct pack_database *database = &manifest->database;
	AUTO_FREE char *when = clock_utc(manifest->started_ms);
	AUTO_FREE char *local = clock_local(manifest->started_ms);
	AUTO_FREE char *size = clock_size_text(entry->bytes);
	AUTO_FREE char *plain = clock_size_text(entry->plain_bytes);
	AUTO_FREE char *name = utf8_one_line(database->name);
	AUTO_FREE char *grade = grade_record_text(&entry->grade);
	strvec_pushf(lines, "snapshot   %s", entry->id);
	if (entry->label)
		strvec_pushf(lines, "label      %s", entry->label);
	if (entry->keep)
		strvec_pushf(lines, "kept       %s",
			entry->keep[0] ? entry->keep : "until mig-backup keep --off");
	strvec_pushf(lines, "file       %s", entry->path);
	strvec_pushf(lines, "grade      %s", grade);
	strvec_pushf(lines, "taken      %s (%s), in %" PRId64 " s", when, local, entry->seconds);
	strvec_pushf(lines, "database   %s, server %s, %s, system %s", name,
		database->server_version, database->encoding,
		database->system_identifier ? database->system_identifier : "unknown");
	strvec_pushf(lines, "size       %s, %s of rows", size, plain);
	if (manifest->writes)
		strvec_pushf(lines, "writes     %s", manifest->writes);
	what_it_holds(entry, manifest, lines);
	strvec_pushf(lines, "written by %s, pg_dump %s", manifest->tool, manifest->pg_dump);
}
