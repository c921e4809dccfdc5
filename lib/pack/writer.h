/*
 * Appends members to a snapshot file and ends it with manifest and trailer. Several threads may
 * add.
 */
#ifndef PACK_WRITER_H
#define PACK_WRITER_H

#include "base/io.h"
#include "pack/manifest.h"

struct pack_writer;

/* Borrows both until freed; members are recorded in the manifest. */
struct pack_writer *pack_writer_new(struct io_writer *io, struct pack_manifest *manifest);
void pack_writer_free(struct pack_writer *writer);
DEFINE_AUTO(struct pack_writer, pack_writer_free)

/* Asked before each member, outside of any lock, with its size: may wait, or fail. */
void pack_writer_pace(struct pack_writer *writer,
	bool (*pace)(void *ctx, size_t bytes, struct err *err), void *ctx);

/* What the manifest says about a member beyond its bytes. */
struct pack_about {
	int64_t plain; /* bytes after decompression */
	uint32_t table;
	int64_t rows;
};
/* One whole member; about may be NULL for one that is not compressed. */
MUST_CHECK bool pack_writer_add(struct pack_writer *writer, const char *name, const void *bytes,
	size_t length, const struct pack_about *about, struct err *err);
/* Text compressed as one frame; the name ends in ".zst". */
MUST_CHECK bool pack_writer_add_text(struct pack_writer *writer, const char *name, const char *text,
	size_t length, struct err *err);
/* Manifest and trailer; the file is complete, but not yet committed. */
MUST_CHECK bool pack_writer_finish(struct pack_writer *writer, struct err *err);
/* Bytes written so far. */
int64_t pack_writer_bytes(struct pack_writer *writer);

#endif
