/* The revision graph: what is refused, targets, order, version rows; then random graphs. */
#include "../support/graph_add.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

/* "id:parents:depends:labels", parts comma-separated, in file order */
static struct graph *build(const char *const *rows)
{
	struct graph *graph = graph_new();
	for (; *rows; rows++) {
		AUTO_STRVEC(parts);
		strvec_split(&parts, *rows, ':');
		AUTO_FREE char *message = xstrfmt("Message of %s", parts.items[0]);
		AUTO_FREE char *file = xstrfmt("%s.sql", parts.items[0]);
		AUTO_STRVEC(down);
		AUTO_STRVEC(depends);
		AUTO_STRVEC(labels);
		struct strvec *into[] = {&down, &depends, &labels};
		for (size_t i = 1; i < parts.count && i <= ARRAY_SIZE(into); i++)
			if (*parts.items[i])
				strvec_split(into[i - 1], parts.items[i], ',');
		graph_add_copy(graph, &(struct graph_header){parts.items[0], message, file, down,
					      depends, labels});
	}
	return graph;
}

static struct graph *linked(const char *const *rows)
{
	AUTO_ERR(err);
	struct graph *graph = build(rows);
	if (!graph_link(graph, &err))
		fail_msg("%s", err.msg);
	return graph;
}
#define LINKED(name, ...) \
	CLEANUP(graph_free_auto) \
	struct graph *name = linked((const char *const[]){__VA_ARGS__, NULL})

static char *ids(const struct graph *graph, const struct graph_list *list)
{
	AUTO_STRVEC(names);
	for (size_t i = 0; i < list->count; i++)
		strvec_push(&names, graph->revisions[list->items[i]].id);
	return strvec_join(&names, " ");
}

static void current_of(const struct graph *graph, const char *rows, struct graph_list *current)
{
	AUTO_ERR(err);
	AUTO_STRVEC(names);
	if (*rows)
		strvec_split(&names, rows, ' ');
	assert_true(graph_current(graph, &names, current, &err));
}

/* Steps of a command from these rows, or its error text. */
static char *steps(const struct graph *graph, bool up, const char *rows, const char *target)
{
	AUTO_ERR(err);
	AUTO_LIST(current);
	AUTO_LIST(order);
	current_of(graph, rows, &current);
	bool found = up ? graph_upgrade(graph, &current, target, &order, &err)
			: graph_downgrade(graph, &current, target, &order, &err);
	return found ? ids(graph, &order) : xstrfmt("%d: %s", err_exit_status(&err), err.msg);
}

static void expect_steps(const struct graph *graph, bool up, const char *rows, const char *target,
	const char *wanted)
{
	AUTO_FREE char *got = steps(graph, up, rows, target);
	if (strncmp(got, wanted, strlen(wanted)) != 0 ||
		(strchr(wanted, ':') == NULL && strcmp(got, wanted) != 0))
		fail_msg("%s %s from \"%s\": wanted \"%s\", got \"%s\"", up ? "up" : "down", target,
			rows, wanted, got);
}
#define UP(rows, target, wanted) expect_steps(graph, true, rows, target, wanted)
#define DOWN(rows, target, wanted) expect_steps(graph, false, rows, target, wanted)

static void broken_graphs_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *rows[4];
		const char *says;
	} cases[] = {
		{{"aaaa:", "bbbb:aaaa", "aaaa:bbbb"}, "two files: aaaa.sql and aaaa.sql"},
		{{"aaaa:", "bbbb:aaab"}, "bbbb.sql: down_revision aaab is in no file"},
		{{"aaaa:", "bbbb:aaaa:cccc"}, "bbbb.sql: depends_on cccc is in no file"},
		{{"aaaa:cccc", "bbbb:aaaa", "cccc:bbbb"}, "aaaa -> cccc -> bbbb -> aaaa"},
		{{"aaaa::bbbb", "bbbb:aaaa"}, "aaaa -> bbbb -> aaaa"},
		{{"aaaa:aaaa"}, "its own down_revision"},
		{{"aaaa:::main", "bbbb:aaaa::main"}, "branch label \"main\" is already used"},
		{{"aaaa:::bbbb", "bbbb:aaaa"}, "branch label \"bbbb\" is already used"},
		{{"a@aa:"}, "cannot be a revision id"},
		{{"a-b1:"}, "cannot be a revision id"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_ERR(err);
		CLEANUP(graph_free_auto) struct graph *graph = build(cases[i].rows);
		assert_false(graph_link(graph, &err));
		assert_int_equal(err.code, ERR_CONFIG);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("wanted \"%s\", got \"%s\"", cases[i].says, err.msg);
		assert_non_null(err.hint);
	}
}

