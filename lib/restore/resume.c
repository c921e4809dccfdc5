#include "restore/resume.h"
#include "backup/create_room.h"
#include "base/clock.h"
#include "compare/measure.h"
#include "db/copy_session.h"
#include <inttypes.h>

#define LEAVE_WAIT_MS 30000
#define UNLINK_BATCH "500" /* each takes a lock */

void restore_resume_release(struct restore_resume *resume)
{
	free(resume->loaded);
	*resume = (struct restore_resume){0};
}

bool restore_resume_check(
	const struct restore_settings *settings, const struct copies_item *copy, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	const struct copies_mark *mark = &copy->mark;
	if (copy->purpose != DB_RESTORED || mark->proved) {
		err_set(err, ERR_REFUSED, "database \"%s\" is no half-made copy", copy->name);
		return err_hint(err, "list them: mig-restore copies");
	}
	if (mark->snapshot && !str_equal(mark->snapshot, manifest->id)) {
		err_set(err, ERR_REFUSED, "database \"%s\" is of snapshot %s, not %s", copy->name,
			mark->snapshot, manifest->id);
		return err_hint(err, "mig-restore %s --resume %s", mark->snapshot, copy->name);
	}
	if (mark->oid && !str_equal(mark->target, settings->to_db)) {
		err_set(err, ERR_REFUSED, "database \"%s\" was begun %s%s", copy->name,
			mark->target ? "as " : "side by side, without --to-db",
			mark->target ? mark->target : "");
		return mark->target ? err_hint(err, "mig-restore %s --to-db %s --resume %s",
					      manifest->id, mark->target, copy->name)
				    : false;
	}
	return true;
}

/*
 * Alone in it
 */

static bool end_sessions(struct db *server, uint32_t oid, struct err *err)
{
	AUTO_FREE char *text = xstrfmt("%u", oid);
	int64_t until = clock_monotonic_ms() + LEAVE_WAIT_MS;
	while (clock_monotonic_ms() < until) {
		AUTO_RESULT(rows);
		if (!db_query(server, &rows, err,
			    "select pg_catalog.pg_terminate_backend(pid)"
			    " from pg_catalog.pg_stat_activity where datid = $1::pg_catalog.oid",
			    text))
			return false;
		if (!db_rows(&rows))
			return true;
		clock_sleep_ms(50);
	}
	return err_set(err, ERR_LOCK, "sessions stay in the half-made copy");
}

/*
 * What comes behind the rows
 */

#define NOT_OF_EXTENSION(class, oid) \
	" not exists (select from pg_catalog.pg_depend e where e.deptype = 'e' and e.classid = " \
	"'" class "'::pg_catalog.regclass and e.objid = " oid ")"
#define USERS(oid) \
	" " oid " not in (select oid from pg_catalog.pg_namespace where nspname in" \
	" ('pg_catalog', 'information_schema', 'pg_toast'))"

/* In this order: none of them may need another that goes before it. */
static const char *const behind_sql[] = {
	"select pg_catalog.format('drop event trigger %I', evtname)"
	" from pg_catalog.pg_event_trigger t where" NOT_OF_EXTENSION(
		"pg_catalog.pg_event_trigger", "t.oid"),
	"select pg_catalog.format('drop publication %I', pubname) from pg_catalog.pg_publication",
	"select pg_catalog.format('drop trigger %I on %s', tgname,"
	" tgrelid::pg_catalog.regclass) from pg_catalog.pg_trigger"
	" where not tgisinternal and tgparentid = 0",
	"select pg_catalog.format('drop policy %I on %s', polname, polrelid::pg_catalog.regclass)"
	" from pg_catalog.pg_policy",
	"select pg_catalog.format('drop rule %I on %s', rulename, ev_class::pg_catalog.regclass)"
	" from pg_catalog.pg_rewrite r where rulename <> '_RETURN' and oid >= 16384",
	"select pg_catalog.format('drop statistics %s', pg_catalog.quote_ident(nspname) || '.' ||"
	" pg_catalog.quote_ident(stxname)) from pg_catalog.pg_statistic_ext s"
	" join pg_catalog.pg_namespace n on n.oid = s.stxnamespace",
	"select pg_catalog.format('alter table %s drop constraint %I',"
	" conrelid::pg_catalog.regclass, conname) from pg_catalog.pg_constraint k"
	" where contype = 'f' and conparentid = 0 and" NOT_OF_EXTENSION(
		"pg_catalog.pg_class", "k.conrelid"),
	"select pg_catalog.format('alter table %s drop constraint %I',"
	" conrelid::pg_catalog.regclass, conname) from pg_catalog.pg_constraint k"
	" where contype in ('p', 'u', 'x') and conparentid = 0 and conrelid <> 0 and" USERS(
		"connamespace") " and" NOT_OF_EXTENSION("pg_catalog.pg_class", "k.conrelid"),
	"select pg_catalog.format('drop index %s', i.indexrelid::pg_catalog.regclass)"
	" from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid"
	" where not c.relispartition and" USERS("c.relnamespace") " and" NOT_OF_EXTENSION(
		"pg_catalog.pg_class", "i.indrelid"),
};

