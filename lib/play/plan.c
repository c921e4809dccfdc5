/* What a run would do, command by command, and the way back from each step. */
#include "base/fs.h"
#include "play/engine.h"

static json_t *text_of(const struct strvec *argv)
{
	AUTO_FREE char *typed = strvec_shell(argv);
	return json_string(typed);
}

static bool command_text(
	struct play_engine *engine, const struct play_step *step, json_t **text, struct err *err)
{
	AUTO_STRVEC(argv);
	AUTO_FREE char *name = xstrfmt("%s.checks.yaml", step->id);
	AUTO_FREE char *file = fs_join("<run directory>", name);
	if (step->verb == PLAY_CONFIRM) {
		AUTO_FREE char *ask = NULL;
		if (!play_scope_expand(&engine->scope, step->ask, step->node, &ask, err))
			return false;
		*text = json_sprintf("(a person is asked: %s)", ask);
		return true;
	}
	if (step->verb == PLAY_WAIT) {
		*text = json_sprintf("sleep %g", (double)step->wait_ms / 1000);
		return true;
	}
	if (!play_command(&engine->scope, step, file, &argv, err))
		return false;
	*text = text_of(&argv);
	return true;
}

/* --- the way back ----------------------------------------------------------------------------- */

static void add_undo(struct play_engine *engine, const struct play_step *step, json_t *back)
{
	AUTO_STRVEC(argv);
	AUTO_ERR(ignored);
	bool policy = step->undo == PLAY_UNDO_POLICY;
	if (policy && engine->set->env->policy.downgrade == POLICY_ALLOW) {
		strvec_push(&argv, "mig-apply");
		strvec_push(&argv, "downgrade");
		strvec_push(&argv, "<revisions before>");
	} else if (step->undo != PLAY_UNDO_ARGV ||
		   !play_scope_argv(
			   &engine->scope, &step->undo_argv, step->node, &argv, &ignored)) {
		return;
	}
	json_array_append_new(back, text_of(&argv));
}

static const struct play_step *restore_point(const struct play_book *book, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (book->steps.items[i].restore_point)
			return &book->steps.items[i];
	return NULL;
}

static bool may_restore(const struct play_engine *engine)
{
	const struct play_book *book = engine->book;
	if (engine->set->env->policy.swap_back != POLICY_ALLOW)
		return false;
	for (size_t i = 0; i < book->ladder_count; i++)
		if (book->ladder[i] == PLAY_RUNG_RESTORE)
			return true;
	return false;
}

static bool may_undo(const struct play_book *book)
{
	for (size_t i = 0; i < book->ladder_count; i++)
		if (book->ladder[i] == PLAY_RUNG_UNDO)
			return true;
	return false;
}

static bool effect_up_to(const struct play_book *book, size_t index, enum play_kind kind, bool any)
{
	for (size_t i = 0; i <= index; i++) {
		enum play_kind mine = book->steps.items[i].kind;
		if (any ? play_kind_effect(mine) && i < index : mine == kind)
			return true;
	}
	return false;
}

static bool closed_before(const struct play_book *book, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (book->steps.items[i].kind == PLAY_KIND_MAINTENANCE)
			return true;
	return false;
}

static bool makes_clone(const struct play_step *point)
{
	return strvec_has(&point->run, "--method=clone") ||
	       (strvec_has(&point->run, "--method") && strvec_has(&point->run, "clone"));
}

static json_t *way_back(struct play_engine *engine, size_t index)
{
	const struct play_book *book = engine->book;
	bool past = index >= play_book_pivot(book);
	json_t *back = json_array();
	for (size_t i = index; may_undo(book) && i-- > 0;) {
		const struct play_step *step = &book->steps.items[i];
		if (!past || step->kind == PLAY_KIND_TRAFFIC)
			add_undo(engine, step, back);
	}
	const struct play_step *point = restore_point(book, index);
	if (!past && point && may_restore(engine) &&
		effect_up_to(book, index, PLAY_KIND_DATABASE, false)) {
		json_array_append_new(back, json_string("mig-maintenance on"));
		json_array_append_new(back,
			json_sprintf(
				makes_clone(point)
					? "mig-restore swap '<clone of %s>' --proof '<run "
					  "directory>/proof.json'"
					: "mig-restore '<snapshot of %s>' --swap --proof '<run "
					  "directory>/proof.json'",
				point->id));
	}
	if (!past && closed_before(book, index))
		json_array_append_new(back, json_string("mig-maintenance off"));
	return back;
}