static void a_missing_parent_names_the_near_one(void **state)
{
	(void)state;
	AUTO_ERR(err);
	CLEANUP(graph_free_auto)
	struct graph *graph =
		build((const char *const[]){"3f9c1a7be2d4:", "bbbb:3f9c1a7be2d5", NULL});
	assert_false(graph_link(graph, &err));
	assert_string_equal(err.hint,
		"did you mean 3f9c1a7be2d4? else: is a file missing from the checkout? "
		"mig-apply doctor looks for the commit that has it");
}

static void a_line_goes_up_and_down(void **state)
{
	(void)state;
	LINKED(graph, "aaaa:", "bbbb:aaaa", "cccc:bbbb", "dddd:cccc");
	UP("", "head", "aaaa bbbb cccc dddd");
	UP("", "heads", "aaaa bbbb cccc dddd");
	UP("bbbb", "head", "cccc dddd");
	UP("dddd", "head", "");
	UP("", "+2", "aaaa bbbb");
	UP("bbbb", "+1", "cccc");
	UP("bbbb", "+3", "2: +3 goes past the end: only 2 left");
	UP("", "cccc-1", "aaaa bbbb");
	UP("", "aaaa+1", "aaaa bbbb");
	UP("", "ccc", "aaaa bbbb cccc");
	UP("aaaa", "-1", "2: \"-1\" is no target of upgrade");
	UP("", "head-1", "aaaa bbbb cccc");
	UP("dddd", "base", "");
	DOWN("dddd", "-1", "dddd");
	DOWN("dddd", "previous", "dddd");
	DOWN("dddd", "-2", "dddd cccc");
	DOWN("bbbb", "-2", "bbbb aaaa");
	DOWN("bbbb", "-3", "2: -3 goes below the first revision");
	DOWN("dddd", "base", "dddd cccc bbbb aaaa");
	DOWN("dddd", "bbbb", "dddd cccc");
	DOWN("dddd", "aaaa+1", "dddd cccc");
	DOWN("bbbb", "bbbb", "");
	DOWN("bbbb", "dddd", "2: dddd Message of dddd is not below what is applied");
	DOWN("", "-1", "2: \"-1\": no revision is applied");
	DOWN("dddd", "+1", "2: \"+1\" is no target of downgrade");
	DOWN("", "base", "");
}

static void unknown_targets_have_near_names(void **state)
{
	(void)state;
	LINKED(graph, "3f9c1a7be2d4:", "3f9d00000000:3f9c1a7be2d4::payments");
	AUTO_ERR(err);
	AUTO_LIST(found);
	assert_false(graph_resolve(graph, "3f9c1a7be2d5", &found, &err));
	assert_int_equal(err_exit_status(&err), 14);
	assert_non_null(strstr(err.hint, "3f9c1a7be2d4 Message of"));
	assert_false(graph_resolve(graph, "paymnets", &found, &err));
	assert_string_equal(err.hint, "did you mean payments?");
	assert_false(graph_resolve(graph, "haed", &found, &err));
	assert_string_equal(err.hint, "did you mean head?");
	assert_false(graph_resolve(graph, "3f9", &found, &err));
	assert_int_equal(err_exit_status(&err), 2);
	assert_non_null(strstr(err.detail, "3f9d00000000 Message of"));
	assert_true(graph_resolve(graph, "3f9c", &found, &err));
	AUTO_STRVEC(rows);
	strvec_push(&rows, "feedfeedfeed");
	assert_false(graph_current(graph, &rows, &found, &err));
	assert_int_equal(err_exit_status(&err), 14);
	assert_non_null(strstr(err.msg, "feedfeedfeed, which is in no file"));
}

