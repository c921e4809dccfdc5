#include "backup/throttle.h"

#include <signal.h>

#include "base/clock.h"

enum {
	PIECE = 64 << 10,
	BURST_MS = 100, /* what was not used is kept for so long */
	LOOK_MS = 100,
};

struct throttle {
	struct io_writer base;
	struct io_writer *to;
	int64_t rate; /* bytes a second */
	double due_ms; /* when all that was written will have been paid for */
	bool (*cancelled)(void *ctx);
	void *ctx;
};

static bool stopped(const struct throttle *throttle, struct err *err)
{
	if (!throttle->cancelled || !throttle->cancelled(throttle->ctx))
		return false;
	err_set(err, ERR_SIGNAL, "interrupted");
	err->signal = SIGINT;
	return true;
}

static bool wait_until_due(struct throttle *throttle, struct err *err)
{
	for (;;) {
		double left = throttle->due_ms - (double)clock_monotonic_ms();
		if (left < 1)
			return true;
		if (stopped(throttle, err))
			return false;
		clock_sleep_ms(left < LOOK_MS ? (int64_t)left : LOOK_MS);
	}
}

static bool throttle_write(struct io_writer *w, const void *bytes, size_t length, struct err *err)
{
	struct throttle *throttle = (struct throttle *)w;
	const char *next = bytes;
	while (length) {
		size_t piece = length < PIECE ? length : PIECE;
		if (!wait_until_due(throttle, err) || !io_write(throttle->to, next, piece, err))
			return false;
		double earliest = (double)clock_monotonic_ms() - BURST_MS;
		if (throttle->due_ms < earliest)
			throttle->due_ms = earliest;
		throttle->due_ms += (double)piece * 1000 / (double)throttle->rate;
		next += piece;
		length -= piece;
	}
	return true;
}

static bool throttle_commit(struct io_writer *w, struct err *err)
{
	return io_commit(((struct throttle *)w)->to, err);
}

static void throttle_close(struct io_writer *w)
{
	io_writer_close(((struct throttle *)w)->to);
	free(w);
}

static const struct io_writer_ops throttle_ops = {throttle_write, throttle_commit, throttle_close};

struct io_writer *throttle_new(
	struct io_writer *to, int64_t rate, bool (*cancelled)(void *ctx), void *ctx)
{
	struct throttle *throttle = xcalloc(1, sizeof(*throttle));
	throttle->base.ops = &throttle_ops;
	throttle->to = to;
	throttle->rate = rate;
	throttle->cancelled = cancelled;
	throttle->ctx = ctx;
	return &throttle->base;
}
