/* One verb over the named trees of mig.yaml: which of them are meant, and one answer of all. */
#include "base/suggest.h"
#include "migrate/report.h"
#include "migrate/verbs.h"

static bool no_such_tree(const struct migrate_ask *ask, const char *name, struct err *err)
{
	AUTO_FREE char *all = strvec_join(ask->trees, ", ");
	const char *near = suggest_in(name, ask->trees);
	err_set(err, ERR_USAGE, "mig.yaml names no tree of migrations \"%s\"", name);
	if (near)
		return err_hint(err, "did you mean -t %s?", near);
	return err_hint(err,
		ask->trees->count == 1 ? "there is one, %s: leave -t out" : "there are %s", all);
}

/* "-1", "+2", "previous": counted from where a database stands. */
static bool is_relative(const char *word)
{
	bool signed_number = (*word == '+' || *word == '-') && word[1] &&
			     strspn(word + 1, "0123456789") == strlen(word + 1);
	return signed_number || !strcmp(word, "previous");
}

/* Words that mean something in every tree, and places that count from where each stands. */
static bool is_general(const char *word)
{
	static const char *const words[] = {"", "head", "heads", "base", "current"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i], word))
			return true;
	return is_relative(word);
}

static bool end_is_known(const struct graph *graph, const char *end)
{
	AUTO_ERR(why);
	AUTO_LIST(found);
	AUTO_FREE char *name = xstrdup(end);
	char *sign = strpbrk(name, "+-");
	if (sign && sign > name && sign[-1] != '@')
		*sign = '\0';
	if (sign && sign > name && sign[-1] == '@')
		sign[-1] = '\0';
	return is_general(name) || graph_resolve(graph, name, &found, &why) ||
	       why.code != ERR_NOTFOUND;
}

static bool word_is_known(const struct graph *graph, const char *word)
{
	AUTO_STRVEC(ends);
	strvec_split(&ends, word, ':');
	STRVEC_EACH (&ends, end)
		if (!end_is_known(graph, end))
			return false;
	return true;
}

/* What was typed that names revisions. */
static void collect_words(const struct migrate_ask *ask, struct strvec *words)
{
	const struct strvec *lists[] = {ask->operands, &ask->heads, &ask->depends_on};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		STRVEC_EACH (lists[i], word)
			if (!is_general(word))
				strvec_push(words, word);
	if (ask->range)
		strvec_push(words, ask->range);
}

static bool knows_all(struct migrate_ask *ask, const char *tree, const struct strvec *words,
	bool *all, struct err *err)
{
	AUTO_SESSION(session);
	ask->tree = tree;
	bool opened = ask->open(ask, MIGRATE_FILES, MIGRATE_ROWS_ANY, &session, err);
	ask->tree = NULL;
	*all = opened;
	for (size_t i = 0; opened && i < words->count; i++)
		*all &= word_is_known(session.tree->graph, words->items[i]);
	return opened;
}

/* "did you mean vectors?", of whichever tree has such a name; NULL: none. Caller owns. */
static char *near_name(struct migrate_ask *ask, const struct strvec *words)
{
	char *near = NULL;
	STRVEC_EACH (ask->trees, tree) {
		AUTO_SESSION(session);
		AUTO_ERR(ignored);
		ask->tree = tree;
		bool opened = ask->open(ask, MIGRATE_FILES, MIGRATE_ROWS_ANY, &session, &ignored);
		ask->tree = NULL;
		for (size_t i = 0; opened && !near && i < words->count; i++) {
			AUTO_ERR(why);
			AUTO_LIST(found);
			if (!graph_resolve(session.tree->graph, words->items[i], &found, &why) &&
				why.hint && str_starts(why.hint, "did you mean"))
				near = xstrdup(why.hint);
		}
	}
	return near;
}

/* Trees that know every revision that was typed; those typed decide, so that -t is rarely needed.
 */
