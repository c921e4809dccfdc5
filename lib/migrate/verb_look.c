#include "graph/draw.h"
#include "migrate/advice.h"
#include "migrate/report.h"
#include "migrate/verbs.h"

static bool current(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	if (!ask->open(ask, MIGRATE_READ, MIGRATE_ROWS_ANY, &session, err))
		return false;
	AUTO_STRVEC(rows);
	json_t *heads = json_array();
	migrate_report_rows(&session, &rows);
	STRVEC_EACH (&rows, row) {
		strvec_push_take(&answer->lines, migrate_report_row(&session, row, ask->verbose));
		json_array_append_new(heads, json_string(row));
	}
	answer->advice = session.state.half_count || session.state.open_count;
	bool at_head = migrate_at_head(session.tree, &session.state);
	migrate_report_half(&session, &answer->lines);
	migrate_report_open(&session, &answer->lines);
	answer->json = json_pack("{s:o, s:b, s:o, s:o}", "heads", heads, "at_head", at_head,
		"half_applied", migrate_report_half_json(&session), "backfills",
		migrate_report_open_json(&session));
	if (!ask->check || at_head)
		return true;
	err_set(err, ERR_NO, "the database is not at head");
	return err_hint(err, "what is missing: mig-apply plan");
}

static json_t *revisions_json(const struct migrate_session *session, const struct graph_list *list)
{
	json_t *revisions = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(
			revisions, migrate_report_revision(session->tree, list->items[i]));
	return json_pack("{s:o}", "revisions", revisions);
}

static void answer_revisions(const struct migrate_ask *ask, struct migrate_answer *answer,
	const struct migrate_session *session, const struct graph_list *list, bool entries)
{
	for (size_t i = 0; i < list->count; i++)
		strvec_push_take(&answer->lines,
			migrate_report_line(session->tree, list->items[i], &session->state.current,
				entries ? MIGRATE_REPORT_ENTRY : MIGRATE_REPORT_SHORT));
	if (ask->json)
		answer->json = revisions_json(session, list);
}

/* --- history ---------------------------------------------------------------------------------- */

struct page {
	const struct migrate_session *session;
	enum migrate_report_style style;
	struct strbuf drawn;
	struct strbuf text; /* of one revision */
};

static void add_line(struct page *page, const char *lane, const char *line, size_t length)
{
	if (page->drawn.len)
		strbuf_addc(&page->drawn, '\n');
	strbuf_adds(&page->drawn, lane);
	if (length)
		strbuf_addc(&page->drawn, ' ');
	strbuf_add(&page->drawn, line, length);
}

/* The text of a revision beside its lane; further lines beside what goes on under it. */
static void add_row(void *ctx, const struct graph_row *row)
{
	struct page *page = ctx;
	const struct migrate_session *session = page->session;
	strbuf_reset(&page->text);
	if (row->index != GRAPH_NONE)
		migrate_report_add(session->tree, row->index, &session->state.current, page->style,
			&page->text);
	const char *line = page->text.buf, *lane = row->art;
	for (const char *end; (end = strchr(line, '\n')); line = end + 1, lane = row->under)
		add_line(page, lane, line, (size_t)(end - line));
	add_line(page, lane, line, strlen(line));
}

static void mark_current(
	json_t *json, const struct migrate_session *session, const struct graph_list *order)
{
	const json_t *revisions = json_object_get(json, "revisions");
	for (size_t i = 0; i < order->count; i++)
		json_object_set_new(json_array_get(revisions, i), "current",
			json_boolean(graph_list_has(&session->state.current, order->items[i])));
}

static void answer_graph(const struct migrate_ask *ask, struct migrate_answer *answer,
	const struct migrate_session *session, const struct graph_list *order)
{
	struct page page = {
		.session = session,
		.style = ask->verbose ? MIGRATE_REPORT_ENTRY : MIGRATE_REPORT_SHORT,
		.drawn = STRBUF_INIT,
		.text = STRBUF_INIT,
	};
	graph_draw(session->tree->graph, order, add_row, &page);
	if (order->count)
		strvec_push_take(&answer->lines, strbuf_take(&page.drawn));
	strbuf_release(&page.text);
	if (ask->json)
		answer->json = revisions_json(session, order);
	if (ask->json && ask->indicate)
		mark_current(answer->json, session, order);
}

