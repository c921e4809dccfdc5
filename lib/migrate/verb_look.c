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
	bool at_head = migrate_at_head(session.tree, &session.state);
	migrate_report_half(&session, &answer->lines);
	answer->json = json_pack("{s:o, s:b, s:o}", "heads", heads, "at_head", at_head,
		"half_applied", migrate_report_half_json(&session));
	if (!ask->check || at_head)
		return true;
	err_set(err, ERR_NO, "the database is not at head");
	return err_hint(err, "what is missing: mig-apply plan");
}

static void answer_revisions(struct migrate_answer *answer, const struct migrate_session *session,
	const struct graph_list *list, enum migrate_report_style style)
{
	json_t *revisions = json_array();
	for (size_t i = 0; i < list->count; i++) {
		size_t index = list->items[i];
		strvec_push_take(&answer->lines,
			migrate_report_line(session->tree, index, &session->state.current, style));
		json_array_append_new(revisions, migrate_report_revision(session->tree, index));
	}
	answer->json = json_pack("{s:o}", "revisions", revisions);
}

static enum migrate_report_style style_or_entry(
	const struct migrate_ask *ask, enum migrate_report_style style)
{
	return ask->verbose ? MIGRATE_REPORT_ENTRY : style;
}

static bool history(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	enum migrate_access access = ask->indicate ? MIGRATE_READ : MIGRATE_FILES;
	if (!ask->open(ask, access, MIGRATE_ROWS_KNOWN, &session, err))
		return false;
	AUTO_LIST(order);
	migrate_report_order(session.tree, &order);
	answer_revisions(answer, &session, &order, style_or_entry(ask, MIGRATE_REPORT_LINEAGE));
	return true;
}

static bool heads(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	if (!ask->open(ask, MIGRATE_FILES, MIGRATE_ROWS_ANY, &session, err))
		return false;
	AUTO_LIST(list);
	graph_heads(session.tree->graph, false, &list);
	answer_revisions(answer, &session, &list, style_or_entry(ask, MIGRATE_REPORT_SHORT));
	if (!ask->check || list.count < 2)
		return true;
	err_set(err, ERR_NO, "there are %zu heads", list.count);
	return err_hint(
		err, "make them one: mig-apply revision --head REV --head REV -m \"Merge\"");
}

static bool show(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	AUTO_LIST(found);
	if (!ask->open(ask, MIGRATE_FILES, MIGRATE_ROWS_ANY, &session, err) ||
		!graph_resolve(session.tree->graph, ask->operands->items[0], &found, err))
		return false;
	answer_revisions(answer, &session, &found, MIGRATE_REPORT_ENTRY);
	return true;
}

const struct migrate_verb migrate_verb_current = {current};
const struct migrate_verb migrate_verb_history = {history};
const struct migrate_verb migrate_verb_heads = {heads};
const struct migrate_verb migrate_verb_show = {show};
