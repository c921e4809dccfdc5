/*
 * The graph as `git log --graph` draws it: one lane of characters per line of revisions.
 */
#ifndef GRAPH_DRAW_H
#define GRAPH_DRAW_H

#include "graph/graph.h"

struct graph_row {
	size_t index; /* GRAPH_NONE: only lanes that part or meet */
	const char *art; /* "| * |" */
	const char *under; /* before further lines about the same revision */
};

/*
 * `order` has each revision before those that it stands on; what is not in it is not drawn. Lines
 * are those of down_revision. `take` gets each row from the top; its texts end with the call.
 */
void graph_draw(const struct graph *graph, const struct graph_list *order,
	void (*take)(void *ctx, const struct graph_row *row), void *ctx);

#endif
