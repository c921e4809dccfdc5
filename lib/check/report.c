/* Reports: JSON for programs, lines for people. */
#include "check/kind.h"

#include "base/clock.h"

const char *check_verdict_word(enum check_verdict verdict)
{
	static const char *const words[] = {"pass", "fail", "error", "skipped"};
	return words[verdict];
}

static void put(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, json_string(text));
}

static json_t *error_json(const struct err *why)
{
	json_t *error = json_pack(
		"{s:s, s:i}", "class", err_class(why->code), "code", err_exit_status(why));
	put(error, "message", why->msg);
	put(error, "detail", why->detail);
	put(error, "hint", why->hint);
	return error;
}

static json_t *outcome_json(const struct check *check, const struct check_outcome *outcome)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:I}", "name", check->name, "kind",
		check->kind->name, "verdict", check_verdict_word(outcome->verdict), "ms",
		(json_int_t)outcome->ms);
	put(json, "expected", outcome->expected);
	put(json, "got", outcome->got);
	put(json, "excerpt", outcome->excerpt);
	if (outcome->verdict == CHECK_ERROR)
		json_object_set_new(json, "error", error_json(&outcome->why));
	return json;
}

json_t *check_report_json(const struct check_list *list, const struct check_report *report)
{
	json_t *checks = json_array();
	for (size_t i = 0; i < report->count; i++)
		json_array_append_new(checks, outcome_json(list->items[i], &report->outcomes[i]));
	return json_pack("{s:s, s:I, s:I, s:o}", "verdict", check_verdict_word(report->verdict),
		"rounds", (json_int_t)report->rounds, "ms", (json_int_t)report->took_ms, "checks",
		checks);
}

/* Every line of a text under its own label. */
static void add_block(struct strvec *lines, const char *label, const char *text)
{
	AUTO_STRVEC(parts);
	if (!text)
		return;
	strvec_split(&parts, text, '\n');
	for (size_t i = 0; i < parts.count; i++)
		strvec_pushf(lines, "         %-8s %s", i ? "" : label, parts.items[i]);
}

void check_report_lines(
	const struct check_list *list, const struct check_report *report, struct strvec *lines)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct check_outcome *outcome = &report->outcomes[i];
		const struct check *check = list->items[i];
		AUTO_FREE char *took = clock_duration_text(outcome->ms);
		if (outcome->verdict == CHECK_SKIPPED) {
			strvec_pushf(lines, "skipped  %s (needs writes)", check->name);
			continue;
		}
		strvec_pushf(lines, "%-8s %s (%s)", check_verdict_word(outcome->verdict),
			check->name, took);
		if (outcome->verdict == CHECK_FAIL) {
			add_block(lines, "expected", outcome->expected);
			add_block(lines, "got", outcome->got);
			add_block(lines, "answer", outcome->excerpt);
		} else if (outcome->verdict == CHECK_ERROR) {
			add_block(lines, "error", outcome->why.msg);
			add_block(lines, "", outcome->why.detail);
		}
	}
}
