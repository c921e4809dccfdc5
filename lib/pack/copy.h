/*
 * A snapshot from one place to another, byte for byte, checked on the way: what is written is what
 * its manifest tells of, or nothing is.
 */
#ifndef PACK_COPY_H
#define PACK_COPY_H

#include "base/log.h"
#include "pack/reader.h"

struct pack_copy {
	bool (*cancelled)(void *ctx); /* may be NULL */
	void *ctx;
	struct log_sink *log; /* progress "copy" */
};

/* Does not commit. ERR_CORRUPT names the damaged member, ERR_SIGNAL: stopped. */
MUST_CHECK bool pack_copy(struct pack_reader *from, struct io_writer *to,
	const struct pack_copy *settings, struct err *err);

#endif
