#include "base/clock.h"
#include "maint/writes.h"
#include "migrate/internal.h"

#include <inttypes.h>

enum { FIRST_DELAY_MS = 200, LONGEST_DELAY_MS = 5000 };

/* One try of one revision. */
struct attempt {
	struct runner *runner;
	struct migrate_plan *plan;
	struct migrate_step *step;
	struct migrate_state *state;
	bool wrote; /* rows may have been changed */
};

static bool set_session(struct db *db, const struct migrate_settings *settings, struct err *err)
{
	STRVEC_EACH (&settings->env->migrations.settings, setting) {
		const char *equals = strchr(setting, '=');
		AUTO_FREE char *name = xstrndup(setting, (size_t)(equals - setting));
		AUTO_RESULT(result);
		if (!db_query(
			    db, &result, err, "select set_config($1, $2, false)", name, equals + 1))
			return err_context(err, "migrations: settings: %s", name);
	}
	return true;
}

static bool set_lock_timeout(
	struct db *db, const struct migrate_settings *settings, struct err *err)
{
	return db_execf(db, err, "set local lock_timeout = %" PRId64, settings->lock_timeout_ms);
}

static bool run_script(struct attempt *attempt, struct err *err)
{
	const struct migrate_step *step = attempt->step;
	for (size_t i = 0; i < step->script.count; i++) {
		const struct sql_statement *statement = &step->script.items[i];
		attempt->wrote |= (statement->flags & SQL_WRITES_ROWS) != 0;
		if (!runner_statement(attempt->runner, step, &step->script, statement, err))
			return false;
	}
	for (size_t i = 0; i < step->verify.count; i++)
		if (!runner_verify(attempt->runner, step, &step->verify.items[i], err))
			return false;
	return true;
}

static bool record(
	struct attempt *attempt, struct graph_list *rows, int64_t started_ms, struct err *err)
{
	const struct migrate_settings *settings = attempt->runner->settings;
	const struct migrate_tree *tree = attempt->plan->tree;
	struct db *db = attempt->runner->db;
	bool up = attempt->plan->direction == MIGRATE_UP;
	AUTO_ROW_CHANGES(changes);
	attempt->wrote = true;
	bool known = up ? graph_rows_up(tree->graph, rows, attempt->step->index, &changes, err)
			: graph_rows_down(tree->graph, rows, attempt->step->index, &changes, err);
	if (!known || !books_write(db, tree, attempt->state, &changes, err))
		return false;
	struct history_row row = {
		.file = attempt->step->file,
		.direction = up ? "up" : "down",
		.bound = true,
		.duration_ms = clock_monotonic_ms() - started_ms,
		.settings = settings,
	};
	return history_write(db, &row, err);
}

/* What keeps the proof that nobody else writes (safety 12) true, or says that it is not. */
static bool report_writes(struct attempt *attempt, struct err *err)
{
	const char *proof = attempt->runner->settings->proof;
	const struct sql_script *script = &attempt->step->script;
	if (!proof)
		return true;
	for (size_t i = 0; i < script->count; i++) {
		if (!(script->items[i].flags & SQL_LOSES_COUNTERS))
			continue;
		AUTO_FREE char *brief = sql_statement_brief(&script->items[i]);
		AUTO_FREE char *reason = xstrfmt("revision %s: %s", attempt->step->file->id, brief);
		writes_report_unknown(proof, reason);
	}
	return writes_report_own(attempt->runner->db, proof, err);
}

static bool run_transaction(struct attempt *attempt, struct graph_list *rows, struct err *err)
{
	struct runner *runner = attempt->runner;
	int64_t started_ms = clock_monotonic_ms();
	AUTO_TX(tx);
	if (!db_begin(runner->db, &tx, "read write", err) ||
		!set_lock_timeout(runner->db, runner->settings, err))
		return false;
	if (!run_script(attempt, err) || !record(attempt, rows, started_ms, err) ||
		!report_writes(attempt, err) || !keys_check(runner->settings->keys, err))
		return false;
	return db_commit(&tx, err);
}

static void note_rollback(const struct attempt *attempt)
{
	const char *proof = attempt->runner->settings->proof;
	if (!proof || !attempt->wrote)
		return;
	AUTO_FREE char *reason =
		xstrfmt("revision %s was rolled back after it wrote", attempt->step->file->id);
	writes_report_unknown(proof, reason);
}

static bool worth_retry(const struct err *err)
{
	return err->code == ERR_LOCK && *err->sqlstate;
}

