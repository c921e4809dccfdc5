/* The only way in which a run does anything: intent, process, done. */
#include "base/clock.h"
#include "base/fs.h"
#include "base/secret.h"
#include "play/engine.h"

static const char *const state_words[] = {
#define X(name, word) [name] = word,
	PLAY_STATES(X)
#undef X
};

const char *play_state_word(enum play_state state)
{
	return state_words[state];
}

bool play_stopped(struct play_engine *engine)
{
	const struct play_settings *set = engine->set;
	return set->signals && set->signals(set->ctx) > engine->patience;
}

bool play_pause(struct play_engine *engine, int64_t ms)
{
	int64_t end = clock_monotonic_ms() + ms;
	while (!play_stopped(engine)) {
		int64_t left = end - clock_monotonic_ms();
		if (left <= 0)
			return true;
		clock_sleep_ms(left < 100 ? left : 100);
	}
	return false;
}

int64_t play_time_left(const struct play_engine *engine)
{
	if (!engine->deadline_ms)
		return INT64_MAX;
	int64_t left = engine->deadline_ms - clock_monotonic_ms();
	return left > 0 ? left : 1;
}

void play_note(struct play_engine *engine, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	AUTO_FREE char *text = xvstrfmt(fmt, args);
	va_end(args);
	AUTO_ERR(ignored);
	log_warn(engine->set->log, "note", NULL, "%s", text);
	if (engine->dir && !play_journal_write(&engine->journal, "note",
				   json_pack("{s:s}", "text", text), &ignored))
		log_warn(engine->set->log, "journal", NULL, "%s", ignored.msg);
}

void play_line_add(struct play_engine *engine, const char *id, const char *phase,
	enum play_kind kind, enum play_state state, int64_t started_ms, int64_t took_ms,
	const struct err *why)
{
	AUTO_FREE char *at = clock_utc(started_ms);
	json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "id", id, "phase", phase, "kind",
		play_kind_word(kind), "state", play_state_word(state), "at", at, "took_ms",
		(json_int_t)took_ms);
	if (why && why->msg)
		json_object_set_new(line, "error", json_string(why->msg));
	json_array_append_new(engine->lines, line);
}

static json_t *words_json(const struct strvec *words)
{
	json_t *list = json_array();
	STRVEC_EACH (words, word)
		json_array_append_new(list, json_string(word));
	return list;
}

static char *call_name(const struct play_call *call)
{
	bool same = str_equal(call->phase, call->id);
	return same ? xstrdup(call->id) : xstrfmt("%s %s", call->phase, call->id);
}

static bool write_intent(struct play_engine *engine, const struct play_call *call, struct err *err)
{
	if (!engine->dir)
		return true;
	json_t *fields = json_pack("{s:s, s:s, s:s, s:b, s:i, s:o}", "step", call->id, "phase",
		call->phase, "kind", play_kind_word(call->kind), "pivot", call->pivot, "attempt",
		call->attempt, "argv", words_json(call->argv));
	if (call->before)
		json_object_set(fields, "before", call->before);
	if (!play_journal_write(&engine->journal, "intent", fields, err))
		return false;
	if (play_kind_effect(call->kind) && !str_equal(call->phase, "gate"))
		engine->facts.pivot |= call->pivot;
	return true;
}

bool play_announce(struct play_engine *engine, const struct play_call *call, struct err *err)
{
	AUTO_FREE char *typed = strvec_shell(call->argv);
	AUTO_FREE char *safe = secret_redact(typed);
	AUTO_FREE char *name = call_name(call);
	if (!write_intent(engine, call, err))
		return false;
	log_emit(engine->set->log, call->quiet ? LOG_DEBUG : LOG_INFO, "step_started",
		json_pack(
			"{s:s, s:s, s:s}", "step", call->id, "phase", call->phase, "command", safe),
		"%s: %s", name, safe);
	return true;
}

