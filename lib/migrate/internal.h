/*
 * Inside room migrate only.
 */
#ifndef MIGRATE_INTERNAL_H
#define MIGRATE_INTERNAL_H

#include "migrate/books.h"
#include "migrate/git.h"

/* Column detail: what the way back needs to know when the file is not there any more. Caller owns.
 */
char *history_detail(const struct migrate_file *file, int untimed);

struct history_row {
	const struct migrate_file *file;
	const char *direction;
	bool bound; /* with checksum and texts: what ran is what the file said */
	bool taken_out; /* stamp: the database stands there no more */
	int64_t duration_ms; /* < 0: since the transaction began, as the server tells */
	int untimed; /* statements whose time is not in it */
};
MUST_CHECK bool history_write(
	const struct migrate_session *session, const struct history_row *row, struct err *err);
/* The same as a call for db_pipeline(), with what its parameters point to. */
struct history_call {
	const char *params[11];
	char *up, *down, *duration, *detail;
};
void history_call_release(struct history_call *call);
struct db_call history_call(const struct migrate_session *session, const struct history_row *row,
	struct history_call *call);

/* No deferred constraint is broken: now rather than in COMMIT, whose refusal names no revision. */
MUST_CHECK bool record_check(struct db *db, const struct migrate_step *step, struct err *err);
/*
 * record_check(), the version rows and the row of mig.history, in one round trip; `rows` becomes
 * what it is afterwards, *transaction (caller owns) is the id of the transaction.
 */
MUST_CHECK bool record_revision(const struct migrate_session *session,
	const struct migrate_step *step, struct graph_list *rows, int64_t duration_ms,
	char **transaction, struct err *err);

/* Lets the server plan once what is sent for every revision; session->prepared. */
MUST_CHECK bool record_prepare(struct migrate_session *session, struct err *err);

/* ERR_REFUSED when a tree of Alembic shares its version table with a tree of other files. */
MUST_CHECK bool shared_check(const struct migrate_session *session, struct err *err);

/* An applied revision whose file says something else now. */
struct edited {
	size_t index;
	char *checksum, *when, *who; /* of what was applied */
};
struct edited_list {
	struct edited *items;
	size_t count, alloc;
};
void edited_release(struct edited_list *list);
/*
 * $1: the tree. All its rows of mig.history, backfills too, in no order, since to sort a few is
 * cheaper here than in a session that has just begun; a checksum may be NULL. What edited_find()
 * asks, unless state->events has the answer.
 */
enum event { EVENT_ID, EVENT_REVISION, EVENT_DIRECTION, EVENT_CHECKSUM, EVENT_BACKFILL };
#define EVENTS_SQL \
	"select id, revision, direction, checksum," \
	" case when direction = 'backfill' then detail end from mig.history where tree = $1"
/* Nothing for a role that may not read mig.history. */
MUST_CHECK bool edited_find(struct db *db, const struct migrate_tree *tree,
	const struct migrate_state *state, struct edited_list *list, struct err *err);
/* From what was applied to the file, as `diff -u`; NULL when that is not known. Caller owns. */
char *edited_diff(struct db *db, const struct migrate_tree *tree, size_t index);

/* Adds revisions of the version table that are in no file, out of mig.history (recall.c). */
MUST_CHECK bool recall_missing(struct migrate_session *session, struct err *err);
/* Shows the whole text of what the plan takes out of it; asks in production. */
MUST_CHECK bool recall_show(const struct migrate_session *session, struct err *err);

/* The session's settings for migrations; then as after settings_begin(), whatever was SET. */
MUST_CHECK bool settings_begin(struct migrate_session *session, struct err *err);
MUST_CHECK bool settings_restore(struct migrate_session *session, struct err *err);

/* What people and logs are told about step `which` of the plan; ms < 0: it begins. */
void apply_tell(const struct migrate_session *session, size_t which, const char *event, int64_t ms);
/* Adds to an error how many revisions are committed. */
void apply_say_how_far(const struct migrate_session *session, size_t done, struct err *err);
/* Waits before try `tries` + 1 of a step that met a lock; false: told to stop meanwhile. */
bool apply_pause(const struct migrate_session *session, int tries, const struct err *why,
	const char *blockers);
bool apply_give_up(const struct migrate_settings *how, struct err *err);
/*
 * Makes the version table and mig's own where they are absent, and lets the format apply the plan.
 * When that fails before anything is committed, what was made here is dropped again if it is empty.
 */
MUST_CHECK bool apply_or_unmake(struct migrate_session *session, size_t *done, struct err *err);
/* Whom a backend waits for, one per line, asked on the key session; NULL: nobody. Caller owns. */
char *run_blockers(const struct migrate_session *session, int pid);

/* Statements of a migration, run so that they can be stopped and their errors be understood. */
struct runner {
	struct migrate_session *session;
	int64_t started_ms; /* of the running statement, monotonic; 0: none */
	int64_t checked_ms; /* when the keys were last checked */
	bool (*stop)(void *ctx); /* the session's own, put back at the end */
	void *stop_ctx;
	char *blockers; /* who kept us waiting, one per line */
	struct err lost; /* why the keys are gone */
};
/* Connects the runner with the `stop` of the session with the database. */
void runner_init(struct runner *runner, struct migrate_session *session);
void runner_release(struct runner *runner);
/* One statement of a file; the error has its place, text and SQLSTATE. */
MUST_CHECK bool runner_statement(struct runner *runner, const struct migrate_step *step,
	const struct sql_script *script, const struct sql_statement *statement, struct err *err);
/*
 * The only statement of a step as calls[at] of a pipeline; *done as of db_pipeline(), `count` when
 * the session is lost.
 */
MUST_CHECK bool runner_calls(struct runner *runner, const struct migrate_step *step,
	struct db_call *calls, size_t count, size_t at, size_t *done, struct err *err);
/* As above, a text that was made of the statement, with parameters. */
MUST_CHECK bool runner_query(struct runner *runner, const struct migrate_step *step,
	const struct sql_script *script, const struct sql_statement *statement,
	const char *const *params, size_t count, struct db_result *result, struct err *err);
/* As above; every row must be one true. */
MUST_CHECK bool runner_verify(struct runner *runner, const struct migrate_step *step,
	const struct sql_statement *statement, struct err *err);

/* Can the whole revision go to the server in one round trip? */
bool record_fits(const struct migrate_session *session, const struct migrate_step *step);
/*
 * BEGIN, `limits`, the only statement of the step, all of record_revision(), and behind it the
 * question for the keys (answered yes, else ERR_LOCK): only COMMIT is left. A failure leaves a
 * transaction open, to be rolled back. SQLSTATE 26000 when what was prepared is gone.
 */
MUST_CHECK bool record_together(struct runner *runner, const struct migrate_step *step,
	const char *limits, struct graph_list *rows, char **transaction, struct err *err);

/* A step that is only the backfill of a revision that is applied; release with plan_step_release.
 */
MUST_CHECK bool plan_backfill_step(
	const struct migrate_tree *tree, size_t index, struct migrate_step *step, struct err *err);
void plan_step_release(struct migrate_step *step);

#endif
