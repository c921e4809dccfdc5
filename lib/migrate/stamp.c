#include "migrate/internal.h"

/* --purge: whatever the table says is taken out first, also rows that no file knows. */
static bool purge_rows(struct db *db, struct migrate_state *state, size_t *changes, struct err *err)
{
	AUTO_FREE char *sql = xstrfmt("delete from %s", state->versions.qualified);
	AUTO_RESULT(result);
	if (!db_query(db, &result, err, sql))
		return false;
	*changes += (size_t)db_affected(&result);
	state->current.count = 0;
	return true;
}

static bool stamp_target(struct db *db, const struct migrate_tree *tree,
	struct migrate_state *state, const char *target, const struct migrate_settings *settings,
	size_t *count, struct err *err)
{
	AUTO_ROW_CHANGES(changes);
	if (!graph_rows_stamp(tree->graph, &state->current, target, &changes, err) ||
		!books_write(db, tree, state, &changes, err))
		return false;
	*count += changes.count;
	for (size_t i = 0; i < changes.count; i++) {
		const struct graph_row_change *change = &changes.items[i];
		size_t index = change->kind == GRAPH_DELETE ? change->from : change->to;
		struct history_row row = {
			.file = &tree->files[index], .direction = "stamp", .settings = settings};
		if (!history_write(db, &row, err))
			return false;
	}
	return true;
}

bool migrate_stamp(struct db *db, const struct migrate_tree *tree, struct migrate_state *state,
	const struct strvec *targets, bool purge, const struct migrate_settings *settings,
	size_t *changes, struct err *err)
{
	*changes = 0;
	if (!books_ensure(db, tree, state, err))
		return false;
	AUTO_TX(tx);
	if (!db_begin(db, &tx, "read write", err) ||
		(purge && !purge_rows(db, state, changes, err)))
		return false;
	STRVEC_EACH (targets, target)
		if (!stamp_target(db, tree, state, target, settings, changes, err))
			return false;
	return keys_check(settings->keys, err) && db_commit(&tx, err);
}
