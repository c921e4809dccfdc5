/* One child process of a run: its environment, its log, its result, its own words on failure. */
#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/secret.h"
#include "play/engine.h"

#include <stdio.h>

#define KEY_CHECK_MS 2000
#define SHORT_GRACE_MS 1000 /* after the third signal */
#define WORDS_KEPT 5

struct child {
	struct play_engine *engine;
	const struct play_call *call;
	FILE *log;
	bool sibling; /* speaks mig's JSON lines */
	char *last; /* last line of stdout */
	json_t *exit; /* the "exit" line of a program that failed */
	struct strvec words; /* last lines that a plain command said */
	bool key_lost;
};

static void write_log(struct child *child, const char *text)
{
	if (!child->log)
		return;
	AUTO_FREE char *at = clock_utc_ms(clock_now_ms());
	fprintf(child->log, "%s %s\n", at, text);
	fflush(child->log);
}

static void show(struct child *child, enum log_level level, const char *text, json_t *fields)
{
	if (child->call->quiet)
		level = LOG_DEBUG;
	json_t *line = json_pack("{s:s}", "step", child->call->id);
	if (fields)
		json_object_set(line, "of", fields);
	log_emit(child->engine->set->log, level, "step_output", line, "  %s: %s", child->call->id,
		text);
}

/* A line of a program of the suite: progress, an event, or the reason of its end. */
static void take_event(struct child *child, json_t *event)
{
	const char *name = play_story_text(event, "event");
	const char *text = play_story_text(event, "text");
	if (str_equal(name, "exit")) {
		json_decref(child->exit);
		child->exit = json_incref(event);
	} else if (str_equal(name, "progress")) {
		log_progress(child->engine->set->log, play_story_text(event, "what"),
			play_story_text(event, "unit"),
			json_integer_value(json_object_get(event, "done")),
			json_integer_value(json_object_get(event, "total")));
	} else if (*text) {
		bool warning = str_equal(play_story_text(event, "level"), "warning");
		show(child, warning ? LOG_WARN : LOG_INFO, text, event);
	}
}

static void keep_words(struct child *child, const char *text)
{
	if (child->words.count == WORDS_KEPT) {
		AUTO_STRVEC(kept);
		for (size_t i = 1; i < child->words.count; i++)
			strvec_push(&kept, child->words.items[i]);
		struct strvec swap = child->words;
		child->words = kept;
		kept = swap;
	}
	strvec_push(&child->words, text);
}

static void take_text(struct child *child, const char *line)
{
	json_t *event = child->sibling ? json_loads(line, 0, NULL) : NULL;
	if (json_is_object(event)) {
		take_event(child, event);
	} else if (*line) {
		keep_words(child, line);
		show(child, LOG_INFO, line, NULL);
	}
	json_decref(event);
}

static void take_stderr(void *ctx, const char *line)
{
	AUTO_FREE char *safe = secret_redact(line);
	write_log(ctx, safe);
	take_text(ctx, safe);
}

static void take_stdout(void *ctx, const char *line)
{
	struct child *child = ctx;
	AUTO_FREE char *safe = secret_redact(line);
	write_log(child, safe);
	if (*line) {
		free(child->last);
		child->last = xstrdup(line);
	}
	if (!child->sibling)
		take_text(child, safe);
}

/* The run key is the licence to change anything: a child does not outlive it. */
static bool cancelled(void *ctx)
{
	struct child *child = ctx;
	struct play_engine *engine = child->engine;
	if (play_stopped(engine))
		return true;
	play_renew_lease(engine);
	int64_t now = clock_monotonic_ms();
	if (engine->keys && !child->key_lost && now - engine->key_checked_ms > KEY_CHECK_MS) {
		AUTO_ERR(gone);
		engine->key_checked_ms = now;
		child->key_lost = !keys_check(engine->keys, &gone);
	}
	return child->key_lost;
}

static bool child_environment(struct play_engine *engine, const struct play_call *call,
	struct strvec *env, struct err *err)
{
	const struct conf_env *conf = engine->set->env;
	strvec_push(env, "MIG_JSON=1");
	strvec_pushf(env, "MIG_STEP=%s", call->id);
	if (engine->keys) {
		AUTO_FREE char *mig_run = keys_mig_run(engine->keys);
		strvec_pushf(env, "MIG_RUN=%s", mig_run);
	}
	if (conf->doc)
		strvec_pushf(env, "MIG_ENV=%s", conf->name);
	if (conf->config_path)
		strvec_pushf(env, "MIG_CONFIG=%s", conf->config_path);
	if (engine->set->dbname)
		strvec_pushf(env, "MIG_DBNAME=%s", engine->set->dbname);
	return play_variables(&engine->scope, call->step, env, err);
}

