/*
 * What mig-restore does, whole: keys, permission, loss report, consent, restore, swap. The program
 * gives settings and answers questions; it prints what the outcome says.
 */
#ifndef BACKUP_RESTORE_JOB_H
#define BACKUP_RESTORE_JOB_H

#include "backup/copies.h"
#include "backup/loss.h"
#include "backup/restore.h"
#include "backup/swap.h"
#include "backup/swap_permit.h"
#include "conf/config.h"

/* Borrowed throughout. */
struct restore_job_settings {
	const struct conf_env *env;
	struct db_params target; /* the live database; `stop` is asked while statements run */
	struct db *live; /* an open session there; NULL: it does not exist (--to-db only).
			    Closed and set to NULL before a swap: nobody may be in it. */
	const char *live_name;
	const char *mig_run; /* value of MIG_RUN or NULL */
	int64_t lock_wait_ms;
	const char *reason;
	const char *to_db; /* NULL: side by side */
	bool swap;
	const char *proof; /* NULL: a person decides */
	const struct strvec *proof_ignore;
	bool accept_loss, keep_failed, no_proof;
	int workers; /* 0: one per core */
	/* Shows the report; asks. Confirming refuses with ERR_REFUSED. */
	void (*show)(void *ctx, const struct loss_report *report);
	bool (*confirm)(void *ctx, enum swap_ask ask, const char *live_name, const char *question,
		struct err *err);
	void *ctx;
	struct log_sink *log;
};

struct restore_job {
	struct restore_job_settings *settings;
	struct db *server; /* in `postgres` */
	struct keys *keys; /* NULL until something is to be changed */
	struct copies_place place;
	struct copies_list copies;
	struct swap_request request;
	enum swap_ask ask;
};
#define RESTORE_JOB_INIT \
	{ \
		0 \
	}
void restore_job_release(struct restore_job *job);

/* What came out: zeroed parts did not happen. */
struct restore_job_outcome {
	struct restore_outcome restored;
	struct swap_outcome swapped;
};
void restore_job_outcome_release(struct restore_job_outcome *outcome);
/* What a program says: for people (appended) ... */
void restore_job_outcome_lines(const struct restore_job_outcome *outcome,
	const struct restore_job_settings *settings, struct strvec *lines);
/* ... and under --json; new reference. */
json_t *restore_job_outcome_json(const struct restore_job_outcome *outcome, const char *live_name);

/* Opens the session in `postgres` and reads the list of copies. */
MUST_CHECK bool restore_job_open(
	struct restore_job *job, struct restore_job_settings *settings, struct err *err);
/* The loss report alone. */
MUST_CHECK bool restore_job_report(
	struct restore_job *job, const struct pack_manifest *manifest, struct err *err);
MUST_CHECK bool restore_job_report_copy(
	struct restore_job *job, const struct copies_item *copy, struct err *err);
/* Restores a snapshot; swaps it in when the settings say so. */
MUST_CHECK bool restore_job_snapshot(struct restore_job *job, struct pack_reader *reader,
	struct restore_job_outcome *outcome, struct err *err);
/* Swaps a copy in; ERR_REFUSED for one that is not proved. */
MUST_CHECK bool restore_job_swap(struct restore_job *job, const struct copies_item *copy,
	struct restore_job_outcome *outcome, struct err *err);
MUST_CHECK bool restore_job_drop(
	struct restore_job *job, const struct copies_item *copy, struct err *err);

#endif
