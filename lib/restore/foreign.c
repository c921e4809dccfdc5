#include "restore/foreign.h"
#include "base/clock.h"
#include "base/fs.h"
#include "copies/intent.h"
#include "db/copy_session.h"
#include "restore/foreign_load.h"
#include "restore/room.h"
#include "restore/wal.h"
#include "swap/traits.h"

struct foreign {
	const struct restore_settings *settings;
	const struct foreign_dump *dump;
	const struct foreign_facts *facts;
	struct db *server; /* in `postgres` */
	struct copies_place place;
	struct copies_item copy;
	int64_t tables, rows;
};

static void foreign_release(struct foreign *foreign)
{
	db_close(foreign->server);
	copies_item_release(&foreign->copy);
}

static bool begin(struct foreign *foreign, struct err *err)
{
	const struct restore_settings *settings = foreign->settings;
	struct db_params params = settings->target;
	params.dbname = "postgres";
	if (!db_open(&params, &foreign->server, err))
		return false;
	foreign->place = (struct copies_place){
		.server = foreign->server,
		.state_dir = settings->state_dir,
		.live = settings->live,
		.run = settings->run,
		.log = settings->log,
	};
	return true;
}

/*
 * A dump may not say its encoding and order of text: they are the live database's, or, when there
 * is none, the server's default.
 */
static bool make_database(struct foreign *foreign, struct err *err)
{
	const struct restore_settings *settings = foreign->settings;
	AUTO_RESULT(live);
	if (!db_query(foreign->server, &live, err,
		    "select pg_encoding_to_char(encoding), datcollate, datctype,"
		    " case to_jsonb(d)->>'datlocprovider' when 'i' then 'icu' else 'libc' end,"
		    " coalesce(to_jsonb(d)->>'daticulocale', case to_jsonb(d)->>'datlocprovider'"
		    "  when 'i' then to_jsonb(d)->>'datlocale' end),"
		    " (select spcname from pg_tablespace t where t.oid = dattablespace and t.oid <>"
		    "  (select dattablespace from pg_database where datname = 'template0'))"
		    " from pg_database d where datname = $1",
		    settings->live))
		return false;
	struct copies_spec spec = {
		.purpose = DB_RESTORED, .stem = settings->to_db, .target = settings->to_db};
	if (db_rows(&live)) {
		spec.encoding = db_get(&live, 0, 0);
		spec.collate = db_get(&live, 0, 1);
		spec.ctype = db_get(&live, 0, 2);
		spec.locale_provider = db_get(&live, 0, 3);
		spec.icu_locale = db_get(&live, 0, 4);
		spec.tablespace = settings->to_db ? NULL : db_get(&live, 0, 5);
	}
	return copies_create(&foreign->place, &spec, &foreign->copy, err);
}

static bool keys_hold(const struct restore_settings *settings, struct err *err)
{
	return !settings->keys || keys_check(settings->keys, err);
}

static const char tables_sql[] =
	"select pg_catalog.format('%I.%I', n.nspname, c.relname) from pg_catalog.pg_class c"
	" join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
	" where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
	" and not exists (select from pg_catalog.pg_depend d where d.classid ="
	"  'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e')"
	" order by 1";

static bool count(struct foreign *foreign, struct db *db, struct err *err)
{
	AUTO_RESULT(tables);
	if (!db_query(db, &tables, err, tables_sql))
		return false;
	foreign->tables = db_rows(&tables);
	/* COPY was counted when the dump was read; how many rows an INSERT brings was not */
	bool counted = !foreign->facts->inserts;
	foreign->rows = counted ? foreign->facts->rows : 0;
	for (int i = 0; !counted && i < db_rows(&tables); i++) {
		AUTO_RESULT(rows);
		AUTO_FREE char *sql =
			xstrfmt("select count(*) from only %s", db_get(&tables, i, 0));
		if (!db_query(db, &rows, err, sql))
			return false;
		foreign->rows += db_get_int(&rows, 0, 0);
	}
	return true;
}

