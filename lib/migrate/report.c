#include "migrate/report.h"

#include "migrate/books.h"
#include "migrate/estimate.h"

#include <inttypes.h>

static const struct graph_revision *revision_at(const struct migrate_tree *tree, size_t index)
{
	return &tree->graph->revisions[index];
}

static void add_marks(const struct migrate_tree *tree, size_t index,
	const struct graph_list *current, struct strbuf *line)
{
	const struct graph_revision *revision = revision_at(tree, index);
	const struct {
		bool is;
		const char *text;
	} marks[] = {
		{graph_is_real_head(revision), " (head)"},
		{graph_is_head(revision) && !graph_is_real_head(revision), " (effective head)"},
		{current && graph_list_has(current, index),
			tree->format->books->each ? " (applied)" : " (current)"},
		{graph_is_branchpoint(revision), " (branchpoint)"},
		{graph_is_mergepoint(revision), " (mergepoint)"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (marks[i].is)
			strbuf_adds(line, marks[i].text);
}

static void add_list(
	struct strbuf *line, const char *before, const struct strvec *names, const char *after)
{
	for (size_t i = 0; i < names->count; i++) {
		strbuf_adds(line, i ? ", " : before);
		strbuf_adds(line, names->items[i]);
	}
	if (names->count)
		strbuf_adds(line, after);
}

static void add_short(const struct migrate_tree *tree, size_t index,
	const struct graph_list *current, struct strbuf *line)
{
	graph_name_add(tree->graph, index, line);
	add_list(line, " (", &revision_at(tree, index)->branches, ")");
	add_list(line, " (depends on ", &revision_at(tree, index)->depends, ")");
	add_marks(tree, index, current, line);
}

static void add_names(const struct migrate_tree *tree, struct strbuf *text, const char *title,
	const struct graph_list *list, const char *none)
{
	AUTO_FREE char *names = list->count ? graph_names(tree->graph, list) : xstrdup_null(none);
	if (names)
		strbuf_addf(text, "%s: %s\n", title, names);
}

static void add_entry(const struct migrate_tree *tree, size_t index,
	const struct graph_list *current, struct strbuf *text)
{
	const struct graph_revision *revision = revision_at(tree, index);
	const struct migrate_file *file = &tree->files[index];
	strbuf_addf(text, "Rev: %s", revision->id);
	add_marks(tree, index, current, text);
	strbuf_addc(text, '\n');
	add_names(tree, text, graph_is_mergepoint(revision) ? "Merges" : "Parent",
		&revision->parents, "<base>");
	add_names(tree, text, "Also depends on", &revision->needs, NULL);
	if (graph_is_branchpoint(revision))
		add_names(tree, text, "Branches into", &revision->children, NULL);
	add_list(text, "Branch names: ", &revision->branches, "\n");
	strbuf_addf(text, "Path: %s\n", file->path);
	if (file->created)
		strbuf_addf(text, "Created: %s\n", file->created);
	if (!tree->format->apply)
		strbuf_addf(text, "Sections: up%s%s\n", file->verify.present ? ", verify" : "",
			file->down_section.present ? ", down" : "");
	strbuf_addf(text, "\n    %s\n", revision->message);
}

void migrate_report_add(const struct migrate_tree *tree, size_t index,
	const struct graph_list *current, enum migrate_report_style style, struct strbuf *out)
{
	(style == MIGRATE_REPORT_ENTRY ? add_entry : add_short)(tree, index, current, out);
}

char *migrate_report_line(const struct migrate_tree *tree, size_t index,
	const struct graph_list *current, enum migrate_report_style style)
{
	AUTO_STRBUF(text);
	migrate_report_add(tree, index, current, style, &text);
	return strbuf_take(&text);
}

void migrate_report_rows(const struct migrate_session *session, struct strvec *rows)
{
	const struct migrate_tree *tree = session->tree;
	AUTO_LIST(tips);
	migrate_tips(tree, &session->state.current, &tips);
	STRVEC_EACH (&session->state.versions.rows, row) {
		size_t index = graph_find(tree->graph, row);
		if (index == GRAPH_NONE || graph_list_has(&tips, index))
			strvec_push(rows, row);
	}
}

char *migrate_report_row(const struct migrate_session *session, const char *row, bool as_entry)
{
	size_t index = graph_find(session->tree->graph, row);
	if (index == GRAPH_NONE)
		return xstrfmt("%s (in no file of %s)", row, session->tree->dir);
	return migrate_report_line(
		session->tree, index, NULL, as_entry ? MIGRATE_REPORT_ENTRY : MIGRATE_REPORT_SHORT);
}

void migrate_report_half(const struct migrate_session *session, struct strvec *lines)
{
	for (size_t i = 0; i < session->state.half_count; i++) {
		const struct migrate_half *half = &session->state.half[i];
		AUTO_FREE char *text = migrate_half_state(session, half);
		AUTO_FREE char *way = migrate_half_remedy(session, half);
		AUTO_STRVEC(seen);
		strvec_pushf(lines, "%s; %s%s", text, half->split ? "" : "go on: ", way);
		migrate_half_seen(half, &seen);
		STRVEC_EACH (&seen, line)
			strvec_pushf(lines, "  %s", line);
	}
}

void migrate_report_open(const struct migrate_session *session, struct strvec *lines)
{
	for (size_t i = 0; i < session->state.open_count; i++) {
		const struct migrate_open_backfill *open = &session->state.open[i];
		AUTO_FREE char *name = graph_name_of(session->tree->graph, open->revision);
		AUTO_FREE char *passed =
			migrate_passed_text(open->passed, open->estimate, open->table);
		strvec_pushf(
			lines, "backfill open: %s: %s; go on: mig-apply upgrade", name, passed);
	}
}

json_t *migrate_report_open_json(const struct migrate_session *session)
{
	json_t *list = json_array();
	for (size_t i = 0; i < session->state.open_count; i++) {
		const struct migrate_open_backfill *open = &session->state.open[i];
		json_array_append_new(
			list, json_pack("{s:s, s:s*, s:I, s:I}", "revision", open->revision,
				      "table", open->table, "passed", (json_int_t)open->passed,
				      "estimate", (json_int_t)open->estimate));
	}
	return list;
}

json_t *migrate_report_names(const struct strvec *names)
{
	json_t *list = json_array();
	STRVEC_EACH (names, name)
		json_array_append_new(list, json_string(name));
	return list;
}

void migrate_names_of_json(struct arena *room, struct strvec *names, const json_t *value)
{
	size_t i;
	const json_t *item;
	if (json_is_string(value))
		arena_push(room, names, json_string_value(value), json_string_length(value));
	json_array_foreach(value, i, item) if (json_is_string(item))
		arena_push(room, names, json_string_value(item), json_string_length(item));
}

json_t *migrate_report_half_json(const struct migrate_session *session)
{
	json_t *list = json_array();
	for (size_t i = 0; i < session->state.half_count; i++) {
		const struct migrate_half *half = &session->state.half[i];
		json_t *one = json_pack("{s:s, s:s, s:i, s:s*}", "revision", half->revision,
			"direction", half->direction == MIGRATE_UP ? "up" : "down", "done",
			half->done, "begun", half->begun);
		if (half->split) {
			json_object_set_new(one, "split", json_true());
			json_object_set_new(
				one, "committed", migrate_report_names(&half->committed));
		}
		json_array_append_new(list, one);
	}
	return list;
}

static char *where_is(const struct migrate_tree *tree, const struct graph_list *rows)
{
	AUTO_LIST(tips);
	migrate_tips(tree, rows, &tips);
	return tips.count ? graph_names(tree->graph, &tips) : xstrdup("<base>");
}

char *migrate_report_where(const struct migrate_session *session)
{
	return where_is(session->tree, &session->state.current);
}

json_t *migrate_report_revision(const struct migrate_tree *tree, size_t index)
{
	const struct graph_revision *revision = revision_at(tree, index);
	const struct migrate_file *file = &tree->files[index];
	migrate_tree_study(tree);
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:s*, s:s, s:b, s:b, s:b, s:b}",
		"revision", revision->id, "message", revision->message, "down_revision",
		migrate_report_names(&revision->down), "depends_on",
		migrate_report_names(&revision->depends), "branches",
		migrate_report_names(&revision->branches), "file", file->name, "created",
		file->created, "checksum", file->checksum, "head", graph_is_real_head(revision),
		"base", graph_is_base(revision), "branchpoint", graph_is_branchpoint(revision),
		"mergepoint", graph_is_mergepoint(revision));
}

