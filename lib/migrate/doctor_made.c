#include "migrate/doctor.h"

/* Statements of what is pending, in order; those of another tool by its offline mode. */
struct pending {
	struct migrate_plan plan;
	char *sql;
	struct sql_script script; /* of sql */
};

static void pending_release(struct pending *pending)
{
	migrate_plan_release(&pending->plan);
	sql_script_release(&pending->script);
	free(pending->sql);
}

static bool find_pending(struct migrate_session *session, struct pending *pending, struct err *err)
{
	const struct migrate_format *format = session->tree->format;
	if (!migrate_plan_make(
		    session->tree, &session->state, MIGRATE_UP, "heads", &pending->plan, err))
		return false;
	if (!format->script || !pending->plan.count)
		return true;
	pending->plan.args = session->how.args;
	return format->script(&pending->plan, session->db, &pending->sql, err) &&
	       sql_script_parse("its offline SQL", pending->sql, 0, strlen(pending->sql),
		       &pending->script, err);
}

static bool exists(
	struct db *db, const struct sql_statement *statement, bool *there, struct err *err)
{
	AUTO_FREE char *found = NULL;
	bool column = statement->flags & SQL_ADDS_COLUMN;
	bool asked =
		column ? db_value(db, &found, err,
				 "select 1 from pg_attribute where attrelid = to_regclass($1)"
				 " and attname = $2 and not attisdropped",
				 statement->table, statement->column)
		       : db_value(db, &found, err, "select 1 where to_regclass($1) is not null",
				 statement->table);
	*there = found != NULL;
	return asked;
}

/* A name that a pending revision takes away first may be made anew. */
static bool is_gone(const struct strvec *dropped, const char *table)
{
	STRVEC_EACH (dropped, name)
		if (!strcmp(name, table))
			return true;
	return false;
}

static bool look(struct db *db, const struct sql_script *script, const char *who,
	const char *version_table, struct strvec *dropped, struct findings *findings,
	struct err *err)
{
	for (size_t i = 0; i < script->count; i++) {
		const struct sql_statement *statement = &script->items[i];
		bool there;
		if (!statement->table || strstr(version_table, statement->table))
			continue;
		if (!strcmp(statement->kind, "DROP TABLE"))
			strvec_push(dropped, statement->table);
		if (!(statement->flags & (SQL_MAKES_TABLE | SQL_ADDS_COLUMN)) ||
			is_gone(dropped, statement->table))
			continue;
		if (!exists(db, statement, &there, err))
			return false;
		bool column = statement->flags & SQL_ADDS_COLUMN;
		if (there)
			findings_add(findings, "exists", true,
				xstrfmt("%s %s%s%s is there already, and %s (pending) makes it",
					column ? "column" : "table", statement->table,
					column ? "." : "", column ? statement->column : "", who),
				xstrdup("which revision the schema matches: mig-apply doctor "
					"--replay"));
	}
	return true;
}

/* It made a part of what it makes already. */
static bool is_half_applied(const struct migrate_session *session, const struct migrate_step *step)
{
	for (size_t i = 0; i < session->state.half_count; i++)
		if (!strcmp(session->state.half[i].revision, step->file->id))
			return true;
	return false;
}

bool doctor_find_made(struct migrate_session *session, struct findings *findings, struct err *err)
{
	CLEANUP(pending_release) struct pending pending = {0};
	AUTO_STRVEC(dropped);
	AUTO_ERR(why);
	const char *table = session->state.versions.qualified;
	if (!find_pending(session, &pending, &why)) {
		findings_add(findings, "pending", true,
			xstrfmt("what is pending could not be read: %s", why.msg),
			xstrdup_null(why.hint));
		return true;
	}
	if (pending.sql)
		return look(
			session->db, &pending.script, "a revision", table, &dropped, findings, err);
	for (size_t i = 0; i < pending.plan.count; i++) {
		const struct migrate_step *step = &pending.plan.steps[i];
		AUTO_FREE char *name = graph_name(session->tree->graph, step->index);
		if (is_half_applied(session, step))
			continue;
		if (!look(session->db, &step->script, name, table, &dropped, findings, err))
			return false;
	}
	return true;
}
