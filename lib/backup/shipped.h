/*
 * Files of etc/ that go into every snapshot as they are.
 */
#ifndef BACKUP_SHIPPED_H
#define BACKUP_SHIPPED_H

#include "base/base.h"

struct shipped_file {
	const char *member; /* its name in the snapshot */
	const char *begin, *end; /* its bytes */
};
extern const struct shipped_file shipped_files[2];

#endif
