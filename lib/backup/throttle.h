/*
 * So many bytes a second, for disks and lines that others need, too.
 */
#ifndef BACKUP_THROTTLE_H
#define BACKUP_THROTTLE_H

#include "base/io.h"
#include <pthread.h>

/* What may be spent: filled at the rate, for several threads. */
struct throttle {
	pthread_mutex_t lock;
	int64_t rate; /* bytes a second */
	double due_ms; /* when all that was taken will have been paid for; monotonic */
};

void throttle_init(struct throttle *throttle, int64_t rate);
/* Takes so many bytes out of it: not to be written before *at_ms of the monotonic clock. */
void throttle_take(struct throttle *throttle, size_t bytes, int64_t *at_ms);

/* A writer in small pieces; owns `to`. `cancelled` (may be NULL) ends a wait: ERR_SIGNAL. */
struct io_writer *throttle_writer(
	struct io_writer *to, int64_t rate, bool (*cancelled)(void *ctx), void *ctx);

#endif