void migrate_report_order(const struct migrate_tree *tree, struct graph_list *order)
{
	AUTO_SET(all, tree->graph->count);
	AUTO_LIST(heads);
	for (size_t i = 0; i < tree->graph->count; i++)
		graph_set_add(&all, i);
	graph_heads(tree->graph, true, &heads);
	graph_order(tree->graph, &all, &heads, order);
}

json_t *migrate_report_list(const struct migrate_tree *tree, const struct graph_list *list)
{
	json_t *all = json_array();
	for (size_t i = 0; i < list->count; i++) {
		const struct graph_revision *revision = revision_at(tree, list->items[i]);
		json_array_append_new(all, json_pack("{s:s, s:s}", "revision", revision->id,
						   "message", revision->message));
	}
	return all;
}

json_t *migrate_report_ids(const struct migrate_tree *tree, const struct graph_list *list)
{
	AUTO_LIST(tips);
	json_t *ids = json_array();
	migrate_tips(tree, list, &tips);
	for (size_t i = 0; i < tips.count; i++)
		json_array_append_new(ids, json_string(revision_at(tree, tips.items[i])->id));
	return ids;
}

static void list_destructive(const struct migrate_step *step, struct strvec *lines)
{
	for (size_t i = 0; i < step->script.count; i++) {
		const struct sql_statement *statement = &step->script.items[i];
		if (!(statement->flags & SQL_DESTRUCTIVE))
			continue;
		AUTO_FREE char *brief = sql_statement_brief(statement);
		strvec_pushf(lines, "    destructive: %s (%s:%d:%d)", brief, step->script.file,
			statement->place.line, statement->place.column);
	}
}

