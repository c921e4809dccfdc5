/*
 * One side of a comparison: what a snapshot or a database holds, table by table. A partitioned
 * table is one unit with all its leaves, in its own column order: how rows are routed does not
 * count.
 */
#ifndef LOSS_SIDE_H
#define LOSS_SIDE_H

#include "compare/measure.h"

struct loss_leaf {
	char *schema, *name;
};
struct loss_unit {
	char *schema, *name;
	uint32_t oid;
	struct strvec columns;
	PACK_LIST(struct loss_leaf) leaves; /* tables that hold its rows; none in a snapshot */
	bool unknown; /* mig's own state: not compared */
	bool counted; /* only the number of rows is known, the columns differ */
	struct strvec key; /* columns of its primary key, else of a unique index; may be empty */
	struct pack_content content;
};
struct loss_side {
	PACK_LIST(struct loss_unit) units; /* by schema, name */
};

void loss_side_release(struct loss_side *side);
/* NULL when absent. */
struct loss_unit *loss_side_find(
	const struct loss_side *side, const char *schema, const char *name);

/* What tells rows of both apart: the live table's key, if the other has its columns; else empty. */
const struct strvec *loss_unit_common_key(
	const struct loss_unit *live, const struct loss_unit *other);

/* With contents, as the manifest says. */
void loss_side_of_snapshot(const struct pack_manifest *manifest, struct loss_side *side);
/*
 * Names, columns and keys; no contents yet. Without extensions' tables and mig's own state. In a
 * transaction of the caller's.
 */
MUST_CHECK bool loss_side_of_database(struct db *db, struct loss_side *side, struct err *err);
/*
 * Reads the rows of every unit. Where `other` has the unit with the same columns, they are hashed
 * in its order; else they are counted.
 */
MUST_CHECK bool loss_side_measure(const struct compare_measure *measure, struct loss_side *side,
	const struct loss_side *other, struct err *err);

#endif
