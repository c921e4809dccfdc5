/*
 * Rows brought back: those of a table in a schema of rescued tables (copies/schemas.h) whose key
 * the live table does not have. Counted first, one transaction; rows that are there are never
 * changed.
 */
#ifndef RESTORE_ROWS_H
#define RESTORE_ROWS_H

#include "db/db.h"
#include "db/keys.h"

struct rows_settings {
	struct db_params target;
	struct keys *keys; /* NULL: only counted */
	const char *table; /* "schema.table", the live one */
	const char *schema; /* where the rescued one of that name is */
	const struct strvec *key; /* columns; empty: the primary key */
	bool no_triggers; /* the owner's triggers do not fire */
	/* Asked between counting and bringing back; may be NULL. */
	bool (*agree)(void *ctx, int64_t missing, struct err *err);
	void *ctx;
};
struct rows_outcome {
	int64_t missing; /* keys that the live table does not have */
	int64_t unkeyed; /* rows whose key is NULL somewhere: they stay where they are */
	int64_t inserted;
	int64_t altered; /* of those, rows that a trigger made into others */
	struct strvec left; /* columns that the live table does not have */
	struct strvec moved; /* sequences that were moved up */
};
void rows_outcome_release(struct rows_outcome *outcome);

/* ERR_USAGE: no key. ERR_NOTFOUND: no such table or column. ERR_REFUSED: not a rescued table. */
MUST_CHECK bool rows_bring_back(
	const struct rows_settings *settings, struct rows_outcome *outcome, struct err *err);

#endif
