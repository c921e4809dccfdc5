/* Telling people: notifications through mig-alert, and the report of a run. */
#include "base/clock.h"
#include "play/engine.h"

#define ALERT_TIMEOUT_MS 30000

static void split_known(
	struct play_engine *engine, const struct strvec *names, struct strvec *known)
{
	STRVEC_EACH (names, name) {
		if (conf_get(engine->set->env->alerts, name)) {
			if (!strvec_has(known, name))
				strvec_push(known, name);
			continue;
		}
		play_note(engine, "receiver %s is not configured in environment %s: it is not told",
			name, engine->set->env->name);
	}
}

static void add_option(struct strvec *argv, const char *option, const char *value)
{
	strvec_push(argv, option);
	strvec_push(argv, value);
}

static void add_tag(struct strvec *argv, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	AUTO_FREE char *tag = xstrfmt("%s=%s", name, value);
	add_option(argv, "--tag", tag);
}

/* What came before: one crumb per line of the timeline. */
static void add_breadcrumbs(struct play_engine *engine, struct strvec *argv)
{
	size_t i;
	json_t *line;
	json_array_foreach(engine->lines, i, line)
	{
		const char *state = play_story_text(line, "state");
		bool good = str_equal(state, "ok") || str_equal(state, "undone");
		int64_t took = json_integer_value(json_object_get(line, "took_ms"));
		AUTO_FREE char *duration = clock_duration_text(took);
		AUTO_FREE char *crumb = xstrfmt("%s mig.%s %s %s %s %s",
			play_story_text(line, "at"), play_story_text(line, "phase"),
			good ? "info" : "error", play_story_text(line, "id"), state, duration);
		add_option(argv, "--breadcrumb", crumb);
	}
}

/* Alerts of one playbook, environment and step are one issue. */
static void add_grouping(struct play_engine *engine, struct strvec *argv)
{
	const char *book = engine->book->name, *env = engine->set->env->name;
	const char *step = engine->failed_step ? engine->failed_step : "end";
	AUTO_FREE char *transaction = xstrfmt("%s-%s/%s", book, env, step);
	AUTO_FREE char *fingerprint = xstrfmt("mig-run,%s,%s,%s", book, env, step);
	add_option(argv, "--transaction", transaction);
	add_option(argv, "--fingerprint", fingerprint);
}

static void send_alert(struct play_engine *engine, const struct strvec *receivers,
	const char *level, const char *title, const char *outcome, const char *body)
{
	AUTO_STRVEC(argv);
	AUTO_ANSWER(answer);
	AUTO_ERR(why);
	strvec_push(&argv, "mig-alert");
	strvec_push(&argv, "send");
	strvec_push_all(&argv, receivers);
	add_option(&argv, "--level", level);
	add_option(&argv, "--title", title);
	add_option(&argv, "--body", "-");
	add_tag(&argv, "mig.playbook", engine->book->name);
	add_tag(&argv, "mig.outcome", outcome);
	add_tag(&argv, "mig.step", engine->failed_step);
	add_tag(&argv, "db", engine->scope.dbname);
	add_grouping(engine, &argv);
	add_breadcrumbs(engine, &argv);
	struct play_call call = {.id = "notify",
		.phase = "notify",
		.kind = PLAY_KIND_ALERT,
		.attempt = 1,
		.argv = &argv,
		.timeout_ms = ALERT_TIMEOUT_MS,
		.quiet = true,
		.input = body};
	/* a notifier that fails is said, and changes nothing else */
	if (!play_act(engine, &call, &answer, &why))
		log_warn(engine->set->log, "note", NULL, "notify: %s", why.msg);
}

void play_tell(struct play_engine *engine, enum play_event event, const char *level,
	const char *title, const char *body)
{
	AUTO_STRVEC(receivers);
	split_known(engine, &engine->book->notify[event], &receivers);
	if (receivers.count)
		send_alert(engine, &receivers, level, title, "started", body);
}

