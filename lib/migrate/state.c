#include "migrate/git.h"
#include "migrate/internal.h"

static void known_rows(const struct migrate_tree *tree, struct migrate_state *state)
{
	STRVEC_EACH (&state->versions.rows, row) {
		size_t index = graph_find(tree->graph, row);
		if (index != GRAPH_NONE)
			graph_list_push(&state->current, index);
	}
}

static bool read_half(struct db *db, const char *tree, struct migrate_state *state, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select revision, direction = 'down', count(*) filter (where state = 'done'),"
		    " max(statement) filter (where state = 'begun') from mig.history_step"
		    " where tree = $1 group by 1, 2 order by min(id)",
		    tree))
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

static bool read_open(struct db *db, const char *tree, struct migrate_state *state, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select revision, detail->>'table', detail->>'passed', detail->>'estimate'"
		    " from mig.history where tree = $1 and direction = 'backfill'"
		    " and detail->>'state' = 'open' order by id",
		    tree))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		xgrow(state->open, state->open_count, state->open_alloc);
		state->open[state->open_count++] = (struct migrate_open_backfill){
			.revision = xstrdup(db_get(&rows, i, 0)),
			.table = xstrdup_null(db_get(&rows, i, 1)),
			.passed = db_get_int(&rows, i, 2),
			.estimate = db_get_int(&rows, i, 3),
		};
	}
	return true;
}

/* Not by to_regclass(): a role without rights on schema mig may still ask where things stand. */
static bool find_history(
	struct db *db, const char *tree, struct migrate_state *state, struct err *err)
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
	return (!may_read_steps || read_half(db, tree, state, err)) &&
	       (!state->may_read_history || read_open(db, tree, state, err));
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
				"concat_ws(' ', revision, nullif(detail->>'message', '')),"
				" to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), who, host)"
				" from mig.history where revision = $1 order by id desc limit 1",
				row) ||
			!db_rows(&found))
			continue;
		return err_detail(err, "%s", db_get(&found, 0, 0));
	}
	return false;
}

/* How to have the files; SQL can be taken back without them. */
static bool tell_way(
	const struct migrate_tree *tree, const struct migrate_state *state, struct err *err)
{
	STRVEC_EACH (&state->versions.rows, row) {
		if (graph_find(tree->graph, row) != GRAPH_NONE)
			continue;
		AUTO_FREE char *way = git_way_back(tree, row);
		bool kept = state->has_history && !tree->format->apply;
		err_hint(err, "this checkout is older than the database: %s%s", way,
			kept ? "; or take it back without its file: mig-apply downgrade "
			       "--from-history -1"
			     : "");
		return true;
	}
	return true;
}

static const char *table_of(const struct migrate_tree *tree)
{
	const char *name = tree->where->version_table;
	return name ? name : tree->format->books->table;
}

/* Rows that only another tree knows, which keeps its rows in the same table. */
static bool take_out(const struct migrate_tree *tree, const struct conf_migrations *other,
	struct migrate_state *state, struct err *err)
{
	CLEANUP(migrate_tree_free_auto) struct migrate_tree *sibling = NULL;
	if (!migrate_tree_load(other, &sibling, err))
		return err_context(err, "tree %s", other->name);
	if (strcmp(table_of(tree), table_of(sibling)) != 0)
		return true;
	struct strvec kept = {0};
	STRVEC_EACH (&state->versions.rows, row) {
		bool is_theirs = graph_find(tree->graph, row) == GRAPH_NONE &&
				 graph_find(sibling->graph, row) != GRAPH_NONE;
		strvec_push(is_theirs ? &state->foreign : &kept, row);
	}
	strvec_release(&state->versions.rows);
	state->versions.rows = kept;
	return true;
}

static bool has_unknown(const struct migrate_tree *tree, const struct migrate_state *state)
{
	STRVEC_EACH (&state->versions.rows, row)
		if (graph_find(tree->graph, row) == GRAPH_NONE)
			return true;
	return false;
}

static bool leave_out_foreign(
	const struct migrate_tree *tree, struct migrate_state *state, struct err *err)
{
	const struct conf_env *env = tree->env;
	for (size_t i = 0; env && i <= env->other_count && has_unknown(tree, state); i++) {
		const struct conf_migrations *other = i ? &env->others[i - 1] : &env->migrations;
		if (other != tree->where && !take_out(tree, other, state, err))
			return false;
	}
	return true;
}

bool migrate_state_read(struct db *db, const struct migrate_tree *tree, const char *version_table,
	enum migrate_rows rows, struct migrate_state *state, struct err *err)
{
	*state = (struct migrate_state){0};
	const struct migrate_books *books = tree->format->books;
	if (!books->read(db, version_table ? version_table : books->table, &state->versions, err) ||
		!find_history(db, tree->where->name, state, err) ||
		!leave_out_foreign(tree, state, err))
		return false;
	/* Where each migration has its row, old files may be gone: their own tool does not mind. */
	if (rows == MIGRATE_ROWS_ANY || books->each)
		known_rows(tree, state);
	else if (!graph_current(tree->graph, &state->versions.rows, &state->current, err))
		return tell_way(tree, state, err) && tell_origin(db, tree, state, err);
	return true;
}

void migrate_state_release(struct migrate_state *state)
{
	schema_versions_release(&state->versions);
	strvec_release(&state->foreign);
	graph_list_release(&state->current);
	for (size_t i = 0; i < state->half_count; i++) {
		free(state->half[i].revision);
		free(state->half[i].begun);
	}
	free(state->half);
	for (size_t i = 0; i < state->open_count; i++) {
		free(state->open[i].revision);
		free(state->open[i].table);
	}
	free(state->open);
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
