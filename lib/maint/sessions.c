#include "maint/sessions.h"

#include "base/clock.h"
#include "db/keys.h"

/* Who may not be ended may still be about to leave. */
enum { END_LIMIT_MS = 10 * 1000, REFUSED_LIMIT_MS = 1000, POLL_MS = 50 };

/* In a place for "from pg_stat_activity a where": foreign sessions of this database. */
static char *foreign_condition(struct db *db)
{
	static const char *const kinds[] = {"run", "work", "swap", "backup"};
	AUTO_STRBUF(keys);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint64_t number = (uint64_t)keys_number(kinds[i], db->dbname);
		strbuf_addf(&keys, "%s(%u, %u)", i ? ", " : "", (uint32_t)(number >> 32),
			(uint32_t)number);
	}
	return xstrfmt("a.datid = %u and a.pid <> pg_backend_pid() and a.usesysid is not null"
		       " and coalesce(a.backend_type, '') not in"
		       "  ('autovacuum worker', 'parallel worker', 'walsender')"
		       " and not exists (select from pg_locks l where l.pid = a.pid"
		       "  and l.locktype = 'advisory' and l.granted and l.objsubid = 1"
		       "  and (l.classid::bigint, l.objid::bigint) in (values %s))",
		db->db_oid, keys.buf);
}

/* "123" -> tries to end it; a refusal is not an error: it is then still there at the end. */
static bool terminate(struct db *db, const char *pid)
{
	AUTO_ERR(refused);
	AUTO_RESULT(row);
	if (db_query(db, &row, &refused, "select pg_terminate_backend($1::int)", pid))
		return true;
	log_debug(db->log, "session_kept", NULL, "%s", refused.msg);
	return false;
}

static bool list_present(struct db *db, const char *condition, const char *since,
	struct db_result *rows, struct err *err)
{
	AUTO_FREE char *sql = xstrfmt(
		"select a.pid, format('backend %%s, user %%s, %%s', a.pid,"
		"  coalesce(a.usename::text, '?'),"
		"  coalesce(nullif(a.application_name, ''), 'without a name'))"
		" from pg_stat_activity a where %s"
		" and (a.backend_start is null or a.backend_start <= $1::timestamptz) order by 1",
		condition);
	return db_query(db, rows, err, sql, since);
}

bool sessions_end(struct db *db, struct strvec *left, struct err *err)
{
	AUTO_FREE char *condition = foreign_condition(db);
	AUTO_FREE char *since = NULL;
	int64_t began = clock_monotonic_ms();
	if (!db_value(db, &since, err, "select clock_timestamp()::text"))
		return false;
	for (;;) {
		AUTO_RESULT(rows);
		int obeyed = 0;
		if (!db_go_on(db, err) || !list_present(db, condition, since, &rows, err))
			return false;
		if (db_rows(&rows) == 0)
			return true;
		for (int i = 0; i < db_rows(&rows); i++)
			obeyed += terminate(db, db_get(&rows, i, 0));
		int64_t limit = obeyed > 0 ? END_LIMIT_MS : REFUSED_LIMIT_MS;
		if (clock_monotonic_ms() - began >= limit) {
			for (int i = 0; i < db_rows(&rows); i++)
				strvec_push(left, db_get(&rows, i, 1));
			return true;
		}
		clock_sleep_ms(POLL_MS);
	}
}

bool sessions_inside(struct db *db, bool *inside, struct err *err)
{
	AUTO_RESULT(row);
	AUTO_FREE char *condition = foreign_condition(db);
	AUTO_FREE char *sql = xstrfmt("select 1 from pg_stat_activity a where %s"
				      " and a.application_name !~ '^mig(-|$)' limit 1",
		condition);
	if (!db_query(db, &row, err, sql))
		return false;
	*inside = db_rows(&row) > 0;
	return true;
}

bool sessions_drain(struct db *db, int64_t limit_ms, struct err *err)
{
	AUTO_FREE char *condition = foreign_condition(db);
	int64_t end = clock_monotonic_ms() + limit_ms;
	/* what this role may not see counts as busy */
	AUTO_FREE char *sql = xstrfmt("select 1 from pg_stat_activity a where %s"
				      " and a.state is distinct from 'idle' limit 1",
		condition);
	for (;;) {
		AUTO_RESULT(busy);
		if (!db_go_on(db, err) || !db_query(db, &busy, err, sql))
			return false;
		if (db_rows(&busy) == 0 || clock_monotonic_ms() >= end)
			return true;
		clock_sleep_ms(POLL_MS);
	}
}
