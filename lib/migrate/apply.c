#include "base/clock.h"
#include "maint/writes.h"
#include "migrate/backfill.h"
#include "migrate/steps.h"

#include <inttypes.h>

enum { FIRST_DELAY_MS = 200, LONGEST_DELAY_MS = 5000 };

/* What one try runs: a whole revision, or one part of one without a transaction. */
enum part {
	PART_WHOLE,
	PART_STATEMENT, /* one statement, with its row in mig.history_step */
	PART_OUTSIDE, /* one that no transaction allows */
	PART_END, /* verify, and the rows of the revision */
	PART_BATCH, /* one batch of a backfill */
	PART_CLOSE, /* verify, and the end of a backfill */
};

struct attempt {
	struct runner *runner;
	struct migrate_session *session;
	struct migrate_step *step;
	enum part part;
	struct steps *steps; /* of statements, and of their end */
	struct backfill *backfill; /* of batches, and of their end */
	size_t index; /* of the one statement */
	struct graph_list rows; /* of the version table, as they will be */
	char *transaction; /* its id, once it is about to commit */
	bool wrote; /* rows may have been changed */
	bool reported; /* and the run's proof knows */
};

static void attempt_release(struct attempt *attempt)
{
	graph_list_release(&attempt->rows);
	free(attempt->transaction);
}

/* The statements that this try runs: [*first, *end). */
static void extent(const struct attempt *attempt, size_t *first, size_t *end)
{
	bool one = attempt->part == PART_STATEMENT;
	*first = one ? attempt->index : 0;
	*end = one                           ? attempt->index + 1
	       : attempt->part == PART_WHOLE ? attempt->step->script.count
					     : 0;
}

static bool run_script(struct attempt *attempt, struct err *err)
{
	const struct migrate_step *step = attempt->step;
	size_t first, end;
	extent(attempt, &first, &end);
	for (size_t i = first; i < end; i++) {
		const struct sql_statement *statement = &step->script.items[i];
		attempt->wrote |= (statement->flags & SQL_WRITES_ROWS) != 0;
		if (!runner_statement(attempt->runner, step, &step->script, statement, err))
			return false;
	}
	if (attempt->part == PART_BATCH) {
		attempt->wrote = true;
		return backfill_batch(attempt->backfill, attempt->runner, err);
	}
	/* What is true only when the backfill is done is asked then. */
	bool verified = attempt->part == PART_CLOSE ||
			(attempt->part != PART_STATEMENT && !step->backfill.count);
	for (size_t i = 0; verified && i < step->verify.count; i++)
		if (!runner_verify(attempt->runner, step, &step->verify.items[i], err))
			return false;
	return true;
}

static bool know_transaction(struct attempt *attempt, struct err *err)
{
	return attempt->transaction ||
	       db_value(attempt->session->db, &attempt->transaction, err, "select txid_current()");
}

/* A part of a revision: what it leaves for the next. */
static bool record_part(struct attempt *attempt, int64_t ms, struct err *err)
{
	if (!record_check(attempt->session->db, attempt->step, err))
		return false;
	if (attempt->part == PART_STATEMENT)
		return steps_write_done(attempt->steps, attempt->index, ms, err);
	return attempt->part != PART_CLOSE || backfill_close(attempt->backfill, err);
}

static bool record(struct attempt *attempt, int64_t started_ms, struct err *err)
{
	const struct migrate_session *session = attempt->session;
	int64_t before_ms = 0, ms = clock_monotonic_ms() - started_ms;
	if (attempt->part != PART_WHOLE && attempt->part != PART_END)
		return record_part(attempt, ms, err);
	attempt->wrote = true;
	return (attempt->part != PART_END ||
		       steps_took(attempt->steps, &before_ms, &attempt->step->untimed, err)) &&
	       record_revision(session, attempt->step, &attempt->rows, before_ms + ms,
		       &attempt->transaction, err) &&
	       (attempt->part != PART_END || steps_clear(attempt->steps, err)) &&
	       (!attempt->step->backfill.count || backfill_write_open(session, attempt->step, err));
}