static char *end_body(struct play_engine *engine, enum play_end end)
{
	AUTO_STRBUF(body);
	const struct play_book *book = engine->book;
	if (engine->first.msg)
		strbuf_addf(&body, "%s\n", engine->first.msg);
	if (engine->first.detail)
		strbuf_addf(&body, "%s\n", engine->first.detail);
	strbuf_addf(&body, "end: %s\n", play_end_sentence(end));
	strbuf_addf(&body, "database: %s, run: %s\n",
		engine->scope.dbname ? engine->scope.dbname : "", engine->scope.run_id);
	strbuf_addf(&body, "directory: %s\n", engine->dir);
	if (book->owner)
		strbuf_addf(&body, "owner: %s\n", book->owner);
	if (book->runbook)
		strbuf_addf(&body, "runbook: %s\n", book->runbook);
	return strbuf_take(&body);
}

/* Whoever is to be woken hears also of what is only a failure: each receiver once. */
void play_tell_end(struct play_engine *engine, enum play_end end)
{
	const struct play_book *book = engine->book;
	AUTO_STRVEC(receivers);
	bool wake = end == PLAY_END_PAGE || end == PLAY_END_DOUBT;
	if (end == PLAY_END_OK) {
		split_known(engine, &book->notify[PLAY_ON_SUCCESS], &receivers);
	} else {
		split_known(engine, &book->notify[PLAY_ON_FAILURE], &receivers);
		if (wake)
			split_known(engine, &book->notify[PLAY_ON_DOUBT], &receivers);
	}
	if (!receivers.count)
		return;
	AUTO_FREE char *title =
		xstrfmt("%s on %s: %s", book->name, engine->set->env->name, play_end_sentence(end));
	AUTO_FREE char *body = end_body(engine, end);
	const char *level = end == PLAY_END_OK ? "info" : wake ? "fatal" : "error";
	send_alert(engine, &receivers, level, title, play_end_word(end), body);
}

/* --- report ----------------------------------------------------------------------------------- */

static char *next_command(const struct play_engine *engine, enum play_end end, bool kept)
{
	if (end == PLAY_END_OK)
		return xstrdup("mig-run list");
	if (end == PLAY_END_DOUBT)
		return xstrfmt("mig-run recover %s", engine->scope.run_id);
	if (kept)
		return xstrdup("mig-maintenance status");
	if (engine->failed_log)
		return xstrfmt("less %s", engine->failed_log);
	return xstrfmt("mig-run status %s", engine->scope.run_id);
}

static bool is_forward(const json_t *line)
{
	const char *phase = play_story_text(line, "phase");
	return str_equal(phase, "gate") || str_equal(phase, "step");
}

static void add_skipped(struct play_engine *engine, json_t *list)
{
	for (size_t i = 0; i < engine->book->steps.count; i++) {
		const struct play_step *step = &engine->book->steps.items[i];
		if (engine->progress[i].state == PLAY_PENDING)
			json_array_append_new(list,
				json_pack("{s:s, s:s, s:s, s:s, s:i}", "id", step->id, "phase",
					"step", "kind", play_kind_word(step->kind), "state",
					play_state_word(PLAY_SKIPPED), "took_ms", 0));
	}
}

/* Gates and steps, those that were never begun, then the way back. */
static json_t *timeline(struct play_engine *engine)
{
	json_t *list = json_array();
	size_t i;
	json_t *line;
	json_array_foreach(engine->lines, i, line)
	{
		if (is_forward(line))
			json_array_append(list, line);
	}
	add_skipped(engine, list);
	json_array_foreach(engine->lines, i, line)
	{
		if (!is_forward(line))
			json_array_append(list, line);
	}
	return list;
}

static json_t *first_error(const struct err *first)
{
	if (first->code == ERR_NONE)
		return json_null();
	return json_pack("{s:i, s:s, s:s, s:s?, s:s?, s:s?}", "code", err_exit_status(first),
		"class", err_class(first->code), "error", first->msg ? first->msg : "failed",
		"detail", first->detail, "hint", first->hint, "where", first->where);
}

json_t *play_report(struct play_engine *engine, enum play_end end, bool kept)
{
	AUTO_FREE char *next = next_command(engine, end, kept);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o}", "run",
		engine->scope.run_id, "playbook", engine->book->name, "state", play_end_word(end),
		"sentence", play_end_sentence(end), "maintenance", kept ? "kept" : "none", "next",
		next, "directory", engine->dir, "took_ms",
		(json_int_t)(clock_now_ms() - engine->started_ms), "steps", timeline(engine),
		"first_error", first_error(&engine->first));
}
