/* Gates and steps, with their retries, and what is known after each about the target. */
#include "base/clock.h"
#include "play/engine.h"

#include <inttypes.h>

#define DEFAULT_EVERY_MS 1000
#define LEASE_MS (60 * 60 * 1000) /* what mig-maintenance takes when no lease is given */

/* --- what programs say about the target ------------------------------------------------------- */

struct db_params play_target(const struct play_engine *engine)
{
	return (struct db_params){.conninfo = engine->set->env->conninfo,
		.application_name = "mig-run",
		.pooler_session = engine->set->env->pooler_session,
		.log = engine->set->log};
}

bool play_live_oid(struct play_engine *engine, int64_t *oid, struct err *err)
{
	struct db_params target = play_target(engine);
	CLEANUP(db_close_auto) struct db *db = NULL;
	if (!db_open(&target, &db, err))
		return false;
	*oid = db->db_oid;
	return true;
}

json_t *play_heads(struct play_engine *engine)
{
	AUTO_STRVEC(argv);
	strvec_push(&argv, "mig-apply");
	strvec_push(&argv, "current");
	json_t *out = play_ask(engine, "current", &argv);
	json_t *heads = json_incref(json_object_get(out, "heads"));
	json_decref(out);
	return heads;
}

bool play_holds_maintenance(struct play_engine *engine)
{
	AUTO_STRVEC(argv);
	strvec_push(&argv, "mig-maintenance");
	strvec_push(&argv, "status");
	json_t *out = play_ask(engine, "maintenance", &argv);
	AUTO_FREE char *owner = xstrfmt("run:%s", engine->scope.run_id);
	const char *state = play_story_text(out, "state");
	bool open = str_equal(state, "open");
	bool foreign =
		*play_story_text(out, "owner") && !str_equal(play_story_text(out, "owner"), owner);
	json_decref(out);
	return !open && !foreign;
}

/* A length, not an end: the end is by the server's clock, and this host's may differ. */
static void note_lease(struct play_engine *engine, const struct play_step *step)
{
	engine->lease_ms = step->lease_ms ? step->lease_ms : LEASE_MS;
	engine->renewed_ms = clock_monotonic_ms();
}

void play_renew_lease(struct play_engine *engine)
{
	AUTO_STRVEC(argv);
	int64_t now = clock_monotonic_ms();
	if (!engine->facts.closed || engine->lease_ms <= 0 ||
		now - engine->renewed_ms < engine->lease_ms / 3)
		return;
	engine->renewed_ms = now; /* before the program is started: it asks this again */
	strvec_push(&argv, "mig-maintenance");
	strvec_push(&argv, "renew");
	strvec_push(&argv, "--lease");
	strvec_pushf(&argv, "%" PRId64 "ms", engine->lease_ms);
	json_decref(play_ask(engine, "renew", &argv));
}

/* --- one step --------------------------------------------------------------------------------- */

static void ask_person(struct play_engine *engine, const struct play_step *step, const char *ask,
	const char *type, struct play_answer *answer)
{
	const struct play_settings *set = engine->set;
	int64_t begun = clock_monotonic_ms();
	bool yes = set->confirm(set->ctx, ask, type, step->expires_ms, &answer->why);
	answer->state = yes ? PLAY_OK : PLAY_FAILED;
	answer->code = answer->why.code;
	answer->status = yes ? 0 : err_exit_status(&answer->why);
	answer->by_itself = true;
	answer->took_ms = clock_monotonic_ms() - begun;
}

static void pause_for(
	struct play_engine *engine, const struct play_step *step, struct play_answer *answer)
{
	int64_t begun = clock_monotonic_ms();
	answer->state = play_pause(engine, step->wait_ms) ? PLAY_OK : PLAY_CANCELLED;
	if (answer->state != PLAY_OK)
		err_set(&answer->why, ERR_SIGNAL, "the pause was interrupted");
	answer->code = answer->why.code;
	answer->by_itself = true;
	answer->took_ms = clock_monotonic_ms() - begun;
}

/* Steps that need no process are announced and recorded like the others. */
static bool run_inside(struct play_engine *engine, const struct play_step *step, const char *phase,
	struct play_answer *answer, struct err *err)
{
	AUTO_FREE char *ask = NULL;
	AUTO_FREE char *type = NULL;
	AUTO_STRVEC(argv);
	struct play_scope *scope = &engine->scope;
	if (step->ask && !play_scope_expand(scope, step->ask, step->node, &ask, err))
		return false;
	if (step->type && !play_scope_expand(scope, step->type, step->node, &type, err))
		return false;
	strvec_push(&argv, ask ? "confirm" : "sleep");
	if (ask)
		strvec_push(&argv, ask);
	else
		strvec_pushf(&argv, "%g", (double)step->wait_ms / 1000);
	struct play_call call = {
		.id = step->id, .phase = phase, .kind = step->kind, .attempt = 1, .argv = &argv};
	if (!play_announce(engine, &call, err))
		return false;
	if (ask)
		ask_person(engine, step, ask, type, answer);
	else
		pause_for(engine, step, answer);
	play_record(engine, &call, answer);
	return true;
}

