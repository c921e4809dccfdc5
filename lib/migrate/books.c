#include "migrate/books.h"

#include "migrate/internal.h"

/* --- Alembic's: one row per head -------------------------------------------------------------- */

enum { VERSION_WIDTH = 32 }; /* Alembic's */

static int longest_id(const struct migrate_tree *tree)
{
	size_t longest = VERSION_WIDTH;
	for (size_t i = 0; i < tree->count; i++)
		if (strlen(tree->files[i].id) > longest)
			longest = strlen(tree->files[i].id);
	return (int)longest;
}

static char *alembic_ddl(const struct migrate_tree *tree, const char *table, const char *constraint)
{
	return xstrfmt("create table %s (version_num varchar(%d) not null, constraint %s primary "
		       "key (version_num))",
		table, longest_id(tree), constraint);
}

static bool alembic_make(struct db *db, const struct migrate_tree *tree,
	struct schema_versions *versions, struct err *err)
{
	AUTO_FREE char *name = xstrfmt("%s_pkc", versions->table);
	AUTO_FREE char *constraint = db_ident(db, name);
	AUTO_FREE char *sql = alembic_ddl(tree, versions->qualified, constraint);
	return db_exec(db, err, sql);
}

static char *alembic_change(const char *table, const char *from, const char *to)
{
	if (!from)
		return xstrfmt("insert into %s (version_num) values (%s)", table, to);
	if (!to)
		return xstrfmt("delete from %s where version_num = %s", table, from);
	return xstrfmt("update %s set version_num = %s where version_num = %s", table, to, from);
}

const struct migrate_books books_alembic = {
	.table = "alembic_version",
	.kind = &schema_heads,
	.ddl = alembic_ddl,
	.make = alembic_make,
	.change = alembic_change,
};

/* --- dbmate's: one row per migration ---------------------------------------------------------- */

static char *dbmate_ddl(const struct migrate_tree *tree, const char *table, const char *constraint)
{
	(void)tree, (void)constraint;
	return xstrfmt("create table if not exists %s (version varchar primary key)", table);
}

/* The first of a search_path that the connection asks for is dbmate's schema, even if it is absent.
 */
static bool dbmate_place(struct db *db, const struct migrate_tree *tree,
	struct schema_versions *versions, struct err *err)
{
	AUTO_FREE char *first = NULL;
	if (strchr(books_table(tree), '.'))
		return true;
	if (!db_value(db, &first, err,
		    "select s from (select btrim(split_part(setting, ',', 1), ' \"') s from "
		    "pg_settings where name = 'search_path' and source = 'client') path"
		    " where s not in ('', '$user') and to_regnamespace(quote_ident(s)) is null"))
		return false;
	if (!first)
		return true;
	free(versions->schema);
	free(versions->qualified);
	versions->schema = xtake(&first);
	versions->qualified = db_qualified(db, versions->schema, versions->table);
	return true;
}

/* dbmate makes the schema, too, when its name is configured and it is not there. */
static bool dbmate_make(struct db *db, const struct migrate_tree *tree,
	struct schema_versions *versions, struct err *err)
{
	AUTO_FREE char *there = NULL;
	if (!dbmate_place(db, tree, versions, err))
		return false;
	AUTO_FREE char *schema = db_ident(db, versions->schema);
	if (!db_value(db, &there, err, "select 1 from pg_namespace where nspname = $1",
		    versions->schema) ||
		(!there && !db_execf(db, err, "create schema if not exists %s", schema)))
		return false;
	AUTO_FREE char *sql = dbmate_ddl(tree, versions->qualified, NULL);
	return db_exec(db, err, sql);
}

static char *dbmate_change(const char *table, const char *from, const char *to)
{
	return to ? xstrfmt("insert into %s (version) values (%s)", table, to)
		  : xstrfmt("delete from %s where version = %s", table, from);
}

const struct migrate_books books_dbmate = {
	.table = "schema_migrations",
	.each = true,
	.kind = &schema_each,
	.ddl = dbmate_ddl,
	.make = dbmate_make,
	.change = dbmate_change,
};

/* --- all of them ------------------------------------------------------------------------------ */

const char *books_table(const struct migrate_tree *tree)
{
	const char *name = tree->where->version_table;
	return name ? name : tree->format->books->table;
}

static const char history_ddl[] = "create table if not exists mig.history ("
				  "id bigint generated always as identity primary key,"
				  " at timestamptz not null default clock_timestamp(),"
				  " revision text not null,"
				  /* up, down, stamp, swapped_back, backfill */
				  " direction text not null,"
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
	if (!state->versions.exists) {
		if (!tree->format->books->make(db, tree, &state->versions, err))
			return err_context(err, "making the version table");
		state->versions.exists = true;
	}
	if (!db_mig_schema(db, err))
		return false;
	state->has_schema = true;
	if (!state->has_history && !db_exec(db, err, history_ddl))
		return err_context(err, "making mig.history");
	state->has_history = true;
	return db_commit(&tx, err);
}

/* What can be an id (lib/graph/index.c) has neither quotes nor backslashes. */
static char *id_literal(struct db *db, const char *id)
{
	return db ? db_literal(db, id) : xstrfmt("'%s'", id);
}

char *books_change_sql(struct db *db, const struct migrate_tree *tree, const char *table,
	const struct graph_row_change *change)
{
	const struct graph_revision *revisions = tree->graph->revisions;
	AUTO_FREE char *from =
		change->kind != GRAPH_INSERT ? id_literal(db, revisions[change->from].id) : NULL;
	AUTO_FREE char *to =
		change->kind != GRAPH_DELETE ? id_literal(db, revisions[change->to].id) : NULL;
	return tree->format->books->change(table, from, to);
}

bool books_check_change(const struct migrate_tree *tree, const char *table,
	const struct graph_row_change *change, const struct db_result *result, struct err *err)
{
	if (db_affected(result) == 1)
		return true;
	size_t shown = change->kind == GRAPH_INSERT ? change->to : change->from;
	err_set(err, ERR_FAILED, "%s: expected one row %s, found %lld", table,
		tree->graph->revisions[shown].id, (long long)db_affected(result));
	return err_hint(err, "did another tool change it meanwhile? see: mig-apply current");
}

static bool write_change(struct db *db, const struct migrate_tree *tree, const char *table,
	const struct graph_row_change *change, struct err *err)
{
	AUTO_FREE char *sql = books_change_sql(db, tree, table, change);
	AUTO_RESULT(result);
	return db_query(db, &result, err, sql) &&
	       books_check_change(tree, table, change, &result, err);
}

bool books_write(struct db *db, const struct migrate_tree *tree, const struct migrate_state *state,
	const struct graph_row_changes *changes, struct err *err)
{
	for (size_t i = 0; i < changes->count; i++)
		if (!write_change(db, tree, state->versions.qualified, &changes->items[i], err))
			return false;
	return true;
}
