/*
 * Tells what mig reads of Python files without Python, for the comparison with Python itself:
 * texts on stdin, each behind a line with its length; for each a line of JSON, {"name": value}, or
 * "asks" where mig would ask Python.
 */
#include "migrate/python.h"

#include <jansson.h>
#include <stdio.h>

enum { NAMES = 4, LONGEST = 1 << 20 };

static json_t *value_json(const struct python_value *value)
{
	json_t *list = json_array();
	STRVEC_EACH (&value->items, item)
		json_array_append_new(list, json_string(item));
	if (value->kind == PYTHON_LIST)
		return list;
	json_t *first = json_incref(json_array_get(list, 0));
	json_decref(list);
	return first ? first : json_null();
}

static char *answer_of(const char *text, size_t length, bool code)
{
	struct python_name names[NAMES] = {{"revision", {0}}, {"down_revision", {0}},
		{"branch_labels", {0}}, {"depends_on", {0}}};
	AUTO_ARENA(room);
	CLEANUP(python_header_release)
	struct python_header header = {.names = names, .count = NAMES, .room = &room, .code = code};
	python_header_read(&header, text, length);
	bool asks = names[0].value.kind != PYTHON_TEXT || names[1].value.kind == PYTHON_ABSENT;
	json_t *said = json_object();
	for (size_t i = 0; i < NAMES; i++) {
		asks |= names[i].value.kind == PYTHON_OTHER;
		json_object_set_new(said, names[i].name, value_json(&names[i].value));
	}
	char *line = asks ? xstrdup("asks") : json_dumps(said, JSON_COMPACT);
	json_decref(said);
	return line;
}

/* Whether the code behind the header is read or not, the header says the same. */
static void answer(const char *text, size_t length)
{
	AUTO_FREE char *line = answer_of(text, length, false);
	AUTO_FREE char *whole = answer_of(text, length, true);
	puts(strcmp(line, whole) ? "[]" : line);
}

int main(void)
{
	size_t length;
	while (scanf("%zu", &length) == 1 && getchar() == '\n' && length < LONGEST) {
		AUTO_FREE char *text = xcalloc(1, length + 1);
		if (fread(text, 1, length, stdin) != length)
			return 1;
		answer(text, length);
		fflush(stdout);
	}
	return 0;
}
