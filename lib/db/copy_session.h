/*
 * What every session sets that reads or writes rows as COPY text, so that the same rows give the
 * same text whatever role, database or server settings say.
 */
#ifndef DB_COPY_SESSION_H
#define DB_COPY_SESSION_H

#include "db/db.h"

/* encoding: the database's, as in its manifest; NULL: the session's own database. */
MUST_CHECK bool db_copy_session(struct db *db, const char *encoding, struct err *err);
/* And waits no longer than ten seconds for a lock: whoever only looks says who is in the way. */
MUST_CHECK bool db_copy_session_guest(struct db *db, const char *encoding, struct err *err);
/* And what makes loading fast: nothing here is needed after a crash, the copy is dropped then. */
MUST_CHECK bool db_copy_session_fast(struct db *db, const char *encoding, struct err *err);

#endif
