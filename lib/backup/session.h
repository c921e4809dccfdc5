/*
 * Sessions that snapshots are taken with: under db_copy_session(), with client_encoding set to the
 * server's encoding, so that nothing is converted and names are raw bytes.
 */
#ifndef BACKUP_SESSION_H
#define BACKUP_SESSION_H

#include "db/db.h"

MUST_CHECK bool backup_session_open(
	const struct db_params *params, struct db **db, struct err *err);
/* A read-only transaction on an exported snapshot of another session. */
MUST_CHECK bool backup_session_import(
	struct db *db, const char *snapshot, struct db_tx *tx, struct err *err);

#endif
