/* The table of kinds, and receivers by their names under `alerts:`. */
#include "alert/kind.h"

#include "base/suggest.h"

/* A new kind is a file of this room and a row here. */
static const struct alert_kind *const kinds[] = {
	&alert_kind_sentry,
};

const char *const *alert_kind_words(void)
{
	static const char *words[2 * ARRAY_SIZE(kinds) + 1];
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		words[2 * i] = kinds[i]->name;
		words[2 * i + 1] = kinds[i]->meaning;
	}
	return words;
}

void alert_receiver_names(const struct conf_env *env, struct strvec *names)
{
	CONF_EACH (env->alerts, receiver)
		strvec_push(names, receiver->key);
}

static bool unknown_receiver(const struct conf_env *env, const char *name, struct err *err)
{
	AUTO_STRVEC(names);
	alert_receiver_names(env, &names);
	err_set(err, ERR_CONFIG, "environment %s has no alert receiver \"%s\"", env->name, name);
	if (!names.count)
		return err_hint(
			err, "add one to mig.yaml: alerts: {sentry: {dsn: {env: SENTRY_DSN}}}");
	const char *near = suggest_in(name, &names);
	AUTO_FREE char *all = strvec_join(&names, ", ");
	return near ? err_hint(err, "did you mean %s?", near) : err_hint(err, "there are: %s", all);
}

/* By the key `kind`, else by the receiver's own name. */
static const struct alert_kind *find_kind(const struct conf_node *node, struct err *err)
{
	const struct conf_node *said = conf_get(node, "kind");
	const char *name = said && conf_is(said, CONF_SCALAR) ? said->text : node->key;
	const char *names[ARRAY_SIZE(kinds)];
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		names[i] = kinds[i]->name;
		if (str_equal(kinds[i]->name, name))
			return kinds[i];
	}
	const char *near = suggest_nearest(name, names, ARRAY_SIZE(kinds));
	conf_error_key(said ? said : node, err, "alerts of kind \"%s\" are not supported", name);
	if (near)
		err_hint(err, "did you mean %s?", near);
	else
		err_hint(err,
			"kinds: %s; a receiver with a name of its own says which: {kind: %s, ..}",
			kinds[0]->name, kinds[0]->name);
	return NULL;
}

bool alert_receiver_open(const struct alert_settings *settings, const char *name,
	struct alert_receiver **result, struct err *err)
{
	const struct conf_node *node = conf_get(settings->env->alerts, name);
	*result = NULL;
	if (!node)
		return unknown_receiver(settings->env, name, err);
	const struct alert_kind *kind = find_kind(node, err);
	if (!kind)
		return false;
	CLEANUP(alert_receiver_close_auto)
	struct alert_receiver *receiver = xcalloc(1, sizeof(*receiver));
	receiver->kind = kind;
	receiver->settings = settings;
	receiver->name = xstrdup(name);
	receiver->config = xcalloc(1, kind->config_size);
	if (!conf_read(node, kind->fields, kind->field_count, receiver->config, err) ||
		!kind->open(receiver, err))
		return false;
	*result = xtake(&receiver);
	return true;
}

void alert_receiver_close(struct alert_receiver *receiver)
{
	if (!receiver)
		return;
	receiver->kind->close(receiver->config);
	conf_release(receiver->kind->fields, receiver->kind->field_count, receiver->config);
	free(receiver->config);
	free(receiver->name);
	free(receiver);
}

bool alert_receivers_check(
	const struct alert_settings *settings, const struct strvec *receivers, struct err *err)
{
	STRVEC_EACH (receivers, name) {
		CLEANUP(alert_receiver_close_auto) struct alert_receiver *receiver = NULL;
		if (!alert_receiver_open(settings, name, &receiver, err))
			return false;
	}
	return true;
}
