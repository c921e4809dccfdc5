#include "migrate/internal.h"

static void known_rows(const struct migrate_tree *tree, struct migrate_state *state)
{
	STRVEC_EACH (&state->versions.rows, row) {
		size_t index = graph_find(tree->graph, row);
		if (index != GRAPH_NONE)
			graph_list_push(&state->current, index);
	}
}

/* Not by to_regclass(): a role without rights on schema mig may still ask where things stand. */
static bool find_history(struct db *db, struct migrate_state *state, struct err *err)
{
	AUTO_RESULT(found);
	if (!db_query(db, &found, err,
		    "select has_schema_privilege(n.oid, 'usage')"
		    " and has_table_privilege(c.oid, 'select')"
		    " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
		    " where n.nspname = 'mig' and c.relname = 'history'"))
		return false;
	state->has_history = db_rows(&found) > 0;
	state->may_read_history = state->has_history && db_get_bool(&found, 0, 0);
	return true;
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
	if (!schema_versions_read(db, version_table, &state->versions, err))
		return false;
	if (!find_history(db, state, err))
		return false;
	if (rows == MIGRATE_ROWS_ANY)
		known_rows(tree, state);
	else if (!graph_current(tree->graph, &state->versions.rows, &state->current, err))
		return tell_origin(db, tree, state, err);
	return true;
}

void migrate_state_release(struct migrate_state *state)
{
	schema_versions_release(&state->versions);
	graph_list_release(&state->current);
	state->has_history = false;
}

bool migrate_at_head(const struct migrate_tree *tree, const struct migrate_state *state)
{
	AUTO_SET(applied, tree->graph->count);
	graph_ancestors(tree->graph, &state->current, GRAPH_WITH_DEPENDS, &applied);
	return graph_set_count(&applied) == tree->graph->count;
}

/* --- the version table ------------------------------------------------------------------------ */

enum { VERSION_WIDTH = 32 }; /* Alembic's */

static int longest_id(const struct migrate_tree *tree)
{
	size_t longest = VERSION_WIDTH;
	for (size_t i = 0; i < tree->count; i++)
		if (strlen(tree->files[i].id) > longest)
			longest = strlen(tree->files[i].id);
	return (int)longest;
}

static bool make_version_table(struct db *db, const struct migrate_tree *tree,
	struct schema_versions *versions, struct err *err)
{
	AUTO_FREE char *name = xstrfmt("%s_pkc", versions->table);
	AUTO_FREE char *constraint = db_ident(db, name);
	if (!db_execf(db, err,
		    "create table %s (version_num varchar(%d) not null, constraint %s primary key "
		    "(version_num))",
		    versions->qualified, longest_id(tree), constraint))
		return err_context(err, "making the version table");
	versions->exists = true;
	return true;
}

static const char history_ddl[] = "create table if not exists mig.history ("
				  "id bigint generated always as identity primary key,"
				  " at timestamptz not null default clock_timestamp(),"
				  " revision text not null,"
				  " direction text not null," /* up, down, stamp, swapped_back */
				  " tree text not null default 'main',"
				  " checksum text, up_sql text, down_sql text,"
				  " duration_ms bigint,"
				  " who text not null default session_user,"
				  " host text, run text, tool text,"
				  " detail jsonb)";

bool books_ensure(struct db *db, const struct migrate_tree *tree, struct migrate_state *state,
	struct err *err)
{
	AUTO_TX(tx);
	if (!db_begin(db, &tx, NULL, err))
		return false;
	if (!state->versions.exists && !make_version_table(db, tree, &state->versions, err))
		return false;
	if (!db_mig_schema(db, err))
		return false;
	if (!state->has_history && !db_exec(db, err, history_ddl))
		return err_context(err, "making mig.history");
	state->has_history = true;
	return db_commit(&tx, err);
}

static bool write_change(struct db *db, const struct migrate_tree *tree,
	const struct schema_versions *versions, const struct graph_row_change *change,
	struct err *err)
{
	const struct graph_revision *revisions = tree->graph->revisions;
	const char *from = change->kind != GRAPH_INSERT ? revisions[change->from].id : NULL;
	const char *to = change->kind != GRAPH_DELETE ? revisions[change->to].id : NULL;
	AUTO_STRBUF(sql);
	AUTO_RESULT(result);
	bool done = false;
	if (change->kind == GRAPH_INSERT) {
		strbuf_addf(&sql, "insert into %s (version_num) values ($1)", versions->qualified);
		done = db_query(db, &result, err, sql.buf, to);
	} else if (change->kind == GRAPH_DELETE) {
		strbuf_addf(&sql, "delete from %s where version_num = $1", versions->qualified);
		done = db_query(db, &result, err, sql.buf, from);
	} else {
		strbuf_addf(&sql, "update %s set version_num = $1 where version_num = $2",
			versions->qualified);
		done = db_query(db, &result, err, sql.buf, to, from);
	}
	if (!done)
		return false;
	if (db_affected(&result) == 1)
		return true;
	err_set(err, ERR_FAILED, "%s: expected one row %s, found %lld", versions->qualified,
		from ? from : to, (long long)db_affected(&result));
	return err_hint(err, "did another tool change it meanwhile? see: mig-apply current");
}

bool books_write(struct db *db, const struct migrate_tree *tree, const struct migrate_state *state,
	const struct graph_row_changes *changes, struct err *err)
{
	for (size_t i = 0; i < changes->count; i++)
		if (!write_change(db, tree, &state->versions, &changes->items[i], err))
			return false;
	return true;
}
