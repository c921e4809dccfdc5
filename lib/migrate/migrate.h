/*
 * Migrations against a database: where it stands, what a command would do, and doing it.
 *
 *	AUTO_SESSION(session);  session.how = ..; session.db = ..;
 *	migrate_open(&session, &keys_request, MIGRATE_ROWS_KNOWN, err)
 *	migrate_plan(&session, MIGRATE_UP, "head", err)
 *	migrate_policy_check(&session, err) && migrate_apply(&session, &done, err)
 *
 * One transaction per revision: its statements, its verify section, its version row and its row in
 * mig.history commit together or not at all. Revisions that say "transaction: off" are run
 * statement by statement; what is done of them stands in mig.history_step.
 */
#ifndef MIGRATE_MIGRATE_H
#define MIGRATE_MIGRATE_H

#include "db/keys.h"
#include "migrate/findings.h"
#include "migrate/tree.h"
#include "schema/versions.h"

enum migrate_direction { MIGRATE_UP, MIGRATE_DOWN };

/* Where a database stands. */
struct migrate_state {
	struct schema_versions versions; /* without rows of other trees in the same table */
	struct strvec foreign; /* those rows */
	struct graph_list current; /* its rows as revisions of the tree: heads, or each (books.h) */
	bool has_schema; /* mig exists */
	bool has_history; /* mig.history exists */
	bool may_read_history;
	bool has_steps; /* mig.history_step exists */
	struct migrate_half *half; /* revisions that are half applied */
	size_t half_count, half_alloc;
	struct migrate_open_backfill *open; /* backfills that have not ended */
	size_t open_count, open_alloc;
	/* only with MIGRATE_ROWS_KNOWN: */
	struct db_result events; /* what mig.history says of the tree (edited.c) */
	bool run_key_held; /* by anybody; not asked by who holds it */
};
/* A backfill that goes on with the next upgrade. */
struct migrate_open_backfill {
	int64_t id; /* of its row in mig.history */
	char *revision, *table;
	int64_t passed, estimate; /* rows; 0: not known */
};
/*
 * A revision without a transaction of which some statements are done ("transaction: off"), or one
 * of Python that has committed a part of itself and did not end.
 */
struct migrate_half {
	char *revision;
	enum migrate_direction direction;
	bool split; /* of Python: nothing tells what is done */
	int done; /* statements */
	char *begun; /* the one that was interrupted, in short; NULL: none */
	struct strvec committed; /* of a split one: what was seen before its mark, in short */
};
enum migrate_rows {
	MIGRATE_ROWS_KNOWN, /* rows that are in no file are ERR_NOTFOUND */
	MIGRATE_ROWS_ANY, /* they are left out of `current` */
};
struct migrate_session;
/*
 * Reads session->state anew, in two round trips; nothing else. `begin` is a statement to go before
 * (NULL: none). MIGRATE_ROWS_KNOWN reads what a plan needs, too.
 */
MUST_CHECK bool migrate_state_read(struct migrate_session *session, const char *begin,
	enum migrate_rows rows, struct err *err);
void migrate_state_release(struct migrate_state *state);
/* The revisions that rows stand for: themselves, and all they stand on where rows are heads. */
void migrate_applied(
	const struct migrate_tree *tree, const struct graph_list *rows, struct graph_set *applied);
/* What people are told about rows: the heads, or the newest. */
void migrate_tips(
	const struct migrate_tree *tree, const struct graph_list *rows, struct graph_list *tips);
/* Is everything in the tree applied? */
bool migrate_at_head(const struct migrate_tree *tree, const struct migrate_state *state);

/*
 * Revisions in the database whose up section is not the one that was applied: ERR_REFUSED naming
 * the first file; nothing for a role that may not read mig.history. `only` limits it to some
 * revisions (NULL: all applied ones).
 */
MUST_CHECK bool migrate_check_unedited(struct db *db, const struct migrate_tree *tree,
	const struct migrate_state *state, const struct graph_list *only, struct err *err);

struct migrate_step {
	size_t index; /* in the tree */
	const struct migrate_file *file;
	const struct strvec *placeholders; /* "name=value"; NULL: none are replaced */
	struct sql_script script; /* up or down */
	struct sql_script verify;
	struct sql_script backfill; /* one UPDATE, or none */
	bool bare; /* not in one transaction */
	const struct strvec *losses; /* lines of Python that take data away, "12: drop_table" */
	unsigned flags; /* of all statements together */
	int untimed; /* statements found done after a death: how long they took, nobody knows */
};

struct migrate_plan {
	const struct migrate_tree *tree;
	enum migrate_direction direction;
	char *target;
	struct migrate_step *steps;
	size_t count;
	struct graph_list from, to; /* rows of the version table before and after */
	struct migrate_args args; /* as in migrate_settings, for a script; the next, too */
	int64_t lock_timeout_ms; /* 0: not said in it */
	bool destructive;
};

/*
 * The steps to a target, read and checked: ERR_REFUSED for what cannot be run (statements that no
 * transaction allows, in a revision that has one), with its place; ids that do not fit.
 */
MUST_CHECK bool migrate_plan_make(const struct migrate_tree *tree,
	const struct migrate_state *state, enum migrate_direction direction, const char *target,
	struct migrate_plan *plan, struct err *err);
/* Ends it before the first revision with "phase: contract"; *rest is how many are left out. */
MUST_CHECK bool migrate_plan_expand_only(struct migrate_plan *plan, size_t *rest, struct err *err);
void migrate_plan_release(struct migrate_plan *plan);

