#include "maint/writes.h"
#include "migrate/internal.h"

/* The rows of another tree in the same table stay. */
static char *purge_sql(struct migrate_session *session)
{
	const struct migrate_books *books = session->tree->format->books;
	const char *table = session->state.versions.qualified;
	if (!session->state.foreign.count)
		return xstrfmt("delete from %s", table);
	AUTO_STRVEC(theirs);
	STRVEC_EACH (&session->state.foreign, row)
		strvec_push_take(&theirs, db_literal(session->db, row));
	AUTO_FREE char *list = strvec_join(&theirs, ", ");
	return xstrfmt("delete from %s where %s not in (%s)", table, books->kind->column, list);
}

/* --purge: whatever the table says is taken out first, also rows that no file knows. */
static bool purge_rows(struct migrate_session *session, size_t *changes, struct err *err)
{
	AUTO_FREE char *sql = purge_sql(session);
	AUTO_RESULT(result);
	if (!db_query(session->db, &result, err, sql))
		return false;
	*changes += (size_t)db_affected(&result);
	session->state.current.count = 0;
	return true;
}

/* Rows that --purge took out, and that no target has put back. */
static bool record_purged(struct migrate_session *session, struct err *err)
{
	const struct graph *graph = session->tree->graph;
	STRVEC_EACH (&session->state.versions.rows, id) {
		size_t index = graph_find(graph, id);
		if (index != GRAPH_NONE && graph_list_has(&session->state.current, index))
			continue;
		struct migrate_file file = {.id = id};
		struct history_row row = {
			.file = index == GRAPH_NONE ? &file : &session->tree->files[index],
			.direction = "stamp",
			.taken_out = true};
		if (!history_write(session, &row, err))
			return false;
	}
	return true;
}

static bool stamp_target(
	struct migrate_session *session, const char *target, size_t *count, struct err *err)
{
	const struct migrate_tree *tree = session->tree;
	AUTO_ROW_CHANGES(changes);
	if (!order_rows_stamp(tree, &session->state.current, target, &changes, err) ||
		!books_write(session->db, tree, &session->state, &changes, err))
		return false;
	*count += changes.count;
	for (size_t i = 0; i < changes.count; i++) {
		const struct graph_row_change *change = &changes.items[i];
		size_t index = change->kind == GRAPH_DELETE ? change->from : change->to;
		struct history_row row = {.file = &tree->files[index],
			.direction = "stamp",
			.taken_out = change->kind == GRAPH_DELETE};
		if (!history_write(session, &row, err))
			return false;
	}
	return true;
}

/* The rows as they would be. */
static bool foresee(struct migrate_session *session, const struct strvec *targets, bool purge,
	size_t *count, struct err *err)
{
	*count = purge ? session->state.versions.rows.count : 0;
	if (purge)
		session->state.current.count = 0;
	STRVEC_EACH (targets, target) {
		AUTO_ROW_CHANGES(changes);
		if (!order_rows_stamp(
			    session->tree, &session->state.current, target, &changes, err))
			return false;
		*count += changes.count;
	}
	return true;
}

bool migrate_stamp_plan(struct migrate_session *session, const struct strvec *targets, bool purge,
	size_t *count, struct err *err)
{
	const struct schema_versions *versions = &session->state.versions;
	return foresee(session, targets, purge, count, err) &&
	       (!*count || !versions->exists ||
		       schema_versions_writable(session->db, session->tree->format->books->kind,
			       versions, session->keys != NULL, err));
}

/* Who stamps says where the database stands: nothing is half done any more. */
static bool forget_half(struct migrate_session *session, struct err *err)
{
	const char *tree = session->tree->where->name;
	AUTO_RESULT(steps);
	AUTO_RESULT(backfills);
	if (session->state.has_steps &&
		!db_query(session->db, &steps, err, "delete from mig.history_step where tree = $1",
			tree))
		return false;
	return !session->state.open_count ||
	       db_query(session->db, &backfills, err,
		       "update mig.history set detail = detail || '{\"state\": \"given up\"}'"
		       " where tree = $1 and direction = 'backfill' and detail->>'state' = 'open'",
		       tree);
}

/* Before any table is made. */
static bool check_targets(
	struct migrate_session *session, const struct strvec *targets, bool purge, struct err *err)
{
	struct graph_list *current = &session->state.current, before = {0};
	size_t ignored;
	graph_list_copy(&before, current);
	bool good = migrate_stamp_plan(session, targets, purge, &ignored, err);
	graph_list_release(current);
	*current = before;
	return good;
}

bool migrate_stamp(struct migrate_session *session, const struct strvec *targets, bool purge,
	size_t *changes, struct err *err)
{
	*changes = 0;
	if (!check_targets(session, targets, purge, err) ||
		!books_ensure(session->db, session->tree, &session->state, err))
		return false;
	AUTO_TX(tx);
	if (!db_begin(session->db, &tx, "read write", err) ||
		(purge && !purge_rows(session, changes, err)))
		return false;
	if (!forget_half(session, err))
		return false;
	STRVEC_EACH (targets, target)
		if (!stamp_target(session, target, changes, err))
			return false;
	return (!purge || record_purged(session, err)) &&
	       writes_report_own(session->db, session->proof, err) &&
	       keys_check(session->keys, err) && db_commit(&tx, err);
}
