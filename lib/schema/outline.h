/*
 * The schema of a database as lines of text, one per object, in byte order: for comparing databases
 * of one server. Definitions are those that the server writes itself, with nothing in the search
 * path; owners and rights are left out, so is what extensions brought, and schema mig.
 */
#ifndef SCHEMA_OUTLINE_H
#define SCHEMA_OUTLINE_H

#include "db/db.h"

/* Without the table of this name (its schema too, NULL: none). Reads only. */
MUST_CHECK bool schema_outline(struct db *db, const char *without_schema, const char *without_table,
	struct strvec *lines, struct err *err);
/* Lines that only one of two outlines has, each with "-" (first) or "+" before it; appended. */
void schema_outline_compare(
	const struct strvec *first, const struct strvec *second, struct strvec *differences);

#endif
