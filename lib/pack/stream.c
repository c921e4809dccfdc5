#include "pack/reader.h"

#include <inttypes.h>
#include <zstd.h>

#include "base/fs.h"
#include "base/sha256.h"
#include "pack/tar.h"

#define CHUNK (128 << 10)

struct pack_stream {
	struct pack_reader *reader;
	const struct pack_member **members; /* one after the other */
	size_t count, current;
	bool decompress; /* of the current member */
	bool begun;
	bool frame_done;
	int64_t stored, plain; /* read of the current member so far */
	struct sha256 sha256;
	ZSTD_DCtx *zstd;
	char *chunk;
	ZSTD_inBuffer in;
};

static struct pack_stream *stream_new(struct pack_reader *reader, size_t count)
{
	struct pack_stream *stream = xcalloc(1, sizeof(*stream));
	stream->reader = reader;
	stream->count = count;
	stream->members = xcalloc(count + 1, sizeof(*stream->members));
	stream->zstd = ZSTD_createDCtx();
	stream->chunk = xrealloc(NULL, CHUNK);
	if (!stream->zstd)
		abort();
	return stream;
}

void pack_stream_free(struct pack_stream *stream)
{
	if (!stream)
		return;
	ZSTD_freeDCtx(stream->zstd);
	free(stream->members);
	free(stream->chunk);
	free(stream);
}

struct pack_stream *pack_stream_member(struct pack_reader *reader, const struct pack_member *member)
{
	struct pack_stream *stream = stream_new(reader, 1);
	stream->members[0] = member;
	return stream;
}

struct pack_stream *pack_stream_members(
	struct pack_reader *reader, const struct pack_table *table, size_t from, size_t to)
{
	const struct pack_manifest *manifest = pack_reader_manifest(reader);
	struct pack_stream *stream = stream_new(reader, to - from);
	for (size_t i = from; i < to; i++)
		stream->members[i - from] = &manifest->members.items[table->members.items[i]];
	return stream;
}

struct pack_stream *pack_stream_table(struct pack_reader *reader, const struct pack_table *table)
{
	return pack_stream_members(reader, table, 0, table->members.count);
}

/* --- one member ------------------------------------------------------------------------------- */

static bool damaged(struct pack_stream *stream, struct err *err, const char *why)
{
	return err_set(err, ERR_CORRUPT, "%s: member %s is damaged: %s",
		pack_reader_io(stream->reader)->name, stream->members[stream->current]->name, why);
}

static bool read_at(
	struct pack_stream *stream, int64_t offset, void *bytes, size_t length, struct err *err)
{
	struct io_reader *io = pack_reader_io(stream->reader);
	if (offset + (int64_t)length > io_size(io))
		return damaged(stream, err, "the file ends before it");
	return io_read_at(io, offset, bytes, length, err);
}

static bool begin_member(struct pack_stream *stream, struct err *err)
{
	const struct pack_member *member = stream->members[stream->current];
	unsigned char expected[PACK_BLOCK], header[PACK_BLOCK];
	AUTO_ERR(why);
	if (!pack_tar_header(member->name, member->stored, expected, &why))
		return damaged(stream, err, why.msg);
	if (!read_at(stream, member->offset - PACK_BLOCK, header, PACK_BLOCK, err))
		return false;
	if (memcmp(header, expected, PACK_BLOCK) != 0)
		return damaged(stream, err, "its header is not the expected one");
	stream->decompress = str_ends(member->name, ".zst");
	stream->begun = true;
	stream->frame_done = false;
	stream->stored = stream->plain = 0;
	stream->in = (ZSTD_inBuffer){stream->chunk, 0, 0};
	sha256_begin(&stream->sha256);
	ZSTD_DCtx_reset(stream->zstd, ZSTD_reset_session_only);
	return true;
}

static bool padding_is_blank(struct pack_stream *stream, struct err *err)
{
	const struct pack_member *member = stream->members[stream->current];
	unsigned char padding[PACK_BLOCK] = {0};
	size_t length = (size_t)(pack_tar_padded(member->stored) - member->stored);
	if (!read_at(stream, member->offset + member->stored, padding, length, err))
		return false;
	for (size_t i = 0; i < length; i++)
		if (padding[i])
			return damaged(stream, err, "its padding is not blank");
	return true;
}

static bool sha256_matches(struct pack_stream *stream)
{
	char text[SHA256_TEXT];
	sha256_end_text(&stream->sha256, text);
	return strcmp(text, stream->members[stream->current]->sha256) == 0;
}

static bool end_member(struct pack_stream *stream, struct err *err)
{
	const struct pack_member *member = stream->members[stream->current];
	if (!sha256_matches(stream))
		return damaged(stream, err, "its SHA-256 is another one");
	if (stream->decompress && !stream->frame_done)
		return damaged(stream, err, "its zstd frame is not complete");
	if (stream->plain != member->plain)
		return damaged(stream, err, "it holds another number of bytes");
	if (!padding_is_blank(stream, err))
		return false;
	stream->begun = false;
	stream->current++;
	return true;
}

