#include "base/utf8.h"
#include "compare/compare.h"
#include "copies/intent.h"
#include <inttypes.h>

static const struct {
	const char *word;
	bool differs;
} states[] = {
	[COMPARE_EQUAL] = {"equal", false},
	[COMPARE_ROWS] = {"other rows", true},
	[COMPARE_COLUMNS] = {"other columns", true},
	[COMPARE_MISSING] = {"missing", true},
	[COMPARE_EXTRA] = {"not in the snapshot", true},
	[COMPARE_VALUE] = {"another value", true},
	[COMPARE_NOT_PROVABLE] = {"not provable", false},
	[COMPARE_NOT_HELD] = {"not held", false},
};
static const char *const kinds[] = {
	[COMPARE_TABLE] = "table",
	[COMPARE_ROOT] = "partitioned table",
	[COMPARE_SEQUENCE] = "sequence",
	[COMPARE_LARGE_OBJECTS] = "large objects",
};

bool compare_state_differs(enum compare_state state)
{
	return states[state].differs;
}

void compare_line_release(struct compare_line *line)
{
	free(line->name);
	strvec_release(&line->only_snapshot);
	strvec_release(&line->only_live);
}

void compare_report_release(struct compare_report *report)
{
	for (size_t i = 0; i < report->lines.count; i++)
		compare_line_release(&report->lines.items[i]);
	free(report->lines.items);
	strvec_release(&report->partial);
	free(report->snapshot);
	free(report->database);
	*report = (struct compare_report){0};
}

static char *number_text(int64_t number)
{
	return number < 0 ? xstrdup("-") : xstrfmt("%" PRId64, number);
}

static void row_lines(const char *side, const struct strvec *rows, struct strvec *lines)
{
	STRVEC_EACH (rows, row)
		strvec_pushf(lines, "    only %s: %s", side, row);
}

void compare_rows_lines(const struct compare_line *line, struct strvec *lines)
{
	if (line->too_many)
		strvec_push(lines, "    too many rows to say which");
	row_lines("in the snapshot", &line->only_snapshot, lines);
	row_lines("in the database", &line->only_live, lines);
}

static void line_lines(const struct compare_line *line, struct strvec *lines)
{
	AUTO_FREE char *name = utf8_one_line(line->name);
	AUTO_FREE char *there = number_text(line->snapshot_rows);
	AUTO_FREE char *here = number_text(line->live_rows);
	strvec_pushf(lines, "  %-17s %-40s %12s %12s  %s", kinds[line->kind], name, there, here,
		states[line->state].word);
	compare_rows_lines(line, lines);
}

void compare_report_lines(const struct compare_report *report, struct strvec *lines)
{
	AUTO_FREE char *database = utf8_one_line(report->database);
	size_t unequal = report->different + report->not_provable;
	strvec_pushf(lines, "%s against snapshot %s: %s", database, report->snapshot,
		report->different      ? "different"
		: report->not_provable ? "not provable"
				       : "equal");
	if (unequal)
		strvec_pushf(
			lines, "  %-17s %-40s %12s %12s", "", "", "in snapshot", "in database");
	for (size_t i = 0; i < report->lines.count; i++) {
		const struct compare_line *line = &report->lines.items[i];
		if (states[line->state].differs || line->state == COMPARE_NOT_PROVABLE)
			line_lines(line, lines);
	}
	if (report->partial.count) {
		AUTO_FREE char *options = strvec_join(&report->partial, " ");
		AUTO_FREE char *text = utf8_one_line(options);
		strvec_pushf(lines,
			"  the snapshot holds a part of the database (%s), and no more was "
			"compared",
			text);
	}
	strvec_pushf(lines, "  %zu compared, %zu different%s", report->lines.count,
		report->different, report->not_provable ? ", and what is not provable" : "");
}

static json_t *line_json(const struct compare_line *line)
{
	bool sequence = line->kind == COMPARE_SEQUENCE;
	json_t *fields = json_pack("{s:s, s:o, s:s}", "kind", kinds[line->kind], "name",
		copies_json_text(line->name), "state", states[line->state].word);
	if (line->snapshot_rows >= 0)
		json_object_set_new(fields, sequence ? "snapshot_value" : "snapshot_rows",
			json_integer(line->snapshot_rows));
	if (line->live_rows >= 0)
		json_object_set_new(fields, sequence ? "live_value" : "live_rows",
			json_integer(line->live_rows));
	if (line->only_snapshot.count)
		json_object_set_new(
			fields, "only_snapshot", copies_json_texts(&line->only_snapshot));
	if (line->only_live.count)
		json_object_set_new(fields, "only_live", copies_json_texts(&line->only_live));
	return fields;
}

json_t *compare_report_json(const struct compare_report *report)
{
	json_t *all = json_array();
	for (size_t i = 0; i < report->lines.count; i++)
		json_array_append_new(all, line_json(&report->lines.items[i]));
	return json_pack("{s:s, s:o, s:s, s:o, s:I, s:I, s:i, s:i, s:o}", "snapshot",
		report->snapshot, "database", copies_json_text(report->database), "verdict",
		report->different      ? "different"
		: report->not_provable ? "not provable"
				       : "equal",
		"partial", copies_json_texts(&report->partial), "different",
		(json_int_t)report->different, "not_provable", (json_int_t)report->not_provable,
		"snapshot_major", report->snapshot_major, "live_major", report->live_major,
		"compared", all);
}

static const struct compare_line *first_of(const struct compare_report *report, bool differs)
{
	for (size_t i = 0; i < report->lines.count; i++) {
		const struct compare_line *line = &report->lines.items[i];
		if (differs ? states[line->state].differs : line->state == COMPARE_NOT_PROVABLE)
			return line;
	}
	return NULL;
}

bool compare_report_verdict(const struct compare_report *report, struct err *err)
{
	const struct compare_line *line = first_of(report, report->different > 0);
	if (!line)
		return true;
	AUTO_FREE char *name = utf8_one_line(line->name);
	if (report->different)
		return err_set(err, ERR_NO, "%s is not as snapshot %s says: %s: %s%s",
			report->database, report->snapshot, name, states[line->state].word,
			report->different > 1 ? ", and more" : "");
	err_set(err, ERR_FAILED,
		"not provable: %s has as many rows, and another hash, on PostgreSQL %d than on %d",
		name, report->live_major, report->snapshot_major);
	return err_hint(err,
		"another version may write the same value differently: look at the "
		"rows, or compare on a server of version %d",
		report->snapshot_major);
}
