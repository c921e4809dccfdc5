/* Tables of keys: a mapping becomes a struct, or an error with its place. */
#include "conf/node.h"

#include "base/clock.h"
#include "base/suggest.h"
#include <errno.h>

static const char *kind_word(const struct conf_node *node)
{
	static const char *const words[] = {"a single value", "a list", "a map of keys"};
	return words[node->kind];
}

static bool want_scalar(const struct conf_node *value, const char *expected, struct err *err)
{
	if (value->kind == CONF_SCALAR)
		return true;
	return conf_error(value, err, "%s%sexpected %s, not %s", value->key ? value->key : "",
		value->key ? ": " : "", expected, kind_word(value));
}

static bool bad_value(const struct conf_node *value, const char *expected, struct err *err)
{
	return conf_error(value, err, "%s%sexpected %s, not \"%s\"", value->key ? value->key : "",
		value->key ? ": " : "", expected, value->text);
}

static bool read_text(
	const struct conf_node *value, const struct conf_field *field, void *out, struct err *err)
{
	if (!want_scalar(value, "text", err))
		return false;
	if (field->type == CONF_TEXT && !value->text[0])
		return conf_error(value, err, "%s may not be empty", field->key);
	free(*(char **)out);
	*(char **)out = xstrdup(value->text);
	return true;
}

static bool read_bool(const struct conf_node *value, bool *out, struct err *err)
{
	if (!want_scalar(value, "true or false", err))
		return false;
	*out = !strcmp(value->text, "true");
	return *out || !strcmp(value->text, "false") || bad_value(value, "true or false", err);
}

static bool read_int(const struct conf_node *value, int64_t *out, struct err *err)
{
	static const char expected[] = "a whole number";
	if (!want_scalar(value, expected, err))
		return false;
	char *end = NULL;
	errno = 0;
	long long number = strtoll(value->text, &end, 10);
	const char *digits = value->text + (value->text[0] == '-');
	if (errno || *end || !(digits[0] >= '0' && digits[0] <= '9'))
		return bad_value(value, expected, err);
	*out = number;
	return true;
}

static bool read_measure(const struct conf_node *value, const char *expected,
	bool (*parse)(const char *, int64_t *, struct err *), int64_t *out, struct err *err)
{
	AUTO_ERR(why);
	if (!want_scalar(value, expected, err))
		return false;
	return parse(value->text, out, &why) || bad_value(value, expected, err);
}

static bool read_words(const struct conf_node *value, struct strvec *out, struct err *err)
{
	CONF_EACH (value, item) {
		if (!want_scalar(item, "text in this list", err))
			return false;
		strvec_push(out, item->text);
	}
	return true;
}

static bool read_strings(const struct conf_node *value, struct strvec *out, struct err *err)
{
	strvec_release(out);
	if (value->kind == CONF_LIST)
		return read_words(value, out, err);
	if (!want_scalar(value, "a list of texts", err))
		return false;
	if (!value->text[0] && !value->quoted)
		return bad_value(value, "a list of texts", err);
	strvec_push(out, value->text);
	return true;
}

static bool read_argv(const struct conf_node *value, struct strvec *out, struct err *err)
{
	strvec_release(out);
	if (value->kind != CONF_LIST || !value->count)
		return conf_error(value, err,
			"%s%sexpected a command as a list of words, such as [systemctl, stop, "
			"shop]",
			value->key ? value->key : "", value->key ? ": " : "");
	if (!read_words(value, out, err))
		return false;
	return out->items[0][0] || bad_value(value->items[0], "the name of a program", err);
}

static size_t choice_count(const char *const *choices)
{
	size_t count = 0;
	while (choices[count])
		count++;
	return count;
}

static bool read_choice(
	const struct conf_node *value, const char *const *choices, int *out, struct err *err)
{
	AUTO_STRBUF(expected);
	strbuf_adds(&expected, "one of ");
	for (size_t i = 0; choices[i]; i++)
		strbuf_addf(&expected, "%s%s", i ? ", " : "", choices[i]);
	if (!want_scalar(value, expected.buf, err))
		return false;
	for (int i = 0; choices[i]; i++)
		if (!strcmp(choices[i], value->text)) {
			*out = i;
			return true;
		}
	bad_value(value, expected.buf, err);
	const char *near = suggest_nearest(value->text, choices, choice_count(choices));
	return near ? err_hint(err, "did you mean \"%s\"?", near) : false;
}

