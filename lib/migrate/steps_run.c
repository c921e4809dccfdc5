/* Statements that no transaction allows: the intent, the statement, what became of it. */
#include "migrate/steps.h"

#include "db/child.h"
#include "maint/writes.h"

#include <inttypes.h>

static bool in_doubt(const struct steps *steps, const struct sql_statement *statement,
	const char *id, struct err *err)
{
	const struct migrate_file *file = steps->step->file;
	AUTO_FREE char *brief = sql_statement_brief(statement);
	err_set(err, ERR_DOUBT,
		"%s:%d: %s of %s was interrupted, and nothing tells whether it was done",
		file->name, statement->place.line, brief, file->id);
	err_where(err, "%s:%d:%d", file->name, statement->place.line, statement->place.column);
	AUTO_FREE char *mark =
		xstrfmt("update mig.history_step set state = 'done' where id = %s", id);
	AUTO_FREE char *forget = xstrfmt("delete from mig.history_step where id = %s", id);
	AUTO_FREE char *was_done = db_psql_command(steps->session->db, mark, true);
	AUTO_FREE char *was_not = db_psql_command(steps->session->db, forget, true);
	err_detail(err, "if it was done:  %s\nif it was not:   %s", was_done, was_not);
	return err_hint(err, "look at the database, say which it is, then run the command again");
}

static bool busy(const struct steps *steps, const struct sql_statement *statement, struct err *err)
{
	err_set(err, ERR_LOCK, "%s:%d: another session is building index %s",
		steps->step->file->name, statement->place.line, statement->object);
	AUTO_FREE char *who =
		db_psql_command(steps->session->db, "table pg_stat_progress_create_index", true);
	return err_hint(
		err, "wait until it has ended, then run the command again; who it is: %s", who);
}

static bool drop_left(
	const struct steps *steps, const struct sql_statement *statement, struct err *err)
{
	log_warn(steps->session->how.log, "invalid_index_dropped",
		json_pack("{s:s, s:s}", "revision", steps->step->file->id, "index",
			statement->object),
		"the INVALID index %s that an interrupted statement of %s left is dropped",
		statement->object, steps->step->file->id);
	return steps_drop_left(steps->session->db, statement, err);
}

/* After a death: was it done? *run: it has to be run (again). */
static bool settle(struct steps *steps, const struct sql_statement *statement,
	const struct steps_row *row, bool *run, struct err *err)
{
	struct db *db = steps->session->db;
	enum steps_answer answer;
	if (!steps_ask(db, statement, row->before, &answer, err))
		return false;
	*run = answer != STEPS_DONE && answer != STEPS_PENDING;
	switch (answer) {
	case STEPS_DONE:
		return steps_mark_done(steps, row->id, true, err);
	case STEPS_PENDING:
		return steps_finish(db, statement, err) &&
		       steps_mark_done(steps, row->id, true, err);
	case STEPS_NOT:
		return true;
	case STEPS_LEFT:
		return drop_left(steps, statement, err);
	case STEPS_BUSY:
		return busy(steps, statement, err);
	default:
		return in_doubt(steps, statement, row->id, err);
	}
}

/* IF NOT EXISTS would pass over it and call it done. */
static bool check_not_invalid(const struct steps *steps, const struct sql_statement *statement,
	const char *before, struct err *err)
{
	if (statement->effect != SQL_MAKES_INDEX || !before || !str_starts(before, "invalid"))
		return true;
	const struct migrate_file *file = steps->step->file;
	err_set(err, ERR_REFUSED, "%s:%d: an INVALID index %s is there already, and is not ours",
		file->name, statement->place.line, statement->object);
	err_where(err, "%s:%d:%d", file->name, statement->place.line, statement->place.column);
	AUTO_FREE char *sql = xstrfmt("drop index concurrently %s", statement->object);
	AUTO_FREE char *drop = db_psql_command(steps->session->db, sql, false);
	return err_hint(err, "when nobody builds it: %s", drop);
}

/* The statement ended with an error while we were there: what it left is taken away. */
static void tidy_up(struct steps *steps, const struct sql_statement *statement, const char *before,
	const char *id)
{
	struct db *db = steps->session->db;
	enum steps_answer answer;
	AUTO_ERR(why);
	db->uninterrupted = true;
	bool known = steps_ask(db, statement, before, &answer, &why);
	if (known && answer == STEPS_LEFT)
		known = drop_left(steps, statement, &why);
	/* An error says that it was not done; without a probe that is all that is known. */
	known = known && answer != STEPS_BUSY && answer != STEPS_DONE && answer != STEPS_PENDING &&
		steps_forget(steps, id, &why);
	db->uninterrupted = false;
	if (!known)
		log_debug(steps->session->how.log, "step_kept", NULL, "%s",
			why.msg ? why.msg : "left for the next run");
}

/* No row counters tell what a procedure that commits by itself has written. */
static void report_unknown(const struct steps *steps, const struct sql_statement *statement)
{
	const char *proof = steps->session->proof;
	if (!proof || statement->effect != SQL_EFFECT_UNKNOWN)
		return;
	AUTO_FREE char *brief = sql_statement_brief(statement);
	AUTO_FREE char *reason = xstrfmt(
		"revision %s: %s ran outside of a transaction", steps->step->file->id, brief);
	writes_report_unknown(proof, reason);
}

/* Building waits for old transactions: a lock timeout would only leave an INVALID index. */
static bool run_it(struct runner *runner, struct steps *steps,
	const struct sql_statement *statement, struct err *err)
{
	struct db *db = steps->session->db;
	if (!db_exec(db, err, "set lock_timeout = 0"))
		return false;
	runner->checked_ms = 0; /* it commits by itself: the keys are asked for now */
	bool fine = runner_statement(runner, steps->step, &steps->step->script, statement, err);
	AUTO_ERR(ignored); /* a lost session has no settings either */
	db->uninterrupted = true;
	if (!db_exec(db, &ignored, "reset lock_timeout"))
		log_debug(steps->session->how.log, "setting", NULL, "%s", ignored.msg);
	db->uninterrupted = false;
	return fine;
}

bool steps_run_outside(struct runner *runner, struct steps *steps, size_t index, struct err *err)
{
	const struct sql_statement *statement = &steps->step->script.items[index];
	const struct steps_row *row = steps_find(steps, index);
	struct db *db = steps->session->db;
	bool run = true;
	if (row && !settle(steps, statement, row, &run, err))
		return false;
	if (!run)
		return true;
	AUTO_FREE char *before = row ? xstrdup_null(row->before) : NULL;
	AUTO_FREE char *id = NULL;
	if (!row && (!steps_look(db, statement, &before, err) ||
			    !check_not_invalid(steps, statement, before, err)))
		return false;
	if (!steps_write_begun(steps, index, before, &id, err))
		return false;
	report_unknown(steps, statement);
	if (run_it(runner, steps, statement, err))
		return steps_mark_done(steps, id, false, err);
	if (PQstatus(db->pg) == CONNECTION_OK)
		tidy_up(steps, statement, before, id);
	return false;
}
