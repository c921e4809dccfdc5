/*
 * Inside room migrate: revisions without a transaction ("transaction: off"). Every statement has a
 * row in mig.history_step. One that a transaction allows commits together with its row: exactly
 * once. One that no transaction allows has its row before it begins ("begun") and afterwards
 * ("done"); after a death in between the catalogue is asked which it is (steps_probe.c).
 *
 * The rows go in the transaction that records the revision: what is there is half applied.
 */
#ifndef MIGRATE_STEPS_H
#define MIGRATE_STEPS_H

#include "migrate/internal.h"

struct steps_row {
	int number; /* of the statement in its section, from 1 */
	char *id; /* of the row */
	char checksum[65]; /* of the statement's text */
	bool done; /* else begun */
	char *before; /* what the probe saw before it began; NULL: nothing to see */
};
/* The journal of one revision in one direction. */
struct steps {
	struct migrate_session *session;
	const struct migrate_step *step;
	struct steps_row *rows; /* by number */
	size_t count, alloc;
};
void steps_release(struct steps *steps);
#define AUTO_STEPS(name) CLEANUP(steps_release) struct steps name = {0}

/* Makes mig.history_step when it is absent. */
MUST_CHECK bool steps_ensure(struct migrate_session *session, struct err *err);
/* Fills a zeroed journal; ERR_REFUSED when a statement that ran is another one in the file now. */
MUST_CHECK bool steps_read(struct steps *steps, struct migrate_session *session,
	const struct migrate_step *step, struct err *err);
const struct steps_row *steps_find(const struct steps *steps, size_t index);
/* In the transaction of the statement: it is done. */
MUST_CHECK bool steps_write_done(struct steps *steps, size_t index, int64_t ms, struct err *err);
/* The intent, and what there was before; in a transaction of its own. *id is the row's. */
MUST_CHECK bool steps_write_begun(
	struct steps *steps, size_t index, const char *before, char **id, struct err *err);
/* `settled`: it was found done after a death, and nobody knows how long it took. */
MUST_CHECK bool steps_mark_done(struct steps *steps, const char *id, bool settled, struct err *err);
/*
 * All statements so far together, whichever command ran them; *untimed of them were found done, and
 * nobody knows how long they took.
 */
MUST_CHECK bool steps_took(struct steps *steps, int64_t *ms, int *untimed, struct err *err);
MUST_CHECK bool steps_forget(struct steps *steps, const char *id, struct err *err);
/* With the row of the revision: the journal is at its end. */
MUST_CHECK bool steps_clear(struct steps *steps, struct err *err);

enum steps_answer {
	STEPS_NOT, /* not done, and nothing left over: it may run again */
	STEPS_DONE,
	STEPS_LEFT, /* not done; its own INVALID index is left over and may go */
	STEPS_PENDING, /* its first half is committed: a partition that is being detached */
	STEPS_BUSY, /* somebody is at it */
	STEPS_UNSURE,
};
/* What the catalogue shows before a statement; *seen (caller owns) may be NULL. */
MUST_CHECK bool steps_look(
	struct db *db, const struct sql_statement *statement, char **seen, struct err *err);
/* Whether a statement that began with `before` in sight was done. */
MUST_CHECK bool steps_ask(struct db *db, const struct sql_statement *statement, const char *before,
	enum steps_answer *answer, struct err *err);
/* Does the second half of STEPS_PENDING. */
MUST_CHECK bool steps_finish(struct db *db, const struct sql_statement *statement, struct err *err);
/* Drops what STEPS_LEFT means. */
MUST_CHECK bool steps_drop_left(
	struct db *db, const struct sql_statement *statement, struct err *err);

/* The statement at `index` outside of any transaction; what a dead program left comes first. */
MUST_CHECK bool steps_run_outside(
	struct runner *runner, struct steps *steps, size_t index, struct err *err);

#endif