static bool choose(struct migrate_ask *ask, struct strvec *chosen, struct err *err)
{
	AUTO_STRVEC(words);
	collect_words(ask, &words);
	STRVEC_EACH (ask->trees, tree) {
		bool all = true;
		if (words.count && !knows_all(ask, tree, &words, &all, err))
			return err_context(err, "tree %s", tree);
		if (all)
			strvec_push(chosen, tree);
	}
	if (chosen->count)
		return true;
	AUTO_FREE char *names = strvec_join(ask->trees, ", ");
	AUTO_FREE char *typed = strvec_join(&words, " ");
	AUTO_FREE char *near = near_name(ask, &words);
	err_set(err, ERR_NOTFOUND, "no tree of migrations knows %s", typed);
	err_detail(err, "trees: %s", names);
	return err_hint(err, "%s", near ? near : "list them: mig-apply history");
}

/* "ai@head", where ai is the name of a tree, is "head" of that tree. */
static bool take_tree_prefix(struct migrate_ask *ask, struct strvec *operands)
{
	const char *name = NULL;
	STRVEC_EACH (ask->operands, word) {
		const char *at = strchr(word, '@');
		AUTO_FREE char *prefix = at ? xstrndup(word, (size_t)(at - word)) : NULL;
		STRVEC_EACH (ask->trees, tree)
			if (prefix && !strcmp(tree, prefix) && (!name || !strcmp(name, tree)))
				name = tree;
		bool taken = name && prefix && !strcmp(name, prefix);
		strvec_push(operands, taken ? at + 1 : word);
	}
	ask->tree = name;
	return name != NULL;
}

/* Lists are joined, a yes of all is needed for a yes, of other values the first stands. */
static void join_json(json_t *all, json_t *one)
{
	const char *key;
	json_t *value;
	json_object_foreach(one, key, value)
	{
		json_t *have = json_object_get(all, key);
		if (json_is_array(have) && json_is_array(value))
			json_array_extend(have, value);
		else if (json_is_boolean(have))
			json_object_set_new(
				all, key, json_boolean(json_is_true(have) && json_is_true(value)));
		else if (!have)
			json_object_set_new(all, key, json_copy(value));
	}
}

static void take_answer(struct migrate_answer *answer, struct migrate_answer *one, const char *tree)
{
	if (one->lines.count)
		strvec_pushf(&answer->lines, "%s%s%s:", answer->lines.count ? "\n" : "",
			one->sql ? "-- " : "", tree);
	strvec_push_all(&answer->lines, &one->lines);
	answer->advice |= one->advice;
	if (!one->json)
		return;
	if (!answer->json)
		answer->json = json_pack("{s:[]}", "trees");
	join_json(answer->json, one->json);
	json_t *single = xtake(&one->json);
	json_object_set_new(single, "tree", json_string(tree));
	json_array_append_new(json_object_get(answer->json, "trees"), single);
}

/*
 * Before the first of them does anything: -x and --tag are for those that have env.py, one at
 * least; a tree without phases would run whole.
 */
static bool check_options(struct migrate_ask *ask, const struct strvec *trees, struct err *err)
{
	bool fits = !ask->x.count && !ask->tag;
	if (fits && !ask->phase)
		return true;
	AUTO_ERR(unfit);
	STRVEC_EACH (trees, tree) {
		AUTO_SESSION(session);
		ask->tree = tree;
		bool good = ask->open(ask, MIGRATE_FILES, MIGRATE_ROWS_ANY, &session, err) &&
			    migrate_phase_fit(ask, &session, err);
		ask->tree = NULL;
		if (!good)
			return err_context(err, "tree %s", tree);
		err_release(&unfit);
		fits = fits || migrate_args_fit(&session.how.args, session.tree, &unfit);
	}
	return fits || err_move(err, &unfit);
}

/* A tree that says no does not keep the others from answering; what fails ends all. */
static bool run_each(const struct migrate_verb *verb, struct migrate_ask *ask,
	const struct strvec *trees, struct migrate_answer *answer, struct err *err)
{
	if (!check_options(ask, trees, err))
		return false;
	ask->one_of_many = true;
	STRVEC_EACH (trees, tree) {
		AUTO_ERR(why);
		CLEANUP(migrate_answer_release) struct migrate_answer one = {0};
		ask->tree = tree;
		bool good = verb->run(ask, &one, &why);
		take_answer(answer, &one, tree);
		if (good)
			continue;
		err_context(&why, "tree %s", tree);
		if (err->code == ERR_NONE)
			err_copy(err, &why);
		if (why.code != ERR_NO)
			return err_move(err, &why);
	}
	return err->code == ERR_NONE;
}

