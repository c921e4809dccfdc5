/* What is written when the SQL of a revision has run. */
#include "base/clock.h"
#include "migrate/internal.h"

static const char version_prepared[] = "mig_version", history_prepared[] = "mig_history";
static const char question_prepared[] = "mig_keys";
static const char constraints_sql[] = "set constraints all immediate";

static bool broken(const struct migrate_step *step, struct err *err)
{
	err_context(err, "%s: a deferred constraint", step->file->name);
	if (!err->hint)
		err_hint(err, "nothing of this revision was kept: correct %s, then run it again",
			step->file->name);
	return false;
}

bool record_check(struct db *db, const struct migrate_step *step, struct err *err)
{
	return db_exec(db, err, constraints_sql) || broken(step, err);
}

/*
 * What goes to the server together: calls of the caller, the constraints, a change for each row,
 * the history, and, when all of a revision goes at once, the question whether the keys are held.
 */
struct record {
	struct db_call *calls;
	size_t count, before; /* of the caller's */
	struct graph_row_changes changes;
	char **statements; /* of the changes */
	const char *ids[2]; /* of a change that is prepared */
	struct history_call history;
	struct keys_question question;
};

static void record_release(struct record *record)
{
	db_calls_release(record->calls, record->count);
	for (size_t i = 0; i < record->changes.count; i++)
		free(record->statements[i]);
	free(record->calls);
	free(record->statements);
	graph_row_changes_release(&record->changes);
	history_call_release(&record->history);
}

static struct db_call *first_change(const struct record *record)
{
	return &record->calls[record->before + 1];
}

static struct db_call *history_of(const struct record *record)
{
	return first_change(record) + record->changes.count;
}

/* What most revisions of this plan do to the version table, with $1 and $2 for the ids. */
static struct db_call usual_change(const struct migrate_session *session, char **sql)
{
	const struct migrate_books *books = session->tree->format->books;
	bool up = session->plan.direction == MIGRATE_UP;
	const char *from = books->each && up ? NULL : "$1";
	const char *to = !books->each ? "$2" : up ? "$1" : NULL;
	*sql = books->change(session->state.versions.qualified, from, to);
	return (struct db_call){
		.sql = *sql, .prepared = version_prepared, .count = books->each ? 1 : 2};
}

/* False: it is another kind of change, or nothing is prepared. */
static bool change_prepared(struct record *record, const struct migrate_session *session)
{
	const struct graph_row_change *change = record->changes.items;
	const struct graph_revision *revisions = session->tree->graph->revisions;
	bool each = session->tree->format->books->each;
	if (!session->prepared || record->changes.count != 1 ||
		(!each && change->kind != GRAPH_UPDATE))
		return false;
	record->ids[0] = revisions[change->kind == GRAPH_INSERT ? change->to : change->from].id;
	record->ids[1] = each ? NULL : revisions[change->to].id;
	*first_change(record) = (struct db_call){
		.prepared = version_prepared, .params = record->ids, .count = each ? 1 : 2};
	return true;
}

static bool prepare(struct record *record, const struct migrate_session *session,
	const struct migrate_step *step, struct graph_list *rows, int64_t duration_ms,
	struct err *err)
{
	enum migrate_direction direction = session->plan.direction;
	struct graph_row_changes *changes = &record->changes;
	const struct history_row row = {.file = step->file,
		.direction = direction == MIGRATE_UP ? "up" : "down",
		.bound = true,
		.duration_ms = duration_ms,
		.untimed = step->untimed};
	if (!order_rows(session->tree, direction, rows, step->index, changes, err))
		return false;
	record->count = record->before + changes->count + 2;
	record->calls = xcalloc(record->count + 1, sizeof(*record->calls));
	record->statements = xcalloc(changes->count + 1, sizeof(char *));
	record->calls[record->before].sql = constraints_sql;
	bool known = change_prepared(record, session);
	for (size_t i = 0; !known && i < changes->count; i++) {
		record->statements[i] = books_change_sql(session->db, session->tree,
			session->state.versions.qualified, &changes->items[i]);
		first_change(record)[i].sql = record->statements[i];
	}
	*history_of(record) = history_call(session, &row, &record->history);
	history_of(record)->prepared = session->prepared ? history_prepared : NULL;
	return true;
}

