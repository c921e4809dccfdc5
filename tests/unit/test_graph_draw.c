/* Graphs as pictures, and ranges of them. */
#include "../support/graph_add.h"
#include "graph/draw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* "id:parent,parent:label" in file order */
static struct graph *linked(const char *const *rows)
{
	AUTO_ERR(err);
	struct graph *graph = graph_new();
	for (; *rows; rows++) {
		AUTO_STRVEC(parts);
		strvec_split(&parts, *rows, ':');
		AUTO_STRVEC(down);
		if (parts.count > 1 && *parts.items[1])
			strvec_split(&down, parts.items[1], ',');
		AUTO_STRVEC(labels);
		if (parts.count > 2)
			strvec_push(&labels, parts.items[2]);
		graph_add_copy(graph, &(struct graph_header){.id = parts.items[0],
					      .origin = "x.sql",
					      .down = down,
					      .labels = labels});
	}
	if (!graph_link(graph, &err))
		fail_msg("%s", err.msg);
	return graph;
}
#define LINKED(name, ...) \
	CLEANUP(graph_free_auto) \
	struct graph *name = linked((const char *const[]){__VA_ARGS__, NULL})

static void order_all(const struct graph *graph, struct graph_list *order)
{
	AUTO_SET(all, graph->count);
	AUTO_LIST(heads);
	for (size_t i = 0; i < graph->count; i++)
		graph_set_add(&all, i);
	graph_heads(graph, true, &heads);
	graph_order(graph, &all, &heads, order);
}

struct sketch {
	const struct graph *graph;
	const struct graph_list *order;
	size_t next; /* of the order */
	struct strbuf text;
};

static void sketch_row(void *ctx, const struct graph_row *row)
{
	struct sketch *sketch = ctx;
	bool revision = row->index != GRAPH_NONE;
	strbuf_addf(&sketch->text, "%s%s%s\n", row->art, revision ? " " : "",
		revision ? sketch->graph->revisions[row->index].id : "");
}

static char *picture(const struct graph *graph, const struct graph_list *order)
{
	struct sketch sketch = {.graph = graph, .text = STRBUF_INIT};
	graph_draw(graph, order, sketch_row, &sketch);
	return strbuf_take(&sketch.text);
}

static void expect_picture(const struct graph *graph, const char *ids, const char *wanted)
{
	AUTO_LIST(order);
	AUTO_STRVEC(names);
	strvec_split(&names, ids, ' ');
	STRVEC_EACH (&names, name)
		graph_list_push(&order, graph_find(graph, name));
	AUTO_FREE char *got = picture(graph, &order);
	if (strcmp(got, wanted) != 0)
		fail_msg("wanted\n%sgot\n%s", wanted, got);
}

static void a_line_is_a_line(void **state)
{
	(void)state;
	LINKED(graph, "a", "b:a", "c:b");
	expect_picture(graph, "c b a", "* c\n* b\n* a\n");
	expect_picture(graph, "c b", "* c\n* b\n");
}

static void a_branch_and_its_merge(void **state)
{
	(void)state;
	LINKED(graph, "a", "b:a", "c:a", "m:b,c", "n:m");
	expect_picture(graph, "n m b c a",
		"* n\n"
		"* m\n"
		"|\\\n"
		"* | b\n"
		"| * c\n"
		"|/\n"
		"* a\n");
}

static void several_heads_stand_side_by_side(void **state)
{
	(void)state;
	LINKED(graph, "a", "b:a", "c:a", "d:c", "e:a");
	expect_picture(graph, "b d c e a",
		"* b\n"
		"| * d\n"
		"| * c\n"
		"|/\n"
		"| * e\n"
		"|/\n"
		"* a\n");
	expect_picture(graph, "b d e c a",
		"* b\n"
		"| * d\n"
		"| | * e\n"
		"| |/\n"
		"|/|\n"
		"| * c\n"
		"|/\n"
		"* a\n");
}