static bool limit_to_range(const struct migrate_session *session, const char *range,
	struct graph_list *order, struct err *err)
{
	AUTO_SET(members, session->tree->graph->count);
	if (!graph_range(session->tree->graph, &session->state.current, range, &members, err))
		return false;
	size_t kept = 0;
	for (size_t i = 0; i < order->count; i++)
		if (graph_set_has(&members, order->items[i]))
			order->items[kept++] = order->items[i];
	order->count = kept;
	return true;
}

static bool history(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	AUTO_LIST(order);
	if (ask->applied)
		return migrate_history_applied(ask, answer, err);
	bool asks_database =
		ask->indicate || (ask->range && graph_range_has(ask->range, "current"));
	if (!ask->open(ask, asks_database ? MIGRATE_READ : MIGRATE_MENDED, MIGRATE_ROWS_ANY,
		    &session, err))
		return false;
	migrate_report_order(session.tree, &order);
	if (ask->range && !limit_to_range(&session, ask->range, &order, err))
		return false;
	answer_graph(ask, answer, &session, &order);
	findings_lines(&session.findings, &answer->lines);
	if (answer->json && session.findings.count)
		json_object_set_new(answer->json, "problems", findings_json(&session.findings));
	return true;
}

/* --- heads, branches, show -------------------------------------------------------------------- */

static bool heads(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	AUTO_LIST(list);
	if (!ask->open(ask, MIGRATE_FILES, MIGRATE_ROWS_ANY, &session, err))
		return false;
	graph_heads(session.tree->graph, ask->resolve, &list);
	answer_revisions(ask, answer, &session, &list, ask->verbose);
	if (!ask->check || list.count < 2)
		return true;
	err_set(err, ERR_NO, "there are %zu heads", list.count);
	AUTO_FREE char *merge = advice_merge(&session);
	return err_hint(err, "make them one: %s", merge);
}

static bool branches(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	if (!ask->open(ask, MIGRATE_FILES, MIGRATE_ROWS_ANY, &session, err))
		return false;
	const struct migrate_tree *tree = session.tree;
	json_t *list = json_array();
	for (size_t i = 0; i < tree->graph->count; i++) {
		const struct graph_revision *revision = &tree->graph->revisions[i];
		if (!graph_is_branchpoint(revision))
			continue;
		strvec_push_take(&answer->lines,
			migrate_report_line(tree, i, NULL,
				ask->verbose ? MIGRATE_REPORT_ENTRY : MIGRATE_REPORT_SHORT));
		for (size_t n = 0; n < revision->children.count; n++) {
			AUTO_FREE char *child = migrate_report_line(
				tree, revision->children.items[n], NULL, MIGRATE_REPORT_SHORT);
			strvec_pushf(&answer->lines, "     -> %s", child);
		}
		json_t *json = migrate_report_revision(tree, i);
		json_object_set_new(json, "into", migrate_report_ids(tree, &revision->children));
		json_array_append_new(list, json);
	}
	answer->json = json_pack("{s:o}", "branches", list);
	return true;
}

static bool show(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	AUTO_LIST(found);
	const char *target = migrate_ask_target(ask, "head");
	bool is_current = !strcmp(target, "current");
	if (!ask->open(ask, is_current ? MIGRATE_READ : MIGRATE_FILES, MIGRATE_ROWS_KNOWN, &session,
		    err))
		return false;
	if (!is_current && !graph_resolve(session.tree->graph, target, &found, err))
		return false;
	answer_revisions(ask, answer, &session, is_current ? &session.state.current : &found, true);
	return true;
}

const struct migrate_verb migrate_verb_current = {.run = current};
const struct migrate_verb migrate_verb_history = {.run = history};
const struct migrate_verb migrate_verb_heads = {.run = heads};
const struct migrate_verb migrate_verb_branches = {.run = branches};
const struct migrate_verb migrate_verb_show = {.run = show};
