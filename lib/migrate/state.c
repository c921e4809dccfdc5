#include "db/child.h"
#include "migrate/advice.h"
#include "migrate/internal.h"

static void known_rows(const struct migrate_tree *tree, struct migrate_state *state)
{
	STRVEC_EACH (&state->versions.rows, row) {
		size_t index = graph_find(tree->graph, row);
		if (index != GRAPH_NONE)
			graph_list_push(&state->current, index);
	}
}

/* --- what is asked, in two round trips ---------------------------------------------------------
 */

enum question { BEGIN, PLACE, HISTORY, ROWS, HALF, EVENTS, RUN_KEY, QUESTIONS };

struct asking {
	struct db_call calls[QUESTIONS];
	size_t count;
	struct db_call *answers[QUESTIONS]; /* NULL: it was not asked */
	const char *tree; /* a parameter of some */
};

static void ask(struct asking *asking, enum question what, struct db_call call)
{
	asking->answers[what] = &asking->calls[asking->count];
	asking->calls[asking->count++] = call;
}

static void ask_of_tree(struct asking *asking, enum question what, const char *sql)
{
	ask(asking, what, (struct db_call){.sql = sql, .params = &asking->tree, .count = 1});
}

static void asking_release(struct asking *asking)
{
	db_calls_release(asking->calls, asking->count);
}

/*
 * Is there a schema mig, may it be used, and what of its tables is there and may be read? Of a
 * schema that is closed to this role it is taken that all is there.
 */
static const char history_sql[] =
	"select to_regnamespace('mig') is not null, m.open,"
	" case when m.open then to_regclass('mig.history') is not null end,"
	" case when m.open then has_table_privilege(to_regclass('mig.history'), 'select') end,"
	" case when m.open then to_regclass('mig.history_step') is not null end,"
	" case when m.open then has_table_privilege(to_regclass('mig.history_step'), 'select') end"
	" from (select has_schema_privilege(to_regnamespace('mig'), 'usage') as open) m";

static const char half_sql[] =
	"select revision, direction = 'down', count(*) filter (where state = 'done'),"
	" max(statement) filter (where state = 'begun'), bool_or(number = 0) from mig.history_step"
	" where tree = $1 group by 1, 2 order by min(id)";

static bool take_history(const struct db_call *call, struct migrate_state *state)
{
	enum { THERE, OPENED, HISTORY_THERE, HISTORY_READ, STEPS_THERE, STEPS_READ };
	const struct db_result *row = &call->result;
	state->has_schema = db_get_bool(row, 0, THERE);
	bool closed = state->has_schema && !db_get_bool(row, 0, OPENED);
	state->has_history = closed || db_get_bool(row, 0, HISTORY_THERE);
	state->may_read_history = db_get_bool(row, 0, HISTORY_READ);
	state->has_steps = closed || db_get_bool(row, 0, STEPS_THERE);
	return db_get_bool(row, 0, STEPS_READ);
}

/* A mark has a line for each statement behind the one that says what it is. */
static void take_begun(struct migrate_half *half, const char *text)
{
	AUTO_STRVEC(lines);
	if (!text || !half->split) {
		half->begun = xstrdup_null(text);
		return;
	}
	strvec_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.count; i++)
		if (i)
			strvec_push(&half->committed, lines.items[i]);
		else
			half->begun = xstrdup(lines.items[i]);
}

static void take_half(const struct db_call *call, struct migrate_state *state)
{
	const struct db_result *rows = &call->result;
	for (int i = 0; i < db_rows(rows); i++) {
		xgrow(state->half, state->half_count, state->half_alloc);
		struct migrate_half *half = &state->half[state->half_count++];
		*half = (struct migrate_half){
			.revision = xstrdup(db_get(rows, i, 0)),
			.direction = db_get_bool(rows, i, 1) ? MIGRATE_DOWN : MIGRATE_UP,
			.done = (int)db_get_int(rows, i, 2),
			.split = db_get_bool(rows, i, 4),
		};
		take_begun(half, db_get(rows, i, 3));
	}
}

static int by_id(const void *a, const void *b)
{
	const struct migrate_open_backfill *first = a, *second = b;
	return first->id < second->id ? -1 : first->id > second->id;
}

static void take_open(const struct db_result *events, int row, struct migrate_state *state)
{
	json_t *detail = json_loads(db_get(events, row, EVENT_BACKFILL), 0, NULL);
	if (str_equal(json_string_value(json_object_get(detail, "state")), "open")) {
		xgrow(state->open, state->open_count, state->open_alloc);
		state->open[state->open_count++] = (struct migrate_open_backfill){
			.id = db_get_int(events, row, EVENT_ID),
			.revision = xstrdup(db_get(events, row, EVENT_REVISION)),
			.table = xstrdup_null(json_string_value(json_object_get(detail, "table"))),
			.passed = json_integer_value(json_object_get(detail, "passed")),
			.estimate = json_integer_value(json_object_get(detail, "estimate")),
		};
	}
	json_decref(detail);
}

