#include "base/clock.h"
#include "migrate/advice.h"
#include "migrate/internal.h"

enum { KEYS_CHECK_MS = 1000, KEYS_FRESH_MS = 100, STATEMENT_SHOWN = 2000 };

char *run_blockers(const struct migrate_session *session, int backend)
{
	AUTO_ERR(ignored);
	AUTO_RESULT(rows);
	AUTO_FREE char *pid = xstrfmt("%d", backend);
	if (!db_query(session->keys->session, &rows, &ignored,
		    "select format('%s %s (%s, %s since %s): %s', a.pid, a.usename,"
		    " nullif(a.application_name, ''), a.state,"
		    " date_trunc('second', clock_timestamp() - a.xact_start),"
		    " left(regexp_replace(a.query, '\\s+', ' ', 'g'), 100))"
		    " from unnest(pg_blocking_pids($1::int)) b join pg_stat_activity a on a.pid = "
		    "b",
		    pid))
		return NULL;
	AUTO_STRBUF(list);
	for (int i = 0; i < db_rows(&rows); i++)
		if (db_get(&rows, i, 0))
			strbuf_addf(&list, "%s%s", list.len ? "\n" : "", db_get(&rows, i, 0));
	return list.len ? strbuf_take(&list) : NULL;
}

/* Asked every 200 ms while a statement runs; true cancels it. */
static bool should_stop(void *ctx)
{
	struct runner *runner = ctx;
	const struct migrate_settings *settings = &runner->session->how;
	int64_t now = clock_monotonic_ms();
	if (settings->cancelled && settings->cancelled(settings->ctx))
		return true;
	if (runner->started_ms && !runner->blockers &&
		now - runner->started_ms >= settings->lock_timeout_ms / 2)
		runner->blockers = run_blockers(runner->session, runner->session->db->pid);
	if (now - runner->checked_ms < KEYS_CHECK_MS)
		return false;
	runner->checked_ms = now;
	return !keys_check(runner->session->keys, &runner->lost);
}

void runner_init(struct runner *runner, struct migrate_session *session)
{
	*runner = (struct runner){
		.session = session, .stop = session->db->stop, .stop_ctx = session->db->stop_ctx};
	session->db->stop = should_stop;
	session->db->stop_ctx = runner;
}

void runner_release(struct runner *runner)
{
	runner->session->db->stop = runner->stop;
	runner->session->db->stop_ctx = runner->stop_ctx;
	free(runner->blockers);
	err_release(&runner->lost);
}

/* The room db names the database; here the revision says more. */
static void name_revision(
	const struct runner *runner, const struct migrate_step *step, struct err *err)
{
	AUTO_FREE char *database = xstrfmt("%s: ", runner->session->db->dbname);
	AUTO_FREE char *said = xstrdup(err->msg);
	free(err->msg);
	err->msg = xstrfmt("%s%s%s: %s", step->file->id, step->file->message ? " " : "",
		step->file->message ? step->file->message : "",
		str_starts(said, database) ? said + strlen(database) : said);
}

/* The server's words, where they point to in the file, and the statement. */
static bool explain(struct runner *runner, const struct migrate_step *step,
	const struct sql_script *script, const struct sql_statement *statement, struct err *err)
{
	if (runner->lost.code != ERR_NONE)
		return err_move(err, &runner->lost);
	name_revision(runner, step, err);
	int position = db_error_position(runner->session->db);
	size_t offset = position ? sql_statement_offset(statement, position) : statement->offset;
	sql_error_at(err, script->file, script->source, offset);
	AUTO_FREE char *detail = xstrdup_null(err->detail);
	int shown = statement->length > STATEMENT_SHOWN ? STATEMENT_SHOWN : (int)statement->length;
	err_detail(err, "%s%sstatement: %.*s%s", detail ? detail : "", detail ? "\n" : "", shown,
		statement->text, statement->length > STATEMENT_SHOWN ? " ..." : "");
	if (err->code == ERR_LOCK && runner->blockers) {
		AUTO_FREE char *said = xstrdup(err->detail);
		err_detail(err, "%s\nblocked by: %s", said, runner->blockers);
	}
	bool outside = !strcmp(err->sqlstate, "25001") || !strcmp(err->sqlstate, "2D000");
	if (!err->hint && outside && script == &step->script && !step->bare)
		err_hint(err, "nothing of this revision was kept: what commits, or wants no "
			      "transaction, goes "
			      "into a revision with the header \"-- transaction: off\" (dbmate: "
			      "\"-- migrate:up transaction:false\")");
	if (!err->hint && err->code == ERR_SQL)
		err_hint(err,
			script == &step->backfill
				? "what is done is kept: correct %s, then: mig-apply upgrade"
			: step->bare
				? "what ran before is kept: correct this statement in %s, then "
				  "run the command again: it goes on here"
				: "nothing of this revision was kept: correct %s, then run it "
				  "again%s",
			step->file->name, advice_made_before(runner->session, err));
	return false;
}

