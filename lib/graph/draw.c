#include "graph/draw.h"

/* Lane k stands at column 2k and waits for the revision lanes->items[k]. */
struct pen {
	const struct graph *graph;
	struct graph_set shown;
	struct graph_list lanes;
	struct graph_list parents; /* of the revision that is drawn, those shown */
	struct strbuf art, under; /* the row that is drawn; empty between rows */
	void (*take)(void *ctx, const struct graph_row *row);
	void *ctx;
};

static void put(struct pen *pen, size_t column, char c)
{
	while (pen->art.len <= column)
		strbuf_addc(&pen->art, ' ');
	pen->art.buf[column] = c;
}

/* Straight pieces of the lanes from `first` up to, not including, `end`. */
static void put_lanes(struct pen *pen, size_t first, size_t end)
{
	for (size_t lane = first; lane < end; lane++)
		put(pen, 2 * lane, '|');
}

static void end_row(struct pen *pen, size_t index)
{
	pen->take(pen->ctx, &(struct graph_row){index, pen->art.buf, pen->under.buf});
	strbuf_reset(&pen->art);
	strbuf_reset(&pen->under);
}

static void lane_remove(struct graph_list *lanes, size_t lane)
{
	memmove(&lanes->items[lane], &lanes->items[lane + 1],
		(lanes->count - lane - 1) * sizeof(size_t));
	lanes->count--;
}

static void lane_insert(struct graph_list *lanes, size_t lane, size_t index)
{
	graph_list_push(lanes, index);
	memmove(&lanes->items[lane + 1], &lanes->items[lane],
		(lanes->count - 1 - lane) * sizeof(size_t));
	lanes->items[lane] = index;
}

/* The lane that waits for a revision; one more at the right for a head. */
static size_t find_lane(struct pen *pen, size_t index)
{
	for (size_t lane = 0; lane < pen->lanes.count; lane++)
		if (pen->lanes.items[lane] == index)
			return lane;
	graph_list_push(&pen->lanes, index);
	return pen->lanes.count - 1;
}

static void draw_revision(struct pen *pen, size_t index, size_t lane, bool goes_on)
{
	put_lanes(pen, 0, pen->lanes.count);
	put(pen, 2 * lane, goes_on ? '|' : ' ');
	strbuf_add(&pen->under, pen->art.buf, pen->art.len);
	put(pen, 2 * lane, '*');
	end_row(pen, index);
}

/* The lanes at the right move one to the left. */
static void put_closing(struct pen *pen, size_t lane)
{
	for (size_t right = lane + 1; right < pen->lanes.count; right++)
		put(pen, 2 * right - 1, '/');
}

static void end_lane(struct pen *pen, size_t lane)
{
	if (lane + 1 < pen->lanes.count) {
		put_lanes(pen, 0, lane);
		put_closing(pen, lane);
		end_row(pen, GRAPH_NONE);
	}
	lane_remove(&pen->lanes, lane);
}

/* A lane for one more parent opens at the right of `lane`. */
static void fork_lane(struct pen *pen, size_t lane, size_t parent)
{
	put_lanes(pen, 0, lane + 1);
	for (size_t right = lane; right < pen->lanes.count; right++)
		put(pen, 2 * right + 1, '\\');
	end_row(pen, GRAPH_NONE);
	lane_insert(&pen->lanes, lane + 1, parent);
}

/* Two lanes wait for the same revision: the right one bends over what is between them. */
static void join_lanes(struct pen *pen, size_t left, size_t right)
{
	put_lanes(pen, 0, right);
	for (size_t between = left + 1; between + 1 < right; between++)
		put(pen, 2 * between + 1, '_');
	put(pen, 2 * right - 1, '/');
	put_closing(pen, right);
	end_row(pen, GRAPH_NONE);
	lane_remove(&pen->lanes, right);
	if (right == left + 1)
		return;
	put_lanes(pen, 0, pen->lanes.count);
	put(pen, 2 * left + 1, '/');
	end_row(pen, GRAPH_NONE);
}

static void join_all(struct pen *pen)
{
	for (size_t right = 1; right < pen->lanes.count;) {
		size_t left = 0;
		while (pen->lanes.items[left] != pen->lanes.items[right])
			left++;
		if (left < right)
			join_lanes(pen, left, right);
		else
			right++;
	}
}

static void draw_one(struct pen *pen, size_t index)
{
	const struct graph_list *all = &pen->graph->revisions[index].parents;
	struct graph_list *parents = &pen->parents;
	parents->count = 0;
	for (size_t i = 0; i < all->count; i++)
		if (graph_set_has(&pen->shown, all->items[i]))
			graph_list_push(parents, all->items[i]);
	size_t lane = find_lane(pen, index);
	draw_revision(pen, index, lane, parents->count > 0);
	if (!parents->count) {
		end_lane(pen, lane);
		return;
	}
	pen->lanes.items[lane] = parents->items[0];
	for (size_t i = parents->count; i > 1; i--)
		fork_lane(pen, lane, parents->items[i - 1]);
	join_all(pen);
}

void graph_draw(const struct graph *graph, const struct graph_list *order,
	void (*take)(void *ctx, const struct graph_row *row), void *ctx)
{
	struct pen pen = {
		.graph = graph,
		.shown = graph_set_new(graph->count),
		.art = STRBUF_INIT,
		.under = STRBUF_INIT,
		.take = take,
		.ctx = ctx,
	};
	for (size_t i = 0; i < order->count; i++)
		graph_set_add(&pen.shown, order->items[i]);
	for (size_t i = 0; i < order->count; i++)
		draw_one(&pen, order->items[i]);
	graph_set_release(&pen.shown);
	graph_list_release(&pen.lanes);
	graph_list_release(&pen.parents);
	strbuf_release(&pen.art);
	strbuf_release(&pen.under);
}
