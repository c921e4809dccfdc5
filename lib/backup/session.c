#include "backup/session.h"

#include "db/copy_session.h"

/*
 * What changes the text of definitions and conditions, not that of rows; and no plan but the plain
 * one: compiling a scan costs more than it saves, parallel ones change the order of rows.
 */
static const char more[] =
	"set quote_all_identifiers = off; set transform_null_equals = off; set jit = off;"
	" set max_parallel_workers_per_gather = 0; set enable_tidscan = on";

bool backup_session_open(const struct db_params *params, struct db **db, struct err *err)
{
	CLEANUP(db_close_auto) struct db *opened = NULL;
	if (!db_open(params, &opened, err) || !db_copy_session(opened, NULL, err) ||
		!db_exec(opened, err, more))
		return false;
	*db = xtake(&opened);
	return true;
}

bool backup_session_import(struct db *db, const char *snapshot, struct db_tx *tx, struct err *err)
{
	AUTO_FREE char *literal = db_literal(db, snapshot);
	return db_begin(db, tx, "isolation level repeatable read, read only", err) &&
	       db_execf(db, err, "set transaction snapshot %s", literal);
}
