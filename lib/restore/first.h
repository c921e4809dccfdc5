/*
 * Definitions before the rows, divided: what the largest tables need, and all that needs them, is
 * made first, so that their rows come in while one session makes the rest
 * (docs/decisions/039).
 */
#ifndef RESTORE_FIRST_H
#define RESTORE_FIRST_H

#include "db/db.h"
#include "pack/manifest.h"
#include "schema/toc.h"

struct restore_first {
	char *list, *rest; /* for pg_restore; NULL: everything is made before the rows */
	bool *early; /* by place in the manifest: may be loaded while the rest is made */
};
void restore_first_release(struct restore_first *first);

/* Which, by what the table of contents says of dependencies. Pure. */
void restore_first_plan(struct toc *toc, const struct pack_manifest *manifest, int workers,
	struct restore_first *first);
/* Asks the database, where the first list has been made: what is not the plainest table waits. */
MUST_CHECK bool restore_first_check(struct restore_first *first,
	const struct pack_manifest *manifest, struct db *db, struct err *err);

#endif
