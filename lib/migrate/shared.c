/*
 * Trees that keep their rows in one version table. Ours leave each other's alone; Alembic reads all
 * rows of its table, and stops at one that it does not know.
 */
#include "migrate/books.h"
#include "migrate/internal.h"

/* Two entries for the same files, or one for a part of them, know each other's rows. */
static bool is_within(const struct graph *small, const struct graph *large)
{
	for (size_t i = 0; i < small->count; i++)
		if (graph_find(large, small->revisions[i].id) == GRAPH_NONE)
			return false;
	return true;
}

/* Rows of `tree` alone in the table that both have now. */
static void find_rows(const struct migrate_state *state, const struct migrate_tree *tree,
	const struct migrate_tree *other, struct strvec *rows)
{
	const struct strvec *lists[] = {&state->versions.rows, &state->foreign};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		STRVEC_EACH (lists[i], row)
			if (graph_find(tree->graph, row) != GRAPH_NONE &&
				graph_find(other->graph, row) == GRAPH_NONE)
				strvec_push(rows, row);
}

/* A table of its own for `tree`: what to write, and what to type about rows that there are. */
static void part_text(const struct migrate_session *session, const struct migrate_tree *tree,
	const struct migrate_tree *other, struct strbuf *text)
{
	const char *name = tree->where->name;
	AUTO_STRVEC(rows);
	find_rows(&session->state, tree, other, &rows);
	strbuf_adds(text, "a table each:");
	if (tree->format->apply)
		strbuf_addf(text,
			"\n  %s/env.py: context.configure(.., version_table=\"%s_version\")",
			tree->dir, name);
	strbuf_addf(text, "\n  mig.yaml: %s: {version_table: %s_version, ..}", name, name);
	if (!rows.count)
		return;
	AUTO_FREE char *typed = strvec_join(&rows, " ");
	AUTO_FREE char *list = strvec_join(&rows, "', '");
	strbuf_addf(text,
		"\n  mig-apply stamp -t %s %s\n  psql -d %s -c \"delete from %s where version_num "
		"in "
		"('%s')\"",
		name, typed, session->db->dbname, session->state.versions.qualified, list);
}

static bool refuse(const struct migrate_session *session, const struct migrate_tree *sibling,
	bool sibling_is_first, struct err *err)
{
	const struct migrate_tree *tree = session->tree;
	/* The one that is moved is the later one, or that which needs no env.py. */
	bool move_sibling = !sibling_is_first;
	if (!tree->format->apply != !sibling->format->apply)
		move_sibling = !sibling->format->apply;
	const struct migrate_tree *moved = move_sibling ? sibling : tree;
	const struct migrate_tree *kept = move_sibling ? tree : sibling;
	AUTO_STRBUF(ways);
	part_text(session, moved, kept, &ways);
	if (tree->format->apply && sibling->format->apply)
		strbuf_addf(&ways,
			"\nor one tree in both folders, when one env.py serves both:"
			"\n  alembic.ini: version_locations with the versions of both"
			"\n  mig.yaml: one entry instead of %s and %s",
			kept->where->name, moved->where->name);
	err_set(err, ERR_REFUSED,
		"trees %s and %s keep their rows in one table, %s: Alembic stops at a row of the "
		"other tree",
		kept->where->name, moved->where->name, books_table(tree));
	err_detail(err, "%s", ways.buf);
	return err_hint(err, "part them as it says above, then run the command again");
}

static bool check_with(const struct migrate_session *session, const struct conf_migrations *other,
	bool other_is_first, struct err *err)
{
	const struct migrate_tree *tree = session->tree;
	CLEANUP(migrate_tree_free_auto) struct migrate_tree *sibling = NULL;
	AUTO_ERR(why);
	if (!migrate_tree_load(other, &sibling, &why)) {
		err_context(&why, "tree %s", other->name);
		return why.code == ERR_NOTFOUND || err_move(err, &why);
	}
	if ((!tree->format->apply && !sibling->format->apply) ||
		strcmp(books_table(tree), books_table(sibling)) != 0 ||
		is_within(tree->graph, sibling->graph) || is_within(sibling->graph, tree->graph))
		return true;
	return refuse(session, sibling, other_is_first, err);
}

bool shared_check(const struct migrate_session *session, struct err *err)
{
	const struct conf_env *env = session->how.env;
	const struct conf_migrations *where = session->tree->where;
	if (!session->plan.count)
		return true;
	bool seen = false; /* the tree at hand: those behind it are the later ones */
	for (size_t i = 0; i <= env->other_count; i++) {
		const struct conf_migrations *other = i ? &env->others[i - 1] : &env->migrations;
		seen |= other == where;
		if (other != where && !check_with(session, other, !seen, err))
			return false;
	}
	return true;
}
