#include "migrate/alembic.h"
#include "migrate/formats.h"
#include "migrate/report.h"

static void on_revision(void *ctx, const char *event, const json_t *fields)
{
	struct migrate_file *file = ctx;
	const char *path = json_string_value(json_object_get(fields, "path"));
	const char *id = json_string_value(json_object_get(fields, "revision"));
	if (strcmp(event, "revision") || !path || !id)
		return;
	file->path = arena_text(file->room, path, strlen(path));
	file->id = arena_text(file->room, id, strlen(id));
}

/* env.py is given the way to our database, and has to take it. */
static bool add_database(struct alembic_child *child, struct db *db, struct err *err)
{
	int64_t nonce;
	if (!alembic_lock_nonce(db, &nonce, err))
		return false;
	json_object_set_new(child->request, "nonce", json_integer((json_int_t)nonce));
	json_object_set_new(child->request, "database", json_string(db->dbname));
	json_object_set_new(child->request, "others", json_boolean(child->where->others));
	alembic_child_target(child, db);
	return true;
}

bool alembic_revision(const struct migrate_tree *tree, struct migrate_file *file,
	const struct migrate_new *request, bool *wants_db, struct err *err)
{
	CLEANUP(alembic_place_release) struct alembic_place place = {0};
	CLEANUP(alembic_child_release)
	struct alembic_child child = {.where = tree->where,
		.place = &place,
		.args = request->args,
		.on_event = on_revision,
		.ctx = file};
	if (!alembic_place_find(tree->where, &place, err))
		return false;
	json_t *options = json_pack("{s:s, s:b, s:s, s:b}", "message", file->message, "splice",
		request->splice, "rev_id", file->id, "autogenerate", request->autogenerate);
	json_object_set_new(options, "head",
		file->down.count ? migrate_report_names(&file->down) : json_string("base"));
	if (file->labels.count)
		json_object_set_new(options, "branch_label", json_string(file->labels.items[0]));
	if (file->depends.count)
		json_object_set_new(options, "depends_on", migrate_report_names(&file->depends));
	child.request = json_pack("{s:s, s:o}", "do", "revision", "options", options);
	AUTO_FREE char *folder = request->folder ? realpath(request->folder, NULL) : NULL;
	if (request->folder)
		json_object_set_new(
			options, "version_path", json_string(folder ? folder : request->folder));
	if (request->db && !add_database(&child, request->db, err))
		return false;
	if (!alembic_child_run(&child, err)) {
		*wants_db = str_equal(
			json_string_value(json_object_get(child.error, "kind")), "no-database");
		alembic_error_class(&child, err);
		return false;
	}
	return file->path || err_set(err, ERR_NO, "Alembic wrote no file: nothing has changed");
}

bool alembic_check(const struct migrate_tree *tree, struct db *db, const struct migrate_args *args,
	struct err *err)
{
	CLEANUP(alembic_place_release) struct alembic_place place = {0};
	CLEANUP(alembic_child_release)
	struct alembic_child child = {.where = tree->where, .place = &place, .args = *args};
	if (!alembic_place_find(tree->where, &place, err))
		return false;
	child.request = json_pack("{s:s}", "do", "check");
	if (!add_database(&child, db, err))
		return false;
	if (alembic_child_run(&child, err))
		return true;
	alembic_error_class(&child, err);
	return false;
}

bool alembic_ready(const struct migrate_tree *tree, struct err *err)
{
	CLEANUP(alembic_place_release) struct alembic_place place = {0};
	CLEANUP(alembic_child_release)
	struct alembic_child child = {.where = tree->where, .place = &place};
	if (!alembic_place_find(tree->where, &place, err))
		return false;
	child.request = json_pack("{s:s}", "do", "ready");
	return alembic_child_run(&child, err);
}

/* --- SQL, without a database -------------------------------------------------------------------
 */

static void on_sql(void *ctx, const char *event, const json_t *fields)
{
	const char *text = json_string_value(json_object_get(fields, "text"));
	if (!strcmp(event, "sql") && text)
		strbuf_adds(ctx, text);
}

static json_t *plan_json(const struct migrate_plan *plan)
{
	json_t *steps = json_array(), *heads = json_array();
	for (size_t i = 0; i < plan->count; i++)
		json_array_append_new(steps, json_string(plan->steps[i].file->id));
	for (size_t i = 0; i < plan->from.count; i++)
		json_array_append_new(
			heads, json_string(plan->tree->files[plan->from.items[i]].id));
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:I}", "do", "script", "direction",
		plan->direction == MIGRATE_UP ? "up" : "down", "target", plan->target, "steps",
		steps, "heads", heads, "lock_timeout", (json_int_t)plan->lock_timeout_ms);
}

bool alembic_script(const struct migrate_plan *plan, struct db *db, char **sql, struct err *err)
{
	CLEANUP(alembic_place_release) struct alembic_place place = {0};
	AUTO_STRBUF(text);
	CLEANUP(alembic_child_release)
	struct alembic_child child = {.where = plan->tree->where,
		.place = &place,
		.args = plan->args,
		.on_event = on_sql,
		.ctx = &text};
	if (!alembic_place_find(plan->tree->where, &place, err))
		return false;
	child.request = plan_json(plan);
	/* an env.py that knows no offline mode connects */
	alembic_child_target_read_only(&child, db);
	if (!alembic_child_run(&child, err)) {
		alembic_error_class(&child, err);
		return false;
	}
	*sql = strbuf_take(&text);
	return true;
}
