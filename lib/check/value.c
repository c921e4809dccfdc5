#include "check/value.h"

#include "base/clock.h"
#include "base/suggest.h"

#include <ctype.h>

/* The longer spelling stands before the one that it begins with. */
static const struct {
	const char *sign;
	enum check_op op;
} comparisons[] = {
	{"<=", CHECK_AT_MOST},
	{">=", CHECK_AT_LEAST},
	{"<", CHECK_LESS},
	{">", CHECK_MORE},
};

static const struct {
	const char *key;
	enum check_op op;
	const char *words;
} named[] = {
	{"equals", CHECK_EQUALS, "is"},
	{"contains", CHECK_CONTAINS, "contains"},
	{"match", CHECK_MATCH, "matches"},
	{"not_match", CHECK_NOT_MATCH, "does not match"},
};

static const char *skip_digits(const char *text)
{
	while (isdigit((unsigned char)*text))
		text++;
	return text;
}

/* Where a decimal number that begins at `text` ends; `text` itself when there is none. */
static const char *number_end(const char *text)
{
	const char *at = text + (*text == '-' || *text == '+');
	const char *whole = at;
	at = skip_digits(at);
	bool digits = at > whole;
	if (*at == '.') {
		const char *fraction = at + 1;
		at = skip_digits(fraction);
		digits = digits || at > fraction;
	}
	if (!digits)
		return text;
	if (*at == 'e' || *at == 'E') {
		const char *exponent = at + 1 + (at[1] == '-' || at[1] == '+');
		const char *end = skip_digits(exponent);
		return end > exponent ? end : at;
	}
	return at;
}

bool check_number_parse(const char *text, long double *number)
{
	const char *end = number_end(text);
	if (end == text || *end)
		return false;
	*number = strtold(text, NULL);
	return true;
}

static bool parse_operand(
	const char *text, enum check_unit unit, struct check_test *test, struct err *err)
{
	test->is_number = check_number_parse(text, &test->number);
	if (unit != CHECK_DURATION) {
		return test->is_number ||
		       err_set(err, ERR_CONFIG, "\"%s\" is not a number to compare with", text);
	}
	int64_t ms = 0;
	AUTO_ERR(why);
	if (str_ends(text, "before")) {
		return err_set(err, ERR_CONFIG,
			"\"%s\": comparing with the start of the run is not supported yet", text);
	}
	if (!clock_parse_duration(text, &ms, &why))
		return err_set(err, ERR_CONFIG, "\"%s\" is not a duration (500ms, 2s, 1m)", text);
	test->is_number = true;
	test->number = (long double)ms;
	return true;
}

static const char *skip_spaces(const char *text)
{
	while (*text == ' ')
		text++;
	return text;
}

static bool parse_comparison(
	const char *text, enum check_unit unit, struct check_test *test, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(comparisons); i++) {
		if (str_starts(text, comparisons[i].sign)) {
			const char *operand = skip_spaces(text + strlen(comparisons[i].sign));
			test->op = comparisons[i].op;
			test->text = xstrdup(operand);
			return parse_operand(operand, unit, test, err);
		}
	}
	err_set(err, ERR_CONFIG, "\"%s\": comparisons are < <= > >=", text);
	return err_hint(
		err, "for equality write the value alone; for this very text {equals: ...}");
}

bool check_test_parse(const char *text, bool quoted, enum check_unit unit, struct check_test *test,
	struct err *err)
{
	*test = (struct check_test){.op = CHECK_SAME};
	if (!*text && !quoted)
		return err_set(err, ERR_CONFIG, "an assertion needs a value");
	if (*text && strchr("<>=!", *text))
		return parse_comparison(text, unit, test, err);
	test->text = xstrdup(text);
	if (unit == CHECK_DURATION) {
		err_set(err, ERR_CONFIG, "a duration is compared, never equal");
		return err_hint(err, "write \"< %s\"", *text ? text : "2s");
	}
	/* Quotes ask for the text itself, unless the subject is always a number. */
	test->is_number =
		(!quoted || unit == CHECK_NUMBER) && check_number_parse(text, &test->number);
	if (unit == CHECK_NUMBER && !test->is_number)
		return err_set(err, ERR_CONFIG, "\"%s\" is not a number", text);
	return true;
}

