/*
 * zstd frames: the content of every ".zst" member is one complete frame with a content checksum.
 */
#ifndef PACK_FRAME_H
#define PACK_FRAME_H

#include "base/err.h"
#include "base/strbuf.h"

#define PACK_FRAME_MAX (8 << 20) /* compressed bytes in one data member */
#define PACK_LEVEL_DEFAULT 1
#define PACK_LEVEL_MIN 1
#define PACK_LEVEL_MAX 19

/* Compresses a stream of COPY text into frames; reused from frame to frame. */
struct pack_frame;

struct pack_frame *pack_frame_new(int level);
void pack_frame_free(struct pack_frame *frame);
DEFINE_AUTO(struct pack_frame, pack_frame_free)

/*
 * Takes bytes, all of them or (when the frame is full) fewer: *taken. A frame that is full must be
 * ended before more is added. Frames prefer to end at rows: see pack_frame_wants_end().
 */
MUST_CHECK bool pack_frame_add(
	struct pack_frame *frame, const void *bytes, size_t length, size_t *taken, struct err *err);
/* Large enough: end it at the next row boundary. */
bool pack_frame_wants_end(const struct pack_frame *frame);
/* Nothing was added since the last end. */
bool pack_frame_is_empty(const struct pack_frame *frame);
/* Completes the frame: its bytes (borrowed until the next add) and the plain size it holds. */
MUST_CHECK bool pack_frame_end(struct pack_frame *frame, const void **bytes, size_t *length,
	int64_t *plain, struct err *err);

/* One text as one frame of any size, appended to *out. */
MUST_CHECK bool pack_frame_text(
	const void *bytes, size_t length, int level, struct strbuf *out, struct err *err);

#endif
