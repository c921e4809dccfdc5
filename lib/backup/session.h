/*
 * The settings under which COPY text is made, compared and read back: whatever role, database or
 * server say, the same rows give the same text. Everything that pg_dump sets, and what it forgets.
 */
#ifndef BACKUP_SESSION_H
#define BACKUP_SESSION_H

#include "db/db.h"

/* Also sets client_encoding to the server's encoding: no conversion, names are raw bytes. */
MUST_CHECK bool backup_session_settle(struct db *db, struct err *err);
/* db_open(), then the settings. */
MUST_CHECK bool backup_session_open(
	const struct db_params *params, struct db **db, struct err *err);
/* A read-only transaction on an exported snapshot of another session. */
MUST_CHECK bool backup_session_import(
	struct db *db, const char *snapshot, struct db_tx *tx, struct err *err);

#endif
