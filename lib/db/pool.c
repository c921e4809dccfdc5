#include "db/pool.h"
#include <pthread.h>

struct shared {
	const struct db_pool *pool;
	pthread_mutex_t mutex;
	pthread_cond_t changed; /* a job has ended, or all are to stop */
	size_t next;
	bool stopped;
	struct err err; /* of the first that failed */
	struct thread *threads;
	int count;
};

struct thread {
	struct shared *shared;
	struct db_worker worker;
	pthread_t id;
	bool started;
};

/* The others' statements end too; their own errors are consequences and are dropped. */
static void fail(struct shared *shared, struct err *err)
{
	pthread_mutex_lock(&shared->mutex);
	if (!shared->stopped) {
		shared->stopped = true;
		err_move(&shared->err, err);
		for (int i = 0; i < shared->count; i++)
			if (shared->threads[i].worker.db)
				db_cancel(shared->threads[i].worker.db);
		pthread_cond_broadcast(&shared->changed);
	}
	pthread_mutex_unlock(&shared->mutex);
}

static bool is_stopped(struct shared *shared)
{
	pthread_mutex_lock(&shared->mutex);
	bool stopped = shared->stopped;
	pthread_mutex_unlock(&shared->mutex);
	return stopped;
}

bool db_worker_go_on(struct db_worker *worker, struct err *err)
{
	const struct db_pool *pool = worker->pool;
	if (is_stopped(worker->state))
		return err_set(err, ERR_FAILED, "another worker failed");
	if (pool->cancelled && pool->cancelled(pool->cancel_ctx))
		return err_set(err, ERR_SIGNAL, "interrupted");
	return true;
}

static enum db_next next_job(struct shared *shared, size_t *job)
{
	const struct db_pool *pool = shared->pool;
	if (shared->stopped)
		return DB_NEXT_NONE;
	if (pool->next)
		return pool->next(pool->ctx, job);
	*job = shared->next;
	return shared->next < pool->jobs ? (shared->next++, DB_NEXT_JOB) : DB_NEXT_NONE;
}

static bool take_job(struct shared *shared, size_t *job)
{
	enum db_next next;
	pthread_mutex_lock(&shared->mutex);
	while ((next = next_job(shared, job)) == DB_NEXT_WAIT)
		pthread_cond_wait(&shared->changed, &shared->mutex);
	pthread_mutex_unlock(&shared->mutex);
	return next == DB_NEXT_JOB;
}

static void end_job(struct shared *shared, size_t job)
{
	pthread_mutex_lock(&shared->mutex);
	if (shared->pool->ended)
		shared->pool->ended(shared->pool->ctx, job);
	pthread_cond_broadcast(&shared->changed);
	pthread_mutex_unlock(&shared->mutex);
}

/* The session is seen by fail() only while it is open. */
static bool open_worker(struct thread *thread, struct err *err)
{
	struct db *db = NULL;
	if (!db_open(&thread->shared->pool->params, &db, err))
		return false;
	pthread_mutex_lock(&thread->shared->mutex);
	thread->worker.db = db;
	pthread_mutex_unlock(&thread->shared->mutex);
	return true;
}

static void close_worker(struct thread *thread)
{
	pthread_mutex_lock(&thread->shared->mutex);
	struct db *db = xtake(&thread->worker.db);
	pthread_mutex_unlock(&thread->shared->mutex);
	db_close(db);
}

static bool work(struct thread *thread, struct err *err)
{
	const struct db_pool *pool = thread->shared->pool;
	size_t job;
	if (!open_worker(thread, err) || (pool->setup && !pool->setup(&thread->worker, err)))
		return false;
	while (take_job(thread->shared, &job)) {
		if (!db_worker_go_on(&thread->worker, err) || !pool->run(&thread->worker, job, err))
			return false;
		end_job(thread->shared, job);
	}
	return true;
}

static void *thread_main(void *argument)
{
	struct thread *thread = argument;
	AUTO_ERR(err);
	if (!work(thread, &err))
		fail(thread->shared, &err);
	close_worker(thread);
	return NULL;
}

static void start_all(struct shared *shared)
{
	for (int i = 0; i < shared->count; i++) {
		struct thread *thread = &shared->threads[i];
		thread->shared = shared;
		thread->worker = (struct db_worker){.pool = shared->pool, .state = shared};
		if (pthread_create(&thread->id, NULL, thread_main, thread)) {
			AUTO_ERR(err);
			err_set(&err, ERR_FAILED, "no thread for a worker");
			fail(shared, &err);
			return;
		}
		thread->started = true;
	}
}

bool db_pool_run(const struct db_pool *pool, struct err *err)
{
	struct shared shared = {.pool = pool};
	if (!pool->jobs)
		return true;
	shared.count = pool->workers < 1 ? 1 : pool->workers;
	if ((size_t)shared.count > pool->jobs)
		shared.count = (int)pool->jobs;
	shared.threads = xcalloc((size_t)shared.count, sizeof(shared.threads[0]));
	pthread_mutex_init(&shared.mutex, NULL);
	pthread_cond_init(&shared.changed, NULL);
	start_all(&shared);
	for (int i = 0; i < shared.count; i++)
		if (shared.threads[i].started)
			pthread_join(shared.threads[i].id, NULL);
	pthread_cond_destroy(&shared.changed);
	pthread_mutex_destroy(&shared.mutex);
	free(shared.threads);
	return shared.stopped ? err_move(err, &shared.err) : true;
}