static bool clear_behind(struct db *db, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(behind_sql); i++) {
		AUTO_RESULT(rows);
		if (!db_query(db, &rows, err, behind_sql[i]))
			return false;
		for (int row = 0; row < db_rows(&rows); row++)
			if (!db_exec(db, err, db_get(&rows, row, 0)))
				return err_context(err, "clearing what comes behind the rows");
	}
	return true;
}

/*
 * Rows
 */

/* Extensions' tables are filled anew in any case, and so are partitions that rows find themselves.
 */
static struct compare_table *tables_to_read(const struct pack_manifest *manifest, size_t *count)
{
	struct compare_table *tables = xcalloc(manifest->tables.count + 1, sizeof(tables[0]));
	*count = 0;
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		if (!table->emptied && !table->extension && !pack_manifest_router(manifest, table))
			tables[(*count)++] = (struct compare_table){
				.schema = table->schema,
				.name = table->name,
				.columns = &table->columns,
				.weight = table->content.bytes,
				.owner = (void *)table,
			};
	}
	return tables;
}

static bool measure(const struct restore_settings *settings, const char *database,
	struct compare_table *tables, size_t count, struct err *err)
{
	struct compare_measure measure = {
		.params = settings->target,
		.encoding = pack_reader_manifest(settings->reader)->database.encoding,
		.workers = settings->workers,
		.cancelled = settings->cancelled,
		.cancel_ctx = settings->cancel_ctx,
		.what = "compare",
	};
	measure.params.dbname = database;
	return compare_measure_tables(&measure, tables, count, err);
}

static bool empty(struct db *db, const struct pack_table *table, struct err *err)
{
	AUTO_FREE char *name = db_qualified(db, table->schema, table->name);
	return db_execf(db, err, "truncate only %s", name);
}

static bool keep_whole_tables(const struct restore_settings *settings, struct db *db,
	const char *database, struct restore_resume *resume, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	size_t count;
	AUTO_FREE struct compare_table *tables = tables_to_read(manifest, &count);
	if (!measure(settings, database, tables, count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct pack_table *table = tables[i].owner;
		bool whole = pack_content_equal(&table->content, &tables[i].content);
		if (!whole && tables[i].content.rows && !empty(db, table, err))
			return false;
		resume->loaded[table - manifest->tables.items] = whole;
		resume->tables += whole;
		resume->rows += whole ? table->content.rows : 0;
	}
	for (size_t i = 0; i < manifest->tables.count; i++)
		if (pack_manifest_router(manifest, &manifest->tables.items[i]) &&
			!empty(db, &manifest->tables.items[i], err))
			return false;
	return true;
}

static bool keep_whole_objects(const struct restore_settings *settings, struct db *db,
	struct restore_resume *resume, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	AUTO_FREE char *sql = create_large_query();
	struct pack_content content = {0};
	int unlinked;
	if (!manifest->large_objects)
		return true;
	if (!compare_measure_query(db, sql, &content, err))
		return false;
	/* contents come last of all, so owners, privileges and comments are there */
	resume->large_objects =
		pack_content_equal(&manifest->large_object_data, &content) && content.rows > 0;
	do {
		AUTO_RESULT(rows);
		if (resume->large_objects)
			return true;
		if (!db_query(db, &rows, err,
			    "select pg_catalog.lo_unlink(oid) from (select oid from"
			    " pg_catalog.pg_largeobject_metadata limit " UNLINK_BATCH ") o"))
			return false;
		unlinked = db_rows(&rows);
	} while (unlinked);
	return true;
}

bool restore_resume_prepare(const struct restore_settings *settings, struct db *server,
	const struct copies_item *copy, struct restore_resume *resume, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	CLEANUP(db_close_auto) struct db *db = NULL;
	struct db_params params = settings->target;
	params.dbname = copy->name;
	resume->loaded = xcalloc(manifest->tables.count + 1, sizeof(resume->loaded[0]));
	if (!end_sessions(server, copy->oid, err) || !db_open(&params, &db, err) ||
		!db_copy_session_fast(db, manifest->database.encoding, err) ||
		!clear_behind(db, err) ||
		!keep_whole_tables(settings, db, copy->name, resume, err) ||
		!keep_whole_objects(settings, db, resume, err))
		return err_context(err, "copy %s", copy->name);
	log_info(settings->log, "resumed",
		json_pack("{s:s, s:I, s:I}", "database", copy->name, "tables",
			(json_int_t)resume->tables, "rows", (json_int_t)resume->rows),
		"%s: %" PRId64 " of %zu table%s are in and equal, %" PRId64 " row%s", copy->name,
		resume->tables, manifest->tables.count, str_plural((int64_t)manifest->tables.count),
		resume->rows, str_plural(resume->rows));
	return true;
}
