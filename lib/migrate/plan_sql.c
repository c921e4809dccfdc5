/* The SQL of a plan as it would run, to be read by people and run by psql. */
#include "migrate/books.h"
#include "migrate/report.h"

#include <inttypes.h>

static void add_statement(struct strbuf *text, const struct sql_script *script, size_t which)
{
	const struct sql_statement *statement = &script->items[which];
	strbuf_add(text, statement->text, statement->length);
	strbuf_adds(text, ";\n");
	if (!statement->has_data)
		return;
	strbuf_add(text, script->source + statement->data_offset, statement->data_length);
	strbuf_adds(text, "\\.\n");
}

static void add_statements(struct strbuf *text, const struct sql_script *script)
{
	for (size_t i = 0; i < script->count; i++)
		add_statement(text, script, i);
}

static void add_verify(struct strbuf *text, const struct migrate_step *step)
{
	if (step->verify.count)
		strbuf_adds(text, "-- each of these must be true:\n");
	add_statements(text, &step->verify);
}

/* As db_literal(), which needs a session. Caller owns. */
static char *offline_literal(const char *text)
{
	AUTO_STRBUF(literal);
	strbuf_adds(&literal, strchr(text, '\\') ? "E'" : "'");
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			strbuf_addc(&literal, *text);
		strbuf_addc(&literal, *text);
	}
	strbuf_addc(&literal, '\'');
	return strbuf_take(&literal);
}

static void add_settings(
	const struct migrate_session *session, bool until_commit, struct strbuf *text)
{
	strbuf_addf(text, "set %slock_timeout = %" PRId64 ";\n", until_commit ? "local " : "",
		session->how.lock_timeout_ms);
	STRVEC_EACH (&session->how.where->settings, setting) {
		size_t length = strcspn(setting, "=");
		AUTO_FREE char *name = xstrndup(setting, length);
		AUTO_FREE char *quoted_name = offline_literal(name);
		AUTO_FREE char *value = offline_literal(setting + length + 1);
		strbuf_addf(text, "select set_config(%s, %s, %s);\n", quoted_name, value,
			until_commit ? "true" : "false");
	}
}

static void add_row_changes(struct strbuf *text, const struct migrate_session *session,
	const struct graph_row_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		AUTO_FREE char *sql = books_change_sql(session->db, session->tree,
			session->state.versions.qualified, &changes->items[i]);
		strbuf_addf(text, "%s;\n", sql);
	}
}

/* What the revision has SET reaches neither the version table nor the next one. */
static void add_reset(struct strbuf *text, bool wanted)
{
	strbuf_adds(text, wanted ? "reset role;\nreset all;\n" : "");
}

/* "transaction: off": statement by statement; no lock_timeout for those that wait by themselves. */
static void add_bare(
	const struct migrate_session *session, const struct migrate_step *step, struct strbuf *text)
{
	add_settings(session, false, text);
	for (size_t i = 0; i < step->script.count; i++) {
		bool alone = step->script.items[i].flags & SQL_NO_TRANSACTION;
		strbuf_adds(text, alone ? "set lock_timeout = 0;\n" : "");
		add_statement(text, &step->script, i);
		if (alone)
			strbuf_addf(text, "set lock_timeout = %" PRId64 ";\n",
				session->how.lock_timeout_ms);
	}
	strbuf_adds(text, "begin;\n");
}

static void add_whole(
	const struct migrate_session *session, const struct migrate_step *step, struct strbuf *text)
{
	strbuf_adds(text, "begin;\n");
	add_settings(session, true, text);
	add_statements(text, &step->script);
}

static bool add_step(const struct migrate_session *session, const struct migrate_step *step,
	struct graph_list *rows, struct strbuf *text, struct err *err)
{
	const struct migrate_plan *plan = &session->plan;
	const struct graph *graph = plan->tree->graph;
	bool up = plan->direction == MIGRATE_UP;
	AUTO_ROW_CHANGES(changes);
	if (!order_rows(plan->tree, plan->direction, rows, step->index, &changes, err))
		return false;
	AUTO_FREE char *name = graph_name(graph, step->index);
	strbuf_addf(text, "-- %s %s", up ? "upgrade" : "downgrade", name);
	if (plan->tree->format->apply) {
		strbuf_addf(text, ": Alembic runs %s\n", step->file->name);
		return true;
	}
	strbuf_addf(text, " (%s)\n", step->file->name);
	(step->bare ? add_bare : add_whole)(session, step, text);
	if (!step->backfill.count)
		add_verify(text, step);
	add_reset(text, step->bare || (step->flags & SQL_SETS_SESSION));
	add_row_changes(text, session, &changes);
	strbuf_adds(text, "commit;\n");
	if (step->backfill.count) {
		strbuf_adds(text, "-- backfill: in batches by mig-apply, at once by psql\n");
		add_settings(session, false, text);
		add_statements(text, &step->backfill);
		add_verify(text, step);
		add_reset(text, true);
	}
	strbuf_adds(text, "\n");
	return true;
}

char *migrate_report_plan_sql(const struct migrate_session *session, struct err *err)
{
	const struct migrate_plan *plan = &session->plan;
	AUTO_STRBUF(text);
	AUTO_LIST(rows);
	graph_list_copy(&rows, &plan->from);
	for (size_t i = 0; i < plan->count; i++)
		if (!add_step(session, &plan->steps[i], &rows, &text, err))
			return NULL;
	return strbuf_take(&text);
}
