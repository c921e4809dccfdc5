/*
 * downgrade --from-history: revisions that are in no file here, as mig.history kept them. Trust
 * (safety 21): the schema must be mig's own, the text is shown as a whole, production is asked.
 */
#include "base/fs.h"
#include "migrate/git.h"
#include "migrate/internal.h"
#include "migrate/report.h"

#include <jansson.h>

static bool no_code(const struct migrate_tree *tree, const char *revision, struct err *err)
{
	AUTO_FREE char *way = git_way_back(tree, revision);
	err_set(err, ERR_REFUSED,
		"%s is in no file here, and code of format %s is not run out of a table", revision,
		tree->format->name);
	return err_hint(err, "%s", way);
}

static bool not_kept(
	const struct migrate_tree *tree, const char *revision, const char *what, struct err *err)
{
	AUTO_FREE char *way = git_way_back(tree, revision);
	err_set(err, ERR_NOTFOUND, "mig.history has no %s of revision %s", what, revision);
	return err_hint(err, "%s", way);
}

static void take_row(struct migrate_tree *tree, const char *revision, const struct db_result *row,
	const json_t *detail)
{
	struct migrate_file *file = migrate_tree_add(tree, "-");
	const char *message = json_string_value(json_object_get(detail, "message"));
	file->name = "mig.history";
	file->id = arena_text(file->room, revision, strlen(revision));
	file->message = message ? arena_text(file->room, message, strlen(message)) : "";
	migrate_names_of_json(file->room, &file->down, json_object_get(detail, "down"));
	migrate_names_of_json(file->room, &file->depends, json_object_get(detail, "depends"));
	migrate_names_of_json(file->room, &file->labels, json_object_get(detail, "labels"));
	file->source = migrate_tree_keep(tree, xstrdup(db_get(row, 0, 0)));
	file->length = strlen(file->source);
	file->recalled = true;
	file->down_section = (struct migrate_section){.present = true,
		.end = file->length,
		.line = 1,
		.bare = json_is_true(json_object_get(detail, "bare"))};
	snprintf(file->checksum, sizeof(file->checksum), "%s", db_get(row, 0, 1));
}

static bool recall_one(struct migrate_session *session, const char *revision, struct err *err)
{
	struct migrate_tree *tree = session->tree;
	AUTO_RESULT(row);
	if (tree->format->apply)
		return no_code(tree, revision, err);
	if (!db_query(session->db, &row, err,
		    "select down_sql, coalesce(checksum, ''), detail::text from mig.history"
		    " where revision = $1 and tree = $2 and direction = 'up' order by id desc "
		    "limit 1",
		    revision, tree->where->name))
		return false;
	if (!db_rows(&row) || !db_get(&row, 0, 0))
		return not_kept(tree, revision, "down SQL", err);
	json_t *detail = json_loads(db_get(&row, 0, 2) ? db_get(&row, 0, 2) : "", 0, NULL);
	bool complete = json_is_array(json_object_get(detail, "down"));
	if (complete)
		take_row(tree, revision, &row, detail);
	json_decref(detail);
	return complete || not_kept(tree, revision, "parents", err);
}

static bool is_file(const struct migrate_tree *tree, const char *id)
{
	for (size_t i = 0; i < tree->count; i++)
		if (!strcmp(tree->files[i].id, id))
			return true;
	return false;
}

/* What it stands on may be in no file either. */
static bool recall_all(struct migrate_session *session, const struct strvec *rows, struct err *err)
{
	struct migrate_tree *tree = session->tree;
	STRVEC_EACH (rows, row)
		if (!is_file(tree, row) && !recall_one(session, row, err))
			return false;
	for (size_t i = 0; i < tree->count; i++) {
		AUTO_STRVEC(below);
		if (!tree->files[i].recalled)
			continue;
		strvec_push_all(&below, &tree->files[i].down);
		STRVEC_EACH (&below, parent)
			if (!is_file(tree, parent) && !recall_one(session, parent, err))
				return false;
	}
	return true;
}

