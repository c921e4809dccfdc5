/* mig-apply doctor: each inconsistency of files, version table and schema, with its remedy. */
#include "migrate/doctor.h"
#include "db/child.h"
#include "migrate/advice.h"
#include "migrate/report.h"
#include "migrate/verbs.h"

static void add_error(struct findings *findings, const char *check, const struct err *why)
{
	findings_add(findings, check, true,
		why->detail ? xstrfmt("%s\n%s", why->msg, why->detail) : xstrdup(why->msg),
		xstrdup_null(why->hint));
}

/* --- the files ---------------------------------------------------------------------------------
 */

static void check_heads(const struct migrate_session *session, struct findings *findings)
{
	AUTO_LIST(heads);
	graph_heads(session->tree->graph, false, &heads);
	if (heads.count < 2 || session->tree->format->books->each)
		return;
	AUTO_FREE char *names = graph_names(session->tree->graph, &heads);
	findings_add(findings, "heads", false, xstrfmt("there are %zu: %s", heads.count, names),
		advice_merge(session));
}

static void check_files(struct migrate_session *session, struct findings *findings)
{
	for (size_t i = 0; i < session->tree->count; i++)
		if (session->tree->files[i].trouble.code != ERR_NONE)
			add_error(findings, "file", &session->tree->files[i].trouble);
	check_heads(session, findings);
}

/* --- the version table -------------------------------------------------------------------------
 */

/* False: there is one that no file has, so that nobody knows what is pending. */
static bool check_rows(const struct migrate_session *session, struct findings *findings)
{
	const struct migrate_tree *tree = session->tree;
	bool known = true;
	STRVEC_EACH (&session->state.versions.rows, row) {
		if (graph_find(tree->graph, row) != GRAPH_NONE || tree->format->books->each)
			continue;
		known = false;
		findings_add(findings, "ahead", true,
			xstrfmt("the database is at %s, which is in no file here", row),
			git_way_back(tree, row));
	}
	return known;
}

/* A row that another one stands on: by hand, or by an Alembic that does so (alembic-differences).
 */
static void check_implied(const struct migrate_session *session, struct findings *findings)
{
	const struct graph *graph = session->tree->graph;
	const struct graph_list *rows = &session->state.current;
	if (session->tree->format->books->each)
		return;
	for (size_t i = 0; i < rows->count; i++) {
		AUTO_SET(below, graph->count);
		struct graph_list one = {.items = &rows->items[i], .count = 1};
		graph_ancestors(graph, &one, GRAPH_WITH_DEPENDS, &below);
		for (size_t n = 0; n < rows->count; n++) {
			if (n == i || !graph_set_has(&below, rows->items[n]))
				continue;
			AUTO_FREE char *above = graph_name(graph, rows->items[i]);
			AUTO_FREE char *under = graph_name(graph, rows->items[n]);
			AUTO_FREE char *id =
				db_literal(session->db, graph->revisions[rows->items[n]].id);
			AUTO_FREE char *sql = xstrfmt("delete from %s where version_num = %s",
				session->state.versions.qualified, id);
			findings_add(findings, "rows", true,
				xstrfmt("there is a row for %s and one for %s, which it stands on",
					above, under),
				db_psql_command(session->db, sql, true));
		}
	}
}

/*
 * What upgrade and stamp would refuse. Not *readable: nothing more can be said of the database. Of
 * another tool's table only its own role knows what it may.
 */
static bool check_table(struct db *db, const struct migrate_format *format, const char *name,
	struct findings *findings, bool *readable, struct err *err)
{
	CLEANUP(schema_versions_release) struct schema_versions versions = {0};
	AUTO_ERR(why);
	const struct schema_kind *kind = format->books->kind;
	*readable = schema_versions_read(db, kind, name, &versions, &why);
	if (*readable && (!versions.exists || schema_versions_writable(
						      db, kind, &versions, !format->apply, &why)))
		return true;
	if (why.code != ERR_REFUSED && why.code != ERR_SQL)
		return err_move(err, &why);
	add_error(findings, "table", &why);
	return true;
}

