/*
 * Work on as many threads as there are cores, the caller's among them.
 */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <stddef.h>

#include "base/err.h"

/*
 * Pieces that are found one after another, and worked off by other threads meanwhile. Each keeps
 * what becomes of it, an error too. One piece alone is the caller's: it takes no thread.
 */
typedef void (*parallel_piece)(void *piece);
struct parallel_queue;
/* Caller owns. */
struct parallel_queue *parallel_queue_new(parallel_piece work);
/* Borrowed until the end. */
void parallel_queue_add(struct parallel_queue *queue, void *piece);
/* Takes part until all is done, and frees the queue. */
void parallel_queue_end(struct parallel_queue *queue);

/*
 * Many items, cut into ranges of `length` > 0 (the last may be shorter): work(ctx, from, to) does
 * those of [from, to) in their order, and ends at the first that fails. False, with the error of
 * the first item that failed.
 */
typedef bool (*parallel_work)(void *ctx, size_t from, size_t to, struct err *err);
MUST_CHECK bool parallel_ranges(
	size_t count, size_t length, parallel_work work, void *ctx, struct err *err);

/* How many sessions are to work at once: those asked for, if any (> 0), else one per core. */
int parallel_workers(int64_t asked);

#endif
