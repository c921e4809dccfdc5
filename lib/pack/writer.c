#include "pack/writer.h"

#include <inttypes.h>
#include <pthread.h>

#include "pack/frame.h"
#include "pack/tar.h"
#include "pack/trailer.h"

enum { SMALL = 4096 };

struct pack_writer {
	struct io_writer *io;
	struct pack_manifest *manifest;
	int64_t offset;
	bool (*pace)(void *ctx, size_t bytes, struct err *err);
	void *pace_ctx;
	pthread_mutex_t lock; /* members are appended one at a time */
};

struct pack_writer *pack_writer_new(struct io_writer *io, struct pack_manifest *manifest)
{
	struct pack_writer *writer = xcalloc(1, sizeof(*writer));
	writer->io = io;
	writer->manifest = manifest;
	pthread_mutex_init(&writer->lock, NULL);
	return writer;
}

void pack_writer_free(struct pack_writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}

void pack_writer_pace(struct pack_writer *writer,
	bool (*pace)(void *ctx, size_t bytes, struct err *err), void *ctx)
{
	writer->pace = pace;
	writer->pace_ctx = ctx;
}

/* Header, content, padding: at once where that is cheap. */
static bool append(struct pack_writer *writer, const char *name, const void *bytes, size_t length,
	struct err *err)
{
	static const unsigned char zeros[PACK_BLOCK];
	unsigned char small[PACK_BLOCK + SMALL] = {0};
	size_t padded = (size_t)pack_tar_padded((int64_t)length);
	if (!pack_tar_header(name, (int64_t)length, small, err))
		return false;
	if (length <= SMALL) {
		if (length)
			memcpy(small + PACK_BLOCK, bytes, length);
		if (!io_write(writer->io, small, PACK_BLOCK + padded, err))
			return false;
	} else if (!io_write(writer->io, small, PACK_BLOCK, err) ||
		   !io_write(writer->io, bytes, length, err) ||
		   !io_write(writer->io, zeros, padded - length, err)) {
		return false;
	}
	writer->offset += PACK_BLOCK + (int64_t)padded;
	return true;
}

bool pack_writer_add(struct pack_writer *writer, const char *name, const void *bytes, size_t length,
	const struct pack_about *about, struct err *err)
{
	struct pack_about as_stored = {.plain = (int64_t)length};
	if (!about)
		about = &as_stored;
	char sha256[SHA256_TEXT];
	if (writer->pace && !writer->pace(writer->pace_ctx, length, err))
		return false;
	sha256_text(bytes, length, sha256);
	pthread_mutex_lock(&writer->lock);
	int64_t offset = writer->offset + PACK_BLOCK;
	bool ok = append(writer, name, bytes, length, err);
	if (ok)
		*pack_list_add(&writer->manifest->members) = (struct pack_member){
			.name = xstrdup(name),
			.offset = offset,
			.stored = (int64_t)length,
			.plain = about->plain,
			.sha256 = xstrdup(sha256),
			.table = about->table,
			.rows = about->rows,
		};
	pthread_mutex_unlock(&writer->lock);
	return ok;
}

bool pack_writer_add_text(struct pack_writer *writer, const char *name, const char *text,
	size_t length, struct err *err)
{
	AUTO_STRBUF(frame);
	struct pack_about about = {.plain = (int64_t)length};
	return pack_frame_text(text, length, PACK_LEVEL_DEFAULT, &frame, err) &&
	       pack_writer_add(writer, name, frame.buf, frame.len, &about, err);
}

bool pack_writer_finish(struct pack_writer *writer, struct err *err)
{
	static const unsigned char end[2 * PACK_BLOCK];
	AUTO_STRBUF(manifest);
	pack_manifest_write(writer->manifest, &manifest);
	struct pack_trailer trailer = {
		.offset = writer->offset + PACK_BLOCK, .length = (int64_t)manifest.len};
	sha256_text(manifest.buf, manifest.len, trailer.sha256);
	char text[PACK_TRAILER_SIZE + 1];
	pack_trailer_text(&trailer, text);
	if (!append(writer, PACK_MANIFEST, manifest.buf, manifest.len, err) ||
		!append(writer, PACK_TRAILER, text, PACK_TRAILER_SIZE, err) ||
		!io_write(writer->io, end, sizeof(end), err))
		return false;
	writer->offset += sizeof(end);
	return true;
}

int64_t pack_writer_bytes(struct pack_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	int64_t bytes = writer->offset;
	pthread_mutex_unlock(&writer->lock);
	return bytes;
}
