/*
 * Locks first, then the snapshot: pg_dump does it the other way round, and a TRUNCATE or a
 * rewriting ALTER between its snapshot and its lock makes an empty table, silently.
 */
#include "backup/create_room.h"

#include <inttypes.h>

#include "backup/session.h"
#include "base/clock.h"

enum {
	ROUNDS = 20,
	BATCH_BYTES = 100000,
	ONE_TRY_MS = 500, /* how long a lock request of ours may hold up others */
	PAUSE_MS = 300,
	READ_MS = 10000, /* for what the leader reads later: sequences */
};

static const char list_sql[] = "select n.nspname, c.relname from pg_catalog.pg_class c"
			       " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
			       " where c.relkind in ('r', 'p') and" CREATE_TABLES_WHERE;

/* Of this transaction's tables, those that this session has no lock on. */
static const char unlocked_sql[] =
	"select n.nspname, c.relname from pg_catalog.pg_class c"
	" join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
	" where c.relkind in ('r', 'p') and" CREATE_TABLES_WHERE
	" and c.oid not in (select relation from pg_catalog.pg_locks"
	"  where pid = pg_catalog.pg_backend_pid() and locktype = 'relation' and granted"
	"  and database = (select oid from pg_catalog.pg_database"
	"   where datname = pg_catalog.current_database()))";

/* --- room in the lock table ------------------------------------------------------------------- */

/* The lock table holds that many objects per connection slot; each table is one. */
static const char capacity_sql[] =
	"select pg_catalog.current_setting('max_locks_per_transaction')::int8,"
	" pg_catalog.current_setting('max_connections')::int8"
	" + pg_catalog.current_setting('max_prepared_transactions')::int8"
	" + pg_catalog.current_setting('autovacuum_max_workers')::int8"
	" + pg_catalog.current_setting('max_worker_processes')::int8"
	" + pg_catalog.current_setting('max_wal_senders')::int8 + 1";

bool create_locks_capacity(struct db *db, int64_t *per_slot, int64_t *slots, struct err *err)
{
	AUTO_RESULT(row);
	if (!db_query(db, &row, err, capacity_sql))
		return false;
	*per_slot = db_get_int(&row, 0, 0);
	*slots = db_get_int(&row, 0, 1);
	return true;
}

static bool check_capacity(struct db *db, int tables, struct err *err)
{
	int64_t per_slot, slots;
	if (!create_locks_capacity(db, &per_slot, &slots, err))
		return false;
	if (tables <= per_slot * slots)
		return true;
	err_set(err, ERR_REFUSED, "%d tables to lock, but the server's lock table holds %" PRId64,
		tables, per_slot * slots);
	return err_hint(err,
		"set max_locks_per_transaction = %" PRId64 " (now %" PRId64
		") and restart the server",
		tables * 5 / 4 / slots + 1, per_slot);
}

/* --- locking ---------------------------------------------------------------------------------- */

/* Next "LOCK TABLE ..." from row *next on. */
static void lock_statement(
	struct db *db, const struct db_result *tables, int *next, struct strbuf *sql)
{
	strbuf_reset(sql);
	strbuf_adds(sql, "lock table ");
	const char *separator = "";
	for (; *next < db_rows(tables) && sql->len < BATCH_BYTES; (*next)++) {
		AUTO_FREE char *name =
			db_qualified(db, db_get(tables, *next, 0), db_get(tables, *next, 1));
		strbuf_addf(sql, "%sonly %s", separator, name);
		separator = ", ";
	}
	strbuf_adds(sql, " in access share mode");
}

/* What the statement could not get may have been dropped or renamed: then the list is old. */
static bool list_is_old(const struct err *err)
{
	return strcmp(err->sqlstate, "42P01") == 0 || strcmp(err->sqlstate, "3F000") == 0;
}

static bool lock_once(struct db *db, const char *sql, struct err *err)
{
	AUTO_ERR(undo);
	if (!db_exec(db, err, "savepoint batch"))
		return false;
	if (db_exec(db, err, sql))
		return db_exec(db, err, "release savepoint batch");
	if (!db_exec(db, &undo, "rollback to savepoint batch; release savepoint batch"))
		return err_move(err, &undo);
	return false;
}

