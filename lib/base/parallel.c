#include "base/parallel.h"

#include <pthread.h>
#include <unistd.h>

enum {
	THREADS_MAX = 8,
	WORKERS_MAX = 64, /* of those that nobody asked for */
	WORKERS_BLIND = 2, /* where nobody can say how many cores there are */
};

static int cores(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count > 0 ? (int)count : 0;
}

int parallel_workers(int64_t asked)
{
	int count = cores();
	if (asked > 0)
		return (int)asked;
	return !count ? WORKERS_BLIND : count < WORKERS_MAX ? count : WORKERS_MAX;
}

struct parallel_queue {
	parallel_piece work;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void **pieces;
	size_t count, alloc, taken;
	bool ended; /* no more will come */
	pthread_t threads[THREADS_MAX];
	int threads_count, threads_most;
};

/* Until there is none left, and none to come. */
static void *work_off(void *arg)
{
	struct parallel_queue *queue = arg;
	pthread_mutex_lock(&queue->lock);
	for (;;) {
		while (queue->taken == queue->count && !queue->ended)
			pthread_cond_wait(&queue->changed, &queue->lock);
		if (queue->taken == queue->count)
			break;
		void *piece = queue->pieces[queue->taken++];
		pthread_mutex_unlock(&queue->lock);
		queue->work(piece);
		pthread_mutex_lock(&queue->lock);
	}
	pthread_mutex_unlock(&queue->lock);
	return NULL;
}

struct parallel_queue *parallel_queue_new(parallel_piece work)
{
	struct parallel_queue *queue = xcalloc(1, sizeof(*queue));
	int others = cores() - 1;
	queue->work = work;
	queue->threads_most = others > THREADS_MAX ? THREADS_MAX : others;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->changed, NULL);
	return queue;
}

/* Where none can be had, those there are do it, or the caller alone. */
static void add_thread(struct parallel_queue *queue)
{
	pthread_t *thread = &queue->threads[queue->threads_count];
	if (pthread_create(thread, NULL, work_off, queue) == 0)
		queue->threads_count++;
	else
		queue->threads_most = queue->threads_count;
}

void parallel_queue_add(struct parallel_queue *queue, void *piece)
{
	pthread_mutex_lock(&queue->lock);
	xgrow(queue->pieces, queue->count, queue->alloc);
	queue->pieces[queue->count++] = piece;
	bool more = queue->count > 1 && queue->threads_count < queue->threads_most;
	pthread_cond_signal(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
	if (more)
		add_thread(queue);
}

void parallel_queue_end(struct parallel_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->ended = true;
	pthread_cond_broadcast(&queue->changed);
	pthread_mutex_unlock(&queue->lock);
	work_off(queue);
	for (int i = 0; i < queue->threads_count; i++)
		pthread_join(queue->threads[i], NULL);
	pthread_cond_destroy(&queue->changed);
	pthread_mutex_destroy(&queue->lock);
	free(queue->pieces);
	free(queue);
}

struct range {
	parallel_work work;
	void *ctx;
	size_t from, to;
	bool done;
	struct err err;
};

static void do_range(void *piece)
{
	struct range *range = piece;
	range->done = range->work(range->ctx, range->from, range->to, &range->err);
}

bool parallel_ranges(size_t count, size_t length, parallel_work work, void *ctx, struct err *err)
{
	size_t many = (count + length - 1) / length;
	struct range *ranges = xcalloc(many + 1, sizeof(*ranges));
	struct parallel_queue *queue = parallel_queue_new(do_range);
	for (size_t i = 0; i < many; i++) {
		size_t from = i * length, to = i + 1 < many ? from + length : count;
		ranges[i] = (struct range){.work = work, .ctx = ctx, .from = from, .to = to};
		parallel_queue_add(queue, &ranges[i]);
	}
	parallel_queue_end(queue);
	bool fine = true;
	for (size_t i = 0; i < many; i++) {
		if (!ranges[i].done && fine)
			fine = err_move(err, &ranges[i].err);
		else
			err_release(&ranges[i].err);
	}
	free(ranges);
	return fine;
}
