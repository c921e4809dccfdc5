/*
 * The version table of a migration tool: where it is and what it says.
 */
#ifndef SCHEMA_VERSIONS_H
#define SCHEMA_VERSIONS_H

#include "db/db.h"

struct schema_versions {
	char *schema, *table;
	char *qualified; /* quoted, for SQL */
	bool exists;
	int width; /* characters that fit into version_num; 0: no limit */
	struct strvec rows; /* in byte order */
};

/*
 * `name` is "table" (first of the search path; where it would be made when absent) or
 * "schema.table". A table without a text column version_num is ERR_REFUSED: it is something else.
 */
MUST_CHECK bool schema_versions_read(
	struct db *db, const char *name, struct schema_versions *versions, struct err *err);
/*
 * The same for tables with one row per migration in a text column `version`; a name without schema
 * is in the first schema of the search path, and nowhere else.
 */
MUST_CHECK bool schema_versions_read_each(
	struct db *db, const char *name, struct schema_versions *versions, struct err *err);
void schema_versions_release(struct schema_versions *versions);

#endif
