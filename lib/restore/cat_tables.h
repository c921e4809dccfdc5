/*
 * What pg_restore has to say about single tables: their definitions with all that they need
 * (schemas, types, functions, sequences of their defaults), and all that is theirs (defaults,
 * indexes, constraints, triggers, policies, comments, privileges), but for foreign keys to tables
 * that are not chosen.
 */
#ifndef RESTORE_CAT_TABLES_H
#define RESTORE_CAT_TABLES_H

#include "base/strbuf.h"
#include "pack/reader.h"

struct cat_definitions {
	struct strbuf pre, post; /* SQL */
	struct strbuf sequences; /* their values */
};
void cat_definitions_release(struct cat_definitions *definitions);

/*
 * oids: the chosen tables; where a partitioned one is chosen, all of its partitions are among them.
 * ERR_FAILED without pg_restore.
 */
MUST_CHECK bool cat_definitions_read(struct pack_reader *reader, const uint32_t *oids, size_t count,
	struct cat_definitions *definitions, struct err *err);

#endif
