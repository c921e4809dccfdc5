#include "backup/throttle.h"

#include "base/clock.h"

enum {
	PIECE = 64 << 10,
	BURST_MS = 100, /* what was not used is kept for so long */
	LOOK_MS = 100,
};

void throttle_init(struct throttle *throttle, int64_t rate)
{
	*throttle = (struct throttle){.rate = rate};
	pthread_mutex_init(&throttle->lock, NULL);
}

void throttle_take(struct throttle *throttle, size_t bytes, int64_t *at_ms)
{
	double earliest = (double)clock_monotonic_ms() - BURST_MS;
	pthread_mutex_lock(&throttle->lock);
	if (throttle->due_ms < earliest)
		throttle->due_ms = earliest;
	throttle->due_ms += (double)bytes * 1000 / (double)throttle->rate;
	*at_ms = (int64_t)throttle->due_ms;
	pthread_mutex_unlock(&throttle->lock);
}

/* --- a writer --------------------------------------------------------------------------------- */

struct slow_writer {
	struct io_writer base;
	struct io_writer *to;
	struct throttle throttle;
	bool (*cancelled)(void *ctx);
	void *ctx;
};

static bool stopped(const struct slow_writer *slow, struct err *err)
{
	if (!slow->cancelled || !slow->cancelled(slow->ctx))
		return false;
	return !err_set(err, ERR_SIGNAL, "interrupted");
}

static bool wait_until(const struct slow_writer *slow, int64_t at_ms, struct err *err)
{
	for (;;) {
		int64_t left = at_ms - clock_monotonic_ms();
		if (left <= 0)
			return true;
		if (stopped(slow, err))
			return false;
		clock_sleep_ms(left < LOOK_MS ? left : LOOK_MS);
	}
}

static bool slow_write(struct io_writer *w, const void *bytes, size_t length, struct err *err)
{
	struct slow_writer *slow = (struct slow_writer *)w;
	const char *next = bytes;
	while (length) {
		size_t piece = length < PIECE ? length : PIECE;
		int64_t at_ms;
		throttle_take(&slow->throttle, piece, &at_ms);
		if (!wait_until(slow, at_ms, err) || !io_write(slow->to, next, piece, err))
			return false;
		next += piece;
		length -= piece;
	}
	return true;
}

static bool slow_commit(struct io_writer *w, struct err *err)
{
	return io_commit(((struct slow_writer *)w)->to, err);
}

static void slow_close(struct io_writer *w)
{
	io_writer_close(((struct slow_writer *)w)->to);
	free(w);
}

static const struct io_writer_ops slow_ops = {slow_write, slow_commit, slow_close};

struct io_writer *throttle_writer(
	struct io_writer *to, int64_t rate, bool (*cancelled)(void *ctx), void *ctx)
{
	struct slow_writer *slow = xcalloc(1, sizeof(*slow));
	slow->base.ops = &slow_ops;
	slow->to = to;
	throttle_init(&slow->throttle, rate);
	slow->cancelled = cancelled;
	slow->ctx = ctx;
	return &slow->base;
}