/* What keeps the proof that nobody else writes (safety 12) true, or says that it is not. */
static bool report_writes(struct attempt *attempt, struct err *err)
{
	const char *proof = attempt->session->proof;
	const struct sql_script *script = &attempt->step->script;
	size_t first, end;
	extent(attempt, &first, &end);
	for (size_t i = first; proof && i < end; i++) {
		if (!(script->items[i].flags & SQL_LOSES_COUNTERS))
			continue;
		AUTO_FREE char *brief = sql_statement_brief(&script->items[i]);
		AUTO_FREE char *reason = xstrfmt("revision %s: %s", attempt->step->file->id, brief);
		writes_report_unknown(proof, reason);
	}
	attempt->reported = writes_report_own(attempt->session->db, proof, err);
	return attempt->reported;
}

/*
 * The server counts rows that were rolled back, too. Behind a savepoint the counters of what failed
 * can still be read and reported; where that fails as well, the proof is lost.
 */
static void report_rollback(const struct attempt *attempt)
{
	const char *proof = attempt->session->proof;
	AUTO_ERR(why);
	if (!proof || !attempt->wrote || attempt->reported)
		return;
	struct db *db = attempt->session->db;
	db->uninterrupted = true;
	bool reported = db_exec(db, &why, "rollback to savepoint mig_revision") &&
			writes_report_own(db, proof, &why);
	db->uninterrupted = false;
	if (reported)
		return;
	AUTO_FREE char *reason = xstrfmt(
		"revision %s was rolled back after it wrote: %s", attempt->step->file->id, why.msg);
	writes_report_unknown(proof, reason);
}

static bool run_inside(struct attempt *attempt, int64_t started_ms, struct err *err)
{
	struct db *db = attempt->session->db;
	bool done = run_script(attempt, err);
	/* A role that was SET stays for the next statement, but may not write our books. */
	if (done && attempt->step->flags & SQL_SETS_SESSION)
		done = db_exec(db, err,
			attempt->part == PART_STATEMENT ? "set local role none" : "reset role");
	return done && record(attempt, started_ms, err) && report_writes(attempt, err) &&
	       know_transaction(attempt, err) && keys_check(attempt->session->keys, err);
}

/* Two round trips in all. The keys were asked for behind the last statement before COMMIT. */
static bool run_together(struct attempt *attempt, struct err *err)
{
	struct db *db = attempt->session->db;
	AUTO_TX(tx);
	AUTO_FREE char *limits =
		xstrfmt("set local lock_timeout = %" PRId64, attempt->session->how.lock_timeout_ms);
	tx.db = db;
	return record_together(attempt->runner, attempt->step, limits, &attempt->rows,
		       &attempt->transaction, err) &&
	       db_commit(&tx, err);
}

static bool run_transaction(struct attempt *attempt, struct err *err)
{
	int64_t started_ms = clock_monotonic_ms();
	AUTO_TX(tx);
	AUTO_FREE char *how = xstrfmt("read write; set local lock_timeout = %" PRId64 "%s",
		attempt->session->how.lock_timeout_ms,
		attempt->session->proof ? "; savepoint mig_revision" : "");
	if (!db_begin(attempt->session->db, &tx, how, err))
		return false;
	if (!run_inside(attempt, started_ms, err)) {
		report_rollback(attempt);
		return false;
	}
	bool sets = attempt->part != PART_STATEMENT && attempt->step->flags & SQL_SETS_SESSION;
	return db_commit(&tx, err) && (!sets || settings_restore(attempt->session, err));
}

/* --- a connection that was lost while COMMIT ran -----------------------------------------------
 */

static bool ask_status(const struct attempt *attempt, char **status)
{
	enum { TRIES = 20, PAUSE_MS = 500 };
	for (int i = 0; i < TRIES; i++) {
		AUTO_ERR(ignored);
		CLEANUP(db_close_auto) struct db *db = NULL;
		if (db_open(&attempt->session->how.target, &db, &ignored) &&
			db_value(db, status, &ignored, "select txid_status($1::bigint)",
				attempt->transaction) &&
			*status && strcmp(*status, "in progress"))
			return true;
		clock_sleep_ms(PAUSE_MS);
	}
	return false;
}

