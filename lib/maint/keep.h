/*
 * The rows of mig.maintenance over a transaction in which everything in the database is made anew.
 */
#ifndef MAINT_KEEP_H
#define MAINT_KEEP_H

#include "db/db.h"

/* *kept: there was such a table; its rows are in a temporary one until the commit. */
MUST_CHECK bool maint_keep_aside(struct db *db, bool *kept, struct err *err);
/* What is in the table now gives way to them; the table is made when it is not there. */
MUST_CHECK bool maint_keep_back(struct db *db, struct err *err);

#endif
