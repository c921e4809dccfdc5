#include "graph/internal.h"

static const struct graph_list *below(const struct graph_revision *revision, enum graph_edges edges)
{
	return edges == GRAPH_WITH_DEPENDS ? &revision->requires : &revision->parents;
}

static const struct graph_list *above(const struct graph_revision *revision, enum graph_edges edges)
{
	return edges == GRAPH_WITH_DEPENDS ? &revision->followers : &revision->children;
}

typedef const struct graph_list *(*neighbours)(
	const struct graph_revision *revision, enum graph_edges edges);

static void reach(const struct graph *graph, const struct graph_list *from, enum graph_edges edges,
	neighbours next, struct graph_set *out)
{
	AUTO_SET(seen, graph->count);
	AUTO_LIST(todo);
	graph_list_copy(&todo, from);
	while (todo.count) {
		size_t at = todo.items[--todo.count];
		if (graph_set_has(&seen, at))
			continue;
		graph_set_add(&seen, at);
		const struct graph_list *list = next(&graph->revisions[at], edges);
		for (size_t i = 0; i < list->count; i++)
			graph_list_push(&todo, list->items[i]);
	}
	graph_set_unite(out, &seen);
}

void graph_ancestors(const struct graph *graph, const struct graph_list *from,
	enum graph_edges edges, struct graph_set *out)
{
	reach(graph, from, edges, below, out);
}

void graph_descendants(const struct graph *graph, const struct graph_list *from,
	enum graph_edges edges, struct graph_set *out)
{
	reach(graph, from, edges, above, out);
}

bool graph_shares_lineage(const struct graph *graph, size_t index, const struct graph_list *others,
	enum graph_edges edges)
{
	struct graph_list self = {.items = &index, .count = 1};
	AUTO_SET(lineage, graph->count);
	graph_ancestors(graph, &self, edges, &lineage);
	graph_descendants(graph, &self, edges, &lineage);
	for (size_t i = 0; i < others->count; i++)
		if (graph_set_has(&lineage, others->items[i]))
			return true;
	return others->count == 0;
}

/* The lines that are walked down side by side: where each stands, and all below it. */
struct lines {
	struct line {
		size_t at;
		struct graph_set below;
	} * items;
	size_t count, alloc;
};

static void lines_release(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		graph_set_release(&lines->items[i].below);
	free(lines->items);
}

static struct graph_set all_below(const struct graph *graph, size_t index)
{
	struct graph_set set = graph_set_new(graph->count);
	struct graph_list self = {.items = &index, .count = 1};
	graph_ancestors(graph, &self, GRAPH_WITH_DEPENDS, &set);
	return set;
}

static void lines_add(const struct graph *graph, struct lines *lines, size_t at)
{
	xgrow(lines->items, lines->count, lines->alloc);
	lines->items[lines->count++] = (struct line){at, all_below(graph, at)};
}

static void lines_remove(struct lines *lines, size_t which)
{
	graph_set_release(&lines->items[which].below);
	memmove(&lines->items[which], &lines->items[which + 1],
		(lines->count - which - 1) * sizeof(lines->items[0]));
	lines->count--;
}

static bool lines_stand_at(const struct lines *lines, size_t at)
{
	for (size_t i = 0; i < lines->count; i++)
		if (lines->items[i].at == at)
			return true;
	return false;
}

/* The first other line that still has to pass through where `which` stands. */
static size_t blocked_by(const struct lines *lines, size_t which)
{
	for (size_t i = 0; i < lines->count; i++)
		if (i != which && graph_set_has(&lines->items[i].below, lines->items[which].at))
			return i;
	return GRAPH_NONE;
}

static void line_move(const struct graph *graph, struct line *line, size_t to)
{
	if (graph->revisions[line->at].requires.count == 1) {
		graph_set_remove(&line->below, line->at);
	} else {
		graph_set_release(&line->below);
		line->below = all_below(graph, to);
	}
	line->at = to;
}

/* Moves a line to what its revision stands on; false: its end, the line is gone. */
static bool step_down(
	const struct graph *graph, struct lines *lines, size_t which, const struct graph_set *todo)
{
	const struct graph_list *next = &graph->revisions[lines->items[which].at].requires;
	bool moved = false;
	for (size_t i = 0; i < next->count; i++) {
		if (!graph_set_has(todo, next->items[i]) || lines_stand_at(lines, next->items[i]))
			continue;
		if (moved)
			lines_add(graph, lines, next->items[i]);
		else
			line_move(graph, &lines->items[which], next->items[i]);
		moved = true;
	}
	if (!moved)
		lines_remove(lines, which);
	return moved;
}

void graph_order(const struct graph *graph, const struct graph_set *members,
	const struct graph_list *heads, struct graph_list *out)
{
	CLEANUP(lines_release) struct lines lines = {0};
	CLEANUP(graph_set_release) struct graph_set todo = graph_set_copy(members);
	for (size_t i = 0; i < graph->count; i++)
		if (graph_set_has(&todo, i) && graph_list_has(heads, i))
			lines_add(graph, &lines, i);
	size_t which = 0;
	while (lines.count) {
		size_t first = blocked_by(&lines, which);
		if (first != GRAPH_NONE) {
			which = first;
			continue;
		}
		size_t at = lines.items[which].at;
		if (graph_set_has(&todo, at)) {
			graph_list_push(out, at);
			graph_set_remove(&todo, at);
		}
		if (!step_down(graph, &lines, which, &todo) && which)
			which--;
	}
}
