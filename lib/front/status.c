#include "front/status.h"

#include "backup/catalog.h"
#include "base/clock.h"
#include "copies/copies.h"
#include "db/keys.h"
#include "front/status_runs.h"
#include "maint/maint.h"

static void say(struct status *status, const char *topic, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(struct status *status, const char *topic, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	AUTO_FREE char *text = xvstrfmt(fmt, args);
	va_end(args);
	strvec_pushf(&status->lines, "%-12s %s", topic, text);
}

static void next(struct status *status, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void next(struct status *status, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	AUTO_FREE char *text = xvstrfmt(fmt, args);
	va_end(args);
	strvec_pushf(&status->lines, "%-12s %s", "", text);
}

static void unknown(struct status *status, const char *topic, const struct err *why)
{
	status->attention = true;
	say(status, topic, "unknown: %s", why->msg);
	json_object_set_new(status->json, topic, json_pack("{s:s}", "error", why->msg));
}

/* ---- parts ---- */

static void part_database(struct status *status)
{
	const struct db *db = status->db;
	if (!db)
		return;
	say(status, "database", "%s at %s:%s", db->dbname, PQhost(db->pg), PQport(db->pg));
	json_object_set_new(status->json, "database",
		json_pack("{s:s, s:s, s:s}", "name", db->dbname, "host", PQhost(db->pg), "port",
			PQport(db->pg)));
}

static void say_holder(struct status *status, const struct keys_holder *holder)
{
	say(status, "running", "%s", holder->application_name ? holder->application_name : "?");
	next(status, "since %s, role %s, backend %d, from %s", holder->since ? holder->since : "?",
		holder->user ? holder->user : "?", holder->pid,
		holder->client ? holder->client : "a local socket");
	if (!status_runs_say_stop(status->env, &status->lines))
		next(status,
			"stop it: interrupt it where it runs; or, from here, take its key: "
			"select pg_terminate_backend(%d)",
			holder->pid);
}

static void part_running(struct status *status)
{
	AUTO_ERR(err);
	CLEANUP(keys_holder_release) struct keys_holder holder = {0};
	if (!status->db)
		return;
	if (!keys_who(&status->params, &holder, &err)) {
		unknown(status, "running", &err);
		return;
	}
	if (!holder.pid) {
		say(status, "running", "nothing: the run key is free");
		json_object_set_new(status->json, "running", json_null());
		return;
	}
	status->running = true;
	say_holder(status, &holder);
	json_object_set_new(status->json, "running",
		json_pack("{s:s?, s:s?, s:s?, s:s?, s:i}", "holder", holder.application_name,
			"since", holder.since, "user", holder.user, "client", holder.client,
			"backend", holder.pid));
}

/* What a dead run closed is not opened before somebody knows what it did. */
static void say_how_to_lift(struct status *status, const struct maint_status *maint)
{
	const char *run = str_starts(maint->owner ? maint->owner : "", "run:")
				  ? maint->owner + strlen("run:")
				  : NULL;
	AUTO_ERR(ignored);
	AUTO_STRVEC(lines);
	json_t *dead = json_array();
	bool died = false;
	size_t i;
	json_t *each;
	if (run && status_runs_unfinished(status->env, &lines, dead, &ignored))
		json_array_foreach(dead, i, each) died |=
			str_equal(json_string_value(json_object_get(each, "run")), run);
	json_decref(dead);
	if (died)
		next(status, "lift it, if that is safe: mig run recover %s", run);
	else
		next(status, "lift it: mig maintenance off");
}

static void part_maintenance(struct status *status)
{
	AUTO_ERR(err);
	CLEANUP(maint_status_release) struct maint_status maint = {0};
	if (!maint_status(status->env, status->db, &maint, &err)) {
		unknown(status, "maintenance", &err);
		return;
	}
	say(status, "maintenance", "%s%s%s%s%s%s%s", maint_state_word(maint.state),
		maint.owner ? ", held by " : "", maint.owner ? maint.owner : "",
		maint.since ? " since " : "", maint.since ? maint.since : "",
		maint.lease_ends ? ", lease ends " : "", maint.lease_ends ? maint.lease_ends : "");
	STRVEC_EACH (&maint.lines, line)
		next(status, "%s", line);
	if (maint.lease_over)
		next(status, "its lease is over: a person is needed");
	if (maint.state != MAINT_OPEN && status->running) {
		next(status, "what runs now lifts it");
	} else if (maint.state != MAINT_OPEN) {
		status->attention = true;
		say_how_to_lift(status, &maint);
	}
	json_object_set_new(status->json, "maintenance",
		json_pack("{s:s, s:s?, s:s?, s:s?, s:b}", "state", maint_state_word(maint.state),
			"owner", maint.owner, "since", maint.since, "lease_ends", maint.lease_ends,
			"foreign", maint.foreign));
}

static void part_runs(struct status *status)
{
	AUTO_ERR(err);
	json_t *unfinished = json_array();
	AUTO_STRVEC(lines);
	if (!status_runs_unfinished(status->env, &lines, unfinished, &err)) {
		json_decref(unfinished);
		unknown(status, "unfinished", &err);
		return;
	}
	status->attention |= json_array_size(unfinished) > 0;
	if (!lines.count)
		say(status, "unfinished", "no run that died");
	for (size_t i = 0; i < lines.count; i++)
		strvec_pushf(&status->lines, "%-12s %s", i ? "" : "unfinished", lines.items[i]);
	json_object_set_new(status->json, "unfinished", unfinished);
}

static void say_copy(struct status *status, const struct copies_item *item, bool first, json_t *all)
{
	AUTO_FREE char *size = clock_size_text(item->bytes);
	const char *made = item->mark.made ? item->mark.made : "?";
	strvec_pushf(&status->lines, "%-12s %s, %s, made %s, %s%s%s", first ? "copies" : "",
		item->name, db_purpose_word(item->purpose), made, item->bytes < 0 ? "?" : size,
		item->half_made ? ", half made" : "", item->marked ? "" : ", not marked by mig");
	json_array_append_new(all, json_pack("{s:s, s:s, s:s?, s:I, s:b, s:b}", "name", item->name,
					   "purpose", db_purpose_word(item->purpose), "made",
					   item->mark.made, "bytes", (json_int_t)item->bytes,
					   "marked", item->marked, "half_made", item->half_made));
}

/* Other databases of the server have copies, too; what bears no mark may be anybody's. */
static bool is_ours(const struct status *status, const struct copies_item *item)
{
	return !item->mark.of || !strcmp(item->mark.of, status->db->dbname);
}

static void part_copies(struct status *status)
{
	AUTO_ERR(err);
	CLEANUP(db_close_auto) struct db *server = NULL;
	CLEANUP(copies_list_release) struct copies_list list = {0};
	struct db_params params = status->params;
	params.dbname = "postgres";
	if (!status->db)
		return;
	if (!db_open(&params, &server, &err)) {
		unknown(status, "copies", &err);
		return;
	}
	const struct copies_place place = {.server = server,
		.state_dir = status->env->state_dir,
		.live = status->db->dbname,
		.log = status->log};
	if (!copies_read(&place, &list, &err)) {
		unknown(status, "copies", &err);
		return;
	}
	json_t *all = json_array();
	for (size_t i = 0; i < list.count; i++)
		if (is_ours(status, &list.items[i]))
			say_copy(status, &list.items[i], !json_array_size(all), all);
	if (json_array_size(all))
		next(status, "remove one: mig restore drop NAME");
	else
		say(status, "copies", "none");
	json_object_set_new(status->json, "copies", all);
}

static void part_snapshot(struct status *status)
{
	AUTO_ERR(err);
	CLEANUP(backup_list_release) struct backup_list list = {0};
	if (!backup_list(status->env, status->log, &list, &err)) {
		unknown(status, "snapshot", &err);
		return;
	}
	const struct backup_entry *newest = backup_newest(&list, clock_now_ms());
	if (!newest) {
		say(status, "snapshot", "none; take one: mig backup create");
		json_object_set_new(status->json, "snapshot", json_null());
		return;
	}
	int64_t age_ms = clock_now_ms() - newest->started_ms;
	AUTO_FREE char *age = clock_duration_text(age_ms);
	AUTO_FREE char *size = clock_size_text(newest->bytes);
	say(status, "snapshot", "%s, %s old, %s, in %s (%zu in all)", newest->id, age, size,
		newest->store, list.count);
	json_object_set_new(status->json, "snapshot",
		json_pack("{s:s, s:s, s:I, s:I, s:i}", "id", newest->id, "path", newest->path,
			"bytes", (json_int_t)newest->bytes, "age_seconds",
			(json_int_t)(age_ms / 1000), "count", (int)list.count));
}

static void (*const status_parts[])(struct status *status) = {
	part_database,
	part_running,
	part_maintenance,
	part_runs,
	part_copies,
	part_snapshot,
};

void status_collect(struct status *status)
{
	status->json = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(status_parts); i++)
		status_parts[i](status);
}

void status_release(struct status *status)
{
	strvec_release(&status->lines);
	json_decref(status->json);
	db_close(status->db);
	*status = (struct status){0};
}