static void lanes_bend_over_those_between(void **state)
{
	(void)state;
	LINKED(graph, "a", "b:a", "p:a", "q:p", "r:p", "s:a");
	expect_picture(graph, "b q r s p a",
		"* b\n"
		"| * q\n"
		"| | * r\n"
		"| |/\n"
		"| | * s\n"
		"| |/\n"
		"|/|\n"
		"| * p\n"
		"|/\n"
		"* a\n");
	LINKED(wide, "a", "b:a", "p", "q", "p2:p", "q2:q", "s:a");
	expect_picture(wide, "b p2 q2 s p q a",
		"* b\n"
		"| * p2\n"
		"| | * q2\n"
		"| | | * s\n"
		"| |_|/\n"
		"|/| |\n"
		"| * | p\n"
		"|  /\n"
		"| * q\n"
		"* a\n");
}

static void merges_open_lanes_to_the_right(void **state)
{
	(void)state;
	LINKED(graph, "a", "b:a", "c:a", "d:a", "m:b,c,d", "x:a");
	expect_picture(graph, "m x b c d a",
		"* m\n"
		"|\\\n"
		"|\\ \\\n"
		"| | | * x\n"
		"* | | | b\n"
		"| |_|/\n"
		"|/| |\n"
		"| * | c\n"
		"|/ /\n"
		"| * d\n"
		"|/\n"
		"* a\n");
}

static void check_row(void *ctx, const struct graph_row *row)
{
	struct sketch *sketch = ctx;
	assert_int_not_equal(row->art[strlen(row->art) - 1], ' ');
	assert_int_equal(row->index == GRAPH_NONE, !strchr(row->art, '*'));
	if (row->index != GRAPH_NONE) {
		assert_int_equal(row->index, sketch->order->items[sketch->next++]);
		assert_int_equal(strlen(row->under), strlen(row->art));
	}
	strbuf_reset(&sketch->text);
	strbuf_adds(&sketch->text, row->art);
}

/* Every revision once, in its order; nothing is left open. */
static void random_graphs_are_drawn_to_the_end(void **state)
{
	(void)state;
	unsigned seed = 4711;
	for (int round = 0; round < 200; round++) {
		AUTO_ERR(err);
		CLEANUP(graph_free_auto) struct graph *graph = graph_new();
		for (int i = 0; i < 30; i++) {
			AUTO_FREE char *id = xstrfmt("r%03d", i);
			AUTO_STRVEC(down);
			int parents = i ? (int)(rand_r(&seed) % 4) : 0;
			for (int p = 0; p < parents; p++) {
				AUTO_FREE char *parent =
					xstrfmt("r%03d", (int)(rand_r(&seed) % (unsigned)i));
				if (!strvec_has(&down, parent))
					strvec_push(&down, parent);
			}
			graph_add_copy(graph,
				&(struct graph_header){.id = id, .origin = id, .down = down});
		}
		assert_true(graph_link(graph, &err));
		AUTO_LIST(order);
		order_all(graph, &order);
		struct sketch sketch = {.order = &order, .text = STRBUF_INIT};
		graph_draw(graph, &order, check_row, &sketch);
		assert_int_equal(sketch.next, graph->count);
		assert_string_equal(sketch.text.buf, "*");
		strbuf_release(&sketch.text);
	}
}

static void expect_range(
	const struct graph *graph, const char *row, const char *range, const char *wanted)
{
	AUTO_ERR(err);
	AUTO_SET(members, graph->count);
	AUTO_LIST(current);
	AUTO_LIST(found);
	AUTO_STRVEC(names);
	if (*row)
		graph_list_push(&current, graph_find(graph, row));
	if (!graph_range(graph, &current, range, &members, &err))
		strvec_pushf(&names, "%d", err_exit_status(&err));
	for (size_t i = 0; !names.count && i < graph->count; i++)
		if (graph_set_has(&members, i))
			graph_list_push(&found, i);
	for (size_t i = 0; i < found.count; i++)
		strvec_push(&names, graph->revisions[found.items[i]].id);
	AUTO_FREE char *got = strvec_join(&names, " ");
	if (strcmp(got, wanted) != 0)
		fail_msg("%s: wanted \"%s\", got \"%s\" %s", range, wanted, got,
			err.msg ? err.msg : "");
}

