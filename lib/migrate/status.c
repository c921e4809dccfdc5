/* mig-apply status: all that one asks before doing anything, on one page. */
#include "migrate/advice.h"
#include "migrate/internal.h"
#include "migrate/report.h"
#include "migrate/verbs.h"

struct page {
	const struct migrate_session *session;
	struct strvec *lines;
	json_t *json;
};

static void say(struct page *page, const char *topic, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(struct page *page, const char *topic, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	AUTO_FREE char *text = xvstrfmt(fmt, args);
	va_end(args);
	strvec_pushf(page->lines, "%-10s %s", topic, text);
}

static void tell_database(struct page *page)
{
	const struct migrate_session *session = page->session;
	const struct db *db = session->db;
	say(page, "database", "%s at %s:%s, environment %s", db->dbname, PQhost(db->pg),
		PQport(db->pg), session->how.env->name);
	say(page, "files", "%s (%s), %zu revision%s", session->tree->dir,
		session->tree->format->name, session->tree->count,
		str_plural((int64_t)session->tree->count));
	json_object_set_new(page->json, "database", json_string(db->dbname));
	json_object_set_new(page->json, "tree", json_string(session->tree->where->name));
}

static void tell_current(struct page *page)
{
	AUTO_STRVEC(rows);
	json_t *heads = json_array();
	migrate_report_rows(page->session, &rows);
	if (!rows.count)
		say(page, "current", "<base>: nothing is applied");
	STRVEC_EACH (&rows, row) {
		AUTO_FREE char *line = migrate_report_row(page->session, row, false);
		say(page, i_row ? "" : "current", "%s", line);
		json_array_append_new(heads, json_string(row));
	}
	json_object_set_new(page->json, "heads", heads);
}

/* All that is not applied, oldest first. */
static void find_pending(const struct migrate_session *session, struct graph_list *pending)
{
	AUTO_LIST(order);
	AUTO_SET(applied, session->tree->graph->count);
	migrate_applied(session->tree, &session->state.current, &applied);
	migrate_report_order(session->tree, &order);
	for (size_t i = order.count; i > 0; i--)
		if (!graph_set_has(&applied, order.items[i - 1]))
			graph_list_push(pending, order.items[i - 1]);
}

static bool any_split(const struct migrate_state *state)
{
	for (size_t i = 0; i < state->half_count; i++)
		if (state->half[i].split)
			return true;
	return false;
}

static void tell_pending(struct page *page)
{
	enum { SHOWN = 20 };
	AUTO_LIST(pending);
	AUTO_LIST(heads);
	const struct graph *graph = page->session->tree->graph;
	find_pending(page->session, &pending);
	graph_heads(graph, false, &heads);
	const struct migrate_state *state = &page->session->state;
	bool unknown = !page->session->tree->format->books->each &&
		       state->current.count < state->versions.rows.count;
	if (!pending.count)
		say(page, "pending", "nothing");
	else if (any_split(state))
		say(page, "pending", "%zu revision%s, but first what is half applied: see below",
			pending.count, str_plural((int64_t)pending.count));
	else if (unknown)
		say(page, "pending",
			"%zu revision%s, but first what is in no file: mig-apply doctor",
			pending.count, str_plural((int64_t)pending.count));
	else
		say(page, "pending", "%zu revision%s: mig-apply upgrade%s", pending.count,
			str_plural((int64_t)pending.count), heads.count > 1 ? " heads" : "");
	for (size_t i = 0; i < pending.count && i < SHOWN; i++) {
		AUTO_FREE char *name = graph_name(graph, pending.items[i]);
		say(page, "", "  %s", name);
	}
	if (pending.count > SHOWN)
		say(page, "", "  and %zu more: mig-apply plan", pending.count - SHOWN);
	AUTO_FREE char *merge = advice_merge(page->session);
	if (heads.count > 1 && !page->session->tree->format->books->each)
		say(page, "heads", "%zu: %s", heads.count, merge);
	json_object_set_new(
		page->json, "pending", migrate_report_list(page->session->tree, &pending));
}

static bool tell_half_done(struct page *page, struct err *err)
{
	CLEANUP(findings_release) struct findings found = {0};
	json_t *list = json_array();
	json_object_set_new(page->json, "half_applied", list);
	if (!migrate_half_done(page->session, &found, err))
		return false;
	if (!found.count)
		say(page, "half done", "nothing");
	for (size_t i = 0; i < found.count; i++) {
		const struct finding *one = &found.items[i];
		AUTO_FREE char *what = xstrfmt("%.*s%s%s", (int)strcspn(one->text, "\n"), one->text,
			one->remedy ? ": " : "", one->remedy ? one->remedy : "");
		say(page, i ? "" : "half done", "%s", what);
		json_array_append_new(list, json_string(what));
	}
	return true;
}

static bool tell_edited(struct page *page, struct err *err)
{
	const struct migrate_session *session = page->session;
	CLEANUP(edited_release) struct edited_list edited = {0};
	json_t *list = json_array();
	json_object_set_new(page->json, "edited", list);
	if (!edited_find(session->db, session->tree, &session->state, &edited, err))
		return false;
	if (!session->state.may_read_history)
		say(page, "edited", "unknown: %s",
			session->state.has_history ? "mig.history may not be read by this role"
						   : "mig has applied nothing here");
	else if (!edited.count)
		say(page, "edited", "nothing since it was applied");
	for (size_t i = 0; i < edited.count; i++) {
		const struct migrate_file *file = &session->tree->files[edited.items[i].index];
		AUTO_FREE char *name = graph_name(session->tree->graph, edited.items[i].index);
		say(page, i ? "" : "edited", "%s (%s), applied %s by %s", name, file->name,
			edited.items[i].when, edited.items[i].who);
		json_array_append_new(list, json_string(file->id));
	}
	return true;
}

static bool tell_key(struct page *page, struct err *err)
{
	CLEANUP(keys_holder_release) struct keys_holder holder = {0};
	if (!keys_who(&page->session->how.target, &holder, err))
		return false;
	if (!holder.pid)
		say(page, "run key", "free");
	else
		say(page, "run key", "%s (pid %d, %s%s%s)",
			holder.application_name ? holder.application_name : "?", holder.pid,
			holder.user ? holder.user : "?", holder.since ? ", since " : "",
			holder.since ? holder.since : "");
	json_object_set_new(page->json, "key",
		holder.pid ? json_pack("{s:s?, s:i, s:s?, s:s?}", "holder", holder.application_name,
				     "pid", holder.pid, "user", holder.user, "since", holder.since)
			   : json_null());
	return true;
}

static bool status(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	if (!ask->open(ask, MIGRATE_READ, MIGRATE_ROWS_ANY, &session, err))
		return false;
	answer->json = json_object();
	answer->advice = true;
	struct page page = {.session = &session, .lines = &answer->lines, .json = answer->json};
	tell_database(&page);
	tell_current(&page);
	tell_pending(&page);
	return tell_half_done(&page, err) && tell_edited(&page, err) && tell_key(&page, err);
}

const struct migrate_verb migrate_verb_status = {.run = status};
