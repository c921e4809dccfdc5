/*
 * Disk space of a server whose files can be seen from here.
 */
#ifndef COPIES_SPACE_H
#define COPIES_SPACE_H

#include "db/db.h"

/*
 * Free bytes where the database `live` lies (or, if there is none, where the server's data do): -1
 * when that cannot be seen from here. *path (caller owns) may be NULL then.
 */
MUST_CHECK bool space_free(
	struct db *server, const char *live, char **path, int64_t *bytes, struct err *err);
/* The server's folder of WAL, caller owns; NULL: it cannot be seen from here. */
MUST_CHECK bool space_wal(struct db *server, char **path, struct err *err);

#endif