/* A dump of a database under maintenance says so; that is not true of this one (safety 11). */
static bool forget_maintenance(struct db *db, struct err *err)
{
	AUTO_FREE char *table = NULL;
	if (!db_value(db, &table, err,
		    "select pg_catalog.to_regclass('mig.maintenance')::pg_catalog.text"))
		return false;
	return !table || db_exec(db, err, "delete from mig.maintenance");
}

static bool complete(struct foreign *foreign, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	struct db_params params = foreign->settings->target;
	params.dbname = foreign->copy.name;
	return db_open(&params, &db, err) && db_copy_session(db, NULL, err) &&
	       forget_maintenance(db, err) && count(foreign, db, err) &&
	       db_exec(db, err, "analyze");
}

/*
 * Ending
 */

/* From now on it counts as complete. */
static bool mark(struct foreign *foreign, struct err *err)
{
	foreign->copy.mark.dump = xstrdup(fs_basename(foreign->dump->path));
	return copies_remark(&foreign->place, &foreign->copy, err);
}

/* The name it was made for, and what a new database has: the dump recorded no more. */
static bool publish(struct foreign *foreign, struct err *err)
{
	struct db *server = foreign->server;
	const char *to_db = foreign->settings->to_db;
	struct swap_traits plain = {.owner = server->user, .connection_limit = -1};
	AUTO_TX(tx);
	return db_begin(server, &tx, NULL, err) &&
	       copies_rename(server, &foreign->copy, to_db, err) &&
	       swap_traits_apply(server, to_db, foreign->copy.oid, &plain, err) &&
	       swap_traits_comment(server, to_db, NULL, err) && db_commit(&tx, err);
}

static bool fill(struct foreign *foreign, struct err *err)
{
	const struct restore_settings *settings = foreign->settings;
	log_info(settings->log, "stage",
		json_pack("{s:s, s:o}", "stage", "dump", "database",
			copies_json_text(foreign->copy.name)),
		"%s: loading %s", foreign->copy.name, foreign_form_text(foreign->dump->form));
	return keys_hold(settings, err) &&
	       foreign_load(settings, foreign->dump, foreign->facts, foreign->server,
		       foreign->copy.name, err) &&
	       keys_hold(settings, err) && complete(foreign, err) &&
	       (settings->to_db ? publish(foreign, err) : mark(foreign, err));
}

/* The half-made copy goes, or stays with a word about it. */
static void clean_up(struct foreign *foreign, struct err *err)
{
	const char *name = foreign->copy.name;
	if (!name)
		return;
	if (foreign->settings->keep_failed && foreign->copy.oid)
		err_hint(err, "what there is stays in %s; remove it: mig-restore drop %s --yes",
			name, name);
	else
		restore_drop_copy(foreign->settings, &foreign->place, &foreign->copy);
}

static bool make(struct foreign *foreign, struct err *err)
{
	return make_database(foreign, err) && fill(foreign, err);
}

bool foreign_restore(const struct restore_settings *settings, const struct foreign_dump *dump,
	const struct foreign_facts *facts, struct restore_outcome *outcome, struct err *err)
{
	struct restore_settings watched = *settings;
	CLEANUP(restore_wal_free_auto) struct restore_wal *wal = NULL;
	CLEANUP(foreign_release)
	struct foreign foreign = {.settings = &watched, .dump = dump, .facts = facts};
	int64_t began = clock_monotonic_ms();
	if (!begin(&foreign, err) || !restore_wal_begin(&watched, &wal, err))
		return false;
	if (!restore_wal_end(wal, make(&foreign, err), err)) {
		clean_up(&foreign, err);
		return false;
	}
	*outcome = (struct restore_outcome){
		.database = xstrdup(settings->to_db ? settings->to_db : foreign.copy.name),
		.oid = foreign.copy.oid,
		.tables = foreign.tables,
		.rows = foreign.rows,
		.took_ms = clock_monotonic_ms() - began,
	};
	return true;
}