static bool which_tree(const struct migrate_ask *ask, struct err *err)
{
	AUTO_FREE char *names = strvec_join(ask->trees, ", -t ");
	err_set(err, ERR_USAGE, "which tree of migrations?");
	return err_hint(err, "there are several: -t %s", names);
}

/* --- a target that is counted from where each tree stands --------------------------------------
 */

/* NULL: none was typed. Also the end of "current:-1". */
static const char *relative_target(const struct migrate_verb *verb, const struct migrate_ask *ask)
{
	if (!verb->goes_up && !verb->goes_down)
		return NULL;
	STRVEC_EACH (ask->operands, word) {
		const char *end = str_starts(word, "current:") ? word + strlen("current:") : word;
		if (is_relative(end))
			return word;
	}
	return NULL;
}

static bool can_move(const struct migrate_verb *verb, const struct migrate_session *session)
{
	bool up = verb->goes_up && !migrate_at_head(session->tree, &session->state);
	bool down = verb->goes_down && session->state.current.count;
	return up || down;
}

/* Trees that the target would move, each with the command for it alone. */
static bool find_movable(const struct migrate_verb *verb, struct migrate_ask *ask,
	const struct strvec *trees, const char *target, struct strvec *movable,
	struct strvec *commands, struct err *err)
{
	STRVEC_EACH (trees, tree) {
		AUTO_SESSION(session);
		ask->tree = tree;
		bool opened = ask->open(ask, MIGRATE_READ, MIGRATE_ROWS_ANY, &session, err);
		ask->tree = NULL;
		if (!opened)
			return err_context(err, "tree %s", tree);
		if (!can_move(verb, &session))
			continue;
		AUTO_FREE char *now = migrate_report_where(&session);
		strvec_push(movable, tree);
		strvec_pushf(commands, "%s -t %s%s%s %s    # from %s", ask->command, tree,
			ask->dry_run ? " -n" : "", ask->sql ? " --sql" : "", target, now);
	}
	return true;
}

/* One step was meant: never one in each tree. */
static bool narrow(const struct migrate_verb *verb, struct migrate_ask *ask, const char *target,
	struct strvec *trees, struct err *err)
{
	AUTO_STRVEC(movable);
	AUTO_STRVEC(commands);
	if (!find_movable(verb, ask, trees, target, &movable, &commands, err))
		return false;
	if (movable.count > 1) {
		AUTO_FREE char *names = strvec_join(&movable, ", ");
		AUTO_FREE char *choices = strvec_join(&commands, "\n");
		err_set(err, ERR_USAGE, "\"%s\" could mean %zu trees of migrations: %s", target,
			movable.count, names);
		err_detail(err, "%s", choices);
		return err_hint(err, "choose one of these commands");
	}
	if (movable.count == 1) {
		strvec_release(trees);
		strvec_push(trees, movable.items[0]);
	}
	return true;
}

bool migrate_verb_run(const struct migrate_verb *verb, struct migrate_ask *ask,
	struct migrate_answer *answer, struct err *err)
{
	AUTO_STRVEC(operands);
	AUTO_STRVEC(chosen);
	const char *typed = ask->tree;
	if (typed && !strvec_has(ask->trees, typed))
		return no_such_tree(ask, typed, err);
	if (ask->trees->count < 2 || typed)
		return verb->run(ask, answer, err);
	if (take_tree_prefix(ask, &operands)) {
		const struct strvec *before = ask->operands;
		ask->operands = &operands;
		bool good = verb->run(ask, answer, err);
		ask->operands = before;
		return good;
	}
	if (!choose(ask, &chosen, err))
		return false;
	const char *relative = relative_target(verb, ask);
	if (chosen.count > 1 && relative && !narrow(verb, ask, relative, &chosen, err))
		return false;
	if (chosen.count == 1) {
		ask->tree = chosen.items[0];
		return verb->run(ask, answer, err);
	}
	return verb->one_tree ? which_tree(ask, err) : run_each(verb, ask, &chosen, answer, err);
}