/* The server remembers what became of the transaction: asked, so that nobody has to guess. */
static bool resolve_doubt(const struct attempt *attempt, struct err *err)
{
	AUTO_FREE char *status = NULL;
	const struct migrate_file *file = attempt->step->file;
	if (!attempt->transaction || !ask_status(attempt, &status))
		return err_hint(err, "see where the database stands: mig-apply current");
	bool committed = !strcmp(status, "committed");
	AUTO_FREE char *said = xstrdup_null(err->detail);
	err_set(err, ERR_DATABASE, "the connection was lost while %s was committed: it %s",
		file->id, committed ? "is committed" : "was rolled back");
	if (said)
		err_detail(err, "%s", said);
	return err_hint(err, "run the command again: it goes on from there");
}

/* --- retries ---------------------------------------------------------------------------------- */

static bool cancelled(const struct migrate_session *session)
{
	return session->how.cancelled && session->how.cancelled(session->how.ctx);
}

bool apply_pause(const struct migrate_session *session, int tries, const struct err *why,
	const char *blockers)
{
	const struct migrate_settings *how = &session->how;
	int64_t delay = FIRST_DELAY_MS;
	for (int i = 1; i < tries && delay < LONGEST_DELAY_MS; i++)
		delay *= 2;
	delay = clock_jitter(delay > LONGEST_DELAY_MS ? LONGEST_DELAY_MS : delay);
	log_warn(how->log, "lock_retry",
		json_pack("{s:i, s:i, s:I, s:s*}", "try", tries, "of", how->lock_retries,
			"delay_ms", (json_int_t)delay, "blockers", blockers),
		"%s: trying again in %" PRId64 " ms (%d of %d)%s%s", why->msg, delay, tries,
		how->lock_retries, blockers ? "; blocked by " : "", blockers ? blockers : "");
	for (int64_t end = clock_monotonic_ms() + delay; clock_monotonic_ms() < end;) {
		if (cancelled(session))
			return false;
		clock_sleep_ms(50);
	}
	return true;
}

bool apply_give_up(const struct migrate_settings *how, struct err *err)
{
	return err_hint(err,
		"given up after try %d: end the blocking session or wait for it, then run the "
		"command again (--lock-timeout, --lock-retries)",
		how->lock_retries + 1);
}

static bool run_once(struct attempt *attempt, struct err *err)
{
	if (attempt->part == PART_OUTSIDE)
		return steps_run_outside(attempt->runner, attempt->steps, attempt->index, err);
	if (attempt->part == PART_WHOLE && record_fits(attempt->session, attempt->step))
		return run_together(attempt, err);
	return run_transaction(attempt, err);
}

/* A migration may DEALLOCATE ALL; nothing of it is committed then. */
static bool lost_prepared(struct migrate_session *session, const struct err *err)
{
	bool lost = session->prepared && !strcmp(err->sqlstate, "26000");
	session->prepared &= !lost;
	return lost;
}

/* Until it commits, fails for good, or the retries are used up. */
static bool run_part(struct runner *runner, const struct attempt *what, struct err *err)
{
	struct migrate_session *session = runner->session;
	for (int tries = 1;; tries++) {
		CLEANUP(attempt_release) struct attempt attempt = *what;
		graph_list_copy(&attempt.rows, &session->state.current);
		free(xtake(&runner->blockers));
		if (run_once(&attempt, err)) {
			graph_list_copy(&session->state.current, &attempt.rows);
			return true;
		}
		if (err->code == ERR_DOUBT)
			return attempt.part != PART_OUTSIDE && resolve_doubt(&attempt, err);
		if (lost_prepared(session, err)) {
			err_release(err);
			continue;
		}
		if (err->code != ERR_LOCK || !*err->sqlstate)
			return false;
		if (tries > session->how.lock_retries)
			return apply_give_up(&session->how, err);
		if (!apply_pause(session, tries, err, runner->blockers))
			return false;
		err_release(err);
	}
}

/* What the server itself says of statements that only run outside of transactions. */
static bool wants_outside(const struct err *err)
{
	return !strcmp(err->sqlstate, "25001") || !strcmp(err->sqlstate, "2D000");
}

