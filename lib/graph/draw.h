/*
 * The graph as `git log --graph` draws it: one lane of characters per line of revisions.
 */
#ifndef GRAPH_DRAW_H
#define GRAPH_DRAW_H

#include "graph/graph.h"

struct graph_row {
	size_t index; /* GRAPH_NONE: only lanes that part or meet */
	char *art; /* "| * |" */
	char *under; /* before further lines about the same revision; NULL with GRAPH_NONE */
};
struct graph_drawing {
	struct graph_row *items;
	size_t count, alloc;
};
#define AUTO_DRAWING(name) CLEANUP(graph_drawing_release) struct graph_drawing name = {0}
void graph_drawing_release(struct graph_drawing *drawing);

/*
 * `order` has each revision before those that it stands on; what is not in it is not drawn. Lines
 * are those of down_revision.
 */
void graph_draw(
	const struct graph *graph, const struct graph_list *order, struct graph_drawing *drawing);

#endif