/* One sentence a person can act on: what failing here means. */
static const char *meaning(struct play_engine *engine, size_t index)
{
	const struct play_book *book = engine->book;
	const struct play_step *step = &book->steps.items[index];
	if (index >= play_book_pivot(book))
		return "users may have written: the database is not taken back; exit 21";
	if (!effect_up_to(book, index, PLAY_KIND_CHECK, true) && !play_kind_data(step->kind))
		return "nothing was changed: exit with the step's own code";
	if (!effect_up_to(book, index, PLAY_KIND_DATABASE, false))
		return "undone, no write is lost: exit 20; where an undo or recovered fails: exit "
		       "21";
	if (may_restore(engine) && restore_point(book, index))
		return "back to the restore point by proof that writes stopped, no write is lost: "
		       "exit "
		       "20; without proof maintenance stays on: exit 21";
	if (engine->set->env->policy.downgrade == POLICY_ALLOW)
		return "the downgrade loses what the migrations added: exit 20; else exit 21";
	return "the database stays as migrated, a person decides: exit 21";
}

/* --- the plan --------------------------------------------------------------------------------- */

static bool plan_step(struct play_engine *engine, size_t index, json_t *list, struct err *err)
{
	const struct play_step *step = &engine->book->steps.items[index];
	json_t *command;
	if (!command_text(engine, step, &command, err))
		return false;
	json_array_append_new(
		list, json_pack("{s:s, s:s, s:b, s:b, s:o, s:o, s:s}", "id", step->id, "kind",
			      play_kind_word(step->kind), "pivot", step->pivot, "restore_point",
			      step->restore_point, "command", command, "way_back",
			      way_back(engine, index), "if_fails", meaning(engine, index)));
	return true;
}

static bool plan_list(
	struct play_engine *engine, const struct play_steps *steps, json_t *list, struct err *err)
{
	for (size_t i = 0; i < steps->count; i++) {
		json_t *command;
		if (!command_text(engine, &steps->items[i], &command, err))
			return false;
		json_array_append_new(list,
			json_pack("{s:s, s:o}", "id", steps->items[i].id, "command", command));
	}
	return true;
}

/* Gates only read: they are asked for real, with a folder of their own for checks. */
static bool ask_gates(struct play_engine *engine, struct err *err)
{
	AUTO_ERR(ignored);
	char *folder = NULL;
	if (engine->set->no_gates || engine->book->gates.count == 0)
		return true;
	if (!fs_temp_dir(NULL, &folder, err))
		return false;
	engine->scope.run_dir = folder;
	bool pass = play_gates(engine, err);
	if (!fs_remove_tree(folder, &ignored))
		log_warn(engine->set->log, "note", NULL, "%s", ignored.msg);
	engine->scope.run_dir = NULL;
	free(folder);
	return pass;
}

static void learn_dbname(struct play_engine *engine)
{
	struct db_params target = play_target(engine);
	CLEANUP(db_close_auto) struct db *db = NULL;
	AUTO_ERR(why);
	if (db_open(&target, &db, &why))
		engine->scope.dbname = xstrdup(db->dbname);
	else
		log_warn(engine->set->log, "note", NULL, "%s", why.msg);
}

bool play_make_plan(struct play_engine *engine, json_t **plan, struct err *err)
{
	const struct play_book *book = engine->book;
	json_t *steps = json_array(), *gates = json_array(), *always = json_array();
	learn_dbname(engine);
	engine->scope.plan = true;
	bool good = plan_list(engine, &book->gates, gates, err) &&
		    plan_list(engine, &book->always, always, err);
	for (size_t i = 0; good && i < book->steps.count; i++)
		good = plan_step(engine, i, steps, err);
	AUTO_ERR(refused);
	bool pass = good && ask_gates(engine, &refused);
	*plan = json_pack("{s:s, s:s, s:s, s:s?, s:o, s:o, s:o, s:O}", "playbook", book->name,
		"path", book->doc->path, "env", engine->set->env->name, "database",
		engine->scope.dbname, "gates", gates, "steps", steps, "always", always, "verdicts",
		engine->lines);
	if (good && !pass)
		return err_move(err, &refused);
	return good;
}
