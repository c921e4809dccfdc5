/* The way back: undo, restore, `recovered` after each rung; always; maintenance last. */
#include "base/clock.h"
#include "base/fs.h"
#include "play/engine.h"

#define RECOVERED_TRIES 3
#define RECOVERED_PAUSE_MS 1000
#define SKIP_SIGNALS 2 /* as many signals skip what is left of the ladder */

bool play_left(const struct play_engine *engine, bool database_only)
{
	for (size_t i = 0; i < engine->book->steps.count; i++) {
		bool database = engine->book->steps.items[i].kind == PLAY_KIND_DATABASE;
		if (engine->progress[i].left && (database || !database_only))
			return true;
	}
	return false;
}

static bool given_up(struct play_engine *engine)
{
	const struct play_settings *set = engine->set;
	return engine->facts.key_lost || (set->signals && set->signals(set->ctx) >= SKIP_SIGNALS);
}

/* One command of the failure path; its failure is told and kept, never raised. */
static bool perform(
	struct play_engine *engine, const struct play_call *call, struct play_answer *answer)
{
	AUTO_ERR(why);
	int64_t begun = clock_now_ms();
	bool held = keys_check(engine->keys, &why);
	engine->facts.key_lost |= !held;
	if (!held || !play_act(engine, call, answer, &why)) {
		play_note(engine, "%s %s was not begun: %s", call->phase, call->id, why.msg);
		return false;
	}
	enum play_state state = !str_equal(call->phase, "undo") ? answer->state
				: answer->state == PLAY_OK      ? PLAY_UNDONE
								: PLAY_UNDO_FAILED;
	/* of several tries the last is the answer */
	size_t last = json_array_size(engine->lines);
	if (call->attempt > 1 && last > 0)
		json_array_remove(engine->lines, last - 1);
	play_line_add(engine, call->id, call->phase, call->kind, state, begun,
		clock_now_ms() - begun, &answer->why);
	return answer->state == PLAY_OK;
}

static bool switch_maintenance(
	struct play_engine *engine, const char *word, const char *id, const char *phase)
{
	AUTO_STRVEC(argv);
	AUTO_ANSWER(answer);
	strvec_push(&argv, "mig-maintenance");
	strvec_push(&argv, word);
	struct play_call call = {.id = id,
		.phase = phase,
		.kind = PLAY_KIND_MAINTENANCE,
		.attempt = 1,
		.argv = &argv};
	return perform(engine, &call, &answer);
}

static bool drain(struct play_engine *engine)
{
	AUTO_ERR(why);
	struct db_params target = play_target(engine);
	if (keys_drain_work(&target, engine->set->log, &why))
		return true;
	play_note(engine, "the database is still at work for this run: %s", why.msg);
	return false;
}

/* --- rung: undo ------------------------------------------------------------------------------- */

bool play_policy_undo(const struct play_engine *engine, const json_t *heads, struct strvec *argv)
{
	const struct conf_env *env = engine->set->env;
	if (env->policy.downgrade != POLICY_ALLOW || !heads || json_array_size(heads) > 1)
		return false;
	const char *head = json_string_value(json_array_get(heads, 0));
	strvec_push(argv, "mig-apply");
	strvec_push(argv, "downgrade");
	strvec_push(argv, head ? head : "base");
	return true;
}

static bool undo_command(struct play_engine *engine, const struct play_step *step,
	const struct play_progress *mine, struct strvec *argv)
{
	AUTO_ERR(why);
	if (step->undo == PLAY_UNDO_POLICY)
		return play_policy_undo(engine, mine->heads, argv);
	if (step->undo != PLAY_UNDO_ARGV || !mine->done)
		return false;
	if (play_scope_argv(&engine->scope, &step->undo_argv, step->node, argv, &why))
		return true;
	play_note(engine, "undo of step %s: %s", step->id, why.msg);
	engine->facts.undo_failed = true;
	return false;
}

/* Past the pivot users may have written: only code and routing go back. */
static bool struck_out(const struct play_engine *engine, const struct play_step *step)
{
	return engine->facts.pivot && step->kind != PLAY_KIND_TRAFFIC;
}

