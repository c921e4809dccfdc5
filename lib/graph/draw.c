#include "graph/draw.h"

/* Lane k stands at column 2k and waits for the revision lanes->items[k]. */
struct pen {
	const struct graph *graph;
	struct graph_set shown;
	struct graph_list lanes;
	struct graph_drawing *drawing;
};

void graph_drawing_release(struct graph_drawing *drawing)
{
	for (size_t i = 0; i < drawing->count; i++) {
		free(drawing->items[i].art);
		free(drawing->items[i].under);
	}
	free(drawing->items);
	*drawing = (struct graph_drawing){0};
}

static void put(struct strbuf *row, size_t column, char c)
{
	while (row->len <= column)
		strbuf_addc(row, ' ');
	row->buf[column] = c;
}

/* Straight pieces of the lanes from `first` up to, not including, `end`. */
static void put_lanes(struct strbuf *row, size_t first, size_t end)
{
	for (size_t lane = first; lane < end; lane++)
		put(row, 2 * lane, '|');
}

static void add_row(struct pen *pen, size_t index, struct strbuf *art, struct strbuf *under)
{
	struct graph_drawing *drawing = pen->drawing;
	xgrow(drawing->items, drawing->count, drawing->alloc);
	drawing->items[drawing->count++] = (struct graph_row){
		.index = index,
		.art = strbuf_take(art),
		.under = under ? strbuf_take(under) : NULL,
	};
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
	AUTO_STRBUF(art);
	AUTO_STRBUF(under);
	put_lanes(&art, 0, pen->lanes.count);
	put_lanes(&under, 0, pen->lanes.count);
	put(&art, 2 * lane, '*');
	put(&under, 2 * lane, goes_on ? '|' : ' ');
	add_row(pen, index, &art, &under);
}

/* The lanes at the right move one to the left. */
static void put_closing(struct strbuf *row, const struct pen *pen, size_t lane)
{
	for (size_t right = lane + 1; right < pen->lanes.count; right++)
		put(row, 2 * right - 1, '/');
}

static void end_lane(struct pen *pen, size_t lane)
{
	AUTO_STRBUF(row);
	put_lanes(&row, 0, lane);
	put_closing(&row, pen, lane);
	if (lane + 1 < pen->lanes.count)
		add_row(pen, GRAPH_NONE, &row, NULL);
	lane_remove(&pen->lanes, lane);
}

/* A lane for one more parent opens at the right of `lane`. */
static void fork_lane(struct pen *pen, size_t lane, size_t parent)
{
	AUTO_STRBUF(row);
	put_lanes(&row, 0, lane + 1);
	for (size_t right = lane; right < pen->lanes.count; right++)
		put(&row, 2 * right + 1, '\\');
	add_row(pen, GRAPH_NONE, &row, NULL);
	lane_insert(&pen->lanes, lane + 1, parent);
}

/* Two lanes wait for the same revision: the right one bends over what is between them. */
static void join_lanes(struct pen *pen, size_t left, size_t right)
{
	AUTO_STRBUF(row);
	put_lanes(&row, 0, right);
	for (size_t between = left + 1; between + 1 < right; between++)
		put(&row, 2 * between + 1, '_');
	put(&row, 2 * right - 1, '/');
	put_closing(&row, pen, right);
	add_row(pen, GRAPH_NONE, &row, NULL);
	lane_remove(&pen->lanes, right);
	if (right == left + 1)
		return;
	AUTO_STRBUF(last);
	put_lanes(&last, 0, pen->lanes.count);
	put(&last, 2 * left + 1, '/');
	add_row(pen, GRAPH_NONE, &last, NULL);
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
	AUTO_LIST(parents);
	for (size_t i = 0; i < all->count; i++)
		if (graph_set_has(&pen->shown, all->items[i]))
			graph_list_push(&parents, all->items[i]);
	size_t lane = find_lane(pen, index);
	draw_revision(pen, index, lane, parents.count > 0);
	if (!parents.count) {
		end_lane(pen, lane);
		return;
	}
	pen->lanes.items[lane] = parents.items[0];
	for (size_t i = parents.count; i > 1; i--)
		fork_lane(pen, lane, parents.items[i - 1]);
	join_all(pen);
}

void graph_draw(
	const struct graph *graph, const struct graph_list *order, struct graph_drawing *drawing)
{
	struct pen pen = {.graph = graph, .shown = graph_set_new(graph->count), .drawing = drawing};
	for (size_t i = 0; i < order->count; i++)
		graph_set_add(&pen.shown, order->items[i]);
	for (size_t i = 0; i < order->count; i++)
		draw_one(&pen, order->items[i]);
	graph_set_release(&pen.shown);
	graph_list_release(&pen.lanes);
}
