#include "backup/create_room.h"
#include "compare/compare.h"
#include "compare/measure.h"
#include "db/copy_session.h"
#include "restore/room.h"
#include <inttypes.h>

#define SEQUENCE_BATCH 200

/* What was found; a release of nothing is fine. */
struct findings {
	struct strvec lines; /* what differs */
	/* as many rows, another hash, another major version: their text may differ alone */
	struct strvec unprovable;
	PACK_LIST(const struct pack_table *) doubtful; /* the tables among these */
	int from, to; /* major versions */
};

static struct findings findings_of(const struct pack_manifest *manifest, const struct db *db)
{
	return (struct findings){
		.from = (int)(manifest->database.server_version_num / 10000),
		.to = db->version / 10000,
	};
}

static void findings_release(struct findings *findings)
{
	strvec_release(&findings->lines);
	strvec_release(&findings->unprovable);
	free(findings->doubtful.items);
}

static struct compare_table *tables_to_read(const struct pack_manifest *manifest, size_t *count)
{
	struct compare_table *tables = xcalloc(manifest->tables.count + 1, sizeof(*tables));
	*count = 0;
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		if (!table->emptied)
			tables[(*count)++] = (struct compare_table){
				.schema = table->schema,
				.name = table->name,
				.columns = &table->columns,
				.condition = table->condition,
				.weight = table->content.bytes,
				.owner = (void *)table,
			};
	}
	return tables;
}

static void say_different(struct findings *findings, const char *schema, const char *name,
	const struct pack_content *wanted, const struct pack_content *got)
{
	if (wanted->rows != got->rows)
		strvec_pushf(&findings->lines,
			"%s.%s: %" PRId64 " row%s, the snapshot has %" PRId64, schema, name,
			got->rows, str_plural(got->rows), wanted->rows);
	else if (findings->from != findings->to)
		strvec_pushf(&findings->unprovable, "%s.%s", schema, name);
	else
		strvec_pushf(&findings->lines, "%s.%s: the same number of rows, other contents",
			schema, name);
}

static void compare_table(
	struct findings *findings, const struct pack_table *table, const struct pack_content *got)
{
	size_t unprovable = findings->unprovable.count;
	if (pack_content_equal(&table->content, got))
		return;
	say_different(findings, table->schema, table->name, &table->content, got);
	if (findings->unprovable.count > unprovable)
		*pack_list_add(&findings->doubtful) = table;
}

static void compare(const struct pack_manifest *manifest, const struct compare_table *tables,
	size_t count, struct findings *findings)
{
	struct pack_content *roots = xcalloc(manifest->roots.count + 1, sizeof(*roots));
	for (size_t i = 0; i < count; i++) {
		const struct pack_table *table = tables[i].owner;
		if (table->root) {
			const struct pack_root *root = pack_manifest_root(manifest, table->root);
			pack_content_add(&roots[root - manifest->roots.items], &tables[i].content);
		}
		/* rows may be routed to other partitions than before */
		if (!pack_manifest_router(manifest, table))
			compare_table(findings, table, &tables[i].content);
	}
	for (size_t i = 0; i < manifest->roots.count; i++) {
		const struct pack_root *root = &manifest->roots.items[i];
		if (!pack_content_equal(&root->content, &roots[i]))
			say_different(
				findings, root->schema, root->name, &root->content, &roots[i]);
	}
	free(roots);
}

/* Those that were read early come first: *known of them. */
static void take_early(const struct restore_early *early, struct compare_table *tables,
	size_t count, size_t *known)
{
	*known = 0;
	for (size_t i = 0; i < count; i++) {
		const struct pack_content *content = restore_early_content(early, tables[i].owner);
		if (!content)
			continue;
		struct compare_table read = tables[i];
		read.content = *content;
		tables[i] = tables[*known];
		tables[(*known)++] = read;
	}
}

static bool prove_tables(const struct restore_settings *settings, const char *database,
	const struct restore_early *early, struct findings *findings, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	size_t count, known;
	AUTO_FREE struct compare_table *tables = tables_to_read(manifest, &count);
	struct compare_measure measure = {
		.params = settings->target,
		.encoding = manifest->database.encoding,
		.workers = settings->workers,
		.cancelled = settings->cancelled,
		.cancel_ctx = settings->cancel_ctx,
		.what = "prove",
	};
	measure.params.dbname = database;
	take_early(early, tables, count, &known);
	if (!compare_measure_tables(&measure, tables + known, count - known, err))
		return false;
	compare(manifest, tables, count, findings);
	return true;
}

/*
 * Sequences and large objects, in one session
 */

static char *sequences_query(
	struct db *db, const struct pack_manifest *manifest, size_t from, size_t to)
{
	AUTO_STRBUF(sql);
	for (size_t i = from; i < to; i++) {
		const struct pack_sequence *sequence = &manifest->sequences.items[i];
		AUTO_FREE char *name = db_qualified(db, sequence->schema, sequence->name);
		strbuf_addf(&sql, "%sselect %zu, last_value, is_called from %s",
			i > from ? " union all " : "", i, name);
	}
	strbuf_adds(&sql, " order by 1");
	return strbuf_take(&sql);
}