/* Those of all moves are kept for edited_find(). */
static void take_events(struct db_call *call, bool keep, struct migrate_state *state)
{
	for (int i = 0; i < db_rows(&call->result); i++)
		if (db_get(&call->result, i, EVENT_BACKFILL))
			take_open(&call->result, i, state);
	if (state->open_count)
		qsort(state->open, state->open_count, sizeof(*state->open), by_id);
	if (!keep)
		return;
	state->events = call->result;
	call->result = (struct db_result){0};
}

/* Who brought a revision that is in no file: the checkout to look for. True: mig.history knows. */
static bool tell_origin(struct db *db, const struct migrate_tree *tree,
	const struct migrate_state *state, struct err *err)
{
	for (size_t i = 0; state->may_read_history && i < state->versions.rows.count; i++) {
		const char *row = state->versions.rows.items[i];
		AUTO_ERR(ignored);
		AUTO_RESULT(found);
		if (graph_find(tree->graph, row) != GRAPH_NONE ||
			!db_query(db, &found, &ignored,
				"select format('%s was applied %s UTC by %s from host %s', "
				"concat_ws(' ', revision, nullif(detail->>'message', '')),"
				" to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), who, host)"
				" from mig.history where revision = $1 order by id desc limit 1",
				row) ||
			!db_rows(&found))
			continue;
		err_detail(err, "%s", db_get(&found, 0, 0));
		return true;
	}
	return false;
}

/* How to have the files; SQL can be taken back without them. What nobody knows is another's. */
static bool tell_way(const struct migrate_session *session, struct err *err)
{
	struct db *db = session->db;
	const struct migrate_tree *tree = session->tree;
	const struct migrate_state *state = &session->state;
	bool applied_here = tell_origin(db, tree, state, err);
	STRVEC_EACH (&state->versions.rows, row) {
		if (graph_find(tree->graph, row) != GRAPH_NONE)
			continue;
		AUTO_FREE char *way = git_way_back(tree, row);
		bool kept = applied_here && !tree->format->apply;
		if (!applied_here && !str_starts(way, "git "))
			return err_hint(err,
				"is %s the right database? see: mig-apply status; if it is: %s; if "
				"the row means nothing: mig-apply stamp --purge REV",
				db->dbname, way);
		AUTO_FREE char *one_back = advice_word(session, "-1");
		return err_hint(err, "this checkout is older than the database: %s%s%s", way,
			kept ? "; or take it back without its file: mig-apply downgrade "
			       "--from-history "
			     : "",
			kept ? one_back : "");
	}
	return false;
}

/* Rows that only another tree knows, which keeps its rows in the same table. */
static bool take_out(const struct migrate_tree *tree, const struct conf_migrations *other,
	struct migrate_state *state, struct err *err)
{
	CLEANUP(migrate_tree_free_auto) struct migrate_tree *sibling = NULL;
	if (!migrate_tree_load(other, &sibling, err))
		return err_context(err, "tree %s", other->name);
	if (strcmp(books_table(tree), books_table(sibling)) != 0)
		return true;
	struct strvec kept = {0};
	STRVEC_EACH (&state->versions.rows, row) {
		bool is_theirs = graph_find(tree->graph, row) == GRAPH_NONE &&
				 graph_find(sibling->graph, row) != GRAPH_NONE;
		strvec_push(is_theirs ? &state->foreign : &kept, row);
	}
	strvec_release(&state->versions.rows);
	state->versions.rows = kept;
	return true;
}

static bool has_unknown(const struct migrate_tree *tree, const struct migrate_state *state)
{
	STRVEC_EACH (&state->versions.rows, row)
		if (graph_find(tree->graph, row) == GRAPH_NONE)
			return true;
	return false;
}

static bool leave_out_foreign(
	const struct migrate_tree *tree, struct migrate_state *state, struct err *err)
{
	const struct conf_env *env = tree->env;
	for (size_t i = 0; env && i <= env->other_count && has_unknown(tree, state); i++) {
		const struct conf_migrations *other = i ? &env->others[i - 1] : &env->migrations;
		if (other != tree->where && !take_out(tree, other, state, err))
			return false;
	}
	return true;
}

