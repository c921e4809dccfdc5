/*
 * Grades of a snapshot (safety 19): what was found out about its file since it was sealed.
 *
 *	sealed     hashed while it was written
 *	verified   every member opened, every hash computed anew
 *	proved     restored, and every row compared
 *	damaged    a reading found that it is not what was sealed
 *
 * They are kept in a file beside the snapshot, `<id>.grade.json` (docs/snapshot-format.md), and are
 * grades of this very file: with another size, modification time or manifest none of them counts.
 */
#ifndef BACKUP_GRADE_H
#define BACKUP_GRADE_H

#include "pack/reader.h"
#include "store/store.h"

enum grade { GRADE_DAMAGED, GRADE_SEALED, GRADE_VERIFIED, GRADE_PROVED };
const char *grade_word(enum grade grade);

/* How a grade came about. */
struct grade_act {
	char *grade; /* grade_word() */
	int64_t at_ms;
	char *host;
	char *tool; /* "mig 0.1.0" */
	int64_t ms; /* that it took: of "proved" the time to restore (RTO) */
	char *server; /* of "proved": version of the server; else NULL */
	char *why; /* of "damaged"; else NULL */
};
void grade_act_release(struct grade_act *act);

struct grade_record {
	enum grade grade; /* that counts */
	bool stale; /* there are grades, of a file that is not this one any more */
	PACK_LIST(struct grade_act) acts; /* of this file: at most one of each grade */
};
void grade_record_release(struct grade_record *record);
/* NULL: none of that grade. */
const struct grade_act *grade_record_act(const struct grade_record *record, enum grade grade);

/* "proved (restored in 41.2 s)", "verified", "DAMAGED: member .."; caller owns. */
char *grade_record_text(const struct grade_record *record);
/* Adds grade, and where known verified_at, proved_at, restore_seconds, damaged_at, damage. */
void grade_record_json(const struct grade_record *record, json_t *fields);

/* A snapshot's file `name` in a store, opened. */
struct grade_site {
	struct store *store; /* borrowed */
	const char *name;
	struct pack_reader *reader; /* borrowed */
};
/* The store that a file of this machine lies in, and its name there; close and free. */
MUST_CHECK bool grade_store_of_path(
	const char *path, struct store **store, char **name, struct err *err);

/* What cannot be read counts as nothing: such a snapshot is sealed. ERR_STORAGE: unreachable. */
MUST_CHECK bool grade_read(
	const struct grade_site *site, struct grade_record *record, struct err *err);
/*
 * Adds an act, durably. One of "damaged" removes the others, and the others remove it; host and
 * time are filled in when they are absent.
 */
MUST_CHECK bool grade_write(
	const struct grade_site *site, const struct grade_act *act, struct err *err);

#endif