static void branches_need_a_choice(void **state)
{
	(void)state;
	LINKED(graph, "aaaa:", "bbb1:aaaa::left", "bbb2:bbb1", "ccc1:aaaa::right", "ccc2:ccc1");
	UP("", "head", "2: \"head\" is 2 revisions");
	UP("", "left@head", "aaaa bbb1 bbb2");
	UP("", "right@head", "aaaa ccc1 ccc2");
	UP("aaaa", "right@+1", "ccc1");
	UP("aaaa", "+1", "2: there are 2 ways up from aaaa");
	UP("bbb2", "right@+1", "ccc1");
	UP("bbb2 ccc1", "left@+1", "2: +1 goes past the end");
	UP("bbb1 ccc1", "+1", "2: \"+1\" could mean 2 branches");
	UP("bbb1 ccc1", "left@+1", "bbb2");
	UP("", "left@ccc1", "14: ccc1 Message of ccc1 is not on branch \"left\"");
	DOWN("bbb2 ccc2", "-1", "2: \"-1\" could mean 2 branches");
	DOWN("bbb2 ccc2", "left@-1", "bbb2");
	DOWN("bbb2 ccc2", "ccc2@-2", "ccc2 ccc1");
	DOWN("bbb2 ccc2", "left@base", "bbb2 bbb1 ccc2 ccc1 aaaa");
	DOWN("bbb2 ccc2", "left@aaaa", "bbb2 bbb1");
	DOWN("bbb2 ccc2", "ccc1", "ccc2");

	AUTO_ERR(err);
	AUTO_LIST(current);
	AUTO_LIST(order);
	current_of(graph, "bbb2 ccc2", &current);
	assert_false(graph_downgrade(graph, &current, "-1", &order, &err));
	assert_non_null(strstr(err.detail, "mig-apply downgrade bbb2@-1    # Message of bbb2"));
	assert_non_null(strstr(err.detail, "mig-apply downgrade ccc2@-1"));
}

static void minus_one_on_a_merge_undoes_the_merge(void **state)
{
	(void)state;
	LINKED(graph, "aaaa:", "bbbb:aaaa", "cccc:aaaa", "mmmm:bbbb,cccc", "nnnn:mmmm");
	DOWN("mmmm", "-1", "mmmm");
	DOWN("nnnn", "-2", "nnnn mmmm");
	DOWN("nnnn", "-3", "2: there are 2 ways down from mmmm");
	DOWN("nnnn", "mmmm-1", "nnnn mmmm");
	DOWN("mmmm", "bbbb", "mmmm");
	DOWN("mmmm", "aaaa", "mmmm bbbb cccc");
}

/* See minus-n-of-an-implied-branch. */
static void a_branch_without_a_row_is_counted_from_its_top(void **state)
{
	(void)state;
	LINKED(graph, "aaaa:", "bbbb:aaaa", "cccc:aaaa", "dddd:bbbb:cccc", "eeee:dddd",
		"mmmm:dddd,cccc::lab");
	DOWN("eeee", "lab@-1", "eeee dddd"); /* not from cccc, on which dddd stands */
	DOWN("eeee", "lab@-4", "2: -4 goes below the first revision");
	LINKED(forked, "aaaa:", "bbbb:aaaa", "cccc:aaaa", "gggg:bbbb", "hhhh:cccc",
		"mmmm:bbbb,cccc::lab");
	expect_steps(forked, false, "gggg hhhh", "lab@-1", "2: \"-1\" could mean 2 branches");
}

static void labels_spread_to_their_branch(void **state)
{
	(void)state;
	LINKED(graph, "aaaa:", "bbb1:aaaa", "bbb2:bbb1::left", "bbb3:bbb2", "cccc:aaaa",
		"mmmm:bbb3,cccc", "nnnn:mmmm");
	static const struct {
		const char *id;
		bool has;
	} cases[] = {{"aaaa", false}, {"bbb1", true}, {"bbb2", true}, {"bbb3", true},
		{"cccc", false}, {"mmmm", true}, {"nnnn", true}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t index = graph_find(graph, cases[i].id);
		assert_int_equal(
			strvec_has(&graph->revisions[index].branches, "left"), cases[i].has);
	}
}

/* Applies the steps to the rows and tells the rows; asserts that each change is possible. */
static char *rows_after(const struct graph *graph, bool up, const char *rows, const char *target)
{
	AUTO_ERR(err);
	AUTO_LIST(current);
	AUTO_LIST(order);
	current_of(graph, rows, &current);
	bool found = up ? graph_upgrade(graph, &current, target, &order, &err)
			: graph_downgrade(graph, &current, target, &order, &err);
	if (!found)
		fail_msg("%s: %s", target, err.msg);
	for (size_t i = 0; i < order.count; i++) {
		AUTO_ROW_CHANGES(changes);
		bool fine = up ? graph_rows_up(graph, &current, order.items[i], &changes, &err)
			       : graph_rows_down(graph, &current, order.items[i], &changes, &err);
		if (!fine)
			fail_msg("%s: %s", target, err.msg);
	}
	AUTO_STRVEC(names);
	for (size_t i = 0; i < current.count; i++)
		strvec_push(&names, graph->revisions[current.items[i]].id);
	strvec_sort(&names);
	return strvec_join(&names, " ");
}

