#include "maint/reading.h"

#include "base/clock.h"

enum { EQUAL_ROUNDS = 10, EQUAL_PAUSE_MS = 1100, REPORT_PAUSE_MS = 600 };

#define LOCK_WAIT "5s"

/* Names in a database without an encoding may be any bytes, and JSON may not. */
#define RELATION_NAME \
	"case when getdatabaseencoding() = 'SQL_ASCII'" \
	" then encode(convert_to(n.nspname || '.' || c.relname, 'SQL_ASCII'), 'escape')" \
	" else n.nspname || '.' || c.relname end"

/* 2613 and 2995: pg_largeobject and pg_largeobject_metadata. */
#define USER_TABLES \
	"c.relkind = 'r' and c.relpersistence <> 't' and (c.oid in (2613, 2995) or" \
	" (n.nspname not in ('pg_catalog', 'information_schema', 'mig')" \
	"  and n.nspname not like 'pg\\_toast%'))"
#define USER_SEQUENCES "c.relkind = 'S' and c.relpersistence <> 't' and n.nspname <> 'mig'"
#define FROM_CLASS " from pg_class c join pg_namespace n on n.oid = c.relnamespace "

static const char tables_sql[] =
	"select coalesce(json_object_agg(c.oid::text, json_build_array(" RELATION_NAME ","
	" c.relfilenode::bigint, coalesce(pg_relation_size(c.oid), 0) > 0,"
	" pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_updated(c.oid),"
	" pg_stat_get_tuples_deleted(c.oid))), '{}')" FROM_CLASS "where " USER_TABLES;

/*
 * pg_sequence_last_value is null until the first call, and setval(.., false) may have moved the
 * sequence nevertheless: its row tells. ts_stat runs a query given as text, on every build.
 */
#define SEQUENCE_VALUE \
	"coalesce(to_json(pg_sequence_last_value(c.oid)), (select to_json(word)" \
	" from ts_stat('select array_to_tsvector(array[last_value::text]) from '" \
	"  || c.oid::regclass)))"
#define SEQUENCE_READABLE \
	"has_sequence_privilege(c.oid, 'SELECT') and has_schema_privilege(n.oid, 'USAGE')"

/* A sequence that may not be read has no value, which the caller takes for unsure. */
static const char sequences_sql[] =
	"select coalesce(json_object_agg(c.oid::text, json_build_array(" RELATION_NAME ","
	" " SEQUENCE_READABLE ", case when " SEQUENCE_READABLE " then " SEQUENCE_VALUE
	" end)), '{}')" FROM_CLASS "where " USER_SEQUENCES;

static const char own_tables_sql[] =
	"select coalesce(json_object_agg(relid::text, json_build_array(ins, upd, del, node)), "
	"'{}')"
	" from (select c.oid relid, c.relfilenode::bigint node, "
	"pg_stat_get_xact_tuples_inserted(c.oid) ins,"
	"  pg_stat_get_xact_tuples_updated(c.oid) upd,"
	"  pg_stat_get_xact_tuples_deleted(c.oid) del" FROM_CLASS "where " USER_TABLES ") x"
	" where ins + upd + del > 0";

#define OWN_LOCKS \
	" join pg_locks l on l.relation = c.oid and l.locktype = 'relation' and l.granted" \
	" and l.pid = pg_backend_pid() and l.database =" \
	"  (select oid from pg_database where datname = current_database()) "

/* What this transaction may have rewritten or truncated: nobody else could since its lock. */
static const char own_locked_sql[] =
	"select coalesce(json_object_agg(c.oid::text, json_build_array(c.relfilenode::bigint,"
	" coalesce(pg_relation_size(c.oid), 0) > 0)), '{}')" FROM_CLASS OWN_LOCKS
	"where l.mode = 'AccessExclusiveLock' and " USER_TABLES;

static const char own_sequences_sql[] =
	"select coalesce(json_object_agg(c.oid::text, " SEQUENCE_VALUE "), '{}') from"
	" (select distinct c.oid" FROM_CLASS OWN_LOCKS
	"where l.mode <> 'AccessShareLock' and " USER_SEQUENCES ") c";

/*
 * Who would notice a crash: the checkpointer is started anew by it, and counters are then lost. A
 * role that may not see which process is which compares all that are nobody's.
 */
static const char about_sql[] =
	"select json_build_object('database', d.oid::bigint, 'at',"
	" to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),"
	" 'stats_reset', s.stats_reset::text,"
	" 'life', (select string_agg(pid || '@' || coalesce(backend_start::text, ''), ' ' order by "
	"pid)"
	"  from pg_stat_activity where backend_type = 'checkpointer'"
	"  or (backend_type is null and datid is null and usesysid is null)),"
	" 'key', (select json_build_object('pid', pid, 'start', backend_start::text)"
	"  from pg_stat_activity where pid = $1::int))"
	" from pg_database d left join pg_stat_database s on s.datid = d.oid"
	" where d.datname = current_database()";

/* Sessions that do not count: the setting is for superusers to give, per role or database. */
static const char uncounted_sql[] =
	"select 1 where current_setting('track_counts') = 'off' union all"
	" select 1 from pg_db_role_setting, unnest(setconfig) entry"
	" where case when entry like 'track_counts=%'"
	"  then not split_part(entry, '=', 2)::boolean else false end"
	" and setdatabase in (0, (select oid from pg_database where datname = current_database()))"
	" limit 1";

