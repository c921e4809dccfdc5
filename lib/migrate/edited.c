/* Revisions whose file says something else than what was applied. */
#include "base/diff.h"
#include "migrate/internal.h"

void edited_release(struct edited_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].checksum);
		free(list->items[i].when);
		free(list->items[i].who);
	}
	free(list->items);
	*list = (struct edited_list){0};
}

/* When and by whom is asked of those few that were edited. */
static bool take(struct db *db, struct edited_list *list, size_t index,
	const struct db_result *events, int row, struct err *err)
{
	AUTO_RESULT(about);
	if (!db_query(db, &about, err,
		    "select to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI \"UTC\"'), who"
		    " from mig.history where id = $1",
		    db_get(events, row, EVENT_ID)))
		return false;
	if (!db_rows(&about)) {
		err_set(err, ERR_FAILED, "a row of mig.history is gone while it is looked at");
		return err_hint(err, "type the command again");
	}
	xgrow(list->items, list->count, list->alloc);
	list->items[list->count++] = (struct edited){
		.index = index,
		.checksum = xstrdup(db_get(events, row, EVENT_CHECKSUM)),
		.when = xstrdup(db_get(&about, 0, 0)),
		.who = xstrdup(db_get(&about, 0, 1)),
	};
	return true;
}

static bool moves(const char *direction)
{
	return str_equal(direction, "up") || str_equal(direction, "down") ||
	       str_equal(direction, "stamp");
}

/* The row + 1 of what happened last to each revision of the tree, 0 for none. Caller owns. */
static int *last_events(const struct migrate_tree *tree, const struct db_result *events)
{
	int *last = xcalloc(tree->graph->count, sizeof(*last));
	for (int row = 0; row < db_rows(events); row++) {
		const char *revision = db_get(events, row, EVENT_REVISION);
		size_t index = revision ? graph_find(tree->graph, revision) : GRAPH_NONE;
		if (index == GRAPH_NONE || !moves(db_get(events, row, EVENT_DIRECTION)))
			continue;
		int64_t before =
			last[index] ? db_get_int(events, last[index] - 1, EVENT_ID) : INT64_MIN;
		if (db_get_int(events, row, EVENT_ID) > before)
			last[index] = row + 1;
	}
	return last;
}

bool edited_find(struct db *db, const struct migrate_tree *tree, const struct migrate_state *state,
	struct edited_list *list, struct err *err)
{
	if (!state->may_read_history)
		return true;
	AUTO_RESULT(asked);
	AUTO_SET(applied, tree->graph->count);
	migrate_applied(tree, &state->current, &applied);
	if (!state->events.pg && !db_query(db, &asked, err, EVENTS_SQL, tree->where->name))
		return false;
	const struct db_result *events = state->events.pg ? &state->events : &asked;
	if (db_rows(events))
		migrate_tree_study(tree);
	AUTO_FREE int *last = last_events(tree, events);
	for (size_t i = 0; i < tree->graph->count; i++) {
		int row = graph_set_has(&applied, i) ? last[i] - 1 : -1;
		const char *then = row < 0 ? NULL : db_get(events, row, EVENT_CHECKSUM);
		if (then && !strcmp(db_get(events, row, EVENT_DIRECTION), "up") &&
			strcmp(tree->files[i].checksum, then) &&
			!take(db, list, i, events, row, err))
			return false;
	}
	return true;
}

/* What mig.history says of its up section, or NULL. */
static char *applied_text(struct db *db, const struct migrate_tree *tree, size_t index)
{
	AUTO_ERR(ignored);
	char *text = NULL;
	if (!db_value(db, &text, &ignored,
		    "select up_sql from mig.history where revision = $1 and tree = $2"
		    " and direction = 'up' order by id desc limit 1",
		    tree->files[index].id, tree->where->name))
		return NULL;
	return text;
}

