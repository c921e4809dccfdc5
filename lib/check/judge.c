/* What was seen against what is expected; every text made fit to be shown. */
#include "check/kind.h"

#include "base/clock.h"
#include "base/secret.h"
#include "base/utf8.h"

enum {
	SHOWN_MAX = 200,
	EXCERPT_LINES = 5,
	EXCERPT_MAX = 1000,
};

static char *show_seen(
	const struct check_expectation *expectation, const char *value, const char *absent)
{
	if (!value)
		return xstrdup(absent ? absent : "nothing");
	long double ms = 0;
	if (expectation->subject->unit == CHECK_DURATION && check_number_parse(value, &ms))
		return clock_duration_text((int64_t)ms);
	AUTO_FREE char *safe = secret_redact(value);
	AUTO_FREE char *line = utf8_one_line(safe);
	AUTO_FREE char *cut = utf8_cut(line, SHOWN_MAX);
	return xstrfmt("%s%s", cut, strlen(cut) < strlen(line) ? "..." : "");
}

static void add_phrase(struct strbuf *text, const char *name, const char *what)
{
	strbuf_addf(text, "%s%s %s", text->len ? "; " : "", name, what);
}

static char *first_lines(const char *text)
{
	AUTO_FREE char *safe = secret_redact(text);
	size_t length = 0;
	for (int lines = 0; length < EXCERPT_MAX && safe[length]; length++)
		if (safe[length] == '\n' && ++lines == EXCERPT_LINES)
			break;
	AUTO_FREE char *clean = utf8_clean(safe, length);
	AUTO_STRBUF(shown);
	strbuf_adds(&shown, clean);
	strbuf_trim(&shown);
	return shown.len ? strbuf_take(&shown) : NULL;
}

/* Only the assertions that do not hold, or all of them. */
static size_t describe(const struct check *check, const struct check_seen *seen, bool only_failed,
	struct strbuf *expected, struct strbuf *got)
{
	size_t described = 0;
	for (size_t i = 0; i < check->count; i++) {
		const struct check_expectation *expectation = &check->expectations[i];
		bool holds = check_test_holds(&expectation->test, seen->values[i]);
		if (only_failed && holds)
			continue;
		AUTO_FREE char *wanted = check_test_show(&expectation->test);
		AUTO_FREE char *value = show_seen(expectation, seen->values[i], seen->absent[i]);
		add_phrase(expected, expectation->name, wanted);
		add_phrase(got, expectation->name, value);
		described++;
	}
	return described;
}

void check_judge(const struct check *check, struct check_seen *seen, struct check_outcome *outcome)
{
	AUTO_STRBUF(expected);
	AUTO_STRBUF(got);
	if (describe(check, seen, true, &expected, &got)) {
		outcome->verdict = CHECK_FAIL;
		outcome->excerpt = seen->excerpt ? first_lines(seen->excerpt) : NULL;
	} else {
		outcome->verdict = CHECK_PASS;
		describe(check, seen, false, &expected, &got);
	}
	outcome->expected = strbuf_take(&expected);
	outcome->got = strbuf_take(&got);
}

void check_seen_release(const struct check *check, struct check_seen *seen)
{
	for (size_t i = 0; i < check->count; i++) {
		free(seen->values[i]);
		free(seen->absent[i]);
	}
	free(seen->values);
	free(seen->absent);
	free(seen->excerpt);
}