/* "    destructive: drop_table (migrations/versions/x.py:12)" */
static void list_losses(const struct migrate_step *step, struct strvec *lines)
{
	for (size_t i = 0; step->losses && i < step->losses->count; i++) {
		const char *loss = step->losses->items[i];
		strvec_pushf(lines, "    destructive: %s (%s:%.*s)", strchr(loss, ' ') + 1,
			step->file->name, (int)strcspn(loss, ":"), loss);
	}
}

static size_t count_unparsed(const struct migrate_step *step)
{
	size_t count = 0;
	for (size_t i = 0; i < step->script.count; i++)
		count += (step->script.items[i].flags & SQL_UNPARSED) != 0;
	return count;
}

static bool list_tables(
	struct db *db, const struct migrate_step *step, struct strvec *lines, struct err *err)
{
	AUTO_ESTIMATES(estimates);
	if (!migrate_estimate_step(db, step, &estimates, err))
		return false;
	for (size_t i = 0; i < estimates.count; i++) {
		AUTO_FREE char *text = migrate_estimate_text(&estimates.items[i]);
		strvec_pushf(lines, "    table %s", text);
	}
	return true;
}

bool migrate_report_plan(
	const struct migrate_session *session, struct strvec *lines, struct err *err)
{
	const struct migrate_plan *plan = &session->plan;
	const struct graph *graph = session->tree->graph;
	AUTO_FREE char *from = migrate_report_where(session);
	AUTO_FREE char *to = where_is(session->tree, &plan->to);
	if (!plan->count) {
		strvec_pushf(lines, "nothing to do: the database is at %s", from);
		return true;
	}
	strvec_pushf(lines, "%s %zu revision%s: %s -> %s",
		plan->direction == MIGRATE_UP ? "upgrade" : "downgrade", plan->count,
		str_plural((int64_t)plan->count), from, to);
	for (size_t i = 0; i < plan->count; i++) {
		const struct migrate_step *step = &plan->steps[i];
		AUTO_FREE char *name = graph_name(graph, step->index);
		if (session->tree->format->apply)
			strvec_pushf(lines, "  %s  %s", name, step->file->name);
		else
			strvec_pushf(lines, "  %s  %s: %zu statement%s%s", name, step->file->name,
				step->script.count, str_plural((int64_t)step->script.count),
				count_unparsed(step)
					? ", some unknown to the parser (the server decides)"
					: "");
		list_destructive(step, lines);
		list_losses(step, lines);
		if (!list_tables(session->db, step, lines, err))
			return false;
	}
	AUTO_STRVEC(needs);
	migrate_policy_needs(plan, session->how.env, &needs);
	STRVEC_EACH (&needs, need)
		strvec_pushf(lines, "policy: %s", need);
	return true;
}