static void version_rows_follow_alembic(void **state)
{
	(void)state;
	LINKED(graph, "aaaa:", "bbbb:aaaa", "cccc:aaaa", "mmmm:bbbb,cccc",
		"xxxx:", "yyyy:xxxx:bbbb");
	static const struct {
		bool up;
		const char *rows, *target, *wanted;
	} cases[] = {
		{true, "", "aaaa", "aaaa"},
		{true, "aaaa", "bbbb", "bbbb"},
		{true, "bbbb", "cccc", "bbbb cccc"},
		{true, "bbbb cccc", "mmmm", "mmmm"},
		{true, "", "xxxx", "xxxx"},
		{true, "", "yyyy",
			"yyyy"}, /* bbbb is implied by yyyy: an effective head has no row */
		{true, "yyyy", "mmmm", "mmmm yyyy"},
		{true, "", "heads", "mmmm yyyy"},
		{false, "mmmm", "-1", "bbbb cccc"},
		{false, "bbbb cccc", "cccc@-1", "bbbb"},
		{false, "aaaa", "base", ""},
		{false, "mmmm yyyy", "yyyy@-1", "mmmm xxxx"},
		{false, "yyyy", "xxxx", "bbbb xxxx"},
		{false, "mmmm yyyy", "mmmm@-1", "cccc yyyy"},
		{false, "mmmm yyyy", "base", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *got =
			rows_after(graph, cases[i].up, cases[i].rows, cases[i].target);
		if (strcmp(got, cases[i].wanted))
			fail_msg("\"%s\" to %s: wanted \"%s\", got \"%s\"", cases[i].rows,
				cases[i].target, cases[i].wanted, got);
	}
}

static void stamping_moves_only_its_own_line(void **state)
{
	(void)state;
	LINKED(graph, "aaaa:", "bbbb:aaaa", "cccc:aaaa", "xxxx:::other", "yyyy:xxxx");
	static const struct {
		const char *rows, *target, *wanted;
	} cases[] = {
		{"", "bbbb", "bbbb"},
		{"aaaa", "bbbb", "bbbb"},
		{"bbbb", "cccc", "bbbb cccc"},
		{"bbbb cccc", "aaaa", "aaaa"},
		{"bbbb", "yyyy", "bbbb yyyy"},
		{"bbbb yyyy", "xxxx", "bbbb xxxx"},
		{"bbbb yyyy", "base", ""},
		{"bbbb yyyy", "other@base", "bbbb"},
		{"aaaa", "heads", "bbbb cccc yyyy"},
		{"bbbb", "bbbb", "bbbb"},
		{"aaaa bbbb", "aaaa", "aaaa"},
		{"aaaa bbbb yyyy", "bbbb", "bbbb yyyy"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_ERR(err);
		AUTO_LIST(current);
		AUTO_ROW_CHANGES(changes);
		current_of(graph, cases[i].rows, &current);
		assert_true(graph_rows_stamp(graph, &current, cases[i].target, &changes, &err));
		AUTO_STRVEC(names);
		for (size_t n = 0; n < current.count; n++)
			strvec_push(&names, graph->revisions[current.items[n]].id);
		strvec_sort(&names);
		AUTO_FREE char *got = strvec_join(&names, " ");
		if (strcmp(got, cases[i].wanted))
			fail_msg("stamp \"%s\" %s: wanted \"%s\", got \"%s\"", cases[i].rows,
				cases[i].target, cases[i].wanted, got);
	}
}

/* --- random graphs ---------------------------------------------------------------------------- */

static uint64_t seed;

static size_t dice(size_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(seed >> 33) % sides;
}

static struct graph *random_graph(void)
{
	struct graph *graph = graph_new();
	size_t count = 2 + dice(20);
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *id = xstrfmt("r%03zu", i);
		AUTO_STRVEC(down);
		AUTO_STRVEC(depends);
		size_t parents = i == 0 || dice(8) == 0 ? 0 : 1 + (dice(4) == 0);
		for (size_t p = 0; p < parents; p++) {
			AUTO_FREE char *parent =
				xstrfmt("r%03zu", dice(3) ? i - 1 - dice(i < 3 ? i : 3) : dice(i));
			if (!strvec_has(&down, parent))
				strvec_push(&down, parent);
		}
		if (i && dice(6) == 0)
			strvec_pushf(&depends, "r%03zu", dice(i));
		graph_add_copy(
			graph, &(struct graph_header){
				       .id = id, .origin = id, .down = down, .depends = depends});
	}
	return graph;
}

static void assert_applied(
	const struct graph *graph, const struct graph_list *rows, const struct graph_set *wanted)
{
	AUTO_SET(applied, graph->count);
	graph_ancestors(graph, rows, GRAPH_WITH_DEPENDS, &applied);
	for (size_t i = 0; i < graph->count; i++)
		assert_int_equal(graph_set_has(&applied, i), graph_set_has(wanted, i));
}

/* What stands on it is never applied before it, nor left when it goes; no row implies another. */
static void assert_step_possible(
	const struct graph *graph, const struct graph_set *applied, size_t step, bool up)
{
	const struct graph_revision *revision = &graph->revisions[step];
	assert_int_equal(graph_set_has(applied, step), !up);
	const struct graph_list *list = up ? &revision->requires : &revision->followers;
	for (size_t i = 0; i < list->count; i++)
		assert_int_equal(graph_set_has(applied, list->items[i]), up);
}

static void assert_rows_independent(const struct graph *graph, const struct graph_list *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		AUTO_SET(below, graph->count);
		graph_ancestors(graph, &graph->revisions[rows->items[i]].requires,
			GRAPH_WITH_DEPENDS, &below);
		for (size_t n = 0; n < rows->count; n++)
			assert_false(graph_set_has(&below, rows->items[n]));
	}
}

