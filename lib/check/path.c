#include "check/path.h"

#include "base/utf8.h"

#include <ctype.h>

enum { INDEX_DIGITS_MAX = 9 };

/* One step of a path: `name` of `length` bytes, or an index when name is NULL. */
struct step {
	const char *name;
	size_t length;
	size_t index;
};

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static const char *read_index(const char *at, struct step *step)
{
	const char *first = at + 1;
	step->name = NULL;
	step->index = 0;
	for (at = first; isdigit((unsigned char)*at) && at - first < INDEX_DIGITS_MAX; at++)
		step->index = step->index * 10 + (size_t)(*at - '0');
	return at > first && *at == ']' ? at + 1 : NULL;
}

/* Behind the step that begins at `at`; NULL: not a step. */
static const char *read_step(const char *at, struct step *step)
{
	if (*at == '[')
		return read_index(at, step);
	if (*at != '.')
		return NULL;
	step->name = at + 1;
	for (at = step->name; name_char(*at); at++) {
	}
	step->length = (size_t)(at - step->name);
	return step->length ? at : NULL;
}

bool check_path_valid(const char *path, struct err *err)
{
	const char *at = path + (*path == '$');
	struct step step;
	if (at == path) {
		err_set(err, ERR_CONFIG, "a JSON path begins with $: \"%s\"", path);
		return err_hint(err, "write $.name, $.list[0]");
	}
	while (*at) {
		const char *next = read_step(at, &step);
		if (!next) {
			err_set(err, ERR_CONFIG, "not a JSON path from \"%s\" on: \"%s\"", at,
				path);
			return err_hint(err, "write $.name, $.list[0]");
		}
		at = next;
	}
	return true;
}

static json_t *take_step(json_t *value, const struct step *step)
{
	if (!step->name)
		return json_array_get(value, step->index);
	AUTO_FREE char *name = xstrndup(step->name, step->length);
	return json_object_get(value, name);
}

json_t *check_path_find(json_t *root, const char *path)
{
	const char *at = path + (*path == '$');
	struct step step;
	if (at == path)
		return NULL;
	while (root && *at) {
		at = read_step(at, &step);
		if (!at)
			return NULL;
		root = take_step(root, &step);
	}
	return root;
}

char *check_path_text(const json_t *value)
{
	if (json_is_string(value))
		return utf8_clean(json_string_value(value), json_string_length(value));
	/* 15 digits: 3.14 is shown as it was written. */
	const size_t flags =
		JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15);
	char *text = json_dumps(value, flags);
	return text ? text : xstrdup("");
}
