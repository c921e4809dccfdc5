/*
 * Schemas that mig makes in the live database, for single tables out of snapshots. COMMENT ON
 * SCHEMA holds a mark as that of copies (copies.h), with the schema's own OID; what has none is
 * somebody else's, and is never touched.
 */
#ifndef COPIES_SCHEMAS_H
#define COPIES_SCHEMAS_H

#include "copies/copies.h"

#define SCHEMAS_PURPOSE "tables"

struct schemas_item {
	char *name;
	struct copies_mark mark;
	int64_t tables, bytes;
};
struct schemas_list {
	struct schemas_item *items;
	size_t count, alloc;
};
void schemas_list_release(struct schemas_list *list);

/* Those with a mark. */
MUST_CHECK bool schemas_read(struct db *db, struct schemas_list *list, struct err *err);
/* NULL: none of ours bears that name. Points into list. */
const struct schemas_item *schemas_find(const struct schemas_list *list, const char *name);
/* "rescue    tables of 2026-11.., 3 tables, 1.8 MiB, made .."; caller owns. */
char *schemas_item_line(const struct schemas_item *item);
json_t *schemas_list_json(const struct schemas_list *list); /* new reference */

/* In a transaction: makes and marks it, unless it is there and marked. ERR_REFUSED: another's. */
MUST_CHECK bool schemas_make(
	struct db *db, const char *name, const struct copies_mark *mark, struct err *err);
/* With all that is in it; ERR_REFUSED when something elsewhere was built upon it. */
MUST_CHECK bool schemas_drop(struct db *db, const struct schemas_item *item, struct err *err);

#endif
