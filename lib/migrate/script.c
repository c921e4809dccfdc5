#include "migrate/books.h"
#include "migrate/internal.h"
#include "migrate/report.h"
#include "migrate/verbs.h"

/* "schema.table", each part quoted: offline there is no session to ask. */
static char *quoted(const char *name)
{
	AUTO_STRBUF(text);
	strbuf_addc(&text, '"');
	for (; *name; name++) {
		if (*name == '.')
			strbuf_adds(&text, "\".\"");
		else
			strbuf_addc(&text, *name);
		if (*name == '"')
			strbuf_addc(&text, '"');
	}
	strbuf_addc(&text, '"');
	return strbuf_take(&text);
}

/* "B" is "base:B", as in Alembic. */
static bool ends_of(const char *range, char **from, char **to, struct err *err)
{
	if (strchr(range, ':'))
		return graph_range_split(range, from, to, err);
	*to = xstrdup(range);
	return true;
}

static bool is_below(
	const struct graph *graph, const struct graph_list *low, const struct graph_list *high)
{
	AUTO_SET(below, graph->count);
	graph_ancestors(graph, high, GRAPH_WITH_DEPENDS, &below);
	for (size_t i = 0; i < low->count; i++)
		if (!graph_set_has(&below, low->items[i]))
			return false;
	return high->count > 0;
}

/* Down when the end is below the beginning, or counts downwards from it. */
static bool find_direction(const struct graph *graph, const struct graph_list *from, const char *to,
	enum migrate_direction *direction, struct err *err)
{
	AUTO_LIST(end);
	*direction = *to == '-' ? MIGRATE_DOWN : MIGRATE_UP;
	if (*to == '-' || *to == '+' || strpbrk(to, "+-"))
		return true;
	if (!graph_resolve(graph, to, &end, err))
		return false;
	if (is_below(graph, &end, from) && !is_below(graph, from, &end))
		*direction = MIGRATE_DOWN;
	return true;
}

/* A session that stands at `from`, without any database. */
static bool stand_at(struct migrate_session *session, const char *from, struct err *err)
{
	struct migrate_state *state = &session->state;
	if (!strcmp(from, "current"))
		return true;
	AUTO_LIST(found);
	const struct graph *graph = session->tree->graph;
	if (!graph_resolve(graph, from, &found, err))
		return false;
	/* Where every revision has its row, those below have one, too. */
	AUTO_SET(rows, graph->count);
	if (session->tree->format->books->each)
		graph_ancestors(graph, &found, GRAPH_WITH_DEPENDS, &rows);
	for (size_t i = 0; i < found.count; i++)
		graph_set_add(&rows, found.items[i]);
	state->current.count = 0;
	SET_EACH(&rows, index)
	graph_list_push(&state->current, index);
	return true;
}

static char *version_table_sql(const struct migrate_session *session)
{
	const struct migrate_tree *tree = session->tree;
	const char *table = books_table(tree), *dot = strrchr(table, '.');
	AUTO_FREE char *name = xstrfmt("%s_pkc", dot ? dot + 1 : table);
	AUTO_FREE char *constraint = quoted(name);
	AUTO_FREE char *ddl =
		tree->format->books->ddl(tree, session->state.versions.qualified, constraint);
	return xstrfmt("begin;\n%s;\ncommit;\n\n", ddl);
}

static char *native_script(const struct migrate_session *session, struct err *err)
{
	const struct migrate_plan *plan = &session->plan;
	bool from_base = plan->direction == MIGRATE_UP && !plan->from.count && plan->count;
	AUTO_FREE char *table = from_base ? version_table_sql(session) : xstrdup("");
	AUTO_FREE char *steps = migrate_report_plan_sql(session, err);
	return steps ? xstrfmt("%s%s", table, steps) : NULL;
}

static char *plan_sql(struct migrate_session *session, struct err *err)
{
	const struct migrate_format *format = session->tree->format;
	char *sql = NULL;
	if (format->script)
		return format->script(&session->plan, session->db, &sql, err) ? sql : NULL;
	if (!session->state.versions.qualified)
		session->state.versions.qualified = quoted(books_table(session->tree));
	return native_script(session, err);
}

static bool other_way(
	const char *begin, const char *end, enum migrate_direction direction, struct err *err)
{
	bool up = direction == MIGRATE_UP;
	err_set(err, ERR_USAGE, "%s:%s leads %s, which %s does not do", begin, end,
		up ? "up" : "down", up ? "downgrade" : "upgrade");
	return err_hint(err, "mig-apply %s --sql %s:%s", up ? "upgrade" : "downgrade", begin, end);
}

