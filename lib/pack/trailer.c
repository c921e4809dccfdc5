#include "pack/trailer.h"

#include <inttypes.h>
#include <stdio.h>

#include "pack/manifest.h"

#define FORM \
	"mig snapshot 1\n" \
	"offset %020" PRId64 "\n" \
	"length %020" PRId64 "\n" \
	"sha256 %s\n"

void pack_trailer_text(const struct pack_trailer *trailer, char text[PACK_TRAILER_SIZE + 1])
{
	snprintf(text, PACK_TRAILER_SIZE + 1, FORM, trailer->offset, trailer->length,
		trailer->sha256);
}

static bool all_zero(const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

static bool not_a_snapshot(struct err *err, const char *why)
{
	err_set(err, ERR_CORRUPT, "no snapshot: %s", why);
	return err_hint(err, "the file is cut off, damaged, or something else");
}

bool pack_trailer_parse(const unsigned char *tail, struct pack_trailer *trailer, struct err *err)
{
	unsigned char header[PACK_BLOCK];
	if (!pack_tar_header(PACK_TRAILER, PACK_TRAILER_SIZE, header, err))
		return false;
	if (memcmp(tail, header, PACK_BLOCK) != 0)
		return not_a_snapshot(err, "it does not end with a trailer");
	char text[PACK_TRAILER_SIZE + 1] = {0};
	memcpy(text, tail + PACK_BLOCK, PACK_TRAILER_SIZE);
	char again[PACK_TRAILER_SIZE + 1];
	/* what was read must be the one text of the values read: no byte of it is free */
	if (sscanf(text,
		    "mig snapshot 1 offset %20" SCNd64 " length %20" SCNd64 " sha256 %64[0-9a-f]",
		    &trailer->offset, &trailer->length, trailer->sha256) != 3)
		return not_a_snapshot(err, "its trailer is damaged");
	pack_trailer_text(trailer, again);
	if (memcmp(text, again, sizeof(text)) != 0 || trailer->offset < PACK_BLOCK ||
		trailer->length < 0)
		return not_a_snapshot(err, "its trailer is damaged");
	size_t used = PACK_BLOCK + PACK_TRAILER_SIZE;
	if (!all_zero(tail + used, PACK_TAIL_SIZE - used))
		return not_a_snapshot(err, "what follows its trailer is not blank");
	return true;
}
