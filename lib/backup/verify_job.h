/*
 * What mig-verify backup does, whole: reads a snapshot, restores it where that is asked for, keeps
 * the grades, and says what came out.
 */
#ifndef BACKUP_VERIFY_JOB_H
#define BACKUP_VERIFY_JOB_H

#include "backup/verify.h"
#include "backup/verify_restore.h"

struct verify_job {
	struct pack_reader *reader;
	struct backup_entry entry;
	char *tool; /* "mig 0.1.0" */
	bool forget; /* no grade is kept */
	struct backup_verified verified;
	struct verify_restored restored; /* server NULL: not restored */
	bool kept; /* the last grade */
};
void verify_job_release(struct verify_job *job);

/* Grade verified, or (ERR_CORRUPT) damaged. */
MUST_CHECK bool verify_job_members(
	struct verify_job *job, const struct backup_verify *how, struct err *err);
/* Grade proved. */
MUST_CHECK bool verify_job_restore(
	struct verify_job *job, const struct verify_restore *how, struct err *err);

/* What a program says: for people (appended), and under --json (new reference). */
void verify_job_lines(const struct verify_job *job, struct strvec *lines);
json_t *verify_job_json(const struct verify_job *job);

#endif
