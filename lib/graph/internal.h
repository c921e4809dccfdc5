/*
 * Inside room graph only.
 */
#ifndef GRAPH_INTERNAL_H
#define GRAPH_INTERNAL_H

#include "graph/graph.h"

/* Makes what graph_find() looks up. ERR_CONFIG: an id twice, or none that could be one. */
MUST_CHECK bool graph_index(struct graph *graph, struct err *err);
/* The revision that bears this label in its own header; GRAPH_NONE when absent. */
size_t graph_find_label(const struct graph *graph, const char *label);
/* Has the revision any of `others` among its ancestors or descendants, itself included? */
bool graph_shares_lineage(const struct graph *graph, size_t index, const struct graph_list *others,
	enum graph_edges edges);
/* Keeps those that share lineage with a revision, prefix or label. */
MUST_CHECK bool graph_filter_lineage(const struct graph *graph, struct graph_list *list,
	const char *branch, enum graph_edges edges, struct err *err);

/* "label@head-2": the parts of a relative target. */
struct graph_relative {
	char *label; /* NULL: none */
	char *symbol; /* NULL: relative to the current rows */
	int steps; /* with its sign */
	bool up; /* written with "+" */
};
/* False when the text is not a relative target. */
bool graph_parse_relative(const char *target, struct graph_relative *relative);
void graph_relative_release(struct graph_relative *relative);

/*
 * A place in the graph while walking: a revision, or before the first one (GRAPH_NONE).
 * Walking down from a merge point as the very last step stops *on* it with *undo_merge set: the
 * merge itself is what is taken back.
 */
MUST_CHECK bool graph_walk_up(const struct graph *graph, size_t start, int steps,
	const char *branch, size_t *end, struct err *err);
MUST_CHECK bool graph_walk_down(const struct graph *graph, size_t start, int steps, size_t *end,
	bool *undo_merge, struct err *err);
/* "REV-1" of a merge, where one place is wanted: which of its parents? ERR_USAGE, names them. */
bool graph_which_parent(
	const struct graph *graph, const char *target, size_t merge, struct err *err);

#endif