static int64_t time_for(const struct play_engine *engine, const struct play_step *step)
{
	int64_t left = play_time_left(engine);
	int64_t own = step->timeout_ms ? step->timeout_ms : INT64_MAX;
	int64_t time = left < own ? left : own;
	return time == INT64_MAX ? 0 : time;
}

static bool step_command(struct play_engine *engine, const struct play_step *step,
	struct strvec *argv, struct err *err)
{
	if (step->verb == PLAY_CHECKS)
		return play_checks_command(engine, step->id, &step->checks,
			play_book_before_pivot(engine->book, step), argv, err);
	return play_command(&engine->scope, step, NULL, argv, err);
}

static bool attempt(struct play_engine *engine, const struct play_step *step, const char *phase,
	int number, json_t *before, struct play_answer *answer, struct err *err)
{
	AUTO_STRVEC(argv);
	if (!step_command(engine, step, &argv, err))
		return false;
	struct play_call call = {.id = step->id,
		.phase = phase,
		.kind = step->kind,
		.pivot = step->pivot,
		.attempt = number,
		.argv = &argv,
		.step = step,
		.before = before,
		.timeout_ms = time_for(engine, step)};
	return play_act(engine, &call, answer, err);
}

static bool worth_repeating(const struct play_step *step, const struct play_answer *answer)
{
	if (answer->state == PLAY_OK || !answer->by_itself)
		return false;
	return step->retry.on.count == 0 || strvec_has(&step->retry.on, err_class(answer->code));
}

static int64_t pause_before(const struct play_retry *retry, int64_t number)
{
	int64_t pause = retry->delay_ms;
	for (int64_t i = 2; i < number && retry->backoff > 1 && pause < 3600000; i++)
		pause *= retry->backoff;
	return retry->jitter ? clock_jitter(pause) : pause;
}

static bool run_command(struct play_engine *engine, const struct play_step *step, const char *phase,
	json_t *before, struct play_answer *answer, struct err *err)
{
	for (int64_t number = 1;; number++) {
		play_answer_release(answer);
		if (!attempt(engine, step, phase, (int)number, before, answer, err))
			return false;
		if (number >= step->retry.attempts || !worth_repeating(step, answer))
			return true;
		int64_t pause = pause_before(&step->retry, number + 1);
		if (pause >= play_time_left(engine) || !play_pause(engine, pause))
			return true;
	}
}

/* Passes in a row within a time: the answer is that of the last round. */
static bool run_checks(struct play_engine *engine, const struct play_step *step, const char *phase,
	struct play_answer *answer, struct err *err)
{
	const struct play_retry *retry = &step->retry;
	int64_t end = clock_monotonic_ms() + retry->for_ms, passes = 0;
	int64_t every = retry->every_ms ? retry->every_ms : DEFAULT_EVERY_MS;
	for (int number = 1;; number++) {
		play_answer_release(answer);
		if (!attempt(engine, step, phase, number, NULL, answer, err))
			return false;
		passes = answer->state == PLAY_OK ? passes + 1 : 0;
		bool enough = answer->state == PLAY_OK && passes >= retry->need;
		/* one more round is granted to a series that has begun to pass */
		bool over = clock_monotonic_ms() + every > end && passes == 0;
		if (enough || over || !answer->by_itself)
			return true;
		if (play_time_left(engine) <= every || !play_pause(engine, every))
			return true;
	}
}

bool play_step_run(struct play_engine *engine, const struct play_step *step, const char *phase,
	struct play_answer *answer, struct err *err)
{
	json_t *before = NULL;
	switch (step->verb) {
	case PLAY_CONFIRM:
	case PLAY_WAIT:
		return run_inside(engine, step, phase, answer, err);
	case PLAY_CHECKS:
		return run_checks(engine, step, phase, answer, err);
	case PLAY_RUN:
	case PLAY_SHELL:
	case PLAY_MAINTENANCE:
		break;
	}
	if (step->kind == PLAY_KIND_DATABASE && str_equal(phase, "step")) {
		struct play_progress *mine =
			&engine->progress[(size_t)(step - engine->book->steps.items)];
		mine->heads = play_heads(engine);
		before = json_pack("{s:O?}", "heads", mine->heads);
	}
	bool ran = run_command(engine, step, phase, before, answer, err);
	json_decref(before);
	return ran;
}

