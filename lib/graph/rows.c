#include "graph/internal.h"

void graph_row_changes_release(struct graph_row_changes *changes)
{
	free(changes->items);
	*changes = (struct graph_row_changes){0};
}

static void change(struct graph_row_changes *changes, struct graph_row_change item)
{
	xgrow(changes->items, changes->count, changes->alloc);
	changes->items[changes->count++] = item;
}

static void list_remove(struct graph_list *list, size_t index)
{
	size_t kept = 0;
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] != index)
			list->items[kept++] = list->items[i];
	list->count = kept;
}

static void insert_row(struct graph_list *rows, struct graph_row_changes *changes, size_t to)
{
	change(changes, (struct graph_row_change){.kind = GRAPH_INSERT, .to = to});
	graph_list_push(rows, to);
}

static void delete_row(struct graph_list *rows, struct graph_row_changes *changes, size_t from)
{
	change(changes, (struct graph_row_change){.kind = GRAPH_DELETE, .from = from});
	list_remove(rows, from);
}

static void update_row(
	struct graph_list *rows, struct graph_row_changes *changes, size_t from, size_t to)
{
	change(changes, (struct graph_row_change){GRAPH_UPDATE, from, to});
	list_remove(rows, from);
	graph_list_push(rows, to);
}

/* All of `from` (rows) become the one row `to`. */
static void merge_rows(struct graph_list *rows, struct graph_row_changes *changes,
	const struct graph_list *from, size_t to)
{
	for (size_t i = 0; i + 1 < from->count; i++)
		delete_row(rows, changes, from->items[i]);
	if (from->count)
		update_row(rows, changes, from->items[from->count - 1], to);
	else
		insert_row(rows, changes, to);
}

bool graph_rows_up(const struct graph *graph, struct graph_list *rows, size_t step,
	struct graph_row_changes *changes, struct err *err)
{
	if (graph_list_has(rows, step)) {
		AUTO_FREE char *name = graph_name(graph, step);
		return err_set(err, ERR_FAILED, "%s is applied already", name);
	}
	const struct graph_list *requires = &graph->revisions[step].requires;
	AUTO_LIST(present);
	for (size_t i = 0; i < requires->count; i++)
		if (graph_list_has(rows, requires->items[i]))
			graph_list_push(&present, requires->items[i]);
	merge_rows(rows, changes, &present, step);
	return true;
}

/* Those of the step's requirements that no other row, and no other of them, stands on. */
static void uncovered(const struct graph *graph, const struct graph_list *rows, size_t step,
	struct graph_list *out)
{
	const struct graph_list *requires = &graph->revisions[step].requires;
	AUTO_LIST(others);
	for (size_t i = 0; i < rows->count; i++)
		if (rows->items[i] != step)
			graph_list_push(&others, rows->items[i]);
	for (size_t i = 0; i < requires->count; i++)
		for (size_t n = 0; n < graph->revisions[requires->items[i]].requires.count; n++)
			graph_list_push(
				&others, graph->revisions[requires->items[i]].requires.items[n]);
	AUTO_SET(covered, graph->count);
	graph_ancestors(graph, &others, GRAPH_WITH_DEPENDS, &covered);
	for (size_t i = 0; i < requires->count; i++)
		if (!graph_set_has(&covered, requires->items[i]))
			graph_list_push(out, requires->items[i]);
}

bool graph_rows_down(const struct graph *graph, struct graph_list *rows, size_t step,
	struct graph_row_changes *changes, struct err *err)
{
	if (!graph_list_has(rows, step)) {
		AUTO_FREE char *name = graph_name(graph, step);
		return err_set(err, ERR_FAILED, "the version table has no row for %s", name);
	}
	AUTO_LIST(to);
	uncovered(graph, rows, step, &to);
	if (!to.count) {
		delete_row(rows, changes, step);
		return true;
	}
	for (size_t i = 0; i + 1 < to.count; i++)
		insert_row(rows, changes, to.items[i]);
	update_row(rows, changes, step, to.items[to.count - 1]);
	return true;
}

/* Rows on the same line as the target move to it; none there: a new row. */
static void stamp_one(const struct graph *graph, struct graph_list *rows,
	const struct graph_list *related, size_t to, struct graph_row_changes *changes)
{
	AUTO_SET(line, graph->count);
	struct graph_list self = {.items = &to, .count = 1};
	graph_ancestors(graph, &self, GRAPH_WITH_DEPENDS, &line);
	graph_descendants(graph, &self, GRAPH_WITH_DEPENDS, &line);
	if (graph_list_has(rows, to)) {
		/* one of two that imply each other: it is the one that shall stay */
		for (size_t i = 0; i < related->count; i++)
			if (related->items[i] != to && graph_set_has(&line, related->items[i]) &&
				graph_list_has(rows, related->items[i]))
				delete_row(rows, changes, related->items[i]);
		return;
	}
	AUTO_LIST(from);
	bool on_line = false;
	for (size_t i = 0; i < related->count; i++) {
		on_line |= graph_set_has(&line, related->items[i]);
		if (graph_list_has(rows, related->items[i]))
			graph_list_push(&from, related->items[i]);
	}
	if (!on_line)
		from.count = 0;
	merge_rows(rows, changes, &from, to);
}

bool graph_rows_stamp(const struct graph *graph, struct graph_list *rows, const char *target,
	struct graph_row_changes *changes, struct err *err)
{
	AUTO_LIST(to);
	if (!graph_resolve(graph, target, &to, err))
		return false;
	const char *at = strchr(target, '@');
	AUTO_FREE char *branch = at ? xstrndup(target, (size_t)(at - target)) : NULL;
	AUTO_LIST(related);
	for (size_t i = 0; i < rows->count; i++) {
		bool kept = !to.count ||
			    graph_shares_lineage(graph, rows->items[i], &to, GRAPH_WITH_DEPENDS);
		if (kept)
			graph_list_push(&related, rows->items[i]);
	}
	if (branch && !to.count &&
		!graph_filter_lineage(graph, &related, branch, GRAPH_WITH_DEPENDS, err))
		return false;
	for (size_t i = 0; i < to.count; i++)
		stamp_one(graph, rows, &related, to.items[i], changes);
	for (size_t i = 0; !to.count && i < related.count; i++)
		delete_row(rows, changes, related.items[i]);
	return true;
}
