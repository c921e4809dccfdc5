/* A refusal leaves the database as it was: tables that were made for the first revision go again.
 */
#include "migrate/books.h"
#include "migrate/internal.h"

struct made {
	bool versions, history, steps, schema;
};

static bool drop_when_empty(struct db *db, const char *table, struct err *err)
{
	AUTO_FREE char *query = xstrfmt("select 1 from %s limit 1", table);
	AUTO_FREE char *row = NULL;
	return db_value(db, &row, err, query) && (row || db_execf(db, err, "drop table %s", table));
}

static bool drop_schema(struct db *db, struct err *err)
{
	AUTO_FREE char *rest = NULL;
	return db_value(db, &rest, err,
		       "select 1 from pg_class where relnamespace = 'mig'::regnamespace limit 1") &&
	       (rest || db_exec(db, err, "drop schema mig"));
}

/* Where half applied revisions are noted, nothing is taken away. */
static bool steps_are_free(
	struct migrate_session *session, const struct made *made, bool *are, struct err *err)
{
	AUTO_FREE char *row = NULL;
	*are = made->steps;
	if (!made->steps || !session->state.has_steps)
		return true;
	bool good = db_value(session->db, &row, err, "select 1 from mig.history_step limit 1");
	*are = !row;
	return good;
}

static bool take_back(struct migrate_session *session, const struct made *made, struct err *err)
{
	struct db *db = session->db;
	AUTO_FREE char *others = NULL;
	bool free_to_go = false;
	AUTO_TX(tx);
	if (!keys_check(session->keys, err) || !db_begin(db, &tx, "read write", err) ||
		!db_exec(db, err, "set local lock_timeout = '1s'") ||
		!db_value(db, &others, err,
			"select 1 from pg_class where relnamespace = 'mig'::regnamespace"
			" and relkind in ('r', 'p', 'v', 'm', 'f') and relname not in"
			" ('history', 'history_step') limit 1"))
		return false;
	if (others || !steps_are_free(session, made, &free_to_go, err))
		return others != NULL;
	if (!free_to_go)
		return true;
	if ((session->state.has_steps && !db_exec(db, err, "drop table mig.history_step")) ||
		(made->versions && !drop_when_empty(db, session->state.versions.qualified, err)) ||
		(made->history && !drop_when_empty(db, "mig.history", err)) ||
		(made->schema && !drop_schema(db, err)))
		return false;
	return db_commit(&tx, err);
}

bool apply_or_unmake(struct migrate_session *session, size_t *done, struct err *err)
{
	const struct migrate_state *state = &session->state;
	const struct made made = {.versions = !state->versions.exists,
		.history = !state->has_history,
		.steps = !state->has_steps,
		.schema = !state->has_schema};
	AUTO_ERR(ignored); /* what is left over is empty and of use to the next try */
	if (!books_ensure(session->db, session->tree, &session->state, err))
		return false;
	if (session->tree->format->apply(session, done, err))
		return true;
	bool in_doubt = err->code == ERR_DOUBT;
	if (!*done && !in_doubt && (made.versions || made.history || made.steps) &&
		!take_back(session, &made, &ignored))
		log_debug(session->how.log, "tables_kept", NULL, "%s", ignored.msg);
	return false;
}
