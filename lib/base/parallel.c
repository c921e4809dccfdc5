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

struct range {
	parallel_work work;
	void *ctx;
	size_t from, to;
	pthread_t thread;
	bool threaded, done;
	struct err err;
};

static void *range_main(void *arg)
{
	struct range *range = arg;
	range->done = range->work(range->ctx, range->from, range->to, &range->err);
	return NULL;
}

static size_t ranges_for(size_t count, size_t least)
{
	size_t ranges = count / (least ? least : 1), most = (size_t)cores();
	if (most && ranges > most)
		ranges = most;
	return ranges > THREADS_MAX ? THREADS_MAX : ranges ? ranges : 1;
}

bool parallel_ranges(size_t count, size_t least, parallel_work work, void *ctx, struct err *err)
{
	struct range ranges[THREADS_MAX] = {0};
	size_t many = ranges_for(count, least);
	bool fine = true;
	for (size_t i = 0; i < many; i++) {
		ranges[i] = (struct range){.work = work,
			.ctx = ctx,
			.from = count * i / many,
			.to = count * (i + 1) / many};
		/* the last is the caller's, and so is what no thread could be had for */
		ranges[i].threaded = i + 1 < many && pthread_create(&ranges[i].thread, NULL,
							     range_main, &ranges[i]) == 0;
		if (!ranges[i].threaded)
			range_main(&ranges[i]);
	}
	for (size_t i = 0; i < many; i++) {
		if (ranges[i].threaded)
			pthread_join(ranges[i].thread, NULL);
		if (!ranges[i].done && fine)
			fine = err_move(err, &ranges[i].err);
		else
			err_release(&ranges[i].err);
	}
	return fine;
}