static void open_log(struct child *child, struct play_answer *answer)
{
	struct play_engine *engine = child->engine;
	if (!engine->dir)
		return;
	AUTO_FREE char *name = xstrfmt("%02d-%s.log", ++engine->log_count, child->call->id);
	answer->log = fs_join(engine->dir, name);
	child->log = fopen(answer->log, "ae");
	AUTO_FREE char *typed = strvec_shell(child->call->argv);
	AUTO_FREE char *safe = secret_redact(typed);
	AUTO_FREE char *line = xstrfmt("$ %s", safe);
	write_log(child, line);
}

static const char *first_word(const struct play_call *call)
{
	return call->argv->items[0];
}

static void take_sqlstate(const json_t *exit, struct err *why)
{
	const char *text = play_story_text(exit, "sqlstate");
	if (strlen(text) + 1 == sizeof(why->sqlstate))
		memcpy(why->sqlstate, text, sizeof(why->sqlstate));
}

/* The program's own words first: they say what a person has to know. */
static void explain(
	struct child *child, const struct proc_result *result, struct play_answer *answer)
{
	struct err *why = &answer->why;
	const json_t *exit = child->exit;
	if (result->timed_out) {
		AUTO_FREE char *took = clock_duration_text(result->took_ms);
		err_set(why, ERR_TIMEOUT, "%s was ended after %s: time is over",
			first_word(child->call), took);
	} else if (child->key_lost) {
		err_set(why, ERR_LOCK, "the session that holds the run key is gone");
	} else if (result->cancelled) {
		err_set(why, ERR_SIGNAL, "%s was interrupted", first_word(child->call));
	} else if (exit && *play_story_text(exit, "error")) {
		err_set(why, answer->code, "%s", play_story_text(exit, "error"));
	} else if (result->status > 128) {
		err_set(why, ERR_SIGNAL, "%s was ended by signal %d", first_word(child->call),
			result->status - 128);
		why->signal = result->status - 128;
	} else {
		err_set(why, answer->code, "%s ended with exit code %d", first_word(child->call),
			result->status);
	}
	if (exit && *play_story_text(exit, "detail"))
		err_detail(why, "%s", play_story_text(exit, "detail"));
	else if (!exit && child->words.count) {
		AUTO_FREE char *said = strvec_join(&child->words, "\n");
		err_detail(why, "%s", said);
	}
	if (exit && *play_story_text(exit, "hint"))
		err_hint(why, "%s", play_story_text(exit, "hint"));
	take_sqlstate(exit, why);
	if (exit && *play_story_text(exit, "where"))
		err_where(why, "%s", play_story_text(exit, "where"));
}

static void judge(struct child *child, const struct proc_result *result, struct play_answer *answer)
{
	answer->status = result->status;
	answer->took_ms = result->took_ms;
	answer->by_itself = !result->signalled && !result->timed_out && !result->cancelled;
	answer->code = child->sibling        ? err_from_status(result->status)
		       : result->status == 0 ? ERR_NONE
					     : ERR_FAILED;
	answer->state = answer->by_itself && result->status == 0 ? PLAY_OK
			: result->timed_out                      ? PLAY_TIMED_OUT
			: result->cancelled                      ? PLAY_CANCELLED
								 : PLAY_FAILED;
	if (child->key_lost)
		child->engine->facts.key_lost = true;
	if (answer->state != PLAY_OK)
		explain(child, result, answer);
	json_t *out = child->last ? json_loads(child->last, 0, NULL) : NULL;
	if (json_is_object(out))
		answer->out = json_incref(out);
	json_decref(out);
}

bool play_child(struct play_engine *engine, const struct play_call *call,
	struct play_answer *answer, struct err *err)
{
	AUTO_STRVEC(env);
	AUTO_STRVEC(argv);
	struct child child = {.engine = engine, .call = call};
	child.sibling = str_starts(first_word(call), "mig-");
	strvec_push_all(&argv, call->argv);
	if (child.sibling) {
		free(argv.items[0]);
		argv.items[0] = proc_sibling(first_word(call));
	}
	if (!child_environment(engine, call, &env, err))
		return false;
	open_log(&child, answer);
	struct proc_spec spec = {.argv = &argv,
		.env = &env,
		.cwd = engine->cwd,
		.input = call->input,
		.input_length = call->input ? strlen(call->input) : 0,
		.timeout_ms = call->timeout_ms,
		.grace_ms = engine->patience >= 2 ? SHORT_GRACE_MS : 0,
		.on_stdout = take_stdout,
		.on_stderr = take_stderr,
		.cancelled = cancelled,
		.ctx = &child};
	struct proc_result result;
	bool started = proc_run(&spec, &result, err);
	if (started)
		judge(&child, &result, answer);
	if (child.log)
		fclose(child.log);
	free(child.last);
	json_decref(child.exit);
	strvec_release(&child.words);
	return started;
}

void play_answer_release(struct play_answer *answer)
{
	json_decref(answer->out);
	err_release(&answer->why);
	free(answer->log);
	*answer = (struct play_answer){0};
}
