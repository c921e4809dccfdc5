#include "play/run.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/secret.h"
#include "play/engine.h"
#include "play/runs.h"

#include <unistd.h>

#define HOLD_TRIES 3
#define HOLD_PAUSE_MS 700
#define NO_JOURNAL "without a journal nothing is done: make room, or set state_dir in mig.yaml"

/* --- a run's beginning ------------------------------------------------------------------------ */

static void engine_init(struct play_engine *engine, const struct play_settings *set)
{
	const struct conf_env *env = set->env;
	engine->set = set;
	engine->book = set->book;
	engine->journal.fd = -1;
	engine->lines = json_array();
	engine->progress = xcalloc(set->book->steps.count + 1, sizeof(*engine->progress));
	engine->started_ms = clock_now_ms();
	engine->cwd = env->config_path ? fs_dirname(env->config_path) : NULL;
	if (set->book->timeout_ms)
		engine->deadline_ms = clock_monotonic_ms() + set->book->timeout_ms;
	engine->scope = (struct play_scope){.book = set->book,
		.inputs = set->inputs,
		.out = json_object(),
		.env_name = env->name,
		.project = env->project};
}

static void engine_release(struct play_engine *engine)
{
	for (size_t i = 0; i < engine->book->steps.count; i++)
		json_decref(engine->progress[i].heads);
	free(engine->progress);
	json_decref(engine->lines);
	play_scope_release(&engine->scope);
	play_journal_close(&engine->journal);
	keys_release(engine->keys);
	err_release(&engine->first);
	free(engine->failed_step);
	free(engine->failed_log);
	free(engine->snapshot);
	free(engine->dir);
	free(engine->cwd);
}

static json_t *steps_summary(const struct play_book *book)
{
	json_t *list = json_array();
	for (size_t i = 0; i < book->steps.count; i++) {
		const struct play_step *step = &book->steps.items[i];
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:b}", "id", step->id, "kind",
				      play_kind_word(step->kind), "pivot", step->pivot));
	}
	return list;
}

/* `recovered` as a command: recover runs it when playbook and runner are long gone. */
static bool recovered_command(struct play_engine *engine, json_t **words, struct err *err)
{
	AUTO_STRVEC(argv);
	*words = json_null();
	if (!engine->book->recovered.node)
		return true;
	if (!play_checks_command(engine, "recovered", &engine->book->recovered,
		    play_book_has_pivot(engine->book), &argv, err))
		return false;
	*words = json_array();
	STRVEC_EACH (&argv, word)
		json_array_append_new(*words, json_string(word));
	return true;
}

static bool write_start(struct play_engine *engine, struct err *err)
{
	char host[256] = "";
	json_t *recovered;
	AUTO_FREE char *path = xstrdup(engine->book->doc->path);
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	if (!recovered_command(engine, &recovered, err))
		return false;
	json_t *fields =
		json_pack("{s:i, s:s, s:{s:s, s:s, s:s}, s:s, s:s, s:s, s:I, s:O, s:s, s:i, "
			  "s:o, s:o, s:s?}",
			"version", 1, "run", engine->scope.run_id, "playbook", "name",
			engine->book->name, "path", path, "digest", engine->book->digest, "project",
			engine->set->env->project, "env", engine->set->env->name, "database",
			engine->keys->dbname, "oid", (json_int_t)engine->oid, "inputs",
			engine->set->inputs, "host", host, "pid", (int)getpid(), "steps",
			steps_summary(engine->book), "recovered", recovered, "cwd", engine->cwd);
	return play_journal_write(&engine->journal, "start", fields, err);
}

static bool open_directory(struct play_engine *engine, struct err *err)
{
	engine->scope.run_dir = conf_run_dir(engine->set->env, engine->scope.run_id);
	if (!fs_mkdirs(engine->scope.run_dir, err))
		return err_hint(err, NO_JOURNAL);
	AUTO_FREE char *path = fs_join(engine->scope.run_dir, "journal.jsonl");
	if (!play_journal_open(path, &engine->journal, err))
		return false;
	engine->dir = xstrdup(engine->scope.run_dir);
	return write_start(engine, err);
}

static bool stop_waiting(void *engine)
{
	return play_stopped(engine);
}

static bool hold_once(struct play_engine *engine, const char *what, struct err *err)
{
	struct keys_request request = {
		.target = play_target(engine),
		.program = "mig-run",
		.lock_wait_ms = engine->set->lock_wait_ms,
		.preempt_backup = engine->set->preempt_backup,
		.log = engine->set->log,
	};
	request.target.stop = stop_waiting;
	request.target.stop_ctx = engine;
	return keys_run_hold(&request, engine->scope.run_id, what, &engine->keys, err) &&
	       play_live_oid(engine, &engine->oid, err);
}

/* A swapper that was killed a moment ago may still be ending sessions: it is tried again. */
bool play_hold(struct play_engine *engine, const char *what, struct err *err)
{
	int tries = 1;
	while (!hold_once(engine, what, err)) {
		if (err->code != ERR_DATABASE || tries++ == HOLD_TRIES || play_stopped(engine))
			return false;
		keys_release(xtake(&engine->keys));
		clock_sleep_ms(HOLD_PAUSE_MS);
	}
	engine->scope.dbname = xstrdup(engine->keys->dbname);
	return true;
}

static bool take_key(struct play_engine *engine, struct err *err)
{
	engine->scope.run_id = clock_new_id();
	engine->scope.start = clock_utc(engine->started_ms);
	return play_hold(engine, "start", err);
}

