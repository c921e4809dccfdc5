/*
 * Inside room migrate: "-- migrate:backfill table= key= batch= pause=", one UPDATE that is run
 *after its revision is recorded, in batches along a unique key, each with its own commit. What is
 *left to do stands in a row of mig.history with direction `backfill`; detail:
 *
 *	{"state": "open", "table": "users", "key": "id", "last": "4999", "until": "60000",
 *	 "batches": 1, "rows": 4999, "passed": 5000, "estimate": 60000}
 *
 * `last` is the key up to which all is done, `until` the greatest one when it began.
 */
#ifndef MIGRATE_BACKFILL_H
#define MIGRATE_BACKFILL_H

#include "migrate/internal.h"

/* The words behind "migrate:backfill"; ERR_CONFIG with their place. */
MUST_CHECK bool backfill_read_options(struct migrate_file *file, struct err *err);
/* Checks what the section holds, before anything runs: one UPDATE of that table. */
MUST_CHECK bool backfill_check(const struct migrate_step *step, struct err *err);

/* One that is being run. */
struct backfill {
	struct migrate_session *session;
	const struct migrate_step *step;
	char *id; /* of its row in mig.history */
	char *type; /* of the key */
	char *last, *until; /* NULL: nothing yet */
	int64_t batches, rows, passed, estimate;
	/* of the batch at hand */
	char *next;
	int64_t changed, seen;
	bool finished; /* nothing is left */
	int64_t began_ms, passed_before, told_ms;
};
void backfill_release(struct backfill *backfill);
#define AUTO_BACKFILL(name) CLEANUP(backfill_release) struct backfill name = {0}

/* In the transaction that records the revision: the row, open. */
MUST_CHECK bool backfill_write_open(
	const struct migrate_session *session, const struct migrate_step *step, struct err *err);
/* Reads the row of a step that is open, and what the key is. ERR_REFUSED: it is no key. */
MUST_CHECK bool backfill_begin(struct backfill *backfill, struct migrate_session *session,
	const struct migrate_step *step, struct err *err);
/* In a transaction: the next batch, and its row. */
MUST_CHECK bool backfill_batch(struct backfill *backfill, struct runner *runner, struct err *err);
/* It is committed: on to the next. */
void backfill_step_on(struct backfill *backfill);
/* In a transaction: nothing is left to do. */
MUST_CHECK bool backfill_close(struct backfill *backfill, struct err *err);
/* The text of one batch; $1 is NULL or the key before it, $2 the last of it. Caller owns. */
char *backfill_batch_sql(const struct sql_statement *update, const char *key, const char *type);

#endif