static bool compile(struct check_test *test, struct err *err)
{
	/* Alone first: "a)(b" must not become valid by the group put around it. */
	int status = regcomp(&test->regex, test->text, REG_EXTENDED | REG_NOSUB);
	if (status == 0 && test->op == CHECK_MATCH) {
		AUTO_FREE char *whole = xstrfmt("^(%s)$", test->text);
		regfree(&test->regex);
		status = regcomp(&test->regex, whole, REG_EXTENDED | REG_NOSUB);
	}
	if (status != 0) {
		char why[200];
		regerror(status, &test->regex, why, sizeof(why));
		return err_set(err, ERR_CONFIG, "\"%s\": %s", test->text, why);
	}
	test->compiled = true;
	return true;
}

static bool unknown_test(const char *key, struct err *err)
{
	const char *names[ARRAY_SIZE(named)];
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		names[i] = named[i].key;
	const char *near = suggest_nearest(key, names, ARRAY_SIZE(names));
	err_set(err, ERR_CONFIG, "unknown test \"%s\"", key);
	return near ? err_hint(err, "did you mean %s?", near)
		    : err_hint(err, "tests are: equals, contains, match, not_match");
}

bool check_test_parse_named(const char *key, const char *text, enum check_unit unit,
	struct check_test *test, struct err *err)
{
	*test = (struct check_test){.op = CHECK_SAME};
	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		if (!str_equal(key, named[i].key))
			continue;
		test->op = named[i].op;
		test->text = xstrdup(text);
		if (unit == CHECK_DURATION) {
			err_set(err, ERR_CONFIG, "a duration is compared, not searched");
			return err_hint(err, "write \"< 2s\"");
		}
		if (!*text && test->op != CHECK_EQUALS)
			return err_set(err, ERR_CONFIG, "%s: an empty text says nothing", key);
		return test->op < CHECK_MATCH || compile(test, err);
	}
	return unknown_test(key, err);
}

void check_test_release(struct check_test *test)
{
	if (test->compiled)
		regfree(&test->regex);
	free(test->text);
	*test = (struct check_test){.op = CHECK_SAME};
}

static bool compare(enum check_op op, long double seen, long double wanted)
{
	switch (op) {
	case CHECK_LESS:
		return seen < wanted;
	case CHECK_AT_MOST:
		return seen <= wanted;
	case CHECK_MORE:
		return seen > wanted;
	case CHECK_AT_LEAST:
		return seen >= wanted;
	default:
		return seen == wanted;
	}
}

bool check_test_holds(const struct check_test *test, const char *value)
{
	long double seen = 0;
	if (!value)
		return false;
	switch (test->op) {
	case CHECK_EQUALS:
		return str_equal(value, test->text);
	case CHECK_CONTAINS:
		return strstr(value, test->text) != NULL;
	case CHECK_MATCH:
		return regexec(&test->regex, value, 0, NULL, 0) == 0;
	case CHECK_NOT_MATCH:
		return regexec(&test->regex, value, 0, NULL, 0) == REG_NOMATCH;
	case CHECK_SAME:
		if (str_equal(value, test->text))
			return true;
		break;
	default:
		break;
	}
	return test->is_number && check_number_parse(value, &seen) &&
	       compare(test->op, seen, test->number);
}

char *check_test_show(const struct check_test *test)
{
	for (size_t i = 0; i < ARRAY_SIZE(comparisons); i++)
		if (comparisons[i].op == test->op)
			return xstrfmt("%s %s", comparisons[i].sign, test->text);
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		if (named[i].op == test->op)
			return xstrfmt("%s \"%s\"", named[i].words, test->text);
	return xstrdup(test->text);
}
