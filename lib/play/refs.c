/* What a playbook's parts say about each other: ids, ${...}, the pivot, the way back. */
#include "base/suggest.h"
#include "play/playbook.h"

struct refs {
	const struct play_book *book;
	struct strvec known; /* every name that may stand in ${} here */
};

static char *lookup(void *ctx, const char *name)
{
	struct refs *refs = ctx;
	return strvec_has(&refs->known, name) ? xstrdup("") : NULL;
}

static void add_outputs(struct refs *refs, const struct play_step *step)
{
	CONF_EACH (step->out_node, field)
		strvec_pushf(&refs->known, "steps.%s.out.%s", step->id, field->key);
}

static void start_names(struct refs *refs, const struct play_book *book)
{
	static const char *const fixed[] = {
		"env.name", "env.project", "env.dbname", "run.id", "run.dir", "run.start"};
	refs->book = book;
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		strvec_push(&refs->known, fixed[i]);
	for (size_t i = 0; i < book->input_count; i++)
		strvec_pushf(&refs->known, "inputs.%s", book->inputs[i].name);
}

/* A reference to a step deserves a better answer than "unknown name". */
static bool explain_step(
	struct refs *refs, const struct conf_node *node, const char *text, struct err *err)
{
	const char *start = strstr(text, "${steps.");
	if (!start)
		return false;
	start += strlen("${steps.");
	AUTO_FREE char *id = xstrndup(start, strcspn(start, ".}"));
	const struct play_step *step = play_book_step(refs->book, id);
	if (!step) {
		AUTO_STRVEC(ids);
		for (size_t i = 0; i < refs->book->steps.count; i++)
			strvec_push(&ids, refs->book->steps.items[i].id);
		const char *near = suggest_in(id, &ids);
		conf_error(node, err, "no step \"%s\"", id);
		return near ? err_hint(err, "did you mean \"%s\"?", near) : false;
	}
	AUTO_FREE char *prefix = xstrfmt("%s.out.", id);
	if (!str_starts(start, prefix))
		return conf_error(node, err, "a step's result is ${steps.%s.out.FIELD}", id);
	start += strlen(prefix);
	AUTO_FREE char *field = xstrndup(start, strcspn(start, "}"));
	if (!conf_get(step->out_node, field)) {
		conf_error(node, err, "step %s declares no result \"%s\"", id, field);
		return err_hint(err, "add to step %s: out: {%s: 'PATTERN'}", id, field);
	}
	return conf_error(node, err, "step %s runs only after this one", id);
}

static bool check_text(
	struct refs *refs, const struct conf_node *node, const char *text, struct err *err)
{
	AUTO_FREE char *ignored = NULL;
	if (conf_expand(text, node, lookup, refs, &refs->known, &ignored, err))
		return true;
	AUTO_ERR(better);
	explain_step(refs, node, text, &better);
	if (better.code != ERR_NONE)
		err_move(err, &better);
	return false;
}

static bool check_words(struct refs *refs, const struct conf_node *node, struct err *err)
{
	if (!node)
		return true;
	if (node->kind == CONF_SCALAR)
		return check_text(refs, node, node->text, err);
	CONF_EACH (node, child)
		if (!check_words(refs, child, err))
			return false;
	return true;
}

/* The shell would read ${inputs.x} as its own: values arrive as variables, never as text. */
static bool check_shell(const struct play_step *step, struct err *err)
{
	static const char *const ours[] = {"${inputs.", "${steps.", "${env.", "${run."};
	for (size_t i = 0; step->shell && i < ARRAY_SIZE(ours); i++)
		if (strstr(step->shell, ours[i])) {
			conf_error(conf_get(step->node, "shell"), err,
				"%s...} is not pasted into shell text", ours[i]);
			return err_hint(err,
				"inputs arrive as $MIG_INPUT_NAME; anything else: env: "
				"{NAME: \"%s...}\"}",
				ours[i]);
		}
	return true;
}

/* Names that begin with mig- are the sibling programs: a slip is told before anything is done. */
static bool check_program(const struct conf_node *node, const struct strvec *argv, struct err *err)
{
	const char *near = NULL;
	if (argv->count == 0 || !str_starts(argv->items[0], "mig-") ||
		play_program_known(argv->items[0], &near))
		return true;
	conf_error(node, err, "mig has no program \"%s\"", argv->items[0]);
	return near ? err_hint(err, "did you mean \"%s\"?", near) : false;
}

static bool check_programs(const struct play_step *step, struct err *err)
{
	return check_program(conf_get(step->node, "run"), &step->run, err) &&
	       check_program(step->undo_node, &step->undo_argv, err) &&
	       check_program(conf_get(step->node, "probe"), &step->probe, err);
}