/* --- gates ------------------------------------------------------------------------------------ */

/* mig-* and checks say "no" with 4; of a plain command 1 is a no too (test, grep, diff). */
static bool said_no(const struct play_step *gate, const struct play_answer *answer)
{
	if (!answer->by_itself)
		return false;
	bool plain = gate->kind == PLAY_KIND_COMMAND;
	return answer->status == 4 || (plain && answer->status == 1);
}

static void take_gate(
	struct play_engine *engine, const struct play_step *gate, struct play_answer *answer)
{
	bool no = said_no(gate, answer);
	play_line_add(engine, gate->id, "gate", gate->kind, answer->state,
		clock_now_ms() - answer->took_ms, answer->took_ms, &answer->why);
	if (answer->state == PLAY_OK)
		return;
	/* a definite no outweighs a gate that could not be asked */
	if (engine->first.code != ERR_NONE && (engine->first.code == ERR_NO || !no))
		return;
	err_move(&engine->first, &answer->why);
	err_context(&engine->first, "gate %s", gate->id);
	if (no)
		engine->first.code = ERR_NO;
	free(engine->failed_step);
	engine->failed_step = xstrdup(gate->id);
	free(engine->failed_log);
	engine->failed_log = xstrdup_null(answer->log);
}

bool play_gates(struct play_engine *engine, struct err *err)
{
	for (size_t i = 0; i < engine->book->gates.count; i++) {
		const struct play_step *gate = &engine->book->gates.items[i];
		AUTO_ANSWER(answer);
		if (play_stopped(engine))
			return err_set(err, ERR_SIGNAL, "interrupted at gate %s", gate->id);
		if (!play_step_run(engine, gate, "gate", &answer, err))
			return err_context(err, "gate %s", gate->id);
		take_gate(engine, gate, &answer);
	}
	if (engine->first.code == ERR_NONE)
		return true;
	err_copy(err, &engine->first);
	return false;
}

/* --- steps ------------------------------------------------------------------------------------ */

static bool same_heads(const json_t *a, const json_t *b)
{
	if (!a || !b || json_array_size(a) != json_array_size(b))
		return false;
	size_t found = 0;
	for (size_t i = 0; i < json_array_size(a); i++)
		for (size_t k = 0; k < json_array_size(b); k++)
			found += json_equal(json_array_get(a, i), json_array_get(b, k)) != 0;
	return found == json_array_size(a);
}

static void in_doubt(
	struct play_engine *engine, const struct play_step *step, struct play_answer *answer)
{
	answer->state = PLAY_IN_DOUBT;
	engine->facts.effect = true;
	engine->facts.doubt = true;
	engine->facts.data_doubt |= play_kind_data(step->kind);
}

/* Refused before anything was tried: wrong words, wrong configuration, not permitted. */
static bool may_have_begun(enum err_code code)
{
	static const enum err_code before[] = {
		ERR_USAGE, ERR_CONFIG, ERR_NO, ERR_NOTFOUND, ERR_CORRUPT, ERR_REFUSED};
	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		if (before[i] == code)
			return false;
	return true;
}

/* A migration that did not finish: the database knows which revisions were committed. */
static void assess_database(struct play_engine *engine, const struct play_step *step,
	struct play_progress *mine, struct play_answer *answer)
{
	bool revisions = str_equal(step->run.items[0], "mig-apply");
	json_t *now = revisions ? play_heads(engine) : NULL;
	if (mine->heads && now) {
		mine->left = !same_heads(mine->heads, now);
		engine->facts.effect |= mine->left;
	} else if (!answer->by_itself || may_have_begun(answer->code)) {
		in_doubt(engine, step, answer);
		mine->left = true;
	}
	json_decref(now);
}

/* The playbook's own question: 0 done, 4 not done, else unknown. */
static void assess_command(struct play_engine *engine, const struct play_step *step,
	struct play_progress *mine, struct play_answer *answer)
{
	AUTO_STRVEC(argv);
	AUTO_ANSWER(probed);
	AUTO_ERR(ignored);
	if (answer->by_itself)
		return; /* a command that fails is taken at its word */
	struct play_call call = {.id = step->id,
		.phase = "probe",
		.kind = PLAY_KIND_CHECK,
		.attempt = 1,
		.argv = &argv,
		.step = step,
		.timeout_ms = 60000};
	bool asked = step->probe.count &&
		     play_scope_argv(&engine->scope, &step->probe, step->node, &argv, &ignored) &&
		     play_act(engine, &call, &probed, &ignored) && probed.by_itself;
	if (asked && probed.status == 0) {
		mine->left = mine->done = true;
		engine->facts.effect = true;
	} else if (!asked || probed.status != ERR_NO) {
		in_doubt(engine, step, answer);
	}
}