struct deadline {
	const struct backup_settings *settings;
	int64_t until; /* monotonic */
};

static bool may_try_again(const struct deadline *deadline, const struct err *err)
{
	const struct backup_settings *settings = deadline->settings;
	bool cancelled = settings->cancelled && settings->cancelled(settings->ctx);
	return err->code == ERR_LOCK && !cancelled && clock_monotonic_ms() < deadline->until;
}

/* Short requests, so that the queue behind a waiting one of ours is never long. */
static bool lock_batch(
	struct db *db, const char *sql, const struct deadline *deadline, struct err *err)
{
	bool said = false;
	for (;;) {
		AUTO_ERR(why);
		if (lock_once(db, sql, &why))
			return true;
		if (!may_try_again(deadline, &why))
			return err_move(err, &why);
		if (!said)
			log_info(deadline->settings->log, "lock_wait", NULL,
				"waiting for a table that another session has locked");
		said = true;
		clock_sleep_ms(clock_jitter(PAUSE_MS));
	}
}

static bool lock_tables(struct db *db, const struct db_result *tables,
	const struct deadline *deadline, struct err *err)
{
	AUTO_STRBUF(sql);
	if (!db_execf(db, err, "set local lock_timeout = %d", ONE_TRY_MS))
		return false;
	for (int next = 0; next < db_rows(tables);) {
		lock_statement(db, tables, &next, &sql);
		if (!lock_batch(db, sql.buf, deadline, err))
			return false;
	}
	return true;
}

/* --- rounds ----------------------------------------------------------------------------------- */

static bool begin_keeper(struct create_locks *locks, struct err *err)
{
	return db_begin(
		locks->keeper, &locks->keeper_tx, "isolation level read committed, read only", err);
}

/*
 * The keeper has these locks already: only a request queued between the two can be in the way, and
 * that one waits for the keeper. So one try is enough.
 */
static bool begin_leader(struct create_locks *locks, const struct db_result *tables,
	const struct deadline *deadline, struct err *err)
{
	struct deadline now = {deadline->settings, 0};
	db_rollback(&locks->leader_tx);
	return db_begin(locks->leader, &locks->leader_tx,
		       "isolation level repeatable read, read only", err) &&
	       lock_tables(locks->leader, tables, &now, err) &&
	       db_execf(locks->leader, err, "set local lock_timeout = %d", READ_MS);
}

/* Lets go of everything, so that who is queued behind us can go on. */
static bool yield_to_others(struct create_locks *locks, struct err *err)
{
	db_rollback(&locks->leader_tx);
	db_rollback(&locks->keeper_tx);
	clock_sleep_ms(clock_jitter(PAUSE_MS));
	return begin_keeper(locks, err);
}

/* One round; *unlocked lists tables that came between, and that the next round will lock. */
static bool lock_round(struct create_locks *locks, const struct deadline *deadline,
	struct db_result *unlocked, struct err *err)
{
	AUTO_RESULT(tables);
	AUTO_FREE char *list = xstrfmt("%s%s order by c.oid", list_sql, locks->filter.tables);
	AUTO_FREE char *missed = xstrfmt("%s%s", unlocked_sql, locks->filter.tables);
	if (!db_query(locks->keeper, &tables, err, list) ||
		!check_capacity(locks->keeper, db_rows(&tables), err) ||
		!lock_tables(locks->keeper, &tables, deadline, err) ||
		!begin_leader(locks, &tables, deadline, err))
		return false;
	/* the first query takes the leader's snapshot: after all its locks */
	return db_value(locks->leader, &locks->snapshot, err, "select pg_export_snapshot()") &&
	       db_query(locks->leader, unlocked, err, missed);
}

