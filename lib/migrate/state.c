#include "migrate/internal.h"

static void known_rows(const struct migrate_tree *tree, struct migrate_state *state)
{
	STRVEC_EACH (&state->versions.rows, row) {
		size_t index = graph_find(tree->graph, row);
		if (index != GRAPH_NONE)
			graph_list_push(&state->current, index);
	}
}

static bool read_half(struct db *db, struct migrate_state *state, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select revision, direction = 'down', count(*) filter (where state = 'done'),"
		    " max(statement) filter (where state = 'begun') from mig.history_step"
		    " where tree = 'main' group by 1, 2 order by min(id)"))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		xgrow(state->half, state->half_count, state->half_alloc);
		state->half[state->half_count++] = (struct migrate_half){
			.revision = xstrdup(db_get(&rows, i, 0)),
			.direction = db_get_bool(&rows, i, 1) ? MIGRATE_DOWN : MIGRATE_UP,
			.done = (int)db_get_int(&rows, i, 2),
			.begun = xstrdup_null(db_get(&rows, i, 3)),
		};
	}
	return true;
}

/* Not by to_regclass(): a role without rights on schema mig may still ask where things stand. */
static bool find_history(struct db *db, struct migrate_state *state, struct err *err)
{
	AUTO_RESULT(found);
	if (!db_query(db, &found, err,
		    "select c.relname = 'history', has_schema_privilege(n.oid, 'usage')"
		    " and has_table_privilege(c.oid, 'select')"
		    " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
		    " where n.nspname = 'mig' and c.relname in ('history', 'history_step')"))
		return false;
	bool may_read_steps = false;
	for (int i = 0; i < db_rows(&found); i++) {
		bool history = db_get_bool(&found, i, 0), may_read = db_get_bool(&found, i, 1);
		*(history ? &state->has_history : &state->has_steps) = true;
		*(history ? &state->may_read_history : &may_read_steps) = may_read;
	}
	return !may_read_steps || read_half(db, state, err);
}

/* Who brought a revision that is in no file: the checkout to look for. */
static bool tell_origin(struct db *db, const struct migrate_tree *tree,
	const struct migrate_state *state, struct err *err)
{
	for (size_t i = 0; state->may_read_history && i < state->versions.rows.count; i++) {
		const char *row = state->versions.rows.items[i];
		AUTO_ERR(ignored);
		AUTO_RESULT(found);
		if (graph_find(tree->graph, row) != GRAPH_NONE ||
			!db_query(db, &found, &ignored,
				"select format('%s was applied %s UTC by %s from host %s', "
				"revision,"
				" to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), who, host)"
				" from mig.history where revision = $1 order by id desc limit 1",
				row) ||
			!db_rows(&found))
			continue;
		return err_detail(err, "%s", db_get(&found, 0, 0));
	}
	return false;
}

bool migrate_state_read(struct db *db, const struct migrate_tree *tree, const char *version_table,
	enum migrate_rows rows, struct migrate_state *state, struct err *err)
{
	*state = (struct migrate_state){0};
	const struct migrate_books *books = tree->format->books;
	if (!books->read(db, version_table ? version_table : books->table, &state->versions, err) ||
		!find_history(db, state, err))
		return false;
	/* Where each migration has its row, old files may be gone: their own tool does not mind. */
	if (rows == MIGRATE_ROWS_ANY || books->each)
		known_rows(tree, state);
	else if (!graph_current(tree->graph, &state->versions.rows, &state->current, err))
		return tell_origin(db, tree, state, err);
	return true;
}

void migrate_state_release(struct migrate_state *state)
{
	schema_versions_release(&state->versions);
	graph_list_release(&state->current);
	for (size_t i = 0; i < state->half_count; i++) {
		free(state->half[i].revision);
		free(state->half[i].begun);
	}
	free(state->half);
	*state = (struct migrate_state){0};
}

bool migrate_at_head(const struct migrate_tree *tree, const struct migrate_state *state)
{
	if (!tree->format->books->each && state->current.count != state->versions.rows.count)
		return false;
	AUTO_SET(applied, tree->graph->count);
	migrate_applied(tree, &state->current, &applied);
	return graph_set_count(&applied) == tree->graph->count;
}