bool conf_read_value(
	const struct conf_node *value, const struct conf_field *field, void *out, struct err *err)
{
	void *place = (char *)out + field->offset;
	switch (field->type) {
	case CONF_STRING:
	case CONF_TEXT:
		return read_text(value, field, place, err);
	case CONF_BOOL:
		return read_bool(value, place, err);
	case CONF_INT:
		return read_int(value, place, err);
	case CONF_DURATION:
		return read_measure(value,
			"a duration with its unit, such as 500ms, 90s, 10m or 7d",
			clock_parse_duration, place, err);
	case CONF_SIZE:
		return read_measure(
			value, "a size, such as 64MiB or 10GB", clock_parse_size, place, err);
	case CONF_STRINGS:
		return read_strings(value, place, err);
	case CONF_ARGV:
		return read_argv(value, place, err);
	case CONF_SECRET:
		conf_secret_free(*(struct conf_secret **)place);
		*(struct conf_secret **)place = NULL;
		return conf_secret_parse(value, place, err);
	case CONF_NODE:
		*(const struct conf_node **)place = value;
		return true;
	case CONF_CHOICE:
		return read_choice(value, field->choices, place, err);
	}
	return err_set(err, ERR_BUG, "field %s has an unknown type", field->key);
}

static bool unknown_key(const struct conf_node *value, const struct conf_field *fields,
	size_t count, struct err *err)
{
	AUTO_STRVEC(names);
	for (size_t i = 0; i < count; i++)
		strvec_push(&names, fields[i].key);
	conf_error_key(value, err, "unknown key \"%s\"", value->key);
	const char *near = suggest_in(value->key, &names);
	if (near)
		return err_hint(err, "did you mean \"%s\"?", near);
	AUTO_FREE char *known = strvec_join(&names, ", ");
	return err_hint(err, "known here: %s", known);
}

static const struct conf_field *find_field(
	const char *key, const struct conf_field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(fields[i].key, key))
			return &fields[i];
	return NULL;
}

bool conf_read(const struct conf_node *map, const struct conf_field *fields, size_t count,
	void *out, struct err *err)
{
	if (map->kind != CONF_MAP)
		return conf_error(map, err, "%s%sexpected a map of keys, not %s",
			map->key ? map->key : "", map->key ? ": " : "", kind_word(map));
	CONF_EACH (map, value) {
		const struct conf_field *field = find_field(value->key, fields, count);
		if (!field)
			return unknown_key(value, fields, count, err);
		if (!conf_read_value(value, field, out, err))
			return false;
	}
	for (size_t i = 0; i < count; i++)
		if (fields[i].required && !conf_get(map, fields[i].key))
			return conf_error(map, err, "%s%skey \"%s\" is missing",
				map->key ? map->key : "", map->key ? ": " : "", fields[i].key);
	return true;
}

static void release_field(enum conf_type type, void *place)
{
	switch (type) {
	case CONF_STRING:
	case CONF_TEXT:
		free(*(char **)place);
		*(char **)place = NULL;
		break;
	case CONF_STRINGS:
	case CONF_ARGV:
		strvec_release(place);
		break;
	case CONF_SECRET:
		conf_secret_free(*(struct conf_secret **)place);
		*(struct conf_secret **)place = NULL;
		break;
	case CONF_NODE:
		*(const struct conf_node **)place = NULL;
		break;
	case CONF_BOOL:
		*(bool *)place = false;
		break;
	case CONF_CHOICE:
		*(int *)place = 0;
		break;
	case CONF_INT:
	case CONF_DURATION:
	case CONF_SIZE:
		*(int64_t *)place = 0;
		break;
	}
}

void conf_release(const struct conf_field *fields, size_t count, void *out)
{
	for (size_t i = 0; i < count; i++)
		release_field(fields[i].type, (char *)out + fields[i].offset);
}
