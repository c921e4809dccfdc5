/*
 * Marks: what was decided about a snapshot after it was sealed. A snapshot's file never changes, so
 * each mark is a small JSON file beside it in its store, `<id>.<mark>.json`. What was found out
 * about the file itself is kept likewise: grade.h.
 */
#ifndef BACKUP_MARKS_H
#define BACKUP_MARKS_H

#include "store/store.h"
#include <jansson.h>

#define BACKUP_MARK_KEEP "keep" /* {"at", "who", "reason"}: nothing of mig removes it */

/* Name of the mark's file beside that of the snapshot ("<id>.mig.tar"); caller owns. */
char *backup_mark_name(const char *file, const char *mark);
/* Borrows fields. */
MUST_CHECK bool backup_mark_set(struct store *store, const char *file, const char *mark,
	const json_t *fields, struct err *err);
/* *fields: new reference, NULL when there is no such mark. */
MUST_CHECK bool backup_mark_get(
	struct store *store, const char *file, const char *mark, json_t **fields, struct err *err);
/* Absent is fine. */
MUST_CHECK bool backup_mark_clear(
	struct store *store, const char *file, const char *mark, struct err *err);
/* To a copy of the snapshot in another store, if there is one. */
MUST_CHECK bool backup_mark_copy(struct store *from, const char *file, struct store *to,
	const char *copy, const char *mark, struct err *err);

#endif
