/* The table of kinds: a new one is a file of this room and a row here. */
#include "check/kind.h"

#include "base/suggest.h"

static const struct check_kind *const kinds[] = {
	&check_kind_http,
	&check_kind_sql,
	&check_kind_run,
	&check_kind_revision,
};

/* Kinds of the design that are not built yet: told apart from misspelt ones. */
static const char *const later[] = {"log", "sentry", "database"};

/* What a check may hold beside its kind; see parse.c. */
static const char *const common[] = {"name", "expect", "needs", "timeout"};

static char *kind_names(void)
{
	AUTO_STRVEC(names);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		strvec_push(&names, kinds[i]->name);
	return strvec_join(&names, ", ");
}

bool check_kind_named(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_equal(kinds[i]->name, key))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		if (str_equal(later[i], key))
			return true;
	return false;
}

static bool unknown_kind(const struct conf_node *node, struct err *err)
{
	AUTO_FREE char *known = kind_names();
	AUTO_STRVEC(candidates);
	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		if (str_equal(later[i], node->key)) {
			conf_error_key(node, err, "%s: this kind of check is not supported yet",
				node->key);
			return err_hint(err, "kinds: %s", known);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		strvec_push(&candidates, kinds[i]->name);
	strvec_push_words(&candidates, common, ARRAY_SIZE(common));
	const char *near = suggest_in(node->key, &candidates);
	conf_error_key(node, err, "unknown key \"%s\" in a check", node->key);
	return near ? err_hint(err, "did you mean %s?", near)
		    : err_hint(err, "a check is one of: %s", known);
}

const struct check_kind *check_kind_find(const struct conf_node *node, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_equal(kinds[i]->name, node->key))
			return kinds[i];
	unknown_kind(node, err);
	return NULL;
}

const char *const *check_kind_words(void)
{
	static const char *words[2 * ARRAY_SIZE(kinds) + 1];
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		words[2 * i] = kinds[i]->name;
		words[2 * i + 1] = kinds[i]->meaning;
	}
	return words;
}