static bool check_step(struct refs *refs, const struct play_step *step, struct err *err)
{
	const struct conf_node *scalars[] = {conf_get(step->node, "run"), step->checks_node,
		step->confirm_node, step->env_node, step->undo_node, conf_get(step->node, "probe")};
	for (size_t i = 0; i < ARRAY_SIZE(scalars); i++) {
		/* a step's undo and probe may use its own result */
		if (scalars[i] && scalars[i] == step->undo_node)
			add_outputs(refs, step);
		if (!check_words(refs, scalars[i], err))
			return false;
	}
	CONF_EACH (step->out_node, field)
		if (!play_pattern_good(field->text))
			return conf_error(field, err, "\"%s\" is not a POSIX extended expression",
				field->text);
	add_outputs(refs, step);
	return check_programs(step, err) && check_shell(step, err);
}

static bool check_ids(const struct play_book *book, struct err *err)
{
	const struct play_steps *lists[] = {&book->gates, &book->steps, &book->always};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (size_t k = 0; k < lists[i]->count; k++) {
			const struct play_step *step = &lists[i]->items[k];
			const struct play_step *first = play_book_step(book, step->id);
			if (first != step)
				return conf_error(conf_get(step->node, "id"), err,
					"id \"%s\" is taken by line %d", step->id,
					first->node->line);
		}
	return true;
}

static bool is_lifting(const struct play_step *step)
{
	return step->verb == PLAY_MAINTENANCE && step->switch_to == 1 && step->only.count == 0;
}

static bool is_closing(const struct play_step *step)
{
	return step->verb == PLAY_MAINTENANCE && step->switch_to == 0 && step->only.count == 0;
}

/* Users may write from the pivot on: it is said once, and where maintenance is lifted. */
static bool check_pivot(const struct play_book *book, struct err *err)
{
	const struct play_step *closed = NULL, *pivot = NULL;
	for (size_t i = 0; i < book->steps.count; i++) {
		const struct play_step *step = &book->steps.items[i];
		if (is_closing(step))
			closed = step;
		if (is_lifting(step) && !step->pivot) {
			conf_error(step->node, err,
				"users may write after step %s: it is the pivot", step->id);
			return err_hint(err, "add to it: pivot: true");
		}
		if (step->pivot && pivot)
			return conf_error(
				step->node, err, "a second pivot; the first is step %s", pivot->id);
		if (step->pivot && closed && !is_lifting(step))
			return conf_error(step->node, err,
				"maintenance is on at the pivot: the pivot is the step with "
				"maintenance: \"off\"");
		if (step->pivot)
			pivot = step;
	}
	if (closed && !pivot)
		return conf_error(closed->node, err,
			"maintenance is switched on here and no later step switches it off");
	return true;
}

static bool has_rung(const struct play_book *book, enum play_rung rung)
{
	for (size_t i = 0; i < book->ladder_count; i++)
		if (book->ladder[i] == rung)
			return true;
	return false;
}

/* What the restore rung needs: writes stopped, then the restore point, then changes. */
static bool check_restore(const struct play_book *book, struct err *err)
{
	const struct play_step *point = NULL;
	bool closed = false, rung = has_rung(book, PLAY_RUNG_RESTORE);
	for (size_t i = 0; i < book->steps.count; i++) {
		const struct play_step *step = &book->steps.items[i];
		closed |= is_closing(step);
		if (step->restore_point && point)
			return conf_error(step->node, err,
				"a second restore point; the first is step %s", point->id);
		if (step->restore_point)
			point = step;
		if (rung && step->restore_point && !closed)
			return conf_error(step->node, err,
				"a restore point that a run returns to is made after maintenance: "
				"\"on\", or writes would be lost");
		if (rung && step->kind == PLAY_KIND_DATABASE && !point)
			return conf_error(step->node, err,
				"step %s changes the database before the restore point is made",
				step->id);
	}
	if (rung && !point)
		return conf_error(book->ladder_node, err,
			"the rung restore needs a step with restore_point: true");
	return true;
}

static bool check_list(struct refs *refs, const struct play_steps *steps, struct err *err)
{
	for (size_t i = 0; i < steps->count; i++)
		if (!check_step(refs, &steps->items[i], err))
			return false;
	return true;
}

bool play_refs_check(const struct play_book *book, struct err *err)
{
	struct refs refs = {0};
	start_names(&refs, book);
	size_t plain = refs.known.count;
	bool good = check_ids(book, err) && check_list(&refs, &book->gates, err) &&
		    check_list(&refs, &book->steps, err);
	/* what runs on failure cannot count on the results of steps */
	while (refs.known.count > plain)
		strvec_pop(&refs.known);
	good = good && check_list(&refs, &book->always, err) &&
	       check_words(&refs, book->recovered_node, err) && check_pivot(book, err) &&
	       check_restore(book, err);
	strvec_release(&refs.known);
	return good;
}