char *edited_diff(struct db *db, const struct migrate_tree *tree, size_t index)
{
	const struct migrate_file *file = &tree->files[index];
	AUTO_STRBUF(now);
	AUTO_STRBUF(diff);
	AUTO_FREE char *then = applied_text(db, tree, index);
	AUTO_FREE char *name = xstrfmt("%s as it was applied", file->name);
	if (file->up.present)
		strbuf_add(&now, file->source + file->up.start, file->up.end - file->up.start);
	else
		strbuf_adds(&now, file->source ? file->source : "");
	strbuf_trim(&now);
	if (then)
		diff_unified(&diff, name, then, file->name, now.buf);
	return diff.len ? strbuf_take(&diff) : NULL;
}

/* Long ones are cut: the whole is one command away. */
static void say_diff(struct err *err, const char *detail, const char *diff)
{
	enum { SHOWN = 60 };
	AUTO_STRVEC(lines);
	AUTO_STRBUF(text);
	strvec_split(&lines, diff, '\n');
	for (size_t i = 0; i + 1 < lines.count && i < SHOWN; i++)
		strbuf_addf(&text, "\n%s", lines.items[i]);
	if (lines.count > SHOWN + 1)
		strbuf_addf(&text, "\n... %zu more line%s", lines.count - 1 - SHOWN,
			str_plural((int64_t)lines.count - 1 - SHOWN));
	err_detail(err, "%s%s", detail, text.buf);
}

/* The one place where a stamp puts the database back to: its only row, or the last of a line. */
static bool stands_at(
	const struct migrate_tree *tree, const struct migrate_state *state, size_t *last)
{
	const struct graph_list *rows = &state->current;
	*last = rows->count ? rows->items[0] : 0;
	for (size_t i = 1; i < rows->count; i++)
		if (rows->items[i] > *last)
			*last = rows->items[i];
	return tree->format->books->each ? rows->count == *last + 1 : rows->count == 1;
}

/*
 * Its own tool may have taken it back and applied it anew, and tells mig.history nothing of it: two
 * stamps say that what stands there now is meant. Caller owns; NULL: not of such a tree, or not
 * easy.
 */
static char *other_way(
	const struct migrate_tree *tree, const struct migrate_state *state, size_t index)
{
	const struct migrate_file *file = &tree->files[index];
	bool each = tree->format->books->each;
	bool alone = !tree->env || !tree->env->other_count;
	size_t last;
	if ((!tree->format->apply && !each) || !alone || file->down.count > 1 ||
		!stands_at(tree, state, &last))
		return NULL;
	const char *below = file->down.count ? file->down.items[0] : "base";
	const char *first = index == last || each ? below : file->id;
	return xstrfmt("; did %s itself apply what the file says now? mig-apply stamp %s, then "
		       "mig-apply stamp %s",
		tree->format->name, first, tree->files[last].id);
}

static bool report_edited(struct db *db, const struct migrate_tree *tree,
	const struct migrate_state *state, const struct edited *edited, struct err *err)
{
	const struct migrate_file *file = &tree->files[edited->index];
	AUTO_FREE char *name = graph_name(tree->graph, edited->index);
	AUTO_FREE char *diff = edited_diff(db, tree, edited->index);
	AUTO_FREE char *detail =
		xstrfmt("applied %s by %s with SHA-256 %.12s; the file's up section now has %.12s",
			edited->when, edited->who, edited->checksum, file->checksum);
	err_set(err, ERR_REFUSED, "%s: %s was edited after it was applied", file->name, name);
	say_diff(err, detail, diff ? diff : "");
	err_where(err, "%s:%d:1", file->name, file->up.line ? file->up.line : 1);
	AUTO_FREE char *other = other_way(tree, state, edited->index);
	return err_hint(err,
		"put the text back (git log -p -- %s) and make the change in a new "
		"revision: mig-apply revision -m \"...\"%s",
		file->name, other ? other : "");
}

bool migrate_check_unedited(struct db *db, const struct migrate_tree *tree,
	const struct migrate_state *state, const struct graph_list *only, struct err *err)
{
	CLEANUP(edited_release) struct edited_list list = {0};
	if (!edited_find(db, tree, state, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++)
		if (!only || graph_list_has(only, list.items[i].index))
			return report_edited(db, tree, state, &list.items[i], err);
	return true;
}