static void ranges_have_open_and_relative_ends(void **state)
{
	(void)state;
	LINKED(graph, "a1", "b1:a1", "c1:b1", "d1:c1", "x1:b1");
	expect_range(graph, "c1", ":", "a1 b1 c1 d1 x1");
	expect_range(graph, "c1", "b1:c1", "b1 c1");
	expect_range(graph, "c1", "b1:", "b1 c1 d1 x1");
	expect_range(graph, "c1", ":c1", "a1 b1 c1");
	expect_range(graph, "c1", "current:", "c1 d1");
	expect_range(graph, "c1", ":current", "a1 b1 c1");
	expect_range(graph, "c1", "-1:current", "b1 c1");
	expect_range(graph, "c1", "-2:d1", "b1 c1 d1");
	expect_range(graph, "c1", "d1-1:d1", "c1 d1");
	expect_range(graph, "c1", "c1:+1", "c1 d1");
	expect_range(graph, "c1", "-9:d1", "a1 b1 c1 d1");
	expect_range(graph, "c1", "c1:+9", "c1 d1");
	expect_range(graph, "c1", ":+2", "a1 b1");
	expect_range(graph, "c1", "-1:", "2");
	expect_range(graph, "c1", "d1:b1", "2");
	expect_range(graph, "c1", "x1:d1", "2");
	expect_range(graph, "c1", "b1", "2");
	expect_range(graph, "c1", "a:b:c", "2");
	expect_range(graph, "c1", "zz:", "14");
	expect_range(graph, "", "current:", "a1 b1 c1 d1 x1");
	expect_range(graph, "c1", "c1@base:", "a1 b1 c1 d1");
	expect_range(graph, "c1", "x1@base:d1", "2");
	LINKED(merged, "a1", "b1:a1", "c1:a1", "m1:b1,c1", "d1:m1");
	expect_range(merged, "m1", "-1:m1", "2");
	expect_range(merged, "m1", "m1-1:", "2");
	expect_range(merged, "m1", "-1:d1", "m1 d1");
}

/* What is merged or forks above a label takes it from nothing below; see label-below-a-fork. */
static void a_label_goes_down_whatever_is_above_it(void **state)
{
	(void)state;
	LINKED(line, "a1", "b1:a1", "c1:b1:lab", "x1:a1");
	expect_range(line, "", "lab@base:b1", "a1 b1");
	expect_range(line, "", "lab@base:a1", "2");
	LINKED(merged, "a1", "b1:a1", "c1:b1:lab", "x1:a1", "m1:a1,c1");
	expect_range(merged, "", "lab@base:b1", "a1 b1");
	expect_range(merged, "", "lab@base:m1", "a1 b1 c1 m1");
	expect_range(merged, "", "lab@base:a1", "2");
	expect_range(merged, "", "lab@base:x1", "2");
	LINKED(forked, "a1", "b1:a1", "c1:b1:lab", "d1:c1", "e1:d1", "f1:d1", "x1:a1");
	expect_range(forked, "", "lab@base:b1", "a1 b1");
	expect_range(forked, "", "lab@base:f1", "a1 b1 c1 d1 f1");
	expect_range(forked, "", "lab@base:x1", "2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_a_line),
		cmocka_unit_test(a_branch_and_its_merge),
		cmocka_unit_test(several_heads_stand_side_by_side),
		cmocka_unit_test(lanes_bend_over_those_between),
		cmocka_unit_test(merges_open_lanes_to_the_right),
		cmocka_unit_test(random_graphs_are_drawn_to_the_end),
		cmocka_unit_test(ranges_have_open_and_relative_ends),
		cmocka_unit_test(a_label_goes_down_whatever_is_above_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