static bool never_still(const struct db_result *unlocked, struct err *err)
{
	AUTO_STRBUF(names);
	for (int i = 0; i < db_rows(unlocked) && i < 10; i++)
		strbuf_addf(&names, "%s%s.%s", i ? "\n" : "", db_get(unlocked, i, 0),
			db_get(unlocked, i, 1));
	err_set(err, ERR_LOCK, "new tables appeared in each of %d rounds of locking", ROUNDS);
	if (names.len)
		err_detail(err, "%s", names.buf);
	return err_hint(err, "try again when fewer tables are made and dropped");
}

static bool take_rounds(
	struct create_locks *locks, const struct deadline *deadline, struct err *err)
{
	AUTO_RESULT(unlocked);
	for (int round = 0; round < ROUNDS; round++) {
		AUTO_ERR(why);
		bool done = lock_round(locks, deadline, &unlocked, &why);
		if (done && db_rows(&unlocked) == 0)
			return true;
		if (!done && may_try_again(deadline, &why)) {
			round--;
			if (!yield_to_others(locks, err))
				return false;
		} else if (!done && !list_is_old(&why)) {
			return err_move(err, &why);
		}
	}
	return never_still(&unlocked, err);
}

/* Who stands in the way, for the message; best effort. */
static void name_holders(struct create_locks *locks, struct err *err)
{
	AUTO_ERR(ignored);
	AUTO_RESULT(rows);
	static const char sql[] =
		"select distinct l.relation::regclass::text, a.pid, a.usename, a.application_name,"
		" a.state, l.granted from pg_catalog.pg_locks l"
		" join pg_catalog.pg_stat_activity a on a.pid = l.pid"
		" where l.mode = 'AccessExclusiveLock' and l.relation >= 16384"
		" and l.database = (select oid from pg_catalog.pg_database"
		"  where datname = pg_catalog.current_database()) limit 5";
	db_rollback(&locks->leader_tx);
	if (!locks->leader || !db_query(locks->leader, &rows, &ignored, sql) || !db_rows(&rows))
		return;
	AUTO_STRBUF(text);
	for (int i = 0; i < db_rows(&rows); i++)
		strbuf_addf(&text, "%s%s is %s by pid %s (%s, %s, %s)", i ? "\n" : "",
			db_get(&rows, i, 0), db_get_bool(&rows, i, 5) ? "locked" : "waited for",
			db_get(&rows, i, 1), db_get(&rows, i, 2), db_get(&rows, i, 3),
			db_get(&rows, i, 4));
	err_detail(err, "%s", text.buf);
}

void create_locks_explain(struct create_locks *locks, struct err *err)
{
	/* with a hint and no SQLSTATE it has been explained already */
	if (err->code == ERR_LOCK && (err->sqlstate[0] || !err->hint)) {
		err_set(err, ERR_LOCK,
			"cannot lock the tables: other sessions want to change them");
		name_holders(locks, err);
		err_hint(err, "end those transactions, or wait longer: --lock-timeout 10m");
	} else if (strcmp(err->sqlstate, "42501") == 0) {
		err_hint(err, "GRANT USAGE on the schema and SELECT on all of its tables and "
			      "sequences, or "
			      "GRANT pg_read_all_data, to this role");
	}
}

bool create_locks_shared(
	struct create_locks *locks, const char *application_name, bool *shared, struct err *err)
{
	/*
	 * Members of extensions are ours alone: pg_dump has no need of them. Sets are compared, as
	 * joins of pg_locks with itself, whose size nobody estimates, take hours for many tables.
	 */
	static const char sql[] =
		"select not exists ("
		" (select l.relation from pg_catalog.pg_locks l"
		"  join pg_catalog.pg_class c on c.oid = l.relation and c.relkind in ('r', 'p')"
		"  where l.pid = pg_catalog.pg_backend_pid() and c.oid >= 16384"
		"  except select objid from pg_catalog.pg_depend"
		"   where classid = 'pg_catalog.pg_class'::pg_catalog.regclass and deptype = 'e')"
		" except select l.relation from pg_catalog.pg_locks l"
		"  where l.granted and l.locktype = 'relation' and l.pid = any (array(select pid"
		"   from pg_catalog.pg_stat_activity where application_name = $1)))"
		" and exists (select 1 from pg_catalog.pg_stat_activity where application_name = "
		"$1)";
	AUTO_RESULT(row);
	if (!db_query(locks->leader, &row, err, sql, application_name))
		return false;
	*shared = db_get_bool(&row, 0, 0);
	return true;
}

