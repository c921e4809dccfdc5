/*
 * Definitions of one table, as pg_restore writes them, for a table of that name in another schema.
 * Pure.
 */
#ifndef RESTORE_RETARGET_H
#define RESTORE_RETARGET_H

#include "base/err.h"

/*
 * text: pg_restore's, of one TABLE entry. *sql: CREATE TABLE `table` (quoted) with columns, types,
 * defaults, checks and storage parameters; of a partitioned table a plain one. Caller owns.
 * ERR_REFUSED for a table that takes columns from another (INHERITS); `name` is for messages.
 */
MUST_CHECK bool restore_retarget_table(
	const char *text, const char *table, const char *name, char **sql, struct err *err);
/* An index, primary key, unique or exclusion constraint; NULL: of another form. Caller owns. */
char *restore_retarget_index(const char *sql, const char *table);

#endif
