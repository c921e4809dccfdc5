/*
 * Inside a restore: its stages, shared between restore*.c only.
 */
#ifndef BACKUP_RESTORE_ROOM_H
#define BACKUP_RESTORE_ROOM_H

#include "backup/restore.h"

/* One section of schema.pgdump ("pre-data", "post-data") by pg_restore into `database`. */
MUST_CHECK bool restore_ddl(const struct restore_settings *settings, struct db *server,
	const char *database, const char *section, struct err *err);

/* Reads every row back and compares counts and hashes with the manifest. */
MUST_CHECK bool restore_prove(
	const struct restore_settings *settings, const char *database, struct err *err);

#endif