static bool yield_to(const struct db_result *rows, int i, struct err *err)
{
	err_set(err, ERR_LOCK,
		"gave way to pid %s (%s, %s), which waits to change %s; nothing was published",
		db_get(rows, i, 0), db_get(rows, i, 3), db_get(rows, i, 2), db_get(rows, i, 1));
	return err_hint(err, "run it again when that is done; without --yield-to-ddl it would have "
			     "gone on");
}

static void warn_of_waiter(const struct db_result *rows, int i, struct log_sink *log)
{
	const char *pid = db_get(rows, i, 0), *table = db_get(rows, i, 1);
	log_warn(log, "ddl_waits",
		json_pack("{s:s, s:s?}", "pid", pid, "application", db_get(rows, i, 2)),
		"pid %s (%s, %s) waits for us to change %s, and whoever wants that table waits "
		"behind it",
		pid, db_get(rows, i, 3), db_get(rows, i, 2), table);
}

bool create_locks_watch(
	struct create_locks *locks, const struct backup_settings *settings, struct err *err)
{
	static const char sql[] =
		"select w.pid, w.relation::pg_catalog.regclass, a.application_name, a.usename"
		" from pg_catalog.pg_locks w join pg_catalog.pg_stat_activity a on a.pid = w.pid"
		" join pg_catalog.pg_locks ours on ours.relation = w.relation"
		"  and ours.database = w.database and ours.pid = pg_catalog.pg_backend_pid()"
		" where not w.granted and w.mode = 'AccessExclusiveLock'";
	AUTO_RESULT(rows);
	/* within a transaction sessions would go on looking as they did the first time */
	if (!db_query(locks->keeper, &rows, err, "select pg_catalog.pg_stat_clear_snapshot()") ||
		!db_query(locks->keeper, &rows, err, sql))
		return false;
	if (settings->yield_to_ddl && db_rows(&rows))
		return yield_to(&rows, 0, err);
	for (int i = 0; i < db_rows(&rows); i++) {
		AUTO_FREE char *key = xstrfmt("%s %s", db_get(&rows, i, 0), db_get(&rows, i, 1));
		if (strvec_has(&locks->warned, key))
			continue;
		strvec_push(&locks->warned, key);
		warn_of_waiter(&rows, i, settings->log);
	}
	return true;
}

static void note_position(struct create_locks *locks)
{
	AUTO_ERR(ignored);
	static const char sql[] = "select case when pg_catalog.pg_is_in_recovery()"
				  " then pg_catalog.pg_last_wal_replay_lsn()"
				  " else pg_catalog.pg_current_wal_insert_lsn() end";
	if (!db_value(locks->leader, &locks->lsn, &ignored, sql))
		log_debug(locks->leader->log, "lsn", NULL, "%s", ignored.msg);
}

bool create_locks_take(const struct backup_settings *settings, int64_t until,
	struct create_locks *locks, struct err *err)
{
	struct deadline deadline = {settings, until};
	bool ok = backup_session_open(&settings->target, &locks->keeper, err) &&
		  backup_session_open(&settings->target, &locks->leader, err) &&
		  create_filter_make(&settings->filter, locks->keeper, &locks->filter, err) &&
		  begin_keeper(locks, err);
	if (!ok)
		return false;
	if (!take_rounds(locks, &deadline, err))
		return false;
	note_position(locks);
	return true;
}

void create_locks_release(struct create_locks *locks)
{
	db_rollback(&locks->leader_tx);
	db_rollback(&locks->keeper_tx);
	db_close(locks->leader);
	db_close(locks->keeper);
	free(locks->snapshot);
	free(locks->lsn);
	strvec_release(&locks->warned);
	create_filter_release(&locks->filter);
	*locks = (struct create_locks){0};
}
