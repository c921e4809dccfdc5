/*
 * Keys in the hands of a test: `keys VERB ..` on the database of PG*.
 *
 *	hold PROGRAM MS      the keys of a program alone (or of kin, with MIG_RUN), kept for MS
 *	backup PROGRAM MS    the same as a backup
 *	run ID MS            the run key as the runner holds it; prints MIG_RUN
 *	work PROGRAM SQL     keys, work key, then one statement
 *	watch PROGRAM MS     keys, then keys_check() every 50 ms
 *	swap PROGRAM MS      keys, then the swap key exclusively, waiting for MS
 *	drain MS             the work key exclusively
 *	who                  the holder of the run key
 */
#include "db/keys.h"
#include "base/clock.h"

#include <stdio.h>

static int64_t lock_wait_ms;

static void say(const char *text)
{
	puts(text);
	fflush(stdout);
}

static bool take(const char *program, enum keys_mode mode, struct keys **keys, struct err *err)
{
	struct keys_request request = {.mode = mode,
		.mig_run = getenv("MIG_RUN"),
		.program = program,
		.lock_wait_ms = lock_wait_ms};
	return keys_take(&request, keys, err);
}

static bool hold(const char *program, enum keys_mode mode, int64_t ms, struct err *err)
{
	CLEANUP(keys_release_auto) struct keys *keys = NULL;
	if (!take(program, mode, &keys, err))
		return false;
	say(keys->in_target ? "held in target" : keys->kin ? "held as kin" : "held");
	clock_sleep_ms(ms);
	return true;
}

static bool run(const char *id, int64_t ms, struct err *err)
{
	CLEANUP(keys_release_auto) struct keys *keys = NULL;
	struct keys_request request = {.program = "mig-run", .lock_wait_ms = lock_wait_ms};
	if (!keys_run_hold(&request, id, "start", &keys, err) ||
		!keys_run_step(keys, "migrate", err))
		return false;
	AUTO_FREE char *mig_run = keys_mig_run(keys);
	say(mig_run);
	clock_sleep_ms(ms);
	return true;
}

static bool work(const char *program, const char *sql, struct err *err)
{
	CLEANUP(keys_release_auto) struct keys *keys = NULL;
	CLEANUP(db_close_auto) struct db *db = NULL;
	struct db_params target = {.application_name = program};
	if (!take(program, KEYS_RUN, &keys, err) || !db_open(&target, &db, err) ||
		!keys_work(keys, db, err))
		return false;
	say("working");
	return db_exec(db, err, sql);
}

static bool watch(const char *program, int64_t ms, struct err *err)
{
	CLEANUP(keys_release_auto) struct keys *keys = NULL;
	if (!take(program, KEYS_RUN, &keys, err))
		return false;
	say("held");
	for (int64_t end = clock_monotonic_ms() + ms; clock_monotonic_ms() < end;) {
		if (!keys_check(keys, err))
			return false;
		clock_sleep_ms(50);
	}
	return true;
}

static bool swap(const char *program, int64_t ms, struct err *err)
{
	CLEANUP(keys_release_auto) struct keys *keys = NULL;
	if (!take(program, KEYS_RUN, &keys, err) || !keys_swap_exclusive(keys, ms, err))
		return false;
	say("swap key held");
	return true;
}

static bool who(struct err *err)
{
	struct db_params target = {0};
	struct keys_holder holder = {0};
	bool ok = keys_who(&target, &holder, err);
	if (ok)
		printf("%s\n%s\n", holder.application_name ? holder.application_name : "nobody",
			holder.since ? holder.since : "");
	keys_holder_release(&holder);
	return ok;
}

static bool act(const char *verb, const char *first, const char *second, struct err *err)
{
	int64_t ms = strtoll(second, NULL, 10);
	if (strcmp(verb, "hold") == 0)
		return hold(first, KEYS_RUN, ms, err);
	if (strcmp(verb, "backup") == 0)
		return hold(first, KEYS_BACKUP, ms, err);
	if (strcmp(verb, "run") == 0)
		return run(first, ms, err);
	if (strcmp(verb, "work") == 0)
		return work(first, second, err);
	if (strcmp(verb, "watch") == 0)
		return watch(first, ms, err);
	if (strcmp(verb, "swap") == 0)
		return swap(first, ms, err);
	if (strcmp(verb, "drain") == 0) {
		struct db_params target = {0};
		return keys_drain_work_within(&target, strtoll(first, NULL, 10), NULL, err);
	}
	if (strcmp(verb, "who") == 0)
		return who(err);
	return err_set(err, ERR_USAGE, "no verb %s", verb);
}

int main(int argc, char **argv)
{
	AUTO_ERR(err);
	const char *wait = getenv("LOCK_WAIT_MS");
	lock_wait_ms = wait ? strtoll(wait, NULL, 10) : 0;
	if (argc < 2)
		return 2;
	if (act(argv[1], argc > 2 ? argv[2] : "", argc > 3 ? argv[3] : "", &err))
		return 0;
	fprintf(stderr, "%s\n%s\n%s\n", err.msg, err.detail ? err.detail : "",
		err.hint ? err.hint : "");
	return err_exit_status(&err);
}
