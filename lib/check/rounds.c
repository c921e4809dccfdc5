/* Rounds over a list: http checks side by side, the others one after another beside them. */
#include "check/kind.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	THREADS_MAX = 8,
	DEFAULT_EVERY_MS = 1000,
	SLEEP_SLICE_MS = 100,
};

/* What stands under `smoke:` of an environment. */
struct smoke {
	char *base;
	const struct conf_node *header;
	const struct conf_node *checks;
};

static const struct conf_field smoke_fields[] = {
	{"base", CONF_TEXT, offsetof(struct smoke, base)},
	{"header", CONF_NODE, offsetof(struct smoke, header)},
	{"checks", CONF_NODE, offsetof(struct smoke, checks)},
};

/* One round in the making; shared by its threads. */
struct work {
	const struct check_list *list;
	struct check_round *round;
	struct check_outcome *outcomes;
	atomic_size_t next; /* of the concurrent checks */
};

static bool skipped(const struct check *check, const struct check_settings *settings)
{
	return settings->before_pivot && check->needs_writes;
}

static bool interrupted(const struct check_settings *settings)
{
	return settings->cancelled && settings->cancelled(settings->ctx);
}

bool check_round_db(struct check_round *round, struct db **db, struct err *err)
{
	struct db_params params = {
		.conninfo = round->settings->env->conninfo,
		.application_name = "mig-verify smoke",
		.log = round->settings->log,
	};
	if (!round->db && !db_open(&params, &round->db, err))
		return false;
	*db = round->db;
	return true;
}

static void make_one(
	const struct check *check, struct check_round *round, struct check_outcome *outcome)
{
	struct check_seen seen = {
		.values = xcalloc(check->count + 1, sizeof(char *)),
		.absent = xcalloc(check->count + 1, sizeof(char *)),
	};
	int64_t start = clock_monotonic_ms();
	if (check->kind->make(check, round, &seen, &outcome->why))
		check_judge(check, &seen, outcome);
	else
		outcome->verdict = CHECK_ERROR;
	outcome->ms = clock_monotonic_ms() - start;
	check_seen_release(check, &seen);
}

static bool due(const struct work *work, size_t i, bool concurrent)
{
	const struct check *check = work->list->items[i];
	const struct check_settings *settings = work->round->settings;
	return check->kind->concurrent == concurrent && !skipped(check, settings) &&
	       !interrupted(settings);
}

static void *make_concurrent(void *ctx)
{
	struct work *work = ctx;
	for (size_t i; (i = atomic_fetch_add(&work->next, 1)) < work->list->count;)
		if (due(work, i, true))
			make_one(work->list->items[i], work->round, &work->outcomes[i]);
	return NULL;
}

static size_t count_concurrent(const struct check_list *list)
{
	size_t count = 0;
	for (size_t i = 0; i < list->count; i++)
		count += list->items[i]->kind->concurrent;
	return count;
}

static void make_round(
	const struct check_list *list, struct check_round *round, struct check_outcome *outcomes)
{
	struct work work = {.list = list, .round = round, .outcomes = outcomes};
	pthread_t threads[THREADS_MAX];
	size_t wanted = count_concurrent(list), started = 0;
	while (started < wanted && started < THREADS_MAX &&
		pthread_create(&threads[started], NULL, make_concurrent, &work) == 0)
		started++;
	for (size_t i = 0; i < list->count; i++)
		if (due(&work, i, false))
			make_one(list->items[i], round, &outcomes[i]);
	/* Does what no thread could be started for. */
	make_concurrent(&work);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	db_close(xtake(&round->db));
}

static void outcomes_release(struct check_outcome *outcomes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(outcomes[i].expected);
		free(outcomes[i].got);
		free(outcomes[i].excerpt);
		err_release(&outcomes[i].why);
	}
	free(outcomes);
}

void check_report_release(struct check_report *report)
{
	outcomes_release(report->outcomes, report->count);
	err_release(&report->why);
	*report = (struct check_report){0};
}

