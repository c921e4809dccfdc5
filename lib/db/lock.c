#include "db/internal.h"

#include <ctype.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/sha256.h"

enum { POLL_MS = 100 };

int64_t keys_number(const char *kind, const char *dbname)
{
	AUTO_FREE char *text = xstrfmt("mig:%s:%s", kind, dbname);
	unsigned char digest[SHA256_BYTES];
	sha256_of(text, strlen(text), digest);
	uint64_t number = 0;
	for (int i = 0; i < 8; i++)
		number = number << 8 | digest[i];
	return (int64_t)number;
}

/* Behind the view pg_locks, which each session would have to take apart first. */
#define LOCKS "pg_catalog.pg_lock_status() l"
/* It shows a 64-bit key as two halves; $1 and $2 are these. */
#define THIS_KEY \
	"l.locktype = 'advisory' and l.granted and l.objsubid = 1" \
	" and l.classid = $1::oid and l.objid = $2::oid"

struct halves {
	char high[16];
	char low[16];
};

static struct halves halves_of(int64_t number)
{
	struct halves halves;
	snprintf(halves.high, sizeof(halves.high), "%u", (uint32_t)((uint64_t)number >> 32));
	snprintf(halves.low, sizeof(halves.low), "%u", (uint32_t)number);
	return halves;
}

bool lock_give_back(struct db *session, int64_t number, enum lock_mode mode, struct err *err)
{
	AUTO_FREE char *key = xstrfmt("%lld", (long long)number);
	AUTO_RESULT(row);
	return mode == LOCK_EXCLUSIVE
		       ? db_query(session, &row, err, "select pg_advisory_unlock($1)", key)
		       : db_query(session, &row, err, "select pg_advisory_unlock_shared($1)", key);
}

/*
 * A program that cannot reach `postgres` has its key in the target, where the server does not see
 * the conflict: pg_locks shows locks of all databases.
 */
static const char elsewhere_sql[] = "select 1 from " LOCKS " where " THIS_KEY
				    " and l.pid <> pg_backend_pid() and l.database <> $4::oid"
				    " and ($3 = 'exclusive' or l.mode = 'ExclusiveLock') limit 1";

/* Taken first, then looked elsewhere, in one round trip. */
static bool try_once(
	struct db *session, int64_t number, enum lock_mode mode, bool *got, struct err *err)
{
	enum { TRY, ELSEWHERE, COUNT };
	bool exclusive = mode == LOCK_EXCLUSIVE;
	struct halves halves = halves_of(number);
	AUTO_FREE char *key = xstrfmt("%lld", (long long)number);
	AUTO_FREE char *database = xstrfmt("%u", session->db_oid);
	const char *const one[] = {key};
	const char *const four[] = {
		halves.high, halves.low, exclusive ? "exclusive" : "shared", database};
	struct db_call calls[COUNT] = {
		[TRY] = {.sql = exclusive ? "select pg_try_advisory_lock($1)"
					  : "select pg_try_advisory_lock_shared($1)",
			.params = one,
			.count = 1},
		[ELSEWHERE] = {.sql = elsewhere_sql, .params = four, .count = ARRAY_SIZE(four)}};
	bool asked = db_pipeline(session, calls, COUNT, NULL, err);
	bool taken = asked && db_get_bool(&calls[TRY].result, 0, 0);
	bool elsewhere = asked && db_rows(&calls[ELSEWHERE].result) > 0;
	db_calls_release(calls, COUNT);
	*got = taken && !elsewhere;
	return asked && (!taken || !elsewhere || lock_give_back(session, number, mode, err));
}

bool lock_poll(struct db *session, int64_t number, enum lock_mode mode, int64_t wait_ms, bool *got,
	struct err *err)
{
	int64_t end = clock_monotonic_ms() + wait_ms;
	for (;;) {
		if (!try_once(session, number, mode, got, err))
			return false;
		if (*got || clock_monotonic_ms() >= end)
			return true;
		if (session->stop && session->stop(session->stop_ctx))
			return err_set(err, ERR_SIGNAL, "interrupted while waiting for a key");
		clock_sleep_ms(clock_jitter(POLL_MS));
	}
}

