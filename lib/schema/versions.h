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

/* Kinds of version tables. */
struct schema_kind {
	const char *column; /* of text, with the ids */
	bool anywhere; /* the first in the search path that exists counts, else only its first */
};
extern const struct schema_kind schema_heads; /* version_num: a row for every head */
extern const struct schema_kind schema_each; /* version: a row for every migration */

/*
 * `name` is "table" (in the search path, see `anywhere`; where it would be made when absent) or
 * "schema.table". A table without that text column is ERR_REFUSED: it is something else.
 */
MUST_CHECK bool schema_versions_read(struct db *db, const struct schema_kind *kind,
	const char *name, struct schema_versions *versions, struct err *err);
/*
 * An existing one, before it is written: ERR_REFUSED when its rows cannot be changed (a view of
 * something else, a table of another server), when a row wants more than an id; with `rights`
 * ERR_SQL when this role may not, as the server would say.
 */
MUST_CHECK bool schema_versions_writable(struct db *db, const struct schema_kind *kind,
	const struct schema_versions *versions, bool rights, struct err *err);
void schema_versions_release(struct schema_versions *versions);

/*
 * The same in two calls of db_pipeline(), beside which others may travel: where the table is, and,
 * when it exists, what it says. `asked` has to live as long as the calls.
 */
struct schema_asked {
	char *schema, *sql;
	const char *params[2];
};
void schema_asked_release(struct schema_asked *asked);
struct db_call schema_ask_place(
	const char *name, struct schema_asked *asked, struct schema_versions *versions);
MUST_CHECK bool schema_take_place(struct db *db, const struct schema_kind *kind,
	const struct db_call *call, struct schema_versions *versions, struct err *err);
struct db_call schema_ask_rows(const struct schema_kind *kind, struct schema_asked *asked,
	const struct schema_versions *versions);
/* The call may have been refused, with `err` filled in by db_pipeline(). */
MUST_CHECK bool schema_take_rows(struct db *db, const struct schema_kind *kind,
	const struct db_call *call, struct schema_versions *versions, struct err *err);

#endif