struct migrate_settings {
	const struct conf_env *env;
	const struct conf_migrations *where; /* the tree, one of env's */
	struct db_params target; /* to ask again when the session was lost */
	int64_t lock_timeout_ms;
	int lock_retries;
	const char *host; /* for mig.history */
	const char *version; /* of mig */
	bool from_history; /* revisions that are in no file come out of mig.history */
	struct migrate_args args;
	struct log_sink *log;
	bool (*cancelled)(void *ctx); /* may be NULL */
	/* Age of the newest snapshot of this environment; -1: there is none. */
	bool (*backup_age)(void *ctx, int64_t *age_ms, struct err *err);
	/* A yes to a plain question, else ERR_REFUSED. */
	bool (*confirm)(void *ctx, const char *question, struct err *err);
	void *ctx;
};

/* A tree, a database, and what is to be done: what every command has in hand. */
struct migrate_session {
	struct migrate_settings how;
	struct db *db;
	struct keys *keys; /* NULL: only reading */
	char *proof; /* proof.json of the run (lib/maint/writes.h); NULL: not in a run */
	struct migrate_tree *tree;
	struct migrate_state state;
	struct migrate_plan plan;
	struct findings findings; /* of a tree that was read as far as it goes */
	struct err unread; /* why the tree could not be read ahead; ERR_NONE: nothing */
	struct conf_env *own_env; /* freed at the end; NULL: how.env is somebody else's */
	bool prepared; /* what every revision sends is planned already */
	struct strvec own_settings; /* name, value, name, value: what every revision starts with */
};

/*
 * Fill in `how` and `db` (owned from then on) of a zeroed session before. With a request the keys
 * are taken first, without one everything is read in a READ ONLY transaction. A session that was
 * opened to read may be opened once more with a request: the state is then read again.
 */
MUST_CHECK bool migrate_open(struct migrate_session *session, const struct keys_request *request,
	enum migrate_rows rows, struct err *err);
void migrate_close(struct migrate_session *session);
#define AUTO_SESSION(name) CLEANUP(migrate_close) struct migrate_session name = {0}

/* Makes session->plan, and refuses files that were edited after they were applied. */
MUST_CHECK bool migrate_plan(struct migrate_session *session, enum migrate_direction direction,
	const char *target, struct err *err);

/* What the environment's policy asks for, one line each; nothing is asked or looked up. */
void migrate_policy_needs(
	const struct migrate_plan *plan, const struct conf_env *env, struct strvec *needs);
/* Asks and looks it up: ERR_REFUSED with the ways that are allowed. */
MUST_CHECK bool migrate_policy_check(const struct migrate_session *session, struct err *err);

/*
 * Runs the plan. *done counts the steps that are committed, also on failure. ERR_LOCK after the
 * last lock retry; ERR_SQL with file:line:column; ERR_FAILED for a verify statement that is not
 * true; ERR_DOUBT when it could not be found out whether a commit happened.
 */
MUST_CHECK bool migrate_apply(struct migrate_session *session, size_t *done, struct err *err);

/* Moves the rows only; *changes counts what was written. */
MUST_CHECK bool migrate_stamp(struct migrate_session *session, const struct strvec *targets,
	bool purge, size_t *changes, struct err *err);
/* The same without writing: session->state.current becomes what it would be. */
MUST_CHECK bool migrate_stamp_plan(struct migrate_session *session, const struct strvec *targets,
	bool purge, size_t *changes, struct err *err);

/*
 * A tree whose files contradict each other, without what cannot be linked: doubled ids, parents
 * that are in no file. Each is a finding. `db` (NULL: none) tells which of two files was applied.
 */
MUST_CHECK bool migrate_tree_mended(const struct conf_migrations *where, struct db *db,
	struct migrate_tree **tree, struct findings *findings, struct err *err);

/* "r001 Half is half applied: 2 of its statements are done", and what to type. Caller owns. */
char *migrate_half_what(const struct migrate_session *session, const struct migrate_half *half);
char *migrate_half_way(const struct migrate_session *session, const struct migrate_half *half);
/* "committed: alter table ..": what is known to be there. */
void migrate_half_seen(const struct migrate_half *half, struct strvec *lines);
/* What was begun and not finished, each with the command that mends it. */
MUST_CHECK bool migrate_half_done(
	const struct migrate_session *session, struct findings *found, struct err *err);

struct migrate_new {
	const char *message;
	const char *id; /* NULL: 12 random hex digits */
	const char *branch_label; /* NULL: none */
	const struct strvec *heads; /* what it stands on; empty: head */
	const struct strvec *depends_on;
	bool splice; /* may stand on a revision that is no head */
	bool merge; /* typed as merge: of heads alone */
	const char *folder; /* of Alembic's version_locations; NULL: as the heads have it */
	bool autogenerate; /* write what the models have and the database has not */
	struct db *db; /* for env.py; NULL: not opened */
	struct migrate_args args;
};
/*
 * Asks the tree's own tool whether the models and the database agree: ERR_NO with what is missing;
 * ERR_USAGE for trees without models.
 */
MUST_CHECK bool migrate_check_models(const struct conf_migrations *where, struct db *db,
	const struct migrate_args *args, struct err *err);
/*
 * Writes a new revision file; *path is the caller's. The folder is made when absent. *wants_db: it
 * failed for want of request->db alone, and wrote nothing.
 */
MUST_CHECK bool migrate_new_revision(const struct conf_migrations *where,
	const struct migrate_new *request, char **path, char **id, bool *wants_db, struct err *err);

#endif
