#include "play/recover.h"
#include "base/clock.h"
#include "base/fs.h"
#include "play/engine.h"

/* --- the decision ----------------------------------------------------------------------------- */

struct play_verdict play_recover_decide(const struct play_found *found)
{
	bool well = found->declared ? found->recovered : !found->data;
	if (!found->effect && !found->closed)
		return (struct play_verdict){false, ERR_NONE,
			"the run had changed nothing: there is nothing to recover"};
	if (found->pivot_done && !found->closed)
		return (struct play_verdict){false, ERR_NONE,
			"the run had passed its pivot: the target is open and as deployed"};
	if (found->passed_pivot)
		return (struct play_verdict){false, ERR_PAGE,
			"the run died while it opened the target: users may have written"};
	if (found->unknown)
		return (struct play_verdict){false, ERR_PAGE,
			"an effect on data was begun, and whether it happened cannot be told"};
	if (found->undo_failed)
		return (struct play_verdict){false, ERR_PAGE, "an undo had failed"};
	if (!well && found->declared)
		return (struct play_verdict){false, ERR_PAGE, "recovered does not pass"};
	if (!well)
		return (struct play_verdict){false, ERR_PAGE,
			"the playbook has no recovered checks that could say whether the target "
			"works"};
	if (!found->before)
		return (struct play_verdict){found->closed, ERR_PAGE,
			"recovered passes, but the database is not as it was before the run"};
	return (struct play_verdict){
		found->closed, ERR_UNDONE, "the database is as it was before the run"};
}

/* --- what the journal says -------------------------------------------------------------------- */

struct story_view {
	struct play_story story;
	const json_t *heads_before; /* of the first database intent */
	bool swap_begun;
	bool maintenance_begun;
	int commands_left; /* plain commands that were done and not undone: they leave no trace */
};

static bool is(const json_t *record, const char *key, const char *value)
{
	return str_equal(play_story_text(record, key), value);
}

static enum play_kind kind_of(const json_t *record)
{
	return play_kind_parse(play_story_text(record, "kind"));
}

static void read_intent(const json_t *record, struct story_view *view, struct play_found *found)
{
	enum play_kind kind = kind_of(record);
	if (is(record, "phase", "gate") || is(record, "phase", "ask"))
		return;
	found->effect |= play_kind_effect(kind);
	found->data |= play_kind_data(kind);
	view->maintenance_begun |= kind == PLAY_KIND_MAINTENANCE;
	found->passed_pivot |= json_is_true(json_object_get(record, "pivot"));
	if (kind != PLAY_KIND_DATABASE)
		return;
	if (is(record, "phase", "restore"))
		view->swap_begun = true;
	else if (!view->heads_before)
		view->heads_before = json_object_get(json_object_get(record, "before"), "heads");
}

static void read_done(const json_t *record, struct story_view *view, struct play_found *found)
{
	bool undo = is(record, "phase", "undo") || is(record, "phase", "restore");
	bool failed = !is(record, "state", "ok");
	enum play_kind kind = kind_of(record);
	found->undo_failed |= undo && failed;
	if (kind == PLAY_KIND_COMMAND && !failed)
		view->commands_left += is(record, "phase", "step") - is(record, "phase", "undo");
	found->unknown |= is(record, "state", "in_doubt") && kind == PLAY_KIND_COMMAND;
	/* a command that was cut short is no better than one without a done */
	found->unknown |= kind == PLAY_KIND_COMMAND && is(record, "phase", "step") &&
			  (is(record, "state", "cancelled") || is(record, "state", "timed_out"));
}

static void read_journal(struct story_view *view, struct play_found *found)
{
	size_t i;
	json_t *record;
	json_array_foreach(view->story.records, i, record)
	{
		if (is(record, "record", "intent"))
			read_intent(record, view, found);
		else if (is(record, "record", "done"))
			read_done(record, view, found);
	}
	const json_t *pending = play_story_pending(&view->story);
	found->unknown |=
		pending && kind_of(pending) == PLAY_KIND_COMMAND && !is(pending, "phase", "gate");
	found->declared = json_is_array(json_object_get(view->story.start, "recovered"));
}

