/*
 * The last member of a snapshot: where its manifest is. Fixed size, so that it is found from the
 * end of the file; one possible text for its three values, so that every byte of it is checked.
 */
#ifndef PACK_TRAILER_H
#define PACK_TRAILER_H

#include "base/sha256.h"
#include "pack/hash.h"
#include "pack/tar.h"

struct pack_trailer {
	int64_t offset; /* of the manifest's first byte */
	int64_t length;
	char sha256[SHA256_TEXT];
};

#define PACK_TRAILER_SIZE 143
/* Header, one block, and the 1,024 zero bytes that end a tar file. */
#define PACK_TAIL_SIZE (4 * PACK_BLOCK)

void pack_trailer_text(const struct pack_trailer *trailer, char text[PACK_TRAILER_SIZE + 1]);
/* The last PACK_TAIL_SIZE bytes of a file. ERR_CORRUPT. */
MUST_CHECK bool pack_trailer_parse(
	const unsigned char *tail, struct pack_trailer *trailer, struct err *err);

#endif
