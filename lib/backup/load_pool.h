/*
 * Several sessions on one database working through a list of jobs. The first failure stops all:
 * running statements are cancelled, nothing new is begun, and that failure is the one returned.
 */
#ifndef BACKUP_LOAD_POOL_H
#define BACKUP_LOAD_POOL_H

#include "db/db.h"

struct load_pool;

struct load_worker {
	struct db *db;
	const struct load_pool *pool;
	void *state; /* internal */
};

enum load_next {
	LOAD_NEXT_JOB,
	LOAD_NEXT_WAIT, /* ask again when a running job has ended */
	LOAD_NEXT_NONE,
};

struct load_pool {
	struct db_params params;
	int workers; /* at least 1; never more than jobs */
	size_t jobs;
	/* Once per session, before its first job; may be NULL. */
	bool (*setup)(struct load_worker *worker, struct err *err);
	/*
	 * Which job is the next, and that one has ended; called one at a time. NULL: in order. One
	 * may only wait while a job runs.
	 */
	enum load_next (*next)(void *ctx, size_t *job);
	void (*ended)(void *ctx, size_t job);
	/* Called from several threads. */
	bool (*run)(struct load_worker *worker, size_t job, struct err *err);
	/* Asked between jobs and by load_worker_go_on(); true: end with ERR_SIGNAL. May be NULL. */
	bool (*cancelled)(void *cancel_ctx);
	void *cancel_ctx;
	void *ctx; /* for setup and run */
};

MUST_CHECK bool load_pool_run(const struct load_pool *pool, struct err *err);
/* For long jobs, between chunks: false (with err) when another worker failed or on cancel. */
MUST_CHECK bool load_worker_go_on(struct load_worker *worker, struct err *err);

#endif
