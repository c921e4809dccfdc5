#include "pack/copy.h"

#include "pack/trailer.h"

enum { CHUNK = 1 << 20 };

struct copying {
	struct pack_reader *from;
	struct io_writer *to;
	const struct pack_copy *settings;
	struct sha256 sha256;
	char *chunk;
	int64_t done;
};

static void copying_release(struct copying *copying)
{
	free(copying->chunk);
}

static bool go_on(struct copying *copying, struct err *err)
{
	const struct pack_copy *settings = copying->settings;
	log_progress(
		settings->log, "copy", "bytes", copying->done, pack_reader_size(copying->from));
	if (!settings->cancelled || !settings->cancelled(settings->ctx))
		return true;
	return err_set(err, ERR_SIGNAL, "interrupted");
}

static bool damaged(struct copying *copying, const char *name, const char *why, struct err *err)
{
	return err_set(err, ERR_CORRUPT, "%s: member %s is damaged: %s",
		pack_reader_io(copying->from)->name, name, why);
}

static bool put(struct copying *copying, const void *bytes, size_t length, struct err *err)
{
	copying->done += (int64_t)length;
	return io_write(copying->to, bytes, length, err);
}

/* Headers and padding have one possible form: they are written anew where they were so. */
static bool copy_header(
	struct copying *copying, const char *name, int64_t offset, int64_t length, struct err *err)
{
	unsigned char expected[PACK_BLOCK], found[PACK_BLOCK];
	if (!pack_tar_header(name, length, expected, err) ||
		!io_read_at(
			pack_reader_io(copying->from), offset - PACK_BLOCK, found, PACK_BLOCK, err))
		return false;
	return memcmp(expected, found, PACK_BLOCK) == 0
		       ? put(copying, expected, PACK_BLOCK, err)
		       : damaged(copying, name, "its header is not the expected one", err);
}

static bool copy_padding(
	struct copying *copying, const char *name, int64_t offset, int64_t length, struct err *err)
{
	static const unsigned char blank[PACK_BLOCK];
	unsigned char found[PACK_BLOCK];
	size_t padding = (size_t)(pack_tar_padded(length) - length);
	if (!io_read_at(pack_reader_io(copying->from), offset + length, found, padding, err))
		return false;
	return memcmp(blank, found, padding) == 0
		       ? put(copying, blank, padding, err)
		       : damaged(copying, name, "its padding is not blank", err);
}

static bool copy_body(struct copying *copying, int64_t offset, int64_t length, struct err *err)
{
	sha256_begin(&copying->sha256);
	for (int64_t at = 0; at < length; at += CHUNK) {
		size_t now = length - at < CHUNK ? (size_t)(length - at) : CHUNK;
		if (!go_on(copying, err) || !io_read_at(pack_reader_io(copying->from), offset + at,
						    copying->chunk, now, err))
			return false;
		sha256_add(&copying->sha256, copying->chunk, now);
		if (!put(copying, copying->chunk, now, err))
			return false;
	}
	return true;
}

static bool digest_is(struct copying *copying, const char *sha256)
{
	char text[SHA256_TEXT];
	sha256_end_text(&copying->sha256, text);
	return strcmp(text, sha256) == 0;
}

static bool copy_member(struct copying *copying, const char *name, int64_t offset, int64_t length,
	const char *sha256, struct err *err)
{
	if (!copy_header(copying, name, offset, length, err) ||
		!copy_body(copying, offset, length, err))
		return false;
	if (!digest_is(copying, sha256))
		return damaged(copying, name, "its SHA-256 is another one", err);
	return copy_padding(copying, name, offset, length, err);
}

/* Manifest and trailer; that the trailer has its only form was seen when it was opened. */
static bool copy_end(struct copying *copying, struct err *err)
{
	struct pack_trailer trailer;
	unsigned char tail[PACK_TAIL_SIZE];
	int64_t end = pack_reader_size(copying->from) - PACK_TAIL_SIZE;
	return io_read_at(pack_reader_io(copying->from), end, tail, sizeof(tail), err) &&
	       pack_trailer_parse(tail, &trailer, err) &&
	       copy_member(copying, PACK_MANIFEST, trailer.offset, trailer.length, trailer.sha256,
		       err) &&
	       put(copying, tail, sizeof(tail), err);
}

bool pack_copy(struct pack_reader *from, struct io_writer *to, const struct pack_copy *settings,
	struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(from);
	CLEANUP(copying_release)
	struct copying copying = {
		.from = from, .to = to, .settings = settings, .chunk = xrealloc(NULL, CHUNK)};
	if (!pack_reader_check_layout(from, err))
		return false;
	for (size_t i = 0; i < manifest->members.count; i++) {
		const struct pack_member *member = &manifest->members.items[i];
		if (!copy_member(&copying, member->name, member->offset, member->stored,
			    member->sha256, err))
			return false;
	}
	return copy_end(&copying, err) && go_on(&copying, err);
}
