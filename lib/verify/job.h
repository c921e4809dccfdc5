/*
 * What mig-verify backup does, whole: reads a snapshot, restores it where that is asked for, keeps
 * the grades, and says what came out. A dump of pg_dump can only be read.
 */
#ifndef VERIFY_JOB_H
#define VERIFY_JOB_H

#include "backup/verify.h"
#include "restore/foreign.h"
#include "verify/restore.h"

struct verify_job {
	struct pack_reader *reader;
	struct backup_entry entry;
	char *tool; /* "mig 0.1.0" */
	bool forget; /* no grade is kept */
	struct backup_verified verified;
	struct verify_restored restored; /* server NULL: not restored */
	bool kept; /* the last grade */
	struct foreign_dump dump; /* FOREIGN_NONE: it is a snapshot */
	struct foreign_facts facts; /* of a dump */
};
void verify_job_release(struct verify_job *job);

/* All of what the word means. Grade verified, or (ERR_CORRUPT) damaged; of a dump none. */
MUST_CHECK bool verify_job_read(struct verify_job *job, const struct backup_find *find,
	const char *word, const struct backup_verify *how, struct err *err);
/* Grade proved. ERR_USAGE for a dump: there is nothing to compare its rows with. */
MUST_CHECK bool verify_job_restore(
	struct verify_job *job, const struct verify_restore *how, struct err *err);

/* What a program says: for people (appended), and under --json (new reference). */
void verify_job_lines(const struct verify_job *job, struct strvec *lines);
json_t *verify_job_json(const struct verify_job *job);

#endif