static void write_done(
	struct play_engine *engine, const struct play_call *call, const struct play_answer *answer)
{
	if (!engine->dir)
		return;
	json_t *fields = json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:I, s:O?, s:s?}", "step",
		call->id, "phase", call->phase, "kind", play_kind_word(call->kind), "state",
		play_state_word(answer->state), "code", answer->status, "class",
		err_class(answer->code), "took_ms", (json_int_t)answer->took_ms, "out", answer->out,
		"error", answer->why.msg);
	AUTO_ERR(why);
	if (!play_journal_write(&engine->journal, "done", fields, &why))
		log_warn(engine->set->log, "journal", NULL, "%s", why.msg);
}

/* ": what (why)" of a failure, on one line; "" of a success. Caller owns. */
static char *reason_text(const struct err *why)
{
	if (!why->msg)
		return xstrdup("");
	if (!why->detail)
		return xstrfmt(": %s", why->msg);
	return xstrfmt(": %s (%.*s)", why->msg, (int)strcspn(why->detail, "\n"), why->detail);
}

static void say(
	struct play_engine *engine, const struct play_call *call, const struct play_answer *answer)
{
	AUTO_FREE char *took = clock_duration_text(answer->took_ms);
	AUTO_FREE char *name = call_name(call);
	AUTO_FREE char *reason = reason_text(&answer->why);
	json_t *fields = json_pack("{s:s, s:s, s:s, s:I}", "step", call->id, "phase", call->phase,
		"state", play_state_word(answer->state), "took_ms", (json_int_t)answer->took_ms);
	log_emit(engine->set->log, answer->state == PLAY_OK ? LOG_INFO : LOG_WARN, "step_done",
		fields, "%s: %s (%s)%s", name, play_state_word(answer->state), took, reason);
}

void play_record(
	struct play_engine *engine, const struct play_call *call, const struct play_answer *answer)
{
	write_done(engine, call, answer);
	say(engine, call, answer);
}

bool play_act(struct play_engine *engine, const struct play_call *call, struct play_answer *answer,
	struct err *err)
{
	if (!play_announce(engine, call, err))
		return false;
	if (!play_child(engine, call, answer, &answer->why)) {
		/* it never ran: as good as a program that failed at once */
		answer->state = PLAY_FAILED;
		answer->code = answer->why.code;
		answer->by_itself = true;
		answer->status = err_exit_status(&answer->why);
	}
	play_record(engine, call, answer);
	return true;
}

json_t *play_ask(struct play_engine *engine, const char *id, const struct strvec *argv)
{
	AUTO_ERR(ignored);
	AUTO_ANSWER(answer);
	int patience = engine->patience;
	struct play_call call = {.id = id,
		.phase = "ask",
		.kind = PLAY_KIND_CHECK,
		.argv = argv,
		.timeout_ms = 60000,
		.quiet = true};
	/* what it answers decides whether something is safe: not to be cut short by a signal */
	engine->patience = 2;
	bool ran = play_child(engine, &call, &answer, &ignored);
	engine->patience = patience;
	return ran && answer.by_itself && answer.out ? json_incref(answer.out) : NULL;
}

bool play_checks_command(struct play_engine *engine, const char *id,
	const struct play_checks *checks, bool before_pivot, struct strvec *argv, struct err *err)
{
	AUTO_FREE char *path = NULL;
	if (checks->inline_list) {
		json_t *list;
		if (!play_scope_json(&engine->scope, checks->inline_list, checks->node, &list, err))
			return false;
		json_t *document = json_pack("{s:o}", "checks", list);
		AUTO_FREE char *text = json_dumps(document, JSON_INDENT(1));
		AUTO_FREE char *name = xstrfmt("%s.checks.yaml", id);
		json_decref(document);
		path = fs_join(engine->scope.run_dir, name);
		if (!fs_write_atomic(path, text, strlen(text), err))
			return false;
	}
	play_command_checks(checks, path, before_pivot, argv);
	return true;
}