/* A run that died with the target in its hands comes first: nobody builds on its remains. */
static bool nothing_unfinished(struct play_engine *engine, struct err *err)
{
	struct play_runs runs = {0};
	bool free_way = true;
	if (!play_runs_list(engine->set->env, &runs, err))
		return err_hint(err, NO_JOURNAL);
	for (size_t i = 0; i < runs.count && free_way; i++) {
		const struct play_run_row *row = &runs.items[i];
		if (row->alive || row->ended || !row->effect)
			continue;
		free_way = false;
		err_set(err, ERR_REFUSED, "run %s of playbook %s died in step %s", row->id,
			row->playbook, row->step);
		err_detail(err, "what it did to the target has to be looked at first");
		err_hint(err, "mig-run recover %s", row->id);
	}
	play_runs_release(&runs);
	return free_way;
}

/* --- its end ---------------------------------------------------------------------------------- */

static void write_end(struct play_engine *engine, enum play_end end, int code, bool kept)
{
	AUTO_ERR(why);
	json_t *fields = json_pack("{s:s, s:i, s:s, s:s?, s:s?}", "state", play_end_word(end),
		"code", code, "maintenance", kept ? "kept" : "none", "step", engine->failed_step,
		"error", engine->first.msg);
	if (!play_journal_write(&engine->journal, "end", fields, &why))
		log_warn(engine->set->log, "journal", NULL, "%s", why.msg);
}

/* The first error, whole, and after it what became of the target. */
static bool end_error(struct play_engine *engine, enum play_end end, bool kept, struct err *err)
{
	if (end == PLAY_END_OK)
		return true;
	err_copy(err, &engine->first);
	if (end == PLAY_END_STOPPED)
		return false;
	AUTO_FREE char *why = xstrdup_null(engine->first.detail);
	const char *open = kept ? "; maintenance stays on" : "";
	err->code = play_end_code(end);
	err->signal = 0;
	err_detail(err, "%s%s%s%s", why ? why : "", why ? "\n" : "", play_end_sentence(end), open);
	if (end == PLAY_END_DOUBT)
		err_hint(err, "mig-run recover %s", engine->scope.run_id);
	else if (kept)
		err_hint(err,
			"look first: mig-run status %s; then lift maintenance: mig-maintenance off",
			engine->scope.run_id);
	return false;
}

static bool finish(struct play_engine *engine, json_t **report, struct err *err)
{
	struct play_facts *facts = &engine->facts;
	facts->dirty = play_left(engine, true);
	struct play_decision decision = play_end_decide(facts);
	if (decision.lift && play_lift(engine))
		facts->closed = false;
	bool kept = facts->closed;
	if (decision.lift && kept && decision.end == PLAY_END_UNDONE)
		decision.end = PLAY_END_PAGE;
	int code = decision.end == PLAY_END_STOPPED ? err_exit_status(&engine->first) : 0;
	if (play_end_code(decision.end) != ERR_NONE) {
		struct err coded = {.code = play_end_code(decision.end)};
		code = err_exit_status(&coded);
	}
	write_end(engine, decision.end, code, kept);
	play_tell_end(engine, decision.end);
	*report = play_report(engine, decision.end, kept);
	json_object_set_new(*report, "code", json_integer(code));
	return end_error(engine, decision.end, kept, err);
}

static void remember(struct play_engine *engine, struct err *why)
{
	if (engine->first.code == ERR_NONE)
		err_move(&engine->first, why);
	if (engine->first.code == ERR_SIGNAL && engine->set->signal_number)
		engine->first.signal = engine->set->signal_number(engine->set->ctx);
}

static void play_through(struct play_engine *engine)
{
	AUTO_ERR(why);
	AUTO_FREE char *title =
		xstrfmt("%s on %s begins", engine->book->name, engine->set->env->name);
	engine->facts.ok = play_gates(engine, &why);
	if (engine->facts.ok) {
		play_tell(engine, PLAY_ON_START, "info", title, engine->scope.run_id);
		engine->facts.ok = play_forward(engine, &why);
	}
	remember(engine, &why);
	engine->patience = 1;
	if (!engine->facts.ok && engine->facts.effect)
		play_ladder(engine);
	engine->patience = 2;
	play_always(engine);
	if (engine->facts.ok && engine->first.code != ERR_NONE) {
		/* the steps were done and an always-step says that it is not well */
		engine->facts.ok = false;
		engine->facts.effect = true;
		engine->facts.undo_failed = true;
	}
}

static void register_secrets(const struct play_settings *settings)
{
	STRVEC_EACH (&settings->book->secrets, name)
		secret_register(settings->getenv ? settings->getenv(name) : NULL);
}

bool play_run(const struct play_settings *settings, json_t **report, struct err *err)
{
	struct play_engine engine = {0};
	*report = NULL;
	engine_init(&engine, settings);
	register_secrets(settings);
	bool good = take_key(&engine, err) && nothing_unfinished(&engine, err) &&
		    open_directory(&engine, err);
	if (good) {
		play_through(&engine);
		good = finish(&engine, report, err);
	}
	engine_release(&engine);
	return good;
}

bool play_plan(const struct play_settings *settings, json_t **plan, struct err *err)
{
	struct play_engine engine = {0};
	*plan = NULL;
	engine_init(&engine, settings);
	register_secrets(settings);
	bool good = play_make_plan(&engine, plan, err);
	engine_release(&engine);
	return good;
}
