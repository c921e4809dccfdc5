/*
 * A writer that lets so many bytes a second through, in small pieces; for disks and lines that
 * others need, too.
 */
#ifndef BACKUP_THROTTLE_H
#define BACKUP_THROTTLE_H

#include "base/io.h"

/* Owns `to`. One thread at a time. `cancelled` (may be NULL) ends a wait: ERR_SIGNAL. */
struct io_writer *throttle_new(
	struct io_writer *to, int64_t rate, bool (*cancelled)(void *ctx), void *ctx);

#endif