/* `way` NULL: whichever leads there. */
static bool write_script(const struct migrate_ask *ask, const char *range,
	const enum migrate_direction *way, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	AUTO_FREE char *from = NULL;
	AUTO_FREE char *to = NULL;
	enum migrate_direction direction;
	if (!ends_of(range, &from, &to, err))
		return false;
	const char *begin = from ? from : "base", *end = to ? to : "heads";
	bool asks_database = !strcmp(begin, "current");
	if (!ask->open(ask, asks_database ? MIGRATE_READ : MIGRATE_FILES, MIGRATE_ROWS_KNOWN,
		    &session, err) ||
		!stand_at(&session, begin, err) ||
		!find_direction(session.tree->graph, &session.state.current, end, &direction, err))
		return false;
	if (!migrate_plan_make(session.tree, &session.state, direction, end, &session.plan, err))
		return false;
	if (way && *way != direction && session.plan.count)
		return other_way(begin, end, direction, err);
	session.plan.args = session.how.args;
	session.plan.lock_timeout_ms = session.how.lock_timeout_ms;
	if (!migrate_keep_phase(ask, &session, answer, err))
		return false;
	if (!ask->one_of_many && !migrate_args_fit(&session.how.args, session.tree, err))
		return false;
	AUTO_FREE char *sql = plan_sql(&session, err);
	if (!sql)
		return false;
	answer->sql = true;
	size_t length = strlen(sql);
	while (length && sql[length - 1] == '\n')
		length--;
	strvec_pushf(&answer->lines, "%.*s", (int)length, sql);
	answer->json = json_pack("{s:s, s:s, s:s, s:s}", "direction",
		direction == MIGRATE_UP ? "up" : "down", "from", begin, "to", end, "sql", sql);
	return true;
}

bool migrate_script_one_way(const struct migrate_ask *ask, const char *range,
	enum migrate_direction way, struct migrate_answer *answer, struct err *err)
{
	return write_script(ask, range, &way, answer, err);
}

/* --- stamp ------------------------------------------------------------------------------------ */

/* "A:B" of each target: one beginning for all, and the ends. */
static bool stamp_ends(
	const struct strvec *targets, char **begin, struct strvec *ends, struct err *err)
{
	STRVEC_EACH (targets, target) {
		AUTO_FREE char *from = NULL;
		AUTO_FREE char *to = NULL;
		if (!ends_of(target, &from, &to, err))
			return false;
		strvec_push(ends, to ? to : "heads");
		if (from && *begin && strcmp(*begin, from) != 0) {
			err_set(err, ERR_USAGE, "\"%s\" and \"%s\" are two beginnings", *begin,
				from);
			return err_hint(err, "one for all: mig-apply stamp --sql %s:%s ..", *begin,
				ends->items[0]);
		}
		if (from && !*begin)
			*begin = xtake(&from);
	}
	return true;
}

/* The statements that take the rows to one target, each with where it leads in a comment. */
static bool add_stamp(const struct migrate_session *session, struct graph_list *rows,
	const char *target, struct strbuf *sql, struct err *err)
{
	const struct migrate_tree *tree = session->tree;
	const char *table = session->state.versions.qualified;
	AUTO_ROW_CHANGES(changes);
	AUTO_FREE char *before = graph_names(tree->graph, rows);
	if (!order_rows_stamp(tree, rows, target, &changes, err))
		return false;
	AUTO_FREE char *after = graph_names(tree->graph, rows);
	if (changes.count)
		strbuf_addf(sql, "-- stamp %s -> %s\n", *before ? before : "<base>",
			*after ? after : "<base>");
	for (size_t i = 0; i < changes.count; i++) {
		AUTO_FREE char *statement =
			books_change_sql(session->db, tree, table, &changes.items[i]);
		strbuf_addf(sql, "%s;\n", statement);
	}
	return true;
}

bool migrate_script_stamp(
	const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	AUTO_FREE char *from = NULL;
	AUTO_STRVEC(ends);
	AUTO_STRBUF(sql);
	if (!stamp_ends(ask->operands, &from, &ends, err))
		return false;
	const char *begin = from ? from : "base";
	bool asks_database = !strcmp(begin, "current");
	if (!ask->open(ask, asks_database ? MIGRATE_READ : MIGRATE_FILES, MIGRATE_ROWS_KNOWN,
		    &session, err) ||
		!stand_at(&session, begin, err))
		return false;
	struct graph_list *rows = &session.state.current;
	if (!session.state.versions.qualified)
		session.state.versions.qualified = quoted(books_table(session.tree));
	bool made = !rows->count && !session.state.versions.exists;
	STRVEC_EACH (&ends, end)
		if (!add_stamp(&session, rows, end, &sql, err))
			return false;
	AUTO_FREE char *table = made && sql.len ? version_table_sql(&session) : xstrdup("");
	AUTO_FREE char *typed = strvec_join(&ends, " ");
	answer->sql = true;
	AUTO_FREE char *text =
		sql.len ? xstrfmt("%sbegin;\n%scommit;", table, sql.buf) : xstrdup("");
	if (*text)
		strvec_push(&answer->lines, text);
	answer->json = json_pack("{s:s, s:s, s:s, s:s}", "direction", "stamp", "from", begin, "to",
		typed, "sql", text);
	return true;
}

static bool script(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	return write_script(ask, migrate_ask_target(ask, ":"), NULL, answer, err);
}

const struct migrate_verb migrate_verb_script = {.run = script};
