/*
 * Several sessions on one database working through a list of jobs. The first failure stops all:
 * running statements are cancelled, nothing new is begun, and that failure is the one returned.
 */
#ifndef DB_POOL_H
#define DB_POOL_H

#include "db/db.h"

struct db_pool;

struct db_worker {
	struct db *db;
	const struct db_pool *pool;
	void *state; /* internal */
};

enum db_next {
	DB_NEXT_JOB,
	DB_NEXT_WAIT, /* ask again when a running job has ended */
	DB_NEXT_NONE,
};

struct db_pool {
	struct db_params params;
	int workers; /* at least 1; never more than jobs */
	size_t jobs;
	/* Once per session, before its first job; may be NULL. */
	bool (*setup)(struct db_worker *worker, struct err *err);
	/*
	 * Which job is the next, and that one has ended; called one at a time. NULL: in order. One
	 * may only wait while a job runs.
	 */
	enum db_next (*next)(void *ctx, size_t *job);
	void (*ended)(void *ctx, size_t job);
	/* Called from several threads. */
	bool (*run)(struct db_worker *worker, size_t job, struct err *err);
	/* Asked between jobs and by db_worker_go_on(); true: end with ERR_SIGNAL. May be NULL. */
	bool (*cancelled)(void *cancel_ctx);
	void *cancel_ctx;
	void *ctx; /* for setup and run */
};

MUST_CHECK bool db_pool_run(const struct db_pool *pool, struct err *err);
/* For long jobs, between chunks: false (with err) when another worker failed or on cancel. */
MUST_CHECK bool db_worker_go_on(struct db_worker *worker, struct err *err);

#endif
