#include "play/lines.h"
#include "base/clock.h"

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

static bool is(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* --- a run ------------------------------------------------------------------------------------ */

static void timeline_line(const json_t *line, struct strvec *lines)
{
	int64_t took = json_integer_value(json_object_get(line, "took_ms"));
	AUTO_FREE char *duration = clock_duration_text(took);
	bool ran = !str_equal(text(line, "state"), "skipped");
	bool same = str_equal(text(line, "phase"), text(line, "id"));
	strvec_pushf(lines, "  %-9s %-20s %-12s %s", text(line, "phase"),
		same ? "" : text(line, "id"), text(line, "state"), ran ? duration : "");
}

void play_report_lines(const json_t *report, struct strvec *lines)
{
	size_t i;
	json_t *line;
	const json_t *first = json_object_get(report, "first_error");
	bool kept = str_equal(text(report, "maintenance"), "kept");
	strvec_pushf(lines, "run %s of %s", text(report, "run"), text(report, "playbook"));
	json_array_foreach(json_object_get(report, "steps"), i, line)
	{
		timeline_line(line, lines);
	}
	if (json_is_object(first))
		strvec_pushf(lines, "first error: %s", text(first, "error"));
	strvec_pushf(
		lines, "end: %s%s", text(report, "sentence"), kept ? "; maintenance stays on" : "");
	strvec_pushf(lines, "directory: %s", text(report, "directory"));
	strvec_pushf(lines, "next: %s", text(report, "next"));
}

/* --- a plan ----------------------------------------------------------------------------------- */

static void command_lines(const char *title, const json_t *list, struct strvec *lines)
{
	size_t i;
	json_t *row;
	if (json_array_size(list))
		strvec_pushf(lines, "%s:", title);
	json_array_foreach(list, i, row)
	{
		strvec_pushf(lines, "  %s: %s", text(row, "id"), text(row, "command"));
	}
}

static void step_lines(const json_t *step, struct strvec *lines)
{
	size_t i;
	json_t *command;
	strvec_pushf(lines, "  %s: %s%s%s", text(step, "id"), text(step, "command"),
		is(step, "restore_point") ? "   (restore point)" : "",
		is(step, "pivot") ? "   (pivot)" : "");
	strvec_pushf(lines, "      if it fails: %s", text(step, "if_fails"));
	json_array_foreach(json_object_get(step, "way_back"), i, command)
	{
		strvec_pushf(lines, "        %s", json_string_value(command));
	}
}

void play_plan_lines(const json_t *plan, struct strvec *lines)
{
	size_t i;
	json_t *row;
	strvec_pushf(lines, "plan of %s on %s, database %s", text(plan, "playbook"),
		text(plan, "env"), text(plan, "database"));
	command_lines("gates", json_object_get(plan, "gates"), lines);
	json_array_foreach(json_object_get(plan, "verdicts"), i, row)
	{
		const char *why = text(row, "error");
		strvec_pushf(lines, "    %s: %s%s%s", text(row, "id"), text(row, "state"),
			*why ? ": " : "", why);
	}
	strvec_push(lines, "steps:");
	json_array_foreach(json_object_get(plan, "steps"), i, row)
	{
		step_lines(row, lines);
	}
	command_lines("always", json_object_get(plan, "always"), lines);
}

/* --- runs from outside ------------------------------------------------------------------------ */

void play_recovery_lines(const json_t *report, struct strvec *lines)
{
	strvec_pushf(lines, "run %s of %s: %s", text(report, "run"), text(report, "playbook"),
		text(report, "sentence"));
	strvec_pushf(lines, "maintenance: %s", text(report, "maintenance"));
	strvec_pushf(lines, "directory: %s", text(report, "directory"));
	strvec_pushf(lines, "next: %s", text(report, "next"));
}

void play_status_lines(const struct play_run_row *row, struct strvec *lines)
{
	strvec_pushf(lines, "run %s of %s, begun %s: %s", row->id, row->playbook, row->started,
		row->state);
	if (row->step[0])
		strvec_pushf(lines, "  %s %s", row->alive ? "now in step" : "last step", row->step);
	if (row->alive)
		strvec_pushf(lines, "  stop it, on %s: kill -INT %d   (it undoes what it did)",
			row->host, row->pid);
	else if (!row->ended && row->effect)
		strvec_pushf(lines, "  it died and may have left something: mig-run recover %s",
			row->id);
	else if (str_equal(row->maintenance, "kept") || str_equal(row->state, "in_doubt"))
		strvec_pushf(lines, "  %s: mig-run recover %s",
			str_equal(row->state, "in_doubt") ? "an effect is in doubt"
							  : "maintenance was kept on",
			row->id);
	strvec_pushf(lines, "  directory %s", row->path);
}

char *play_run_line(const struct play_run_row *row)
{
	return xstrfmt("%s  %-10s %-16s %s%s%s", row->id, row->state, row->playbook,
		row->step[0] ? "last step " : "", row->step,
		str_equal(row->maintenance, "kept") ? ", maintenance kept" : "");
}
