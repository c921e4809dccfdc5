#include "play/scope.h"

#include <inttypes.h>

void play_scope_release(struct play_scope *scope)
{
	json_decref(scope->out);
	free(scope->dbname);
	free(scope->run_id);
	free(scope->run_dir);
	free(scope->start);
}

static char *or_else(const char *value, const char *placeholder)
{
	return xstrdup(value ? value : placeholder);
}

static char *plain_name(struct play_scope *scope, const char *name)
{
	if (str_starts(name, "inputs.")) {
		const char *value = json_string_value(json_object_get(scope->inputs, name + 7));
		return xstrdup_null(value);
	}
	if (str_equal(name, "env.name"))
		return or_else(scope->env_name, "default");
	if (str_equal(name, "env.project"))
		return or_else(scope->project, "default");
	if (str_equal(name, "env.dbname"))
		return or_else(scope->dbname, "<database>");
	if (str_equal(name, "run.id"))
		return or_else(scope->run_id, "<run>");
	if (str_equal(name, "run.dir"))
		return or_else(scope->run_dir, "<run directory>");
	if (str_equal(name, "run.start"))
		return or_else(scope->start, "<start>");
	return NULL;
}

/* "steps.ID.out.FIELD" apart; false when it has another form. */
static bool split_late(const char *name, char **id, const char **field)
{
	if (!str_starts(name, "steps."))
		return false;
	const char *out = strstr(name + 6, ".out.");
	if (!out)
		return false;
	*id = xstrndup(name + 6, (size_t)(out - name - 6));
	*field = out + 5;
	return true;
}

static char *json_text(const json_t *value)
{
	if (json_is_string(value))
		return xstrdup(json_string_value(value));
	char *dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	return dumped ? dumped : xstrdup("");
}

static char *late_value(struct play_scope *scope, const char *id, const char *field)
{
	const json_t *result = json_object_get(scope->out, id);
	const json_t *value = json_object_get(result, field);
	if (!value)
		return scope->plan ? xstrfmt("<after %s>", id) : NULL;
	const struct play_step *step = play_book_step(scope->book, id);
	const struct conf_node *pattern = step ? conf_get(step->out_node, field) : NULL;
	char *text = json_text(value);
	if (pattern && play_match(pattern->text, text))
		return text;
	free(text);
	return NULL;
}

static char *lookup(void *ctx, const char *name)
{
	struct play_scope *scope = ctx;
	AUTO_FREE char *id = NULL;
	const char *field;
	if (split_late(name, &id, &field))
		return late_value(scope, id, field);
	return plain_name(scope, name);
}

bool play_scope_expand(struct play_scope *scope, const char *text, const struct conf_node *where,
	char **out, struct err *err)
{
	if (conf_expand(text, where, lookup, scope, NULL, out, err))
		return true;
	/* names were checked at load: what is missing now is a result */
	return err_hint(err, "the step before gave no such field, or one that does not match the "
			     "pattern declared under its out:");
}

bool play_scope_argv(struct play_scope *scope, const struct strvec *words,
	const struct conf_node *where, struct strvec *out, struct err *err)
{
	STRVEC_EACH (words, word) {
		char *value;
		if (!play_scope_expand(scope, word, where, &value, err))
			return false;
		strvec_push_take(out, value);
	}
	return true;
}

static bool expand_object(struct play_scope *scope, const json_t *value,
	const struct conf_node *where, json_t **out, struct err *err)
{
	const char *key;
	json_t *child, *expanded;
	*out = json_object();
	json_object_foreach((json_t *)value, key, child)
	{
		if (!play_scope_json(scope, child, where, &expanded, err)) {
			json_decref(*out);
			return false;
		}
		json_object_set_new(*out, key, expanded);
	}
	return true;
}

static bool expand_array(struct play_scope *scope, const json_t *value,
	const struct conf_node *where, json_t **out, struct err *err)
{
	size_t i;
	json_t *child, *expanded;
	*out = json_array();
	json_array_foreach(value, i, child)
	{
		if (!play_scope_json(scope, child, where, &expanded, err)) {
			json_decref(*out);
			return false;
		}
		json_array_append_new(*out, expanded);
	}
	return true;
}

bool play_scope_json(struct play_scope *scope, const json_t *value, const struct conf_node *where,
	json_t **out, struct err *err)
{
	if (json_is_object(value))
		return expand_object(scope, value, where, out, err);
	if (json_is_array(value))
		return expand_array(scope, value, where, out, err);
	AUTO_FREE char *text = NULL;
	const char *raw = json_string_value(value);
	if (!play_scope_expand(scope, raw ? raw : "", where, &text, err))
		return false;
	*out = json_string(text);
	return true;
}

/* --- commands --------------------------------------------------------------------------------- */

void play_command_checks(const struct play_checks *checks, const char *checks_file,
	bool before_pivot, struct strvec *argv)
{
	strvec_push(argv, "mig-verify");
	strvec_push(argv, "smoke");
	if (before_pivot)
		strvec_push(argv, "--before-pivot");
	strvec_push_all(argv, &checks->files);
	if (checks->inline_list)
		strvec_push(argv, checks_file);
}

static void maintenance_command(const struct play_step *step, struct strvec *argv)
{
	strvec_push(argv, "mig-maintenance");
	strvec_push(argv, step->switch_to == 0 ? "on" : "off");
	if (step->adopt)
		strvec_push(argv, "--adopt");
	if (step->lease_ms) {
		strvec_push(argv, "--lease");
		strvec_pushf(argv, "%" PRId64 "ms", step->lease_ms);
	}
	if (step->only.count) {
		strvec_push(argv, "--only");
		strvec_push_take(argv, strvec_join(&step->only, ","));
	}
}

bool play_command(struct play_scope *scope, const struct play_step *step, const char *checks_file,
	struct strvec *argv, struct err *err)
{
	switch (step->verb) {
	case PLAY_RUN:
		return play_scope_argv(scope, &step->run, step->node, argv, err);
	case PLAY_SHELL:
		strvec_push(argv, "sh");
		strvec_push(argv, "-c");
		strvec_push(argv, step->shell);
		return true;
	case PLAY_CHECKS:
		play_command_checks(&step->checks, checks_file,
			play_book_before_pivot(scope->book, step), argv);
		return true;
	case PLAY_MAINTENANCE:
		maintenance_command(step, argv);
		return true;
	case PLAY_CONFIRM:
	case PLAY_WAIT:
		break;
	}
	return true;
}

static char *variable_name(const char *input)
{
	char *name = xstrfmt("MIG_INPUT_%s", input);
	for (char *c = name; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	return name;
}

bool play_variables(
	struct play_scope *scope, const struct play_step *step, struct strvec *env, struct err *err)
{
	const char *key;
	json_t *value;
	json_object_foreach(scope->inputs, key, value)
	{
		AUTO_FREE char *name = variable_name(key);
		strvec_pushf(env, "%s=%s", name, json_string_value(value));
	}
	if (scope->dbname)
		strvec_pushf(env, "MIG_DATABASE=%s", scope->dbname);
	CONF_EACH (step ? step->env_node : NULL, variable) {
		AUTO_FREE char *text = NULL;
		if (!play_scope_expand(scope, variable->text, variable, &text, err))
			return false;
		strvec_pushf(env, "%s=%s", variable->key, text);
	}
	return true;
}