/* True when all fit: what is pending can be looked at. */
static bool check_width(const struct migrate_session *session, struct findings *findings)
{
	const struct schema_versions *versions = &session->state.versions;
	for (size_t i = 0; versions->width && i < session->tree->count; i++) {
		const struct migrate_file *file = &session->tree->files[i];
		if ((int)strlen(file->id) <= versions->width)
			continue;
		AUTO_FREE char *sql = xstrfmt(
			"alter table %s alter version_num type varchar(255)", versions->qualified);
		findings_add(findings, "long id", true,
			xstrfmt("%s: the id has %zu characters, the column version_num has room "
				"for %d",
				file->name, strlen(file->id), versions->width),
			db_psql_command(session->db, sql, true));
		return false;
	}
	return true;
}

static bool check_edited(
	const struct migrate_session *session, struct findings *findings, struct err *err)
{
	CLEANUP(edited_release) struct edited_list list = {0};
	if (!edited_find(session->db, session->tree, &session->state, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		const struct migrate_file *file = &session->tree->files[list.items[i].index];
		AUTO_FREE char *name = graph_name(session->tree->graph, list.items[i].index);
		AUTO_FREE char *diff = edited_diff(session->db, session->tree, list.items[i].index);
		findings_add(findings, "edited", true,
			xstrfmt("%s: %s was edited after it was applied%s%s", file->name, name,
				diff ? "\n" : "", diff ? diff : ""),
			xstrfmt("put the text back: git log -p -- %s", file->path));
	}
	return true;
}

static void check_trust(struct migrate_session *session, struct findings *findings)
{
	AUTO_ERR(why);
	if (session->state.has_schema && !db_mig_schema(session->db, &why))
		add_error(findings, "schema mig", &why);
}

/* --- the schema --------------------------------------------------------------------------------
 */

static char *rows_text(const struct migrate_tree *tree, const struct graph_list *rows)
{
	return rows->count ? graph_names(tree->graph, rows) : xstrdup("<base>");
}

static bool same_rows(const struct graph_list *a, const struct graph_list *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; i < a->count; i++)
		same &= graph_list_has(b, a->items[i]);
	return same;
}

static void add_nearest(const struct migrate_session *session, const struct doctor_replay *replay,
	struct findings *findings)
{
	enum { SHOWN = 15 };
	AUTO_STRBUF(text);
	AUTO_FREE char *nearest = rows_text(session->tree, &replay->nearest);
	strbuf_addf(&text,
		"the schema is that of no revision; the nearest is %s, where %zu line%s "
		"differ%s (- in the database, + by the files):",
		nearest, replay->differences.count, str_plural((int64_t)replay->differences.count),
		replay->differences.count == 1 ? "s" : "");
	for (size_t i = 0; i < replay->differences.count && i < SHOWN; i++)
		strbuf_addf(&text, "\n%s", replay->differences.items[i]);
	findings_add(findings, "schema", true, strbuf_take(&text),
		xstrdup("put these right by hand, then: mig-apply doctor --replay"));
}

/* Revisions that change only data leave the schema as it is: all of them match. */
static void add_match(const struct migrate_session *session, const struct doctor_replay *replay,
	struct findings *findings)
{
	AUTO_STRVEC(names);
	AUTO_LIST(tips);
	bool stands_there = false;
	migrate_tips(session->tree, &session->state.current, &tips);
	for (size_t i = 0; i < replay->count; i++) {
		strvec_push_take(&names, rows_text(session->tree, &replay->matches[i].rows));
		stands_there |= same_rows(&replay->matches[i].rows, &tips);
	}
	AUTO_FREE char *list = strvec_join(&names, "; or ");
	AUTO_FREE char *now = rows_text(session->tree, &tips);
	if (stands_there && session->state.versions.rows.count == session->state.current.count) {
		findings_add(findings, "schema", false,
			xstrfmt("the schema is that of %s, as the version table says", now), NULL);
		return;
	}
	findings_add(findings, "schema", true,
		xstrfmt("the schema is that of %s%s; the version table says %s", list,
			replay->count > 1 ? " (they differ in data only)" : "", now),
		advice_stamp(session, &replay->matches[0].rows, true));
}

