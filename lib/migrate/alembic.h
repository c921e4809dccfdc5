/*
 * Inside room migrate: trees of Alembic and Flask-Migrate. Where their parts are (alembic_place.c),
 * which files there are (alembic_files.c), what they say (alembic_load.c), and the one Python child
 * that runs Alembic's own code (alembic_child.c, etc/alembic.py).
 */
#ifndef MIGRATE_ALEMBIC_H
#define MIGRATE_ALEMBIC_H

#include "migrate/internal.h"
#include <jansson.h>

struct alembic_place {
	char *dir; /* script_location: where env.py is */
	char *ini; /* alembic.ini; NULL: there is none */
	char *section; /* of it: alembic -n NAME; NULL: there is none */
	char *home; /* the folder in which one types "alembic" or "flask db" */
	struct strvec versions; /* folders of revision files */
	bool recursive; /* and their folders */
	bool flask; /* env.py wants Flask's application */
};
/* `dir` has env.py, or an alembic.ini that says where it is. */
MUST_CHECK bool alembic_place_find(
	const struct conf_migrations *where, struct alembic_place *place, struct err *err);
void alembic_place_release(struct alembic_place *place);

/* Adds the revision files of the place in Alembic's order, with their texts. */
MUST_CHECK bool alembic_files_read(
	struct migrate_tree *tree, const struct alembic_place *place, struct err *err);

/* What Python is asked to do: see main() of etc/alembic.py. */
struct alembic_child {
	const struct conf_migrations *where;
	const struct alembic_place *place;
	struct migrate_args args;
	json_t *request; /* owned */
	struct strvec env; /* added to ours */
	/* One event of the child, an object with "event". */
	void (*on_event)(void *ctx, const char *event, const json_t *fields);
	bool (*cancelled)(void *ctx); /* as of proc_spec */
	int64_t limit_ms; /* 0: it may take as long as it takes */
	void *ctx;
	json_t *error; /* its event "error": what went wrong, in Python's words; NULL: nothing */
	struct strvec output; /* the last lines that it printed */
	int status;
	bool was_cancelled, timed_out;
};
void alembic_child_release(struct alembic_child *child);
/*
 * True when the child ended by itself with 0. Else ERR_FAILED with its last lines, or why Python or
 * Alembic could not be had; `error` and `status` say more.
 */
MUST_CHECK bool alembic_child_run(struct alembic_child *child, struct err *err);
/* Makes of an error of the child's what it means: code, hint, SQLSTATE. */
void alembic_error_class(const struct alembic_child *child, struct err *err);
/*
 * A number that nobody else has a lock on, locked by the session: who finds it locked is in our
 * database, too. It is the request's "nonce".
 */
MUST_CHECK bool alembic_lock_nonce(struct db *db, int64_t *nonce, struct err *err);
/* Environment of a child that works on the database of an open session. */
void alembic_child_target(struct alembic_child *child, struct db *db);
/* The same for a child that is asked for SQL alone; NULL: wherever its env.py leads. */
void alembic_child_target_read_only(struct alembic_child *child, struct db *db);

#endif
