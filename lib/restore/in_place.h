/*
 * A snapshot over the live database itself, for roles that may not make databases: everything that
 * the role owns goes, the snapshot comes, its rows are proved, all in one transaction of one
 * session. Any failure is a rollback; others wait or see the old state until the commit.
 */
#ifndef RESTORE_IN_PLACE_H
#define RESTORE_IN_PLACE_H

#include "restore/restore.h"

/* ERR_REFUSED with all that stands in the way; `live`: an open session, nothing is changed. */
MUST_CHECK bool restore_in_place_check(
	const struct restore_settings *settings, struct db *live, struct err *err);
MUST_CHECK bool restore_in_place(
	const struct restore_settings *settings, struct restore_outcome *outcome, struct err *err);

#endif
