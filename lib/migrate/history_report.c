#include "base/clock.h"
#include "migrate/verbs.h"

/* What was done to the database, newest first. */
static const char done_sql[] =
	"select revision, direction,"
	" to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), "
	"duration_ms, who, host, run, tool,"
	" detail->>'message', detail ? 'taken_out',"
	" to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),"
	" detail ? 'untimed'"
	" from mig.history where tree = $1 order by id desc";

enum column {
	REVISION,
	DIRECTION,
	AT,
	DURATION,
	WHO,
	HOST,
	RUN,
	TOOL,
	MESSAGE,
	TAKEN_OUT,
	EXACTLY,
	UNTIMED
};

static bool may_read(const struct migrate_session *session, struct err *err)
{
	if (session->state.may_read_history)
		return true;
	if (session->state.has_history) {
		err_set(err, ERR_REFUSED, "role %s may not read mig.history", session->db->user);
		return err_hint(err,
			"grant usage on schema mig to %s; grant select on mig.history "
			"to %s",
			session->db->user, session->db->user);
	}
	err_set(err, ERR_NOTFOUND, "%s has no table mig.history: mig has applied nothing there",
		session->db->dbname);
	return err_hint(err, "where it stands: mig-apply current");
}

static const char *text_at(const struct db_result *rows, int row, enum column column)
{
	const char *text = db_get(rows, row, (int)column);
	return text ? text : "";
}

/* Of the file; of a revision that is in no file here: as it was when it was applied. */
static const char *message_of(
	const struct migrate_session *session, const struct db_result *rows, int row)
{
	size_t index = graph_find(session->tree->graph, text_at(rows, row, REVISION));
	return index == GRAPH_NONE ? text_at(rows, row, MESSAGE)
				   : session->tree->graph->revisions[index].message;
}

static char *duration_at(const struct db_result *rows, int row)
{
	if (!db_get(rows, row, DURATION))
		return xstrdup("");
	AUTO_FREE char *took = clock_duration_text(db_get_int(rows, row, DURATION));
	return xstrfmt("%s%s", db_get_bool(rows, row, UNTIMED) ? "more than " : "", took);
}

/* A cell of a table of Markdown: what would end it is told apart. */
static char *cell(const char *text)
{
	AUTO_STRBUF(safe);
	for (; *text; text++) {
		if (*text == '|' || *text == '\\')
			strbuf_addc(&safe, '\\');
		strbuf_addc(&safe, *text == '\n' ? ' ' : *text);
	}
	return strbuf_take(&safe);
}

/* "stamp" says where the database stands, or that it stands there no more. */
static const char *what_at(const struct db_result *rows, int row)
{
	return db_get_bool(rows, row, TAKEN_OUT) ? "stamp: no longer at"
						 : text_at(rows, row, DIRECTION);
}

static void add_markdown(const struct migrate_session *session, const struct db_result *rows,
	int row, struct strvec *lines)
{
	AUTO_FREE char *message = cell(message_of(session, rows, row));
	AUTO_FREE char *who = cell(text_at(rows, row, WHO));
	AUTO_FREE char *host = cell(text_at(rows, row, HOST));
	AUTO_FREE char *took = duration_at(rows, row);
	if (!row) {
		strvec_push(
			lines, "| when (UTC) | what | revision | message | took | who | host |");
		strvec_push(lines, "|---|---|---|---|---|---|---|");
	}
	strvec_pushf(lines, "| %s | %s | `%s` | %s | %s | %s | %s |", text_at(rows, row, AT),
		what_at(rows, row), text_at(rows, row, REVISION), message, took, who, host);
}

static void add_line(const struct migrate_session *session, const struct db_result *rows, int row,
	struct strvec *lines)
{
	const char *id = text_at(rows, row, REVISION), *message = message_of(session, rows, row);
	const char *host = text_at(rows, row, HOST);
	AUTO_FREE char *took = duration_at(rows, row);
	strvec_pushf(lines, "%s UTC  %-5s %s%s%s%s%s, by %s%s%s", text_at(rows, row, AT),
		what_at(rows, row), id, *message ? " " : "", message, *took ? ", " : "", took,
		text_at(rows, row, WHO), *host ? " on " : "", host);
}

static json_t *row_json(
	const struct migrate_session *session, const struct db_result *rows, int row)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?}", "revision",
		text_at(rows, row, REVISION), "message", message_of(session, rows, row),
		"direction", text_at(rows, row, DIRECTION), "at", text_at(rows, row, EXACTLY),
		"who", text_at(rows, row, WHO), "host", db_get(rows, row, HOST), "run",
		db_get(rows, row, RUN), "tool", db_get(rows, row, TOOL));
	if (db_get_bool(rows, row, TAKEN_OUT))
		json_object_set_new(json, "taken_out", json_true());
	if (db_get_bool(rows, row, UNTIMED))
		json_object_set_new(json, "took_more", json_true());
	json_object_set_new(json, "duration_ms",
		db_get(rows, row, DURATION) ? json_integer(db_get_int(rows, row, DURATION))
					    : json_null());
	return json;
}

bool migrate_history_applied(
	const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	AUTO_RESULT(rows);
	if (!ask->open(ask, MIGRATE_READ, MIGRATE_ROWS_ANY, &session, err) ||
		!may_read(&session, err) ||
		!db_query(session.db, &rows, err, done_sql, session.tree->where->name))
		return false;
	json_t *list = json_array();
	for (int i = 0; i < db_rows(&rows); i++) {
		(ask->markdown ? add_markdown : add_line)(&session, &rows, i, &answer->lines);
		json_array_append_new(list, row_json(&session, &rows, i));
	}
	answer->json = json_pack("{s:o}", "applied", list);
	return true;
}