static bool run_statement(struct runner *runner, struct migrate_step *step, struct steps *steps,
	size_t i, struct err *err)
{
	const struct sql_statement *statement = &step->script.items[i];
	const struct steps_row *row = steps_find(steps, i);
	struct attempt attempt = {.runner = runner,
		.session = runner->session,
		.step = step,
		.steps = steps,
		.index = i,
		.part = PART_STATEMENT};
	/* What it SET is gone with the session of the program that ran it. */
	if (row && row->done)
		return !(statement->flags & SQL_SETS_SESSION) ||
		       runner_statement(runner, step, &step->script, statement, err);
	if (!row && !(statement->flags & SQL_NO_TRANSACTION)) {
		if (run_part(runner, &attempt, err))
			return true;
		if (!wants_outside(err))
			return false;
		err_release(err);
	}
	attempt.part = PART_OUTSIDE;
	return run_part(runner, &attempt, err);
}

/* Each statement by itself, from where an earlier run came to. */
static bool run_bare(struct runner *runner, struct migrate_step *step, struct err *err)
{
	AUTO_STEPS(steps);
	if (!steps_ensure(runner->session, err) || !steps_read(&steps, runner->session, step, err))
		return false;
	for (size_t i = 0; i < step->script.count; i++)
		if (!run_statement(runner, step, &steps, i, err))
			return false;
	struct attempt end = {.runner = runner,
		.session = runner->session,
		.step = step,
		.steps = &steps,
		.part = PART_END};
	return run_part(runner, &end, err);
}

/* --- backfills -------------------------------------------------------------------------------- */

static bool rest(const struct migrate_session *session, int64_t pause_ms, struct err *err)
{
	for (int64_t end = clock_monotonic_ms() + pause_ms; clock_monotonic_ms() < end;) {
		if (cancelled(session))
			return err_set(err, ERR_SIGNAL, "interrupted between two batches");
		clock_sleep_ms(pause_ms < 50 ? pause_ms : 50);
	}
	return true;
}

static bool run_backfill(struct runner *runner, struct migrate_step *step, struct err *err)
{
	AUTO_BACKFILL(backfill);
	struct attempt batch = {.runner = runner,
		.session = runner->session,
		.step = step,
		.backfill = &backfill,
		.part = PART_BATCH};
	if (!backfill_begin(&backfill, runner->session, step, err))
		return false;
	while (!backfill.finished) {
		if (!run_part(runner, &batch, err))
			return false;
		backfill_step_on(&backfill);
		if (!backfill.finished && !rest(runner->session, step->file->batches.pause_ms, err))
			return false;
	}
	batch.part = PART_CLOSE;
	if (!run_part(runner, &batch, err))
		return false;
	log_info(runner->session->how.log, "backfill_done",
		json_pack("{s:s, s:s, s:I, s:I}", "revision", step->file->id, "table",
			step->file->batches.table, "rows", (json_int_t)backfill.rows, "batches",
			(json_int_t)backfill.batches),
		"backfill of %s: %" PRId64 " row%s of %s changed in %" PRId64 " batch%s",
		step->file->id, backfill.rows, str_plural(backfill.rows), step->file->batches.table,
		backfill.batches, backfill.batches == 1 ? "" : "es");
	return true;
}

static bool explain_open(const struct migrate_step *step, struct err *err)
{
	err_context(err, "backfill of %s", step->file->id);
	return err->hint ? false
			 : err_hint(err, "what is done is kept; to go on: mig-apply upgrade");
}

/* Those that an earlier command left come before anything that may rely on them. */
static bool resume_backfills(struct runner *runner, struct err *err)
{
	const struct migrate_session *session = runner->session;
	for (size_t i = 0; i < session->state.open_count; i++) {
		size_t index = graph_find(session->tree->graph, session->state.open[i].revision);
		CLEANUP(plan_step_release) struct migrate_step step = {0};
		if (index == GRAPH_NONE || !session->tree->files[index].backfill.present) {
			err_set(err, ERR_NOTFOUND,
				"the backfill of %s is open, and is in no file here",
				session->state.open[i].revision);
			return err_hint(err, "check out the version that has it, then: "
					     "mig-apply upgrade");
		}
		if (!plan_backfill_step(session->tree, index, &step, err) ||
			(!run_backfill(runner, &step, err) && !explain_open(&step, err)))
			return false;
	}
	return true;
}

