/*
 * Going on with a copy that a restore left half-made. There is no journal that could be wrong: what
 * is in the copy says how far it came. Definitions are marked complete (copies/copies.h); rows that
 * are as the snapshot says stay, others go and are loaded again; indexes, constraints and whatever
 * else comes behind the rows is made anew.
 */
#ifndef RESTORE_RESUME_H
#define RESTORE_RESUME_H

#include "restore/restore.h"

struct restore_resume {
	bool *loaded; /* by index of the manifest's tables: its rows are in, and were compared */
	bool large_objects; /* they are all in */
	int64_t tables, rows; /* that need not be loaded */
};
void restore_resume_release(struct restore_resume *resume);

/* May this copy be gone on with? ERR_REFUSED: another snapshot, complete, or made otherwise. */
MUST_CHECK bool restore_resume_check(
	const struct restore_settings *settings, const struct copies_item *copy, struct err *err);
/* Ends what a dead program still does in it, looks, and clears what is not whole. */
MUST_CHECK bool restore_resume_prepare(const struct restore_settings *settings, struct db *server,
	const struct copies_item *copy, struct restore_resume *resume, struct err *err);

#endif
