/*
 * One piece of work over many items, on as many threads as there are cores. The items are cut into
 * ranges, one a thread: work(ctx, from, to) does those of [from, to) in their order, and ends at
 * the first that fails.
 */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <stddef.h>

#include "base/err.h"

typedef bool (*parallel_work)(void *ctx, size_t from, size_t to, struct err *err);

/*
 * False, with the error of the first item that failed. `least`: fewer items to a thread are not
 * worth it; no more than one thread: the caller's own.
 */
MUST_CHECK bool parallel_ranges(
	size_t count, size_t least, parallel_work work, void *ctx, struct err *err);

/* How many sessions are to work at once: those asked for, if any (> 0), else one per core. */
int parallel_workers(int64_t asked);

#endif