/* True when a command was run. */
static bool undo_step(struct play_engine *engine, size_t index)
{
	const struct play_step *step = &engine->book->steps.items[index];
	struct play_progress *mine = &engine->progress[index];
	AUTO_STRVEC(argv);
	AUTO_ANSWER(answer);
	if (!mine->left || step->undo == PLAY_UNDO_NONE)
		return false;
	if (struck_out(engine, step)) {
		play_note(engine, "step %s is not undone: users may have written since", step->id);
		return false;
	}
	if (!undo_command(engine, step, mine, &argv))
		return false;
	struct play_call call = {.id = step->id,
		.phase = "undo",
		.kind = step->kind,
		.attempt = 1,
		.argv = &argv,
		.step = step,
		.timeout_ms = step->timeout_ms};
	mine->left = !perform(engine, &call, &answer);
	mine->state = mine->left ? PLAY_UNDO_FAILED : PLAY_UNDONE;
	engine->facts.undo_failed |= mine->left;
	if (mine->left && !answer.by_itself && !drain(engine))
		engine->facts.doubt = engine->facts.data_doubt = true;
	return true;
}

static bool rung_undo(struct play_engine *engine)
{
	bool changed = false;
	for (size_t i = engine->book->steps.count; i-- > 0 && !given_up(engine);)
		changed |= undo_step(engine, i);
	return changed;
}

/* --- rung: restore ---------------------------------------------------------------------------- */

static const char *restore_refusal(const struct play_engine *engine)
{
	if (engine->facts.pivot)
		return "users may have written since the pivot";
	if (!engine->snapshot)
		return "this run has made no restore point";
	if (engine->set->env->policy.swap_back != POLICY_ALLOW)
		return "the environment's policy swap_back does not allow it";
	return NULL;
}

/* The database is where the restore point was: nothing that the run did to it is left. */
static void note_restored(struct play_engine *engine)
{
	bool command_doubt = false;
	for (size_t i = 0; i < engine->book->steps.count; i++) {
		struct play_progress *mine = &engine->progress[i];
		bool database = engine->book->steps.items[i].kind == PLAY_KIND_DATABASE;
		command_doubt |= mine->state == PLAY_IN_DOUBT && !database;
		if (!database)
			continue;
		mine->left = false;
		if (mine->state == PLAY_OK || mine->state == PLAY_IN_DOUBT)
			mine->state = PLAY_UNDONE;
	}
	engine->facts.data_doubt = false;
	engine->facts.doubt = command_doubt;
}

static bool close_again(struct play_engine *engine)
{
	bool closed = switch_maintenance(engine, "on", "close-again", "restore");
	engine->facts.closed |= closed;
	return closed;
}

/* What the rename committed decides, not what the program managed to say about it. */
static bool swapped(struct play_engine *engine, bool said_so)
{
	AUTO_ERR(why);
	int64_t oid = 0;
	if (!play_live_oid(engine, &oid, &why)) {
		play_note(engine, "which database is live could not be asked: %s", why.msg);
		engine->facts.doubt = engine->facts.data_doubt = true;
		return false;
	}
	if (said_so && oid == engine->oid)
		play_note(engine, "the swap was reported, but the live database is still %lld",
			(long long)oid);
	return oid != engine->oid;
}

/* True when the restore point is live and the program that put it there has no complaint. */
static bool swap_back(struct play_engine *engine, bool *changed)
{
	AUTO_STRVEC(argv);
	AUTO_ANSWER(answer);
	strvec_push(&argv, "mig-restore");
	if (engine->clone)
		strvec_push(&argv, "swap");
	strvec_push(&argv, engine->snapshot);
	if (!engine->clone)
		strvec_push(&argv, "--swap");
	strvec_push(&argv, "--proof");
	strvec_push_take(&argv, fs_join(engine->dir, "proof.json"));
	struct play_call call = {.id = "swap-back",
		.phase = "restore",
		.kind = PLAY_KIND_DATABASE,
		.attempt = 1,
		.argv = &argv};
	bool done = perform(engine, &call, &answer);
	if (!done && !answer.by_itself && !drain(engine)) {
		engine->facts.doubt = engine->facts.data_doubt = true;
		return false;
	}
	*changed = swapped(engine, done);
	if (*changed)
		note_restored(engine);
	return *changed && done;
}