/* Is what came back what has to be there before a commit? */
static bool check_answers(const struct record *record, const struct migrate_session *session,
	char **transaction, struct err *err)
{
	for (size_t i = 0; i < record->changes.count; i++)
		if (!books_check_change(session->tree, session->state.versions.qualified,
			    &record->changes.items[i], &first_change(record)[i].result, err))
			return false;
	*transaction = xstrdup_null(db_get(&history_of(record)->result, 0, 0));
	return true;
}

bool record_prepare(struct migrate_session *session, struct err *err)
{
	CLEANUP(history_call_release) struct history_call values = {0};
	struct keys_question asked;
	const struct migrate_file nothing = {0};
	const struct history_row row = {.file = &nothing};
	struct db_call history = history_call(session, &row, &values);
	struct db_call question = keys_question(session->keys, &asked);
	AUTO_FREE char *sql = NULL;
	struct db_call change = usual_change(session, &sql);
	history.prepared = history_prepared;
	question.prepared = question_prepared;
	session->prepared = db_prepare(session->db, &change, err) &&
			    db_prepare(session->db, &history, err) &&
			    (session->keys->kin || db_prepare(session->db, &question, err));
	return session->prepared;
}

bool record_revision(const struct migrate_session *session, const struct migrate_step *step,
	struct graph_list *rows, int64_t duration_ms, char **transaction, struct err *err)
{
	CLEANUP(record_release) struct record record = {0};
	size_t done = 0;
	if (!prepare(&record, session, step, rows, duration_ms, err))
		return false;
	if (!db_pipeline(session->db, record.calls, record.count, &done, err))
		return done ? false : broken(step, err);
	return check_answers(&record, session, transaction, err);
}

/* --- all of a revision in one round trip --------------------------------------------------------
 */

bool record_fits(const struct migrate_session *session, const struct migrate_step *step)
{
	const struct sql_statement *only = step->script.items;
	enum { ALONE = SQL_UNPARSED | SQL_SETS_SESSION | SQL_ENDS_TRANSACTION };
	/* COPY would wait for rows that a pipeline cannot bring. */
	return !session->keys->kin && step->script.count == 1 && !step->verify.count &&
	       !step->backfill.count && !(only->flags & ALONE) && strcmp(only->kind, "COPY") != 0;
}

bool record_together(struct runner *runner, const struct migrate_step *step, const char *limits,
	struct graph_list *rows, char **transaction, struct err *err)
{
	enum { BEGIN, LIMITS, STATEMENT, BEFORE };
	struct migrate_session *session = runner->session;
	const struct sql_statement *only = step->script.items;
	CLEANUP(record_release) struct record record = {.before = BEFORE};
	AUTO_FREE char *text = xstrndup(only->text, only->length);
	size_t done = 0;
	int64_t asked_ms = clock_monotonic_ms();
	if (!prepare(&record, session, step, rows, -1, err))
		return false;
	struct db_call *question = &record.calls[record.count++];
	*question = keys_question(session->keys, &record.question);
	question->prepared = session->prepared ? question_prepared : NULL;
	record.calls[BEGIN].sql = "begin read write";
	record.calls[LIMITS].sql = limits;
	record.calls[STATEMENT].sql = text;
	if (!runner_calls(runner, step, record.calls, record.count, STATEMENT, &done, err))
		return done == BEFORE ? broken(step, err) : false;
	if (!keys_answer(session->keys, question, err))
		return false;
	runner->checked_ms = asked_ms;
	return check_answers(&record, session, transaction, err);
}