static bool run_step(struct runner *runner, struct migrate_step *step, struct err *err)
{
	const struct attempt whole = {
		.runner = runner, .session = runner->session, .step = step, .part = PART_WHOLE};
	return step->bare ? run_bare(runner, step, err) : run_part(runner, &whole, err);
}

void apply_tell(const struct migrate_session *session, size_t which, const char *event, int64_t ms)
{
	const struct migrate_step *step = &session->plan.steps[which];
	int count = (int)session->plan.count;
	bool up = session->plan.direction == MIGRATE_UP;
	AUTO_FREE char *name = graph_name(session->tree->graph, step->index);
	AUTO_FREE char *took = ms < 0 ? xstrdup("") : clock_duration_text(ms);
	const char *word = ms < 0 ? (up ? "applying" : "taking back")
			   : up   ? "applied"
				  : "took back";
	log_info(session->how.log, event,
		json_pack("{s:s, s:s, s:s, s:i, s:i, s:I}", "revision", step->file->id, "direction",
			up ? "up" : "down", "file", step->file->name, "number", (int)which + 1,
			"of", count, "ms", (json_int_t)(ms < 0 ? 0 : ms)),
		"%s %s%s%s (%zu of %d)", word, name, *took ? " in " : "", took, which + 1, count);
}

/* What the caller reads first when a later step failed: how far it came. */
void apply_say_how_far(const struct migrate_session *session, size_t done, struct err *err)
{
	if (!done)
		return;
	const struct migrate_plan *plan = &session->plan;
	AUTO_FREE char *last = graph_name(session->tree->graph, plan->steps[done - 1].index);
	AUTO_FREE char *detail = xstrdup_null(err->detail);
	err_detail(err, "%s%s%zu of %zu revision%s %s committed, the last is %s",
		detail ? detail : "", detail ? "\n" : "", done, plan->count,
		str_plural((int64_t)plan->count), done == 1 ? "is" : "are", last);
}

/* A merge changes only the graph; of others it is more likely a file that was never filled in. */
static void tell_empty(const struct migrate_session *session, const struct migrate_step *step)
{
	bool up = session->plan.direction == MIGRATE_UP;
	if (step->script.count || step->backfill.count || step->file->down.count > 1)
		return;
	log_warn(session->how.log, "empty_section",
		json_pack("{s:s, s:s, s:s}", "revision", step->file->id, "direction",
			up ? "up" : "down", "file", step->file->name),
		"%s: nothing stands below \"-- migrate:%s\"", step->file->name, up ? "up" : "down");
}

bool migrate_apply(struct migrate_session *session, size_t *done, struct err *err)
{
	*done = 0;
	bool up = session->plan.direction == MIGRATE_UP;
	if (!session->plan.count && !(up && session->state.open_count))
		return true;
	if (session->tree->format->apply)
		return apply_or_unmake(session, done, err);
	if (!books_ensure(session->db, session->tree, &session->state, err) ||
		!settings_begin(session, err))
		return false;
	CLEANUP(runner_release) struct runner runner;
	runner_init(&runner, session);
	if (session->plan.count > 1 && !record_prepare(session, err))
		return false;
	if (up && !resume_backfills(&runner, err))
		return false;
	for (size_t i = 0; i < session->plan.count; i++) {
		int64_t started_ms = clock_monotonic_ms();
		apply_tell(session, i, "revision_begins", -1);
		tell_empty(session, &session->plan.steps[i]);
		if (!run_step(&runner, &session->plan.steps[i], err)) {
			apply_say_how_far(session, *done, err);
			return false;
		}
		++*done;
		apply_tell(session, i, "revision_done", clock_monotonic_ms() - started_ms);
		struct migrate_step *step = &session->plan.steps[i];
		if (step->backfill.count && !run_backfill(&runner, step, err)) {
			explain_open(step, err);
			apply_say_how_far(session, *done, err);
			return false;
		}
	}
	return true;
}