static bool rung_restore(struct play_engine *engine)
{
	const char *refusal = restore_refusal(engine);
	bool changed = false;
	if (refusal) {
		play_note(engine, "rung restore is struck out: %s", refusal);
		return false;
	}
	if (!close_again(engine) || !drain(engine) || !swap_back(engine, &changed))
		engine->facts.undo_failed = true;
	return changed;
}

/* --- the ladder ------------------------------------------------------------------------------- */

static bool ask_recovered(struct play_engine *engine, int attempt)
{
	AUTO_STRVEC(argv);
	AUTO_ANSWER(answer);
	AUTO_ERR(why);
	if (!play_checks_command(engine, "recovered", &engine->book->recovered,
		    play_book_has_pivot(engine->book) && !engine->facts.pivot, &argv, &why)) {
		play_note(engine, "recovered: %s", why.msg);
		return false;
	}
	struct play_call call = {.id = "recovered",
		.phase = "recovered",
		.kind = PLAY_KIND_CHECK,
		.attempt = attempt,
		.argv = &argv};
	return perform(engine, &call, &answer);
}

bool play_recovered(struct play_engine *engine)
{
	bool passed = false;
	if (!engine->book->recovered.node)
		return !play_left(engine, false);
	for (int i = 1; i <= RECOVERED_TRIES && !passed && !given_up(engine); i++) {
		if (i > 1)
			clock_sleep_ms(RECOVERED_PAUSE_MS);
		passed = ask_recovered(engine, i);
	}
	return passed;
}

static bool restore_follows(const struct play_engine *engine, size_t rung)
{
	for (size_t i = rung + 1; i < engine->book->ladder_count; i++)
		if (engine->book->ladder[i] == PLAY_RUNG_RESTORE)
			return restore_refusal(engine) == NULL;
	return false;
}

void play_ladder(struct play_engine *engine)
{
	static bool (*const rungs[])(struct play_engine *) = {
		[PLAY_RUNG_UNDO] = rung_undo, [PLAY_RUNG_RESTORE] = rung_restore};
	const struct play_book *book = engine->book;
	bool news = true; /* something happened since `recovered` was last asked */
	if (!given_up(engine) && !drain(engine))
		engine->facts.undo_failed = true;
	for (size_t i = 0; i < book->ladder_count && !given_up(engine); i++) {
		news |= rungs[book->ladder[i]](engine);
		/* a database that is still changed is not asked whether it is well */
		if (play_left(engine, true) && restore_follows(engine, i))
			continue;
		if (news)
			engine->facts.recovered = play_recovered(engine);
		news = false;
		if (engine->facts.recovered && !play_left(engine, true))
			return;
	}
	if (news && !given_up(engine))
		engine->facts.recovered = play_recovered(engine);
}

/* Without the run key the target may be another run's by now: it is only looked at. */
static bool may_still_act(struct play_engine *engine, const struct play_step *step, struct err *err)
{
	if (!play_kind_effect(step->kind) || keys_check(engine->keys, err))
		return true;
	engine->facts.key_lost = true;
	return false;
}

void play_always(struct play_engine *engine)
{
	for (size_t i = 0; i < engine->book->always.count && !play_stopped(engine); i++) {
		const struct play_step *step = &engine->book->always.items[i];
		AUTO_ANSWER(answer);
		AUTO_ERR(why);
		int64_t begun = clock_now_ms();
		if (!may_still_act(engine, step, &why) ||
			!play_step_run(engine, step, "always", &answer, &why)) {
			play_note(engine, "always %s: %s", step->id, why.msg);
			answer.state = PLAY_FAILED;
		}
		play_line_add(engine, step->id, "always", step->kind, answer.state, begun,
			clock_now_ms() - begun, &answer.why);
		if (answer.state == PLAY_OK || engine->first.code != ERR_NONE)
			continue;
		err_move(&engine->first, answer.why.code != ERR_NONE ? &answer.why : &why);
		err_context(&engine->first, "always %s", step->id);
	}
}

bool play_lift(struct play_engine *engine)
{
	return switch_maintenance(engine, "off", "lift", "lift");
}
