/*
 * What a worker takes at once: a whole table, or a range of blocks of one.
 */
#ifndef BACKUP_CREATE_PARTS_H
#define BACKUP_CREATE_PARTS_H

#include "db/db.h"
#include "pack/manifest.h"

/* How large a table is, and whether a range of its blocks can be read alone. */
struct create_size {
	int64_t bytes; /* on disk, with TOAST */
	int64_t blocks; /* of the heap; 0: it cannot be read by ranges */
};

struct create_part {
	struct pack_table *table; /* NULL: the large objects */
	int number; /* within its table, from 0: order of parts is COPY order */
	int64_t from, to; /* blocks; to 0: up to the end, whatever was added meanwhile */
	int64_t weight; /* bytes on disk */
};

struct create_parts {
	struct create_part *items;
	size_t count, alloc;
	int64_t total; /* sum of the weights, for the progress */
};
void create_parts_release(struct create_parts *parts);

/* Cuts the tables for so many workers, the heaviest parts first; emptied ones have none. */
void create_parts_plan(struct pack_manifest *manifest, const struct create_size *sizes, int workers,
	struct create_parts *parts);
/* The COPY statement of one; caller owns. */
char *create_part_query(struct db *db, const struct create_part *part);
/* How its members' names begin; caller owns. */
char *create_part_prefix(const struct create_part *part);

#endif