/* --- where every migration has its row ---------------------------------------------------------
 */

/* As the file would be called, for the order of the names. */
static char *order_key(const struct migrate_file *file)
{
	return file->recalled ? xstrfmt("%s_%s", file->id, file->message)
			      : xstrdup(fs_basename(file->path));
}

/* The file that was added last goes to where its name puts it. */
static void take_place(struct migrate_tree *tree)
{
	struct migrate_file added = tree->files[tree->count - 1];
	AUTO_FREE char *key = order_key(&added);
	size_t place = tree->count - 1;
	for (; place > 0; place--) {
		AUTO_FREE char *other = order_key(&tree->files[place - 1]);
		if (strcmp(other, key) < 0)
			break;
		tree->files[place] = tree->files[place - 1];
	}
	tree->files[place] = added;
}

static void chain(struct migrate_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		struct strvec *down = &tree->files[i].down;
		*down = (struct strvec)STRVEC_INIT;
		if (i)
			arena_push(&tree->room, down, tree->files[i - 1].id,
				strlen(tree->files[i - 1].id));
	}
}

/* Does a file that is applied come behind this row? */
static bool is_older(
	const struct migrate_tree *tree, const struct strvec *rows, const char *revision)
{
	for (size_t i = tree->count; i > 0; i--)
		if (strvec_has(rows, tree->files[i - 1].id))
			return strcmp(tree->files[i - 1].id, revision) > 0;
	return false;
}

/*
 * A row whose file is gone is no fault there: old files are put together into one. But what is
 * newer than all that is here must be known, or a step back would take the wrong one.
 */
static bool recall_each(struct migrate_session *session, const struct strvec *rows, struct err *err)
{
	struct migrate_tree *tree = session->tree;
	STRVEC_EACH (rows, row) {
		AUTO_ERR(why);
		if (is_file(tree, row))
			continue;
		if (recall_one(session, row, &why))
			take_place(tree);
		else if (why.code != ERR_NOTFOUND || !is_older(tree, rows, row))
			return err_move(err, &why);
	}
	chain(tree);
	return true;
}

/* Whoever may write there could have written the SQL. */
static bool check_trust(struct migrate_session *session, struct err *err)
{
	AUTO_FREE char *there = NULL;
	if (!db_value(session->db, &there, err,
		    "select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace"
		    " where n.nspname = 'mig' and c.relname = 'history'"))
		return false;
	if (there)
		return db_mig_schema(session->db, err);
	return err_set(err, ERR_NOTFOUND, "%s has no table mig.history", session->db->dbname);
}

bool recall_missing(struct migrate_session *session, struct err *err)
{
	struct migrate_tree *tree = session->tree;
	const struct migrate_books *books = tree->format->books;
	CLEANUP(schema_versions_release) struct schema_versions versions = {0};
	if (!check_trust(session, err) ||
		!schema_versions_read(
			session->db, books->kind, books_table(tree), &versions, err) ||
		!(books->each ? recall_each : recall_all)(session, &versions.rows, err))
		return false;
	return migrate_tree_link(tree, err);
}

bool recall_show(const struct migrate_session *session, struct err *err)
{
	const struct migrate_plan *plan = &session->plan;
	size_t count = 0;
	for (size_t i = 0; i < plan->count; i++) {
		const struct migrate_file *file = plan->steps[i].file;
		if (!file->recalled)
			continue;
		AUTO_FREE char *name = graph_name(session->tree->graph, plan->steps[i].index);
		log_warn(session->how.log, "from_history",
			json_pack("{s:s, s:s}", "revision", file->id, "sql", file->source),
			"from mig.history, to take back %s:\n%s", name, file->source);
		count++;
	}
	if (!count || !session->how.env->production)
		return true;
	AUTO_FREE char *question =
		xstrfmt("Run this SQL out of mig.history in %s?", session->how.env->name);
	return session->how.confirm(session->how.ctx, question, err);
}
