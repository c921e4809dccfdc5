/* What is written when the SQL of a revision has run. */
#include "migrate/internal.h"

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

/* The constraints, a change for each row, the history: what goes to the server together. */
struct record {
	struct db_call *calls;
	size_t count;
	char **statements; /* of the changes */
	struct history_call history;
};

static void record_release(struct record *record)
{
	db_calls_release(record->calls, record->count);
	for (size_t i = 0; i + 2 < record->count; i++)
		free(record->statements[i]);
	free(record->calls);
	free(record->statements);
	history_call_release(&record->history);
}

static void prepare(struct record *record, const struct migrate_session *session,
	const struct graph_row_changes *changes, const struct history_row *row)
{
	record->count = changes->count + 2;
	record->calls = xcalloc(record->count, sizeof(*record->calls));
	record->statements = xcalloc(record->count, sizeof(char *));
	record->calls[0].sql = constraints_sql;
	for (size_t i = 0; i < changes->count; i++) {
		record->statements[i] = books_change_sql(session->db, session->tree,
			session->state.versions.qualified, &changes->items[i]);
		record->calls[i + 1].sql = record->statements[i];
	}
	record->calls[record->count - 1] = history_call(session, row, &record->history);
}

bool record_revision(const struct migrate_session *session, const struct migrate_step *step,
	struct graph_list *rows, int64_t duration_ms, char **transaction, struct err *err)
{
	enum migrate_direction direction = session->plan.direction;
	CLEANUP(record_release) struct record record = {0};
	AUTO_ROW_CHANGES(changes);
	size_t done = 0;
	const struct history_row row = {.file = step->file,
		.direction = direction == MIGRATE_UP ? "up" : "down",
		.bound = true,
		.duration_ms = duration_ms};
	if (!order_rows(session->tree, direction, rows, step->index, &changes, err))
		return false;
	prepare(&record, session, &changes, &row);
	if (!db_pipeline(session->db, record.calls, record.count, &done, err))
		return done ? false : broken(step, err);
	for (size_t i = 0; i < changes.count; i++)
		if (!books_check_change(session->tree, session->state.versions.qualified,
			    &changes.items[i], &record.calls[i + 1].result, err))
			return false;
	*transaction = xstrdup_null(db_get(&record.calls[record.count - 1].result, 0, 0));
	return true;
}