static bool check_schema(
	struct migrate_session *session, struct findings *findings, json_t *json, struct err *err)
{
	CLEANUP(doctor_replay_release) struct doctor_replay replay = {0};
	if (!doctor_replay_run(session, &replay, err))
		return false;
	if (replay.count)
		add_match(session, &replay, findings);
	else
		add_nearest(session, &replay, findings);
	json_t *matches = json_array();
	for (size_t i = 0; i < replay.count; i++)
		json_array_append_new(
			matches, migrate_report_ids(session->tree, &replay.matches[i].rows));
	json_object_set_new(json, "matches", matches);
	return true;
}

/* --- all ---------------------------------------------------------------------------------------
 */

static bool check_database(const struct migrate_ask *ask, const struct migrate_tree *files,
	struct findings *findings, json_t *json, struct err *err)
{
	AUTO_SESSION(opened);
	struct migrate_session *session = &opened;
	const struct migrate_format *format = files->format;
	AUTO_FREE char *table = xstrdup(books_table(files)); /* the files' own settings go */
	bool readable;
	if (!ask->open(ask, MIGRATE_REACH, MIGRATE_ROWS_ANY, session, err) ||
		!check_table(session->db, format, table, findings, &readable, err))
		return false;
	if (!readable)
		return true;
	if (!ask->open(ask, MIGRATE_READ, MIGRATE_ROWS_ANY, session, err))
		return false;
	bool known = check_rows(session, findings);
	check_implied(session, findings);
	bool fits = check_width(session, findings);
	check_trust(session, findings);
	return migrate_half_done(session, findings, err) && check_edited(session, findings, err) &&
	       (!known || !fits || doctor_find_made(session, findings, err)) &&
	       (!ask->replay || check_schema(session, findings, json, err));
}

/* Which of two files has been applied is in the database, if that can be asked. */
static bool open_files(
	const struct migrate_ask *ask, struct migrate_session *files, struct err *err)
{
	AUTO_SESSION(reached);
	AUTO_ERR(unreachable);
	if (!ask->open(ask, MIGRATE_MENDED, MIGRATE_ROWS_ANY, files, err))
		return false;
	if (!files->findings.count)
		return true;
	migrate_close(files); /* to reach for the database ends the settings read without it */
	if (ask->open(ask, MIGRATE_REACH, MIGRATE_ROWS_ANY, &reached, &unreachable)) {
		*files = reached;
		reached = (struct migrate_session){0};
	}
	return ask->open(ask, MIGRATE_MENDED, MIGRATE_ROWS_ANY, files, err);
}

static bool run_checks(
	const struct migrate_ask *ask, struct findings *findings, json_t *json, struct err *err)
{
	AUTO_SESSION(configured);
	if (!ask->open(ask, MIGRATE_NOTHING, MIGRATE_ROWS_ANY, &configured, err))
		return false; /* a mig.yaml that cannot be read is no finding */
	AUTO_SESSION(files);
	AUTO_ERR(why);
	if (!open_files(ask, &files, &why)) {
		add_error(findings, "files", &why);
		return true;
	}
	if (!ask->one_of_many && !migrate_args_fit(&files.how.args, files.tree, err))
		return false;
	for (size_t i = 0; i < files.findings.count; i++)
		findings_add(findings, files.findings.items[i].check, true,
			xstrdup(files.findings.items[i].text),
			xstrdup_null(files.findings.items[i].remedy));
	check_files(&files, findings);
	/* What the database says is compared with files that are in order. */
	return files.findings.count || check_database(ask, files.tree, findings, json, err);
}

static bool doctor(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	CLEANUP(findings_release) struct findings findings = {0};
	answer->json = json_object();
	answer->advice = true;
	bool ran = run_checks(ask, &findings, answer->json, err);
	size_t bad = findings_bad(&findings);
	findings_lines(&findings, &answer->lines);
	if (ran && !findings.count)
		strvec_push(&answer->lines,
			ask->replay ? "files and database agree"
				    : "files and database agree; whether the schema is that of the "
				      "revisions: mig-apply doctor --replay");
	json_object_set_new(answer->json, "good", json_boolean(ran && !bad));
	json_object_set_new(answer->json, "findings", findings_json(&findings));
	if (!ran || !bad)
		return ran;
	return err_set(err, ERR_NO, "%zu thing%s to mend", bad, str_plural((int64_t)bad));
}

const struct migrate_verb migrate_verb_doctor = {.run = doctor};