static json_t *step_json(const struct migrate_step *step, const struct migrate_estimates *estimates)
{
	json_t *tables = json_array();
	for (size_t i = 0; i < estimates->count; i++)
		json_array_append_new(
			tables, json_pack("{s:s, s:I, s:I}", "table", estimates->items[i].table,
					"rows", (json_int_t)estimates->items[i].rows, "bytes",
					(json_int_t)estimates->items[i].bytes));
	json_t *destructive = json_array();
	for (size_t i = 0; i < step->script.count; i++) {
		const struct sql_statement *statement = &step->script.items[i];
		if (!(statement->flags & SQL_DESTRUCTIVE))
			continue;
		AUTO_FREE char *brief = sql_statement_brief(statement);
		json_array_append_new(destructive,
			json_pack("{s:s, s:i, s:i}", "statement", brief, "line",
				statement->place.line, "column", statement->place.column));
	}
	for (size_t i = 0; step->losses && i < step->losses->count; i++) {
		const char *loss = step->losses->items[i];
		json_array_append_new(destructive,
			json_pack("{s:s, s:i, s:i}", "statement", strchr(loss, ' ') + 1, "line",
				(int)strtol(loss, NULL, 10), "column", 1));
	}
	return json_pack("{s:s, s:s, s:s, s:I, s:o, s:o}", "revision", step->file->id, "message",
		step->file->message ? step->file->message : "", "file", step->file->name,
		"statements", (json_int_t)step->script.count, "destructive", destructive, "tables",
		tables);
}

bool migrate_report_plan_json(
	const struct migrate_session *session, const char *sql, json_t **json, struct err *err)
{
	const struct migrate_plan *plan = &session->plan;
	json_t *steps = json_array();
	for (size_t i = 0; i < plan->count; i++) {
		AUTO_ESTIMATES(estimates);
		if (!migrate_estimate_step(session->db, &plan->steps[i], &estimates, err)) {
			json_decref(steps);
			return false;
		}
		json_array_append_new(steps, step_json(&plan->steps[i], &estimates));
	}
	AUTO_STRVEC(needs);
	migrate_policy_needs(plan, session->how.env, &needs);
	*json = json_pack("{s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:s}", "direction",
		plan->direction == MIGRATE_UP ? "up" : "down", "target", plan->target, "steps",
		steps, "destructive", plan->destructive, "policy", migrate_report_names(&needs),
		"from", migrate_report_ids(plan->tree, &plan->from), "to",
		migrate_report_ids(plan->tree, &plan->to), "sql", sql);
	return true;
}

json_t *migrate_report_result(const struct migrate_session *session, size_t done)
{
	const struct migrate_plan *plan = &session->plan;
	json_t *applied = json_array();
	for (size_t i = 0; i < done; i++)
		json_array_append_new(applied, json_string(plan->steps[i].file->id));
	return json_pack("{s:s, s:o, s:o, s:o}", "direction",
		plan->direction == MIGRATE_UP ? "up" : "down", "applied", applied, "from",
		migrate_report_ids(plan->tree, &plan->from), "to",
		migrate_report_ids(plan->tree, &session->state.current));
}