static bool prove_sequences(
	struct db *db, const struct pack_manifest *manifest, struct strvec *lines, struct err *err)
{
	for (size_t from = 0; from < manifest->sequences.count; from += SEQUENCE_BATCH) {
		size_t to = from + SEQUENCE_BATCH;
		if (to > manifest->sequences.count)
			to = manifest->sequences.count;
		AUTO_FREE char *sql = sequences_query(db, manifest, from, to);
		AUTO_RESULT(rows);
		if (!db_query(db, &rows, err, sql))
			return false;
		for (int i = 0; i < db_rows(&rows); i++) {
			const struct pack_sequence *sequence =
				&manifest->sequences.items[from + (size_t)i];
			if (db_get_int(&rows, i, 1) != sequence->last_value ||
				db_get_bool(&rows, i, 2) != sequence->is_called)
				strvec_pushf(lines, "%s.%s: another value", sequence->schema,
					sequence->name);
		}
	}
	return true;
}

static bool prove_large_objects(struct db *db, const struct pack_manifest *manifest,
	struct findings *findings, struct err *err)
{
	struct pack_content content = {0};
	AUTO_FREE char *sql = create_large_query();
	if (!manifest->large_objects)
		return true;
	if (!compare_measure_query(db, sql, &content, err))
		return err_context(err, "large objects");
	if (!pack_content_equal(&manifest->large_object_data, &content))
		say_different(findings, "pg_catalog", "pg_largeobject",
			&manifest->large_object_data, &content);
	return true;
}

static bool prove_rest(const struct restore_settings *settings, struct db *db,
	struct findings *findings, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	return prove_sequences(db, manifest, &findings->lines, err) &&
	       prove_large_objects(db, manifest, findings, err) &&
	       restore_prove_large(settings, db, &findings->lines, err);
}

/* The parts that are left of larger tables; then, who was written to since? */
static bool end_early(const struct restore_settings *settings, const char *database,
	struct restore_early *early, struct db *db, struct err *err)
{
	size_t kept;
	struct load_settings load = {
		.reader = settings->reader,
		.params = settings->target,
		.workers = settings->workers,
		.leisure = restore_early_leisure(early),
		.cancelled = settings->cancelled,
		.cancel_ctx = settings->cancel_ctx,
		.log = settings->log,
	};
	load.params.dbname = database;
	if (!load_leisure_rest(&load, err) || !restore_early_settle(early, db, &kept, err))
		return false;
	log_debug(settings->log, "proof", json_pack("{s:I}", "tables", (json_int_t)kept),
		"%zu table%s %s read back in parts", kept, str_plural((int64_t)kept),
		kept == 1 ? "was" : "were");
	return true;
}

/* "public.t", and the first rows in which it differs; anew for each table. */
static bool show_rows(const struct restore_settings *settings, struct db *db,
	const struct pack_table *table, struct strvec *lines, struct err *err)
{
	CLEANUP(compare_line_release)
	struct compare_line line = {
		.table = table,
		.snapshot_rows = table->content.rows,
		.live_rows = table->content.rows,
	};
	if (!compare_rows_find(db, settings->reader, &line, COMPARE_ROWS_ACROSS_MAJORS, err))
		return err_context(err, "table %s.%s", table->schema, table->name);
	strvec_pushf(lines, "%s.%s:", table->schema, table->name);
	compare_rows_lines(&line, lines);
	return true;
}

static bool not_provable(const struct restore_settings *settings, struct db *db,
	struct findings *findings, struct err *err)
{
	AUTO_STRVEC(lines);
	for (size_t i = 0; i < findings->doubtful.count; i++)
		if (!show_rows(settings, db, findings->doubtful.items[i], &lines, err))
			return false;
	AUTO_FREE char *detail = strvec_join(&lines, "\n");
	strvec_sort(&findings->unprovable);
	err_set(err, ERR_FAILED,
		"not provable: %s has as many rows, and another hash, on PostgreSQL %d than on "
		"%d%s",
		findings->unprovable.items[0], findings->to, findings->from,
		findings->unprovable.count > 1 ? "; and more" : "");
	err_detail(err, "%s", detail);
	return err_hint(err, "another version may write the same value differently: look at the "
			     "rows; without proof: mig-restore SNAPSHOT --to-db NAME --no-proof");
}

static bool judge(const struct restore_settings *settings, struct db *db, struct findings *findings,
	struct err *err)
{
	struct strvec *lines = &findings->lines;
	if (!lines->count)
		return !findings->unprovable.count || not_provable(settings, db, findings, err);
	strvec_sort(lines);
	STRVEC_EACH (&findings->unprovable, name)
		strvec_pushf(lines, "%s: not provable", name);
	AUTO_FREE char *detail = strvec_join(lines, "\n");
	err_set(err, ERR_CORRUPT, "the restored rows are not those of the snapshot: %s%s",
		lines->items[0], lines->count > 1 ? ", and more" : "");
	return err_detail(err, "%s", detail);
}

bool restore_prove(const struct restore_settings *settings, const char *database,
	struct restore_early *early, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	struct db_params params = settings->target;
	params.dbname = database;
	CLEANUP(db_close_auto) struct db *db = NULL;
	if (!db_open(&params, &db, err) || !db_copy_session(db, manifest->database.encoding, err))
		return false;
	CLEANUP(findings_release) struct findings findings = findings_of(manifest, db);
	return end_early(settings, database, early, db, err) &&
	       prove_tables(settings, database, early, &findings, err) &&
	       prove_rest(settings, db, &findings, err) && judge(settings, db, &findings, err);
}

bool restore_prove_session(const struct restore_settings *settings, struct db *db, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	CLEANUP(findings_release) struct findings findings = findings_of(manifest, db);
	size_t count;
	AUTO_FREE struct compare_table *tables = tables_to_read(manifest, &count);
	if (!compare_measure_session(db, tables, count, err))
		return false;
	compare(manifest, tables, count, &findings);
	return prove_rest(settings, db, &findings, err) && judge(settings, db, &findings, err);
}