static bool query_json(
	struct db *db, json_t *into, const char *key, const char *sql, struct err *err)
{
	AUTO_FREE char *text = NULL;
	json_error_t why;
	if (!db_value(db, &text, err, sql))
		return false;
	json_t *value = json_loads(text ? text : "{}", 0, &why);
	if (!value)
		return err_set(
			err, ERR_BUG, "counters of %s cannot be read: %s", db->dbname, why.text);
	json_object_set_new(into, key, value);
	return true;
}

static bool take_about(struct db *db, int key_pid, json_t **reading, struct err *err)
{
	AUTO_FREE char *pid = xstrfmt("%d", key_pid);
	AUTO_FREE char *text = NULL;
	if (!db_value(db, &text, err, about_sql, pid))
		return false;
	*reading = text ? json_loads(text, 0, NULL) : NULL;
	return *reading ? true : err_set(err, ERR_BUG, "no reading of %s", db->dbname);
}

static bool take_once(struct db *db, int key_pid, json_t **reading, struct err *err)
{
	json_t *taken = NULL;
	bool ok = take_about(db, key_pid, &taken, err) &&
		  query_json(db, taken, "tables", tables_sql, err) &&
		  query_json(db, taken, "sequences", sequences_sql, err);
	if (ok)
		*reading = json_incref(taken);
	json_decref(taken);
	return ok;
}

static bool same_counters(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "tables"), json_object_get(b, "tables"));
}

/* Before 15 counters travel through a process of their own: they have arrived when they rest. */
static bool take_at_rest(
	struct db *db, int key_pid, json_t **reading, char **unsure, struct err *err)
{
	for (int i = 0; i < EQUAL_ROUNDS; i++) {
		json_t *later = NULL;
		clock_sleep_ms(EQUAL_PAUSE_MS);
		if (!take_once(db, key_pid, &later, err))
			return false;
		bool same = same_counters(*reading, later);
		json_decref(*reading);
		*reading = later;
		if (same)
			return true;
	}
	*unsure = xstrdup("the counters never came to rest");
	return true;
}

static void find_unreadable(const json_t *reading, char **unsure)
{
	const char *oid;
	json_t *sequence;
	json_object_foreach(json_object_get(reading, "sequences"), oid,
		sequence) if (!*unsure && json_is_false(json_array_get(sequence, 1))) *unsure =
		xstrfmt("sequence %s may not be read by this role",
			json_string_value(json_array_get(sequence, 0)));
}

/*
 * The size of a table and the value of a sequence wait for whoever has them locked: a prepared
 * transaction would hold up the reading for ever, with the users locked out.
 */
static bool take_in_time(
	struct db *db, int key_pid, json_t **reading, char **unsure, struct err *err)
{
	AUTO_ERR(ignored);
	bool shared_counters = db->version >= 150000;
	bool ok = db_exec(db, err, "set lock_timeout = '" LOCK_WAIT "'") &&
		  take_once(db, key_pid, reading, err) &&
		  (shared_counters || take_at_rest(db, key_pid, reading, unsure, err));
	if (!ok && err->code == ERR_LOCK)
		err_hint(err, "a session or a prepared transaction keeps a table locked: "
			      "select * from pg_prepared_xacts");
	if (!db_exec(db, ok ? err : &ignored, "reset lock_timeout"))
		return false;
	return ok;
}

bool reading_take(struct db *db, int key_pid, json_t **reading, char **unsure, struct err *err)
{
	json_t *taken = NULL;
	AUTO_FREE char *uncounted = NULL;
	bool shared_counters = db->version >= 150000;
	*unsure = NULL;
	if (shared_counters && !db_exec(db, err, "set stats_fetch_consistency = none"))
		return false;
	if (!db_value(db, &uncounted, err, uncounted_sql) ||
		!take_in_time(db, key_pid, &taken, unsure, err)) {
		json_decref(taken);
		return false;
	}
	if (uncounted && !*unsure)
		*unsure = xstrdup("track_counts is off for some sessions");
	find_unreadable(taken, unsure);
	*reading = taken;
	return true;
}

/*
 * The xact counters also hold what this session has not yet handed to the server's. So each commit
 * must hand over at once: 15 can be told to, older ones do when half a second has gone by.
 */
static bool hand_over_at_commit(struct db *db, struct err *err)
{
	if (db->version >= 150000)
		return db_exec(db, err, "select pg_stat_force_next_flush()");
	clock_sleep_ms(REPORT_PAUSE_MS);
	return true;
}

json_t *reading_own_sql(void)
{
	return json_pack("{s:s, s:s, s:s}", "tables", own_tables_sql, "locked", own_locked_sql,
		"sequences", own_sequences_sql);
}

bool reading_own(struct db *db, json_t **own, struct err *err)
{
	json_t *taken = json_object();
	bool ok = hand_over_at_commit(db, err) &&
		  query_json(db, taken, "tables", own_tables_sql, err) &&
		  query_json(db, taken, "locked", own_locked_sql, err) &&
		  query_json(db, taken, "sequences", own_sequences_sql, err);
	if (ok)
		*own = json_incref(taken);
	json_decref(taken);
	return ok;
}
