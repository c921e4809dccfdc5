/*
 * What mig-restore works with, whole: keys, permission, loss report, consent, restore, swap. The
 * program gives settings and answers questions; the verbs (verbs.h) act on the job.
 */
#ifndef RESTORE_JOB_H
#define RESTORE_JOB_H

#include "backup/catalog.h"
#include "conf/config.h"
#include "copies/copies.h"
#include "loss/loss.h"
#include "restore/restore.h"
#include "restore/verbs.h"
#include "swap/permit.h"
#include "swap/swap.h"

/* Borrowed throughout. */
struct restore_job_settings {
	const struct conf_env *env;
	struct db_params target; /* the live database; `stop` is asked while statements run */
	struct db *live; /* an open session there; NULL: it does not exist.
			    Closed and set to NULL before a swap: nobody may be in it. */
	const char *live_name;
	const char *(*getenv)(const char *name); /* for ENV:SNAPSHOT */
	const char *mig_run; /* value of MIG_RUN or NULL */
	int64_t lock_wait_ms;
	bool preempt_backup;
	const char *reason;
	const char *tool; /* "mig 0.1.0" */
	/* Shows the report; asks. Confirming refuses with ERR_REFUSED. */
	void (*show)(void *ctx, const struct loss_report *report);
	bool (*confirm)(void *ctx, enum swap_ask ask, const char *live_name, const char *question,
		struct err *err);
	void *ctx;
	struct log_sink *log;
};

struct restore_job {
	struct restore_job_settings *settings;
	const struct restore_ask *ask;
	int workers;
	struct db *server; /* in `postgres` */
	struct keys *keys; /* NULL until something is to be changed */
	struct copies_place place;
	struct copies_list copies;
	struct swap_request request;
	enum swap_ask consent;
	const struct backup_entry *snapshot; /* that is restored; NULL: not the verb SNAPSHOT */
};
void restore_job_release(struct restore_job *job);

/* Opens the session in `postgres` and reads the list of copies. */
MUST_CHECK bool restore_job_open(struct restore_job *job, struct restore_job_settings *settings,
	const struct restore_ask *ask, struct err *err);
/* The run key, or kinship: something is to be changed. */
MUST_CHECK bool restore_job_keys(struct restore_job *job, struct err *err);
/* Asked by long work: has a person interrupted it? ctx: the job's settings->target. */
bool restore_job_cancelled(void *target);
/* How the room restores, as it was asked. */
struct restore_settings restore_job_settings_of(
	const struct restore_job *job, struct pack_reader *reader);

/* Keeps the grade `proved` beside the snapshot when it was; says "graded" (grade.c). */
void restore_job_grade(struct restore_job *job, struct pack_reader *reader,
	const struct restore_outcome *restored, struct restore_answer *answer);

/* --- ways to restore, rows of modes.c ------------------------------------------------- */

/* Single tables into a schema of the live database (rescue.c). */
MUST_CHECK bool restore_job_tables(struct restore_job *job, struct pack_reader *reader,
	struct restore_answer *answer, struct err *err);

/* Over the live database, in one transaction (over.c). */
MUST_CHECK bool restore_job_in_place(struct restore_job *job, struct pack_reader *reader,
	struct restore_answer *answer, struct err *err);

/* A dump of pg_dump: beside the live database, or with --to-db (dump.c). */
struct foreign_dump;
MUST_CHECK bool restore_job_foreign(struct restore_job *job, const struct foreign_dump *dump,
	struct restore_answer *answer, struct err *err);

/* --- the loss report, and what a person says to it (consent.c) ------------------------ */

MUST_CHECK bool restore_job_report(
	struct restore_job *job, struct pack_reader *reader, struct err *err);
MUST_CHECK bool restore_job_report_copy(
	struct restore_job *job, const struct copies_item *copy, struct err *err);
struct loss_settings restore_job_loss_settings(struct restore_job *job);
/* --accept-loss, then the question that the policy asks. */
MUST_CHECK bool restore_job_consent(struct restore_job *job, struct err *err);
/* Fills the request and the question out of policy and keys. made_ms: of the snapshot, 0: none. */
MUST_CHECK bool restore_job_policy(struct restore_job *job, int64_t made_ms, struct err *err);

/* --- swapping (swap.c) --------------------------------------------------------------------- */

/* Everything that is not in a partial snapshot would be gone: ERR_REFUSED without a reason. */
MUST_CHECK bool restore_job_part_is_meant(
	const struct restore_job *job, bool partial, struct err *err);
/* Everything that can refuse, before anything is made or asked. copy NULL: it is yet to be made. */
MUST_CHECK bool restore_job_may_swap(
	struct restore_job *job, const struct copies_item *copy, int64_t made_ms, struct err *err);
/*
 * A copy that came out of a dump just now: what swap COPY does with it. `may` before it is made:
 * what the loss report will say is accepted unseen, or not at all.
 */
MUST_CHECK bool restore_job_may_swap_dump(struct restore_job *job, struct err *err);
MUST_CHECK bool restore_job_swap_dump(struct restore_job *job, const struct copies_item *copy,
	struct restore_answer *answer, struct err *err);
/* A copy that was restored just now; the lease of maintenance may have ended meanwhile. */
MUST_CHECK bool restore_job_swap_restored(struct restore_job *job,
	const struct restore_outcome *restored, struct restore_answer *answer, struct err *err);
MUST_CHECK bool restore_job_swap_in(struct restore_job *job, const char *copy, uint32_t copy_oid,
	struct restore_answer *answer, struct err *err);

#endif
