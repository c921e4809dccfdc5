/*
 * The ustar headers of a snapshot: one possible header for a name and a size (mode 0600, owner and
 * time zero, no extensions), so that a reader can expect it byte by byte.
 */
#ifndef PACK_TAR_H
#define PACK_TAR_H

#include "base/err.h"

#define PACK_BLOCK 512
#define PACK_MEMBER_SIZE_MAX 077777777777LL /* 8 GiB - 1 */

/* ERR_FAILED for a name over 99 bytes or empty, and for a size that does not fit. */
MUST_CHECK bool pack_tar_header(
	const char *name, int64_t size, unsigned char block[PACK_BLOCK], struct err *err);
/* size rounded up to whole blocks. */
int64_t pack_tar_padded(int64_t size);

#endif
