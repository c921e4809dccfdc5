#include "pack/reader.h"

#include "pack/tar.h"
#include "pack/trailer.h"

struct pack_reader {
	struct io_reader *io;
	struct pack_manifest *manifest;
	struct pack_trailer trailer;
};

const struct pack_manifest *pack_reader_manifest(const struct pack_reader *reader)
{
	return reader->manifest;
}

int64_t pack_reader_size(const struct pack_reader *reader)
{
	return io_size(reader->io);
}

const char *pack_reader_manifest_sha256(const struct pack_reader *reader)
{
	return reader->trailer.sha256;
}

bool pack_reader_same(const struct pack_reader *a, const struct pack_reader *b)
{
	return strcmp(a->trailer.sha256, b->trailer.sha256) == 0 &&
	       io_size(a->io) == io_size(b->io);
}

struct io_reader *pack_reader_io(struct pack_reader *reader)
{
	return reader->io;
}

void pack_reader_close(struct pack_reader *reader)
{
	if (!reader)
		return;
	pack_manifest_free(reader->manifest);
	io_reader_close(reader->io);
	free(reader);
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool read_trailer(struct pack_reader *reader, struct err *err)
{
	unsigned char tail[PACK_TAIL_SIZE];
	int64_t size = io_size(reader->io);
	if (size < 2 * PACK_TAIL_SIZE || size % PACK_BLOCK)
		return err_set(err, ERR_CORRUPT, "no snapshot: %lld bytes is not its size",
			(long long)size);
	if (!io_read_at(reader->io, size - PACK_TAIL_SIZE, tail, sizeof(tail), err) ||
		!pack_trailer_parse(tail, &reader->trailer, err))
		return false;
	int64_t end = reader->trailer.offset + pack_tar_padded(reader->trailer.length);
	if (reader->trailer.length > size || end != size - PACK_TAIL_SIZE)
		return err_set(err, ERR_CORRUPT,
			"no snapshot: its manifest is not where its trailer says");
	return true;
}

/* The manifest's header, bytes and padding, all compared with what the trailer says. */
static bool read_manifest(struct pack_reader *reader, struct err *err)
{
	const struct pack_trailer *trailer = &reader->trailer;
	size_t length = (size_t)trailer->length;
	size_t padded = (size_t)pack_tar_padded(trailer->length);
	AUTO_FREE unsigned char *bytes = xcalloc(1, PACK_BLOCK + padded + 1);
	unsigned char header[PACK_BLOCK];
	if (!pack_tar_header(PACK_MANIFEST, trailer->length, header, err) ||
		!io_read_at(
			reader->io, trailer->offset - PACK_BLOCK, bytes, PACK_BLOCK + padded, err))
		return false;
	const unsigned char *text = bytes + PACK_BLOCK;
	char sha256[SHA256_TEXT];
	sha256_text(text, length, sha256);
	bool sound = memcmp(bytes, header, PACK_BLOCK) == 0 && strcmp(sha256, trailer->sha256) == 0;
	for (size_t i = length; i < padded; i++)
		sound = sound && text[i] == 0;
	if (!sound)
		return err_set(err, ERR_CORRUPT,
			"member %s is damaged, or the trailer that describes it", PACK_MANIFEST);
	return pack_manifest_parse((const char *)text, length, &reader->manifest, err);
}

bool pack_reader_open(struct io_reader *io, struct pack_reader **opened, struct err *err)
{
	CLEANUP(pack_reader_close_auto)
	struct pack_reader *reader = xcalloc(1, sizeof(*reader));
	reader->io = io;
	if (!read_trailer(reader, err) || !read_manifest(reader, err))
		return err_context(err, "%s", io->name);
	*opened = xtake(&reader);
	return true;
}

bool pack_reader_check_layout(struct pack_reader *reader, struct err *err)
{
	int64_t next = PACK_BLOCK;
	const struct pack_manifest *manifest = reader->manifest;
	for (size_t i = 0; i < manifest->members.count; i++) {
		const struct pack_member *member = &manifest->members.items[i];
		if (member->offset != next)
			return err_set(err, ERR_CORRUPT,
				"%s: member %s does not follow the one before", reader->io->name,
				member->name);
		next += pack_tar_padded(member->stored) + PACK_BLOCK;
	}
	if (next != reader->trailer.offset)
		return err_set(err, ERR_CORRUPT, "%s: the manifest does not follow the last member",
			reader->io->name);
	return true;
}