/* "20261120T010203Z-1a2b3c" somewhere in an application_name -> "2026-11-20T01:02:03Z" */
static char *start_in_name(const char *name)
{
	static const char form[] = "00000000T000000Z-";
	for (; name && *name; name++) {
		size_t i = 0;
		while (form[i] && (form[i] == '0' ? isdigit((unsigned char)name[i]) != 0
						  : name[i] == form[i]))
			i++;
		if (!form[i])
			return xstrfmt("%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", name, name + 4, name + 6,
				name + 9, name + 11, name + 13);
	}
	return NULL;
}

bool lock_holder(struct db *session, int64_t number, struct keys_holder *holder, struct err *err)
{
	struct halves key = halves_of(number);
	AUTO_RESULT(row);
	keys_holder_release(holder);
	if (!db_query(session, &row, err,
		    "select coalesce(a.application_name, ''),"
		    " to_char(a.backend_start at time zone 'UTC', "
		    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
		    " a.client_addr, a.usename, l.pid"
		    " from pg_locks l left join pg_stat_activity a using (pid) where " THIS_KEY
		    " and l.pid <> pg_backend_pid() order by l.mode = 'ExclusiveLock' desc, l.pid"
		    " limit 1",
		    key.high, key.low))
		return false;
	if (db_rows(&row) == 0)
		return true;
	holder->application_name = xstrdup(db_get(&row, 0, 0));
	holder->since = db_get(&row, 0, 1) ? xstrdup(db_get(&row, 0, 1))
					   : start_in_name(holder->application_name);
	holder->client = xstrdup_null(db_get(&row, 0, 2));
	holder->user = xstrdup_null(db_get(&row, 0, 3));
	holder->pid = (int)db_get_int(&row, 0, 4);
	return true;
}

void keys_holder_release(struct keys_holder *holder)
{
	free(holder->application_name);
	free(holder->since);
	free(holder->client);
	free(holder->user);
	*holder = (struct keys_holder){0};
}

bool lock_held_by(struct db *session, int64_t number, int pid, enum lock_mode mode,
	const char *run_id, bool *held, struct err *err)
{
	struct halves key = halves_of(number);
	AUTO_FREE char *backend = xstrfmt("%d", pid);
	AUTO_RESULT(row);
	if (!db_query(session, &row, err,
		    "select 1 from " LOCKS " where " THIS_KEY
		    " and l.pid = $3::int and (l.mode = 'ExclusiveLock' or $4 = 'shared')"
		    " and ($5::text is null or $5 = any (string_to_array((select application_name"
		    "  from pg_stat_get_activity($3::int)), ' ')))",
		    key.high, key.low, backend, mode == LOCK_SHARED ? "shared" : "exclusive",
		    run_id))
		return false;
	*held = db_rows(&row) > 0;
	return true;
}

static void fill_question(int64_t number, struct keys_question *values)
{
	struct halves key = halves_of(number);
	memcpy(values->high, key.high, sizeof(values->high));
	memcpy(values->low, key.low, sizeof(values->low));
	values->params[0] = values->high;
	values->params[1] = values->low;
	values->params[2] = values->backend;
}

struct db_call lock_question(int64_t number, int pid, struct keys_question *values)
{
	fill_question(number, values);
	snprintf(values->backend, sizeof(values->backend), "%d", pid);
	return (struct db_call){.sql = "select 1 from " LOCKS " where " THIS_KEY
				       " and l.pid = $3::int and l.mode = 'ExclusiveLock'",
		.params = values->params,
		.count = ARRAY_SIZE(values->params)};
}

/* Who it is takes a look at all sessions: not asked when it does not matter. */
struct db_call lock_holders(int64_t number, struct keys_question *values)
{
	fill_question(number, values);
	return (struct db_call){.sql = "select 1 from " LOCKS " where " THIS_KEY
				       " and l.pid <> pg_backend_pid() limit 1",
		.params = values->params,
		.count = 2};
}
