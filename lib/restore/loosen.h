/*
 * Constraints and triggers out of the way of rows that come in another order than theirs, and back,
 * within one transaction.
 */
#ifndef RESTORE_LOOSEN_H
#define RESTORE_LOOSEN_H

#include "db/db.h"

/* Foreign keys become deferred; to be gone on with. */
#define RESTORE_LOOSEN_FOREIGN_KEYS \
	"select pg_catalog.format('alter table %s alter constraint %I deferrable initially" \
	" deferred', conrelid::pg_catalog.regclass, conname), pg_catalog.format(" \
	"'alter table %s alter constraint %I %s', conrelid::pg_catalog.regclass, conname," \
	" case when condeferrable then 'deferrable initially immediate'" \
	" else 'not deferrable' end)" \
	" from pg_catalog.pg_constraint where contype = 'f' and conparentid = 0" \
	" and not condeferred"

/* sql gives two statements a row: one for now, and one for when the rows are in, into undo. */
MUST_CHECK bool restore_loosen(
	struct db *db, const char *sql, struct strvec *undo, struct err *err);
/* Behind "set constraints all immediate": none may have anything left to look at. */
MUST_CHECK bool restore_tighten(struct db *db, const struct strvec *undo, struct err *err);

#endif