/* A failed check outweighs one that could not be made: its answer is certain. */
static void sum_up(const struct check_list *list, struct check_report *report)
{
	const struct check_outcome *error = NULL;
	size_t failed = 0, first = 0;
	report->verdict = CHECK_PASS;
	for (size_t i = 0; i < report->count; i++) {
		const struct check_outcome *outcome = &report->outcomes[i];
		if (outcome->verdict == CHECK_FAIL && failed++ == 0)
			first = i;
		if (outcome->verdict == CHECK_ERROR && !error)
			error = outcome;
	}
	err_release(&report->why);
	if (failed) {
		report->verdict = CHECK_FAIL;
		err_set(&report->why, ERR_NO, "%zu of %zu check%s failed: %s: expected %s, got %s",
			failed, report->count, str_plural((int64_t)report->count),
			list->items[first]->name, report->outcomes[first].expected,
			report->outcomes[first].got);
	} else if (error) {
		report->verdict = CHECK_ERROR;
		err_copy(&report->why, &error->why);
		err_context(&report->why, "a check could not be made: %s",
			list->items[error - report->outcomes]->name);
	}
}

static void new_round(const struct check_list *list, const struct check_settings *settings,
	struct check_report *report)
{
	outcomes_release(report->outcomes, report->count);
	report->count = list->count;
	report->outcomes = xcalloc(list->count, sizeof(*report->outcomes));
	report->rounds++;
	for (size_t i = 0; i < list->count; i++)
		if (skipped(list->items[i], settings))
			report->outcomes[i].verdict = CHECK_SKIPPED;
}

static void say_round(const struct check_settings *settings, const struct check_report *report)
{
	log_info(settings->log, "smoke_round",
		json_pack("{s:I, s:s}", "round", (json_int_t)report->rounds, "verdict",
			check_verdict_word(report->verdict)),
		"smoke round %lld: %s%s%s", (long long)report->rounds,
		check_verdict_word(report->verdict), report->why.msg ? ": " : "",
		report->why.msg ? report->why.msg : "");
}

static void pause_between(const struct check_settings *settings)
{
	int64_t every = settings->retry.every_ms ? settings->retry.every_ms : DEFAULT_EVERY_MS;
	int64_t end = clock_monotonic_ms() + every;
	for (int64_t left; (left = end - clock_monotonic_ms()) > 0 && !interrupted(settings);)
		clock_sleep_ms(left < SLEEP_SLICE_MS ? left : SLEEP_SLICE_MS);
}

static bool run_rounds(const struct check_list *list, struct check_round *round,
	struct check_report *report, struct err *err)
{
	const struct check_settings *settings = round->settings;
	int64_t need = settings->retry.need > 1 ? settings->retry.need : 1;
	int64_t start = clock_monotonic_ms(), in_a_row = 0;
	for (;;) {
		new_round(list, settings, report);
		make_round(list, round, report->outcomes);
		if (interrupted(settings))
			return err_set(err, ERR_SIGNAL, "interrupted in round %lld of the checks",
				(long long)report->rounds);
		sum_up(list, report);
		in_a_row = report->verdict == CHECK_PASS ? in_a_row + 1 : 0;
		report->took_ms = clock_monotonic_ms() - start;
		/* A row of passes that began in time may end after it. */
		bool over = in_a_row == 0 && report->took_ms >= settings->retry.for_ms;
		if (in_a_row >= need || over)
			return true;
		say_round(settings, report);
		pause_between(settings);
	}
}

static bool all_ready(const struct check_list *list, struct check_round *round, struct err *err)
{
	size_t left = 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct check *check = list->items[i];
		if (skipped(check, round->settings))
			continue;
		left++;
		if (check->kind->ready && !check->kind->ready(check, round, err))
			return false;
	}
	if (left)
		return true;
	err_set(err, ERR_CONFIG,
		list->count ? "every check needs writes: nothing is left to check "
			      "before the pivot"
			    : "no checks");
	return err_hint(err, "add a check that only reads");
}

bool check_list_run(const struct check_list *list, const struct check_settings *settings,
	struct check_report *report, struct err *err)
{
	struct smoke smoke = {0};
	AUTO_STRVEC(headers);
	const struct conf_node *node = settings->env->smoke;
	bool ok = !node || conf_read(node, smoke_fields, ARRAY_SIZE(smoke_fields), &smoke, err);
	struct check_round round = {
		.settings = settings,
		.base = settings->base ? settings->base : smoke.base,
		.headers = &headers,
	};
	ok = ok && (!smoke.header || check_headers_read(smoke.header, &headers, err));
	ok = ok && all_ready(list, &round, err) && run_rounds(list, &round, report, err);
	conf_release(smoke_fields, ARRAY_SIZE(smoke_fields), &smoke);
	return ok;
}