/* Not twice in a moment: they are looked at before each commit in any case. */
static bool check_keys(struct runner *runner, struct err *err)
{
	int64_t now = clock_monotonic_ms();
	if (runner->checked_ms && now - runner->checked_ms < KEYS_FRESH_MS)
		return true;
	runner->checked_ms = now;
	return keys_check(runner->session->keys, err);
}

bool runner_query(struct runner *runner, const struct migrate_step *step,
	const struct sql_script *script, const struct sql_statement *statement,
	const char *const *params, size_t count, struct db_result *result, struct err *err)
{
	if (!check_keys(runner, err))
		return false;
	AUTO_FREE char *text = xstrndup(statement->text, statement->length);
	runner->started_ms = clock_monotonic_ms();
	/* One statement by protocol, too: text that holds two is refused by the server. */
	bool fine = statement->has_data ? db_copy_in(runner->session->db, text,
						  script->source + statement->data_offset,
						  statement->data_length, err)
					: db_query_params(runner->session->db, result, err, text,
						  count, params);
	runner->started_ms = 0;
	return fine || explain(runner, step, script, statement, err);
}

bool runner_calls(struct runner *runner, const struct migrate_step *step, struct db_call *calls,
	size_t count, size_t at, size_t *done, struct err *err)
{
	*done = count;
	if (!check_keys(runner, err))
		return false;
	runner->started_ms = clock_monotonic_ms();
	bool fine = db_pipeline(runner->session->db, calls, count, done, err);
	runner->started_ms = 0;
	if (!fine && *done == at)
		return explain(runner, step, &step->script, &step->script.items[0], err);
	return runner->lost.code != ERR_NONE ? err_move(err, &runner->lost) : fine;
}

bool runner_statement(struct runner *runner, const struct migrate_step *step,
	const struct sql_script *script, const struct sql_statement *statement, struct err *err)
{
	AUTO_RESULT(result);
	return runner_query(runner, step, script, statement, NULL, 0, &result, err);
}

bool runner_verify(struct runner *runner, const struct migrate_step *step,
	const struct sql_statement *statement, struct err *err)
{
	AUTO_RESULT(result);
	if (!runner_query(runner, step, &step->verify, statement, NULL, 0, &result, err))
		return false;
	int rows = db_rows(&result);
	bool is_true = rows > 0 && PQnfields(result.pg) == 1;
	const char *got = rows > 0 && PQnfields(result.pg) > 0 ? db_get(&result, 0, 0) : "no row";
	for (int i = 0; is_true && i < rows; i++) {
		got = db_get(&result, i, 0);
		is_true = str_equal(got, "t");
	}
	if (is_true)
		return true;
	err_set(err, ERR_FAILED, "%s:%d: verify of %s is not true: %s", step->verify.file,
		statement->place.line, step->file->id, got ? got : "null");
	err_detail(err, "statement: %.*s", (int)statement->length, statement->text);
	err_where(
		err, "%s:%d:%d", step->verify.file, statement->place.line, statement->place.column);
	if (step->backfill.count)
		return err_hint(err, "the backfill stays open: correct the rows or the verify "
				     "section, then run the command again");
	return err_hint(err, "the revision was rolled back: correct its up or verify section");
}
