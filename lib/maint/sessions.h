/*
 * Other people's sessions in the target. mig's own are those that hold one of its keys for this
 * database; autovacuum and WAL senders write no rows and are left alone.
 */
#ifndef MAINT_SESSIONS_H
#define MAINT_SESSIONS_H

#include "db/db.h"

/*
 * Ends every foreign session that is there now, by repeated tries, and waits until they are gone
 * (their counters are flushed by then). Sessions that come later are not waited for. `left` gets
 * one line per session that was not to be ended; empty: all are gone.
 */
MUST_CHECK bool sessions_end(struct db *db, struct strvec *left, struct err *err);

/* Waits until no foreign session is inside a transaction, at most for limit_ms. */
MUST_CHECK bool sessions_drain(struct db *db, int64_t limit_ms, struct err *err);

/*
 * Is anybody inside who is not mig's own? Programs of mig that come and go without a key are known
 * by their application_name.
 */
MUST_CHECK bool sessions_inside(struct db *db, bool *inside, struct err *err);

#endif