/* Half switched on is on: the providers say, not the program that failed. */
static void assess_maintenance(struct play_engine *engine)
{
	engine->facts.closed = play_holds_maintenance(engine);
	engine->facts.effect |= engine->facts.closed;
}

static void assess_failure(struct play_engine *engine, const struct play_step *step,
	struct play_progress *mine, struct play_answer *answer)
{
	AUTO_ERR(why);
	struct db_params target = play_target(engine);
	engine->patience = 1; /* questions are not cut short by what stopped the step */
	if (!answer->by_itself && play_kind_effect(step->kind) &&
		!keys_drain_work(&target, engine->set->log, &why)) {
		play_note(engine, "step %s: %s", step->id, why.msg);
		in_doubt(engine, step, answer);
		return;
	}
	if (step->kind == PLAY_KIND_DATABASE)
		assess_database(engine, step, mine, answer);
	else if (step->kind == PLAY_KIND_COMMAND || step->kind == PLAY_KIND_TRAFFIC)
		assess_command(engine, step, mine, answer);
	else if (step->kind == PLAY_KIND_MAINTENANCE)
		assess_maintenance(engine);
}

static void take_restore_point(struct play_engine *engine, const json_t *out)
{
	const char *clone = play_story_text(out, "clone");
	const char *snapshot = play_story_text(out, "snapshot");
	engine->clone = *clone;
	engine->snapshot = *clone ? xstrdup(clone) : *snapshot ? xstrdup(snapshot) : NULL;
}

static void take_success(struct play_engine *engine, const struct play_step *step,
	struct play_progress *mine, struct play_answer *answer)
{
	if (answer->out)
		json_object_set(engine->scope.out, step->id, answer->out);
	if (step->restore_point)
		take_restore_point(engine, answer->out);
	if (step->kind == PLAY_KIND_MAINTENANCE) {
		/* open in part is still closed, and so is closed in part */
		bool on = step->switch_to == 0;
		engine->facts.closed = on || (engine->facts.closed && step->only.count > 0);
		if (on)
			note_lease(engine, step);
	}
	if (!play_kind_effect(step->kind))
		return;
	bool nothing_done =
		step->kind == PLAY_KIND_DATABASE && same_heads(json_object_get(answer->out, "from"),
							    json_object_get(answer->out, "to"));
	engine->facts.effect |= !nothing_done;
	mine->left = !nothing_done && step->kind != PLAY_KIND_MAINTENANCE;
	mine->done = mine->left;
}

static bool step_failed(struct play_engine *engine, const struct play_step *step,
	struct play_answer *answer, struct err *err)
{
	free(engine->failed_step);
	engine->failed_step = xstrdup(step->id);
	free(engine->failed_log);
	engine->failed_log = xstrdup_null(answer->log);
	err_move(err, &answer->why);
	return err_context(err, "step %s", step->id);
}

static bool may_go_on(struct play_engine *engine, const struct play_step *step, struct err *err)
{
	if (play_stopped(engine))
		return err_set(err, ERR_SIGNAL, "interrupted before step %s", step->id);
	if (engine->deadline_ms && clock_monotonic_ms() >= engine->deadline_ms)
		return err_set(err, ERR_TIMEOUT, "the playbook's timeout is over before step %s",
			step->id);
	if (!keys_check(engine->keys, err) || !keys_run_step(engine->keys, step->id, err)) {
		engine->facts.key_lost = true;
		return err_context(err, "before step %s", step->id);
	}
	return true;
}

static bool one_step(struct play_engine *engine, size_t index, struct err *err)
{
	const struct play_step *step = &engine->book->steps.items[index];
	struct play_progress *mine = &engine->progress[index];
	AUTO_ANSWER(answer);
	int64_t begun = clock_now_ms();
	if (!may_go_on(engine, step, err))
		return false;
	if (!play_step_run(engine, step, "step", &answer, err)) {
		mine->state = PLAY_FAILED;
		return err_context(err, "step %s", step->id);
	}
	if (answer.state == PLAY_OK)
		take_success(engine, step, mine, &answer);
	else
		assess_failure(engine, step, mine, &answer);
	mine->state = answer.state;
	play_line_add(engine, step->id, "step", step->kind, answer.state, begun,
		clock_now_ms() - begun, &answer.why);
	if (step->restore_point && answer.state == PLAY_OK && !engine->snapshot)
		return err_set(err, ERR_FAILED, "step %s gave no restore point", step->id);
	return answer.state == PLAY_OK || step_failed(engine, step, &answer, err);
}

bool play_forward(struct play_engine *engine, struct err *err)
{
	for (size_t i = 0; i < engine->book->steps.count; i++)
		if (!one_step(engine, i, err))
			return false;
	return true;
}
