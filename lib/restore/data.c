#include "restore/data.h"
#include "base/clock.h"
#include "compare/measure.h"
#include "restore/alone.h"
#include "restore/loosen.h"
#include "restore/room.h"

struct data {
	struct strvec undo; /* statements that make constraints and triggers as they were */
	int64_t rows;
};

static void data_release(struct data *data)
{
	strvec_release(&data->undo);
}

/*
 * Is it empty?
 */

static bool check_table(
	struct db *db, const struct pack_table *table, struct strvec *lines, struct err *err)
{
	AUTO_FREE char *name = db_qualified(db, table->schema, table->name);
	AUTO_FREE char *there = NULL;
	AUTO_RESULT(rows);
	if (table->emptied || table->extension)
		return true;
	if (!db_value(db, &there, err, "select pg_catalog.to_regclass($1)::pg_catalog.text", name))
		return false;
	if (!there) {
		strvec_pushf(lines, "table %s.%s is not there", table->schema, table->name);
		return true;
	}
	AUTO_FREE char *sql = xstrfmt("select from only %s limit 1", name);
	if (!db_query(db, &rows, err, sql))
		return false;
	if (db_rows(&rows))
		strvec_pushf(lines, "table %s.%s has rows", table->schema, table->name);
	return true;
}

static bool check_empty(const struct restore_settings *settings, struct db *db, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	AUTO_STRVEC(lines);
	AUTO_FREE char *objects = NULL;
	for (size_t i = 0; i < manifest->tables.count; i++)
		if (!check_table(db, &manifest->tables.items[i], &lines, err))
			return false;
	if (manifest->large_objects &&
		!db_value(db, &objects, err,
			"select 1 from pg_catalog.pg_largeobject_metadata limit 1"))
		return false;
	if (objects)
		strvec_push(&lines, "there are large objects");
	if (!lines.count)
		return true;
	AUTO_FREE char *detail = strvec_join(&lines, "\n");
	err_set(err, ERR_REFUSED, "database \"%s\" is not ready for these rows: %s%s",
		settings->to_db, lines.items[0], lines.count > 1 ? ", and more" : "");
	err_detail(err, "%s", detail);
	return err_hint(err, "definitions of the snapshot without rows: mig-restore SNAPSHOT "
			     "--schema-only --to-db NAME");
}

/*
 * Constraints and triggers out of the way, and back
 */

static const char quiet_sql[] = RESTORE_LOOSEN_FOREIGN_KEYS
	" union all"
	" select pg_catalog.format('alter table %s disable trigger %I',"
	" tgrelid::pg_catalog.regclass, tgname), pg_catalog.format("
	"'alter table %s enable %strigger %I', tgrelid::pg_catalog.regclass,"
	" case when tgenabled = 'A' then 'always ' else '' end, tgname)"
	" from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid"
	" and c.relkind in ('r', 'p') where not tgisinternal and tgparentid = 0"
	" and tgenabled in ('O', 'A')";

static bool quiet(struct db *db, struct data *data, struct err *err)
{
	return restore_loosen(db, quiet_sql, &data->undo, err) ||
	       err_context(err, "rows come before what looks at them");
}

static bool wake(struct db *db, const struct data *data, struct err *err)
{
	if (!db_exec(db, err, "set constraints all immediate"))
		return err_context(err, "the rows do not satisfy the constraints");
	return restore_tighten(db, &data->undo, err);
}

static bool work(struct restore_alone *alone, struct db_worker *worker, struct err *err)
{
	const struct restore_settings *settings = alone->settings;
	struct data *data = alone->ctx;
	struct db *db = worker->db;
	restore_stage(settings, settings->to_db, "rows");
	if (!check_empty(settings, db, err) || !restore_check_rights_of_rows(settings, db, err) ||
		!quiet(db, data, err) ||
		!restore_alone_all_rows(alone, worker, false, &data->rows, err) ||
		!restore_alone_sequences(alone, worker, err) ||
		!restore_alone_large_objects(alone, worker, err))
		return false;
	restore_stage(settings, settings->to_db, "constraints");
	if (!wake(db, data, err))
		return false;
	restore_stage(settings, settings->to_db, "proof");
	return restore_prove_session(settings, db, err);
}

static bool check_target(const struct restore_settings *settings, struct err *err)
{
	CLEANUP(db_close_auto) struct db *server = NULL;
	struct db_params params = settings->target;
	uint32_t oid;
	params.dbname = "postgres";
	if (str_equal(settings->to_db, settings->live)) {
		err_set(err, ERR_REFUSED, "\"%s\" is the live database", settings->to_db);
		return err_hint(err, "to replace what is in it: mig-restore SNAPSHOT --swap, or "
				     "--in-place");
	}
	if (!db_open(&params, &server, err) || !copies_oid(server, settings->to_db, &oid, err))
		return false;
	if (oid)
		return true;
	err_set(err, ERR_NOTFOUND, "no database \"%s\"", settings->to_db);
	return err_hint(err,
		"make it with its tables: mig-restore SNAPSHOT --schema-only --to-db "
		"%s",
		settings->to_db);
}

bool restore_data_check(const struct restore_settings *settings, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	struct db_params params = settings->target;
	params.dbname = settings->to_db;
	return check_target(settings, err) && db_open(&params, &db, err) &&
	       check_empty(settings, db, err) && restore_check_rights_of_rows(settings, db, err);
}

bool restore_data(
	const struct restore_settings *settings, struct restore_outcome *outcome, struct err *err)
{
	CLEANUP(data_release) struct data data = {0};
	struct restore_alone alone = {
		.settings = settings, .database = settings->to_db, .work = work, .ctx = &data};
	int64_t began = clock_monotonic_ms();
	if (!check_target(settings, err) || !restore_alone_run(&alone, err))
		return false;
	*outcome = (struct restore_outcome){
		.database = xstrdup(settings->to_db),
		.tables = (int64_t)pack_reader_manifest(settings->reader)->tables.count,
		.rows = data.rows,
		.proved = true,
		.took_ms = clock_monotonic_ms() - began,
	};
	return true;
}