static const char *pivot_id(const struct play_story *story)
{
	size_t i;
	json_t *step;
	json_array_foreach(json_object_get(story->start, "steps"), i, step)
	{
		if (json_is_true(json_object_get(step, "pivot")))
			return play_story_text(step, "id");
	}
	return NULL;
}

/* --- what the database says ------------------------------------------------------------------- */

static bool same_list(const json_t *a, const json_t *b)
{
	return json_is_array(a) && json_is_array(b) && json_equal(a, b);
}

/*
 * Before: the same database with the same revisions and no plain command in between, or the copy
 * that the run's own swap put in its place.
 */
static void look(struct play_engine *engine, struct story_view *view, struct play_found *found,
	json_t *report)
{
	int64_t was = json_integer_value(json_object_get(view->story.start, "oid"));
	bool swapped = engine->oid != was;
	json_t *heads = view->heads_before ? play_heads(engine) : NULL;
	bool same_heads = same_list(heads, view->heads_before);
	const json_t *pivot = play_story_last(&view->story, "done", pivot_id(&view->story), "step");
	found->pivot_done = found->passed_pivot && pivot && is(pivot, "state", "ok");
	if (swapped && !view->swap_begun)
		found->unknown = true; /* somebody else's swap */
	if (view->heads_before && !heads)
		found->unknown = true;
	bool untouched = !view->heads_before || same_heads;
	found->before = (swapped && view->swap_begun) || (untouched && view->commands_left <= 0);
	json_object_set_new(report, "live_oid", json_integer(engine->oid));
	json_object_set_new(report, "swapped", json_boolean(swapped));
	json_object_set_new(report, "heads", heads ? heads : json_null());
}

static bool run_recovered(struct play_engine *engine, const struct play_story *story)
{
	AUTO_STRVEC(argv);
	AUTO_ANSWER(answer);
	AUTO_ERR(why);
	size_t i;
	json_t *word;
	json_array_foreach(json_object_get(story->start, "recovered"), i, word)
	{
		strvec_push(&argv, json_string_value(word));
	}
	struct play_call call = {.id = "recovered",
		.phase = "recovered",
		.kind = PLAY_KIND_CHECK,
		.attempt = 1,
		.argv = &argv,
		.timeout_ms = 120000};
	return argv.count && play_act(engine, &call, &answer, &why) && answer.state == PLAY_OK;
}

/* --- the act ---------------------------------------------------------------------------------- */

static void attach(
	struct play_engine *engine, const struct play_settings *set, const struct play_run_row *row)
{
	static const struct play_book none;
	const struct conf_env *env = set->env;
	engine->set = set;
	engine->book = &none;
	engine->journal.fd = -1;
	engine->lines = json_array();
	engine->started_ms = clock_now_ms();
	engine->patience = 1;
	engine->cwd = env->config_path ? fs_dirname(env->config_path) : NULL;
	engine->scope = (struct play_scope){.book = &none,
		.out = json_object(),
		.env_name = env->name,
		.project = env->project,
		.run_id = xstrdup(row->id),
		.run_dir = xstrdup(row->path)};
}

static void detach(struct play_engine *engine)
{
	json_decref(engine->lines);
	play_scope_release(&engine->scope);
	play_journal_close(&engine->journal);
	keys_release(engine->keys);
	free(engine->dir);
	free(engine->cwd);
}

static bool take_over(struct play_engine *engine, const struct play_run_row *row, struct err *err)
{
	AUTO_FREE char *path = fs_join(row->path, "journal.jsonl");
	AUTO_STRVEC(names);
	if (!play_journal_open(path, &engine->journal, err)) {
		err_hint(err, "to stop it: send TERM to its process; see mig-run status %s",
			row->id);
		return false;
	}
	if (!play_hold(engine, "recover", err) || !fs_list(row->path, &names, err))
		return false;
	engine->dir = xstrdup(row->path);
	engine->log_count = (int)names.count;
	return play_journal_write(&engine->journal, "note",
		json_pack("{s:s}", "text", "recover has taken the keys"), err);
}