/* Where the tables are, and whether mig's may be read; behind `begin`, if there is one. */
static bool ask_places(struct migrate_session *session, const char *begin,
	struct schema_asked *asked, bool *may_read_steps, struct err *err)
{
	CLEANUP(asking_release) struct asking asking = {0};
	struct migrate_state *state = &session->state;
	if (begin)
		ask(&asking, BEGIN, (struct db_call){.sql = begin});
	ask(&asking, PLACE, schema_ask_place(books_table(session->tree), asked, &state->versions));
	ask(&asking, HISTORY, (struct db_call){.sql = history_sql});
	if (!db_pipeline(session->db, asking.calls, asking.count, NULL, err))
		return false;
	*may_read_steps = take_history(asking.answers[HISTORY], state);
	return schema_take_place(session->db, session->tree->format->books->kind,
		asking.answers[PLACE], &state->versions, err);
}

/* A table mig.history or mig.history_step without a column of ours. */
static bool not_mine(const struct db *db, struct err *err)
{
	AUTO_FREE char *why = xstrdup(err->msg);
	err_release(err);
	err_set(err, ERR_REFUSED, "schema mig in database %s is not mig's own", db->dbname);
	err_detail(err, "%s", why);
	AUTO_FREE char *rename =
		db_psql_command(db, "alter schema mig rename to mig_before", false);
	return err_hint(err, "look at what is in it, and give it another name: %s", rename);
}

static bool take_tables(
	struct migrate_session *session, struct asking *asking, bool for_plan, struct err *err)
{
	struct migrate_state *state = &session->state;
	struct db_call *rows = asking->answers[ROWS], *half = asking->answers[HALF];
	struct db_call *events = asking->answers[EVENTS];
	size_t done = 0;
	bool good = db_pipeline(session->db, asking->calls, asking->count, &done, err);
	if (rows && (good || !done) &&
		!schema_take_rows(session->db, session->tree->format->books->kind, rows,
			&state->versions, err))
		return false;
	if (good && half)
		take_half(half, state);
	if (good && events)
		take_events(events, for_plan, state);
	state->run_key_held = good && keys_taken(asking->answers[RUN_KEY]);
	return good || (!strcmp(err->sqlstate, "42703") ? not_mine(session->db, err) : false);
}

/* What they say; for a plan also what was applied, and whether a run is on its way. */
static bool ask_tables(struct migrate_session *session, struct schema_asked *asked,
	bool may_read_steps, bool for_plan, struct err *err)
{
	CLEANUP(asking_release)
	struct asking asking = {.tree = session->tree->where->name};
	struct migrate_state *state = &session->state;
	struct keys_question key;
	if (state->versions.exists)
		ask(&asking, ROWS,
			schema_ask_rows(
				session->tree->format->books->kind, asked, &state->versions));
	if (may_read_steps)
		ask_of_tree(&asking, HALF, half_sql);
	if (state->may_read_history)
		ask_of_tree(&asking, EVENTS,
			for_plan ? EVENTS_SQL : EVENTS_SQL " and direction = 'backfill'");
	if (for_plan && !session->keys)
		ask(&asking, RUN_KEY, keys_taken_question(session->db, &key));
	return !asking.count || take_tables(session, &asking, for_plan, err);
}

bool migrate_state_read(
	struct migrate_session *session, const char *begin, enum migrate_rows rows, struct err *err)
{
	const struct migrate_tree *tree = session->tree;
	struct migrate_state *state = &session->state;
	const struct migrate_books *books = tree->format->books;
	CLEANUP(schema_asked_release) struct schema_asked asked = {0};
	bool may_read_steps = false;
	migrate_state_release(state);
	if (!ask_places(session, begin, &asked, &may_read_steps, err) ||
		!ask_tables(session, &asked, may_read_steps, rows == MIGRATE_ROWS_KNOWN, err) ||
		!leave_out_foreign(tree, state, err))
		return false;
	/* Where each migration has its row, old files may be gone: their own tool does not mind. */
	if (rows == MIGRATE_ROWS_ANY || books->each)
		known_rows(tree, state);
	else if (!graph_current(tree->graph, &state->versions.rows, &state->current, err))
		return tell_way(session, err);
	return true;
}

void migrate_state_release(struct migrate_state *state)
{
	schema_versions_release(&state->versions);
	strvec_release(&state->foreign);
	graph_list_release(&state->current);
	for (size_t i = 0; i < state->half_count; i++) {
		free(state->half[i].revision);
		free(state->half[i].begun);
		strvec_release(&state->half[i].committed);
	}
	free(state->half);
	for (size_t i = 0; i < state->open_count; i++) {
		free(state->open[i].revision);
		free(state->open[i].table);
	}
	free(state->open);
	db_result_release(&state->events);
	*state = (struct migrate_state){0};
}

bool migrate_at_head(const struct migrate_tree *tree, const struct migrate_state *state)
{
	if (!tree->format->books->each && state->current.count != state->versions.rows.count)
		return false;
	AUTO_SET(applied, tree->graph->count);
	migrate_applied(tree, &state->current, &applied);
	return graph_set_count(&applied) == tree->graph->count;
}