/* False: told to stop while waiting. */
static bool pause_before_retry(const struct runner *runner, int tries, const struct err *why)
{
	const struct migrate_settings *settings = runner->settings;
	int64_t delay = FIRST_DELAY_MS;
	for (int i = 1; i < tries && delay < LONGEST_DELAY_MS; i++)
		delay *= 2;
	delay = clock_jitter(delay > LONGEST_DELAY_MS ? LONGEST_DELAY_MS : delay);
	log_warn(settings->log, "lock_retry",
		json_pack("{s:i, s:i, s:I, s:s*}", "try", tries, "of", settings->lock_retries,
			"delay_ms", (json_int_t)delay, "blockers", runner->blockers),
		"%s: trying again in %" PRId64 " ms (%d of %d)%s%s", why->msg, delay, tries,
		settings->lock_retries, runner->blockers ? "; blocked by " : "",
		runner->blockers ? runner->blockers : "");
	for (int64_t end = clock_monotonic_ms() + delay; clock_monotonic_ms() < end;) {
		if (settings->cancelled && settings->cancelled(settings->ctx))
			return false;
		clock_sleep_ms(50);
	}
	return true;
}

static void copy_list(struct graph_list *to, const struct graph_list *from)
{
	to->count = 0;
	for (size_t i = 0; i < from->count; i++)
		graph_list_push(to, from->items[i]);
}

static bool give_up(const struct migrate_settings *settings, struct err *err)
{
	return err_hint(err,
		"%d tries were in vain: end the blocking session or wait for it, then "
		"run the command again (--lock-timeout, --lock-retries)",
		settings->lock_retries + 1);
}

/* Until it commits, fails for good, or the retries are used up. */
static bool run_step(struct runner *runner, struct migrate_plan *plan, struct migrate_step *step,
	struct migrate_state *state, struct err *err)
{
	const struct migrate_settings *settings = runner->settings;
	for (int tries = 1;; tries++) {
		struct attempt attempt = {runner, plan, step, state, false};
		AUTO_LIST(rows);
		copy_list(&rows, &state->current);
		free(xtake(&runner->blockers));
		if (run_transaction(&attempt, &rows, err)) {
			copy_list(&state->current, &rows);
			return true;
		}
		note_rollback(&attempt);
		if (!worth_retry(err))
			return false;
		if (tries > settings->lock_retries)
			return give_up(settings, err);
		if (!pause_before_retry(runner, tries, err))
			return false;
		err_release(err);
	}
}

static void tell(const struct migrate_plan *plan, size_t which, const char *event, int64_t ms,
	struct log_sink *log)
{
	const struct migrate_step *step = &plan->steps[which];
	bool up = plan->direction == MIGRATE_UP;
	AUTO_FREE char *name = graph_name(plan->tree->graph, step->index);
	AUTO_FREE char *took = ms < 0 ? xstrdup("") : clock_duration_text(ms);
	const char *word = ms < 0 ? (up ? "applying" : "taking back")
			   : up   ? "applied"
				  : "took back";
	log_info(log, event,
		json_pack("{s:s, s:s, s:s, s:i, s:i, s:I}", "revision", step->file->id, "direction",
			up ? "up" : "down", "file", step->file->name, "number", (int)which + 1,
			"of", (int)plan->count, "ms", (json_int_t)(ms < 0 ? 0 : ms)),
		"%s %s%s%s (%zu of %zu)", word, name, *took ? " in " : "", took, which + 1,
		plan->count);
}

/* What the caller reads first when a later step failed: how far it came. */
static void say_how_far(const struct migrate_plan *plan, size_t done, struct err *err)
{
	if (!done)
		return;
	AUTO_FREE char *last = graph_name(plan->tree->graph, plan->steps[done - 1].index);
	AUTO_FREE char *detail = xstrdup_null(err->detail);
	err_detail(err, "%s%s%zu of %zu revisions are committed, the last is %s",
		detail ? detail : "", detail ? "\n" : "", done, plan->count, last);
}

bool migrate_apply(struct db *db, struct migrate_plan *plan, struct migrate_state *state,
	const struct migrate_settings *settings, size_t *done, struct err *err)
{
	*done = 0;
	if (!plan->count)
		return true;
	if (!books_ensure(db, plan->tree, state, err) || !set_session(db, settings, err))
		return false;
	CLEANUP(runner_release) struct runner runner;
	runner_init(&runner, db, settings);
	for (size_t i = 0; i < plan->count; i++) {
		int64_t started_ms = clock_monotonic_ms();
		tell(plan, i, "revision_begins", -1, settings->log);
		if (!run_step(&runner, plan, &plan->steps[i], state, err)) {
			say_how_far(plan, *done, err);
			return false;
		}
		++*done;
		tell(plan, i, "revision_done", clock_monotonic_ms() - started_ms, settings->log);
	}
	return true;
}
