/*
 * Single tables of a snapshot beside the live ones: in a schema of their own in the live database,
 * with columns, types, defaults, checks, keys and indexes; without foreign keys and triggers, and
 * without defaults that draw from a sequence. One transaction; nothing live is touched.
 */
#ifndef RESTORE_TABLES_H
#define RESTORE_TABLES_H

#include "restore/restore.h"

/* A table, or a partitioned one as a whole. */
struct restore_table {
	const struct pack_table *table; /* NULL: partitioned */
	const struct pack_root *root;
};
/* ERR_NOTFOUND with the nearest name; ERR_REFUSED for one whose rows are not in snapshots. */
MUST_CHECK bool restore_table_find(const struct pack_manifest *manifest, const char *name,
	struct restore_table *found, struct err *err);
const char *restore_table_schema(const struct restore_table *table);
const char *restore_table_name(const struct restore_table *table);
const struct pack_content *restore_table_content(const struct restore_table *table);

struct restore_tables {
	const struct restore_table *items;
	size_t count;
	const char *schema; /* where they go */
};
/* ERR_CORRUPT: rows came out differently than they went in. */
MUST_CHECK bool restore_tables_run(const struct restore_settings *settings,
	const struct restore_tables *tables, struct err *err);

#endif