static void walk(const struct graph *graph, struct graph_list *rows, struct graph_set *applied,
	const struct graph_list *order, bool up)
{
	AUTO_ERR(err);
	for (size_t i = 0; i < order->count; i++) {
		size_t step = order->items[i];
		assert_step_possible(graph, applied, step, up);
		AUTO_ROW_CHANGES(changes);
		bool fine = up ? graph_rows_up(graph, rows, step, &changes, &err)
			       : graph_rows_down(graph, rows, step, &changes, &err);
		if (!fine)
			fail_msg("%s", err.msg);
		if (up)
			graph_set_add(applied, step);
		else
			graph_set_remove(applied, step);
		assert_applied(graph, rows, applied);
		assert_rows_independent(graph, rows);
	}
}

static void random_walks_keep_their_invariants(void **state)
{
	(void)state;
	const char *given = getenv("SEED");
	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	for (int round = 0; round < 300; round++) {
		AUTO_ERR(err);
		CLEANUP(graph_free_auto) struct graph *graph = random_graph();
		if (!graph_link(graph, &err))
			fail_msg("%s", err.msg);
		AUTO_LIST(rows);
		AUTO_SET(applied, graph->count);
		for (int move = 0; move < 8; move++) {
			bool up = dice(2);
			AUTO_LIST(order);
			const char *target = graph->revisions[dice(graph->count)].id;
			bool found = up ? graph_upgrade(graph, &rows, target, &order, &err)
					: graph_downgrade(graph, &rows, target, &order, &err);
			if (found)
				walk(graph, &rows, &applied, &order, up);
			else
				assert_false(up);
		}
		AUTO_LIST(rest);
		assert_true(graph_upgrade(graph, &rows, "heads", &rest, &err));
		walk(graph, &rows, &applied, &rest, true);
		assert_int_equal(graph_set_count(&applied), graph->count);
		AUTO_LIST(back);
		assert_true(graph_downgrade(graph, &rows, "base", &back, &err));
		walk(graph, &rows, &applied, &back, false);
		assert_int_equal(rows.count, 0);
	}
}

static void five_thousand_revisions_are_quick(void **state)
{
	(void)state;
	AUTO_ERR(err);
	CLEANUP(graph_free_auto) struct graph *graph = graph_new();
	for (int i = 0; i < 5000; i++) {
		AUTO_FREE char *id = xstrfmt("%012x", i * 7919);
		AUTO_STRVEC(down);
		if (i)
			strvec_pushf(&down, "%012x", (i - 1) * 7919);
		graph_add_copy(graph, &(struct graph_header){.id = id, .origin = id, .down = down});
	}
	assert_true(graph_link(graph, &err));
	AUTO_LIST(none);
	AUTO_LIST(order);
	assert_true(graph_upgrade(graph, &none, "head", &order, &err));
	assert_int_equal(order.count, 5000);
	assert_int_equal(order.items[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_graphs_are_refused),
		cmocka_unit_test(a_missing_parent_names_the_near_one),
		cmocka_unit_test(a_line_goes_up_and_down),
		cmocka_unit_test(unknown_targets_have_near_names),
		cmocka_unit_test(branches_need_a_choice),
		cmocka_unit_test(minus_one_on_a_merge_undoes_the_merge),
		cmocka_unit_test(a_branch_without_a_row_is_counted_from_its_top),
		cmocka_unit_test(labels_spread_to_their_branch),
		cmocka_unit_test(version_rows_follow_alembic),
		cmocka_unit_test(stamping_moves_only_its_own_line),
		cmocka_unit_test(random_walks_keep_their_invariants),
		cmocka_unit_test(five_thousand_revisions_are_quick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
