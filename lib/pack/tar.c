#include "pack/tar.h"

#include <inttypes.h>
#include <stdio.h>

/* Offsets in a ustar header. */
enum {
	NAME = 0,
	MODE = 100,
	UID = 108,
	GID = 116,
	SIZE = 124,
	MTIME = 136,
	CHECKSUM = 148,
	TYPE = 156,
	MAGIC = 257,
	DEVMAJOR = 329,
	DEVMINOR = 337,
};

static void put(unsigned char *block, size_t offset, const char *text)
{
	memcpy(block + offset, text, strlen(text));
}

/* The sum of all bytes, with the checksum's own field taken as spaces. */
static unsigned int checksum(const unsigned char *block)
{
	unsigned int sum = 0;
	for (size_t i = 0; i < PACK_BLOCK; i++)
		sum += i >= CHECKSUM && i < TYPE ? ' ' : block[i];
	return sum;
}

bool pack_tar_header(
	const char *name, int64_t size, unsigned char block[PACK_BLOCK], struct err *err)
{
	if (!name[0] || strlen(name) >= MODE)
		return err_set(
			err, ERR_FAILED, "member name does not fit in a tar header: %s", name);
	if (size < 0 || size > PACK_MEMBER_SIZE_MAX)
		return err_set(err, ERR_FAILED, "member %s is too large for tar: %" PRId64 " bytes",
			name, size);
	char text[16];
	memset(block, 0, PACK_BLOCK);
	put(block, NAME, name);
	put(block, MODE, "0000600");
	put(block, UID, "0000000");
	put(block, GID, "0000000");
	snprintf(text, sizeof(text), "%011" PRIo64, size);
	put(block, SIZE, text);
	put(block, MTIME, "00000000000");
	put(block, TYPE, "0");
	memcpy(block + MAGIC, "ustar\00000", 8);
	put(block, DEVMAJOR, "0000000");
	put(block, DEVMINOR, "0000000");
	snprintf(text, sizeof(text), "%06o", checksum(block));
	put(block, CHECKSUM, text);
	block[CHECKSUM + 7] = ' ';
	return true;
}

int64_t pack_tar_padded(int64_t size)
{
	return (size + PACK_BLOCK - 1) / PACK_BLOCK * PACK_BLOCK;
}
