/* What the files of room db share among themselves. */
#ifndef DB_INTERNAL_H
#define DB_INTERNAL_H

#include "db/db.h"
#include "db/keys.h"

/* Why PQconnect failed: ERR_DATABASE with a hint, and a SQLSTATE where it can be told. */
bool db_connect_error(PGconn *pg, struct err *err);

/* db_pipeline_each(), and between sending and receiving what params->meanwhile says. */
MUST_CHECK bool db_pipeline_first(struct db *db, const struct db_params *params,
	struct db_call *calls, size_t count, struct err *err);

/* How a key is held. */
enum lock_mode { LOCK_SHARED, LOCK_EXCLUSIVE };

/*
 * Polls for a key until it is had or wait_ms are over (*got false). Never blocks in the server.
 * A conflicting holder in another database of the server counts, too.
 */
MUST_CHECK bool lock_poll(struct db *session, int64_t number, enum lock_mode mode, int64_t wait_ms,
	bool *got, struct err *err);
MUST_CHECK bool lock_give_back(
	struct db *session, int64_t number, enum lock_mode mode, struct err *err);
/* The strongest other holder of a key, in any database; zeroed when there is none. */
MUST_CHECK bool lock_holder(
	struct db *session, int64_t number, struct keys_holder *holder, struct err *err);
/* True in *held when backend `pid` holds the key; run_id: and names it (NULL: not asked). */
MUST_CHECK bool lock_held_by(struct db *session, int64_t number, int pid, enum lock_mode mode,
	const char *run_id, bool *held, struct err *err);

/* A row when anybody else holds the key, in any database. */
struct db_call lock_holders(int64_t number, struct keys_question *values);
/* One row when backend `pid` holds the key exclusively; see keys_question(). */
struct db_call lock_question(int64_t number, int pid, struct keys_question *values);

#endif