static bool write_end(
	struct play_engine *engine, const struct play_verdict *verdict, bool kept, struct err *err)
{
	struct err coded = {.code = verdict->code};
	const char *state = verdict->code == ERR_NONE     ? "ok"
			    : verdict->code == ERR_UNDONE ? "undone"
							  : "page";
	json_t *fields = json_pack("{s:s, s:i, s:s, s:s, s:s}", "state", state, "code",
		err_exit_status(&coded), "maintenance", kept ? "kept" : "none", "by", "recover",
		"error", verdict->reason);
	return play_journal_write(&engine->journal, "end", fields, err);
}

static bool conclude(struct play_engine *engine, const struct play_run_row *row,
	struct play_verdict verdict, bool closed, json_t *report, struct err *err)
{
	bool lifted = verdict.lift && play_lift(engine);
	bool kept = closed && !lifted;
	if (verdict.lift && !lifted) {
		verdict.code = ERR_PAGE;
		verdict.reason = "maintenance could not be lifted";
	}
	if (!write_end(engine, &verdict, kept, err))
		return false;
	json_object_set_new(report, "sentence", json_string(verdict.reason));
	json_object_set_new(report, "maintenance",
		json_string(lifted ? "lifted"
			    : kept ? "kept"
				   : "not held by this run"));
	json_object_set_new(
		report, "next", json_string(kept ? "mig-maintenance status" : "mig-run list"));
	if (verdict.code == ERR_NONE)
		return true;
	err_set(err, verdict.code, "run %s, which %s in step %s: %s", row->id,
		row->ended ? "ended" : "died", row->step, verdict.reason);
	if (kept)
		err_hint(err,
			"maintenance stays on; look at %s, then: mig-maintenance off --reason TEXT",
			row->path);
	return false;
}

static bool examine(
	struct play_engine *engine, const struct play_run_row *row, json_t *report, struct err *err)
{
	struct story_view view = {0};
	struct play_found found = {0};
	AUTO_FREE char *path = fs_join(row->path, "journal.jsonl");
	bool good = play_story_read(path, &view.story, err);
	if (good) {
		read_journal(&view, &found);
		json_object_set_new(
			report, "pending", json_deep_copy(play_story_pending(&view.story)));
		found.closed = view.maintenance_begun && play_holds_maintenance(engine);
		look(engine, &view, &found, report);
	}
	if (good) {
		bool asks = found.declared && found.effect && !found.unknown && !found.passed_pivot;
		found.recovered = asks && run_recovered(engine, &view.story);
		good = conclude(
			engine, row, play_recover_decide(&found), found.closed, report, err);
	}
	play_story_release(&view.story);
	return good;
}

/* A run that came to a good end by itself is left as it is. */
static bool ended_well(const struct play_run_row *row)
{
	return row->ended && str_equal(row->maintenance, "none") &&
	       !str_equal(row->state, "in_doubt");
}

bool play_recover(const struct play_settings *settings, const struct play_run_row *row,
	json_t **report, struct err *err)
{
	struct play_engine engine = {0};
	*report = json_pack("{s:s, s:s, s:s}", "run", row->id, "playbook", row->playbook,
		"directory", row->path);
	if (ended_well(row)) {
		json_object_set_new(*report, "sentence",
			json_sprintf(
				"it ended (%s) and holds nothing: nothing to recover", row->state));
		json_object_set_new(*report, "next", json_string("mig-run list"));
		return true;
	}
	attach(&engine, settings, row);
	bool good = take_over(&engine, row, err) && examine(&engine, row, *report, err);
	detach(&engine);
	return good;
}