/* The next stored bytes into the chunk; they are hashed on the way. */
static bool fill_chunk(struct pack_stream *stream, struct err *err)
{
	const struct pack_member *member = stream->members[stream->current];
	int64_t left = member->stored - stream->stored;
	size_t length = left < CHUNK ? (size_t)left : CHUNK;
	if (!read_at(stream, member->offset + stream->stored, stream->chunk, length, err))
		return false;
	sha256_add(&stream->sha256, stream->chunk, length);
	stream->stored += (int64_t)length;
	stream->in = (ZSTD_inBuffer){stream->chunk, length, 0};
	return true;
}

static bool take_plain(struct pack_stream *stream, ZSTD_outBuffer *out)
{
	size_t length = stream->in.size - stream->in.pos;
	if (length > out->size - out->pos)
		length = out->size - out->pos;
	memcpy((char *)out->dst + out->pos, (const char *)stream->in.src + stream->in.pos, length);
	stream->in.pos += length;
	out->pos += length;
	return true;
}

static bool take_frame(struct pack_stream *stream, ZSTD_outBuffer *out, struct err *err)
{
	if (stream->frame_done)
		return damaged(stream, err, "something follows its zstd frame");
	size_t left = ZSTD_decompressStream(stream->zstd, out, &stream->in);
	if (ZSTD_isError(left)) {
		damaged(stream, err, "its zstd frame cannot be read");
		return err_detail(err, "%s", ZSTD_getErrorName(left));
	}
	stream->frame_done = left == 0;
	return true;
}

/* Moves on within the current member; *ended when it was complete and sound. */
static bool step(struct pack_stream *stream, ZSTD_outBuffer *out, bool *ended, struct err *err)
{
	const struct pack_member *member = stream->members[stream->current];
	size_t before = out->pos;
	bool empty = stream->in.pos == stream->in.size;
	*ended = false;
	if (empty && stream->stored < member->stored) {
		if (!fill_chunk(stream, err))
			return false;
		empty = false;
	}
	/* a frame may still hold output back after its last input byte */
	bool held_back = empty && stream->decompress && !stream->frame_done;
	if (!empty || held_back) {
		if (!(stream->decompress ? take_frame(stream, out, err) : take_plain(stream, out)))
			return false;
		stream->plain += (int64_t)(out->pos - before);
	}
	bool stuck = empty && out->pos == before;
	*ended = (empty && !held_back) || stuck;
	return !*ended || end_member(stream, err);
}

bool pack_stream_read(
	struct pack_stream *stream, void *buffer, size_t size, size_t *got, struct err *err)
{
	ZSTD_outBuffer out = {buffer, size, 0};
	while (out.pos < size && stream->current < stream->count) {
		bool ended;
		if (!stream->begun && !begin_member(stream, err))
			return false;
		if (!step(stream, &out, &ended, err))
			return false;
	}
	*got = out.pos;
	return true;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Out of pieces that are cut anywhere: what is left of the last one waits in `open`. */
static bool take_rows(struct strbuf *open, const char *bytes, size_t length, pack_on_row on_row,
	void *ctx, struct err *err)
{
	while (length) {
		const char *newline = memchr(bytes, '\n', length);
		size_t part = newline ? (size_t)(newline - bytes) : length;
		if (!newline || open->len)
			strbuf_add(open, bytes, part);
		if (!newline)
			return true;
		if (!on_row(ctx, open->len ? open->buf : bytes, open->len ? open->len : part, err))
			return false;
		strbuf_reset(open);
		bytes += part + 1;
		length -= part + 1;
	}
	return true;
}

bool pack_stream_rows(struct pack_stream *stream, pack_on_row on_row, void *ctx, struct err *err)
{
	AUTO_FREE char *piece = xrealloc(NULL, CHUNK);
	AUTO_STRBUF(open);
	size_t got;
	do {
		if (!pack_stream_read(stream, piece, CHUNK, &got, err) ||
			!take_rows(&open, piece, got, on_row, ctx, err))
			return false;
	} while (got);
	return true;
}

/* --- whole members ---------------------------------------------------------------------------- */

static bool stream_named(
	struct pack_reader *reader, const char *name, struct pack_stream **stream, struct err *err)
{
	const struct pack_member *member = pack_manifest_member(pack_reader_manifest(reader), name);
	if (!member)
		return err_set(err, ERR_NOTFOUND, "%s has no member %s",
			pack_reader_io(reader)->name, name);
	*stream = pack_stream_member(reader, member);
	return true;
}

bool pack_reader_text(
	struct pack_reader *reader, const char *name, struct strbuf *out, struct err *err)
{
	CLEANUP(pack_stream_free_auto) struct pack_stream *stream = NULL;
	if (!stream_named(reader, name, &stream, err))
		return false;
	size_t got;
	do {
		strbuf_reserve(out, CHUNK);
		if (!pack_stream_read(stream, out->buf + out->len, CHUNK, &got, err))
			return false;
		out->len += got;
		out->buf[out->len] = 0;
	} while (got);
	return true;
}

bool pack_reader_to_fd(struct pack_reader *reader, const char *name, int fd, struct err *err)
{
	CLEANUP(pack_stream_free_auto) struct pack_stream *stream = NULL;
	if (!stream_named(reader, name, &stream, err))
		return false;
	AUTO_FREE char *buffer = xrealloc(NULL, CHUNK);
	size_t got;
	do {
		if (!pack_stream_read(stream, buffer, CHUNK, &got, err) ||
			!fs_write_all(fd, buffer, got, err))
			return false;
	} while (got);
	return true;
}
