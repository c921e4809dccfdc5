/*
 * Inside room migrate: how the tools keep what is applied, each in its own table. A format names
 * one of these (formats.c); all that mig does to such a table goes through here.
 */
#ifndef MIGRATE_BOOKS_H
#define MIGRATE_BOOKS_H

#include "migrate/migrate.h"

struct migrate_books {
	const char *table; /* its name where mig.yaml has none */
	bool each; /* a row for every applied revision; else for the heads of what is applied */
	const struct schema_kind *kind; /* how it is read */
	/* CREATE TABLE as its own tool has it; names are quoted already. Caller owns. */
	char *(*ddl)(const struct migrate_tree *tree, const char *table, const char *constraint);
	/* Makes it as its own tool would. */
	bool (*make)(struct db *db, const struct migrate_tree *tree,
		struct schema_versions *versions, struct err *err);
	/* A statement that meets one row; `from`, `to` are literals, NULL where there is none. */
	char *(*change)(const char *table, const char *from, const char *to);
};

extern const struct migrate_books books_alembic; /* alembic_version(version_num) */
extern const struct migrate_books books_dbmate; /* schema_migrations(version) */

/* The version table's name, as mig.yaml or the tree's tool has it. */
const char *books_table(const struct migrate_tree *tree);
/* Makes the version table and mig's own tables when they are absent. */
MUST_CHECK bool books_ensure(struct db *db, const struct migrate_tree *tree,
	struct migrate_state *state, struct err *err);
/* Writes row changes; each must meet exactly one row. */
MUST_CHECK bool books_write(struct db *db, const struct migrate_tree *tree,
	const struct migrate_state *state, const struct graph_row_changes *changes,
	struct err *err);
/* The statement of one change; without a database `db` is NULL. Caller owns. */
char *books_change_sql(struct db *db, const struct migrate_tree *tree, const char *table,
	const struct graph_row_change *change);

/* Did it meet exactly one row? */
MUST_CHECK bool books_check_change(const struct migrate_tree *tree, const char *table,
	const struct graph_row_change *change, const struct db_result *result, struct err *err);

/* What a step does to the rows; `rows` becomes what it is afterwards. */
MUST_CHECK bool order_rows(const struct migrate_tree *tree, enum migrate_direction direction,
	struct graph_list *rows, size_t step, struct graph_row_changes *changes, struct err *err);
/* The same for stamp TARGET. */
MUST_CHECK bool order_rows_stamp(const struct migrate_tree *tree, struct graph_list *rows,
	const char *target, struct graph_row_changes *changes, struct err *err);
/* Revisions to apply (take back) in this order; empty: nothing to do. */
MUST_CHECK bool order_steps(const struct migrate_tree *tree, enum migrate_direction direction,
	const struct graph_list *rows, const char *target, struct graph_list *steps,
	struct err *err);

#endif
