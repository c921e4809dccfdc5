/* Which revisions a command runs, and what becomes of the rows: by heads, or by single rows. */
#include "migrate/books.h"

#include <ctype.h>

static bool each(const struct migrate_tree *tree)
{
	return tree->format->books->each;
}

void migrate_applied(
	const struct migrate_tree *tree, const struct graph_list *rows, struct graph_set *applied)
{
	if (!each(tree)) {
		graph_ancestors(tree->graph, rows, GRAPH_WITH_DEPENDS, applied);
		return;
	}
	for (size_t i = 0; i < rows->count; i++)
		graph_set_add(applied, rows->items[i]);
}

void migrate_tips(
	const struct migrate_tree *tree, const struct graph_list *rows, struct graph_list *tips)
{
	size_t last = 0;
	for (size_t i = 0; i < rows->count; i++) {
		if (!each(tree))
			graph_list_push(tips, rows->items[i]);
		else if (rows->items[i] > last)
			last = rows->items[i];
	}
	if (each(tree) && rows->count)
		graph_list_push(tips, last);
}

/* --- rows of their own: the order of the files, whatever is applied in between ---------------- */

/* "+3" or "-3", counted over what is pending (applied); 0: something else */
static long plain_steps(const char *target, char sign)
{
	char *end = NULL;
	if (*target != sign || !isdigit((unsigned char)target[1]))
		return 0;
	long steps = strtol(target + 1, &end, 10);
	return *end ? 0 : steps;
}

/* Strict trees: a migration older than an applied one is a mistake of a merge, as for dbmate. */
static bool check_strict(const struct migrate_tree *tree, const struct graph_list *rows,
	const struct graph_list *steps, struct err *err)
{
	const struct graph_revision *revisions = tree->graph->revisions;
	if (!tree->where->strict || !steps->count)
		return true;
	AUTO_LIST(tips);
	migrate_tips(tree, rows, &tips);
	if (!tips.count || strcmp(revisions[steps->items[0]].id, revisions[tips.items[0]].id) > 0)
		return true;
	AUTO_FREE char *late = graph_name(tree->graph, steps->items[0]);
	AUTO_FREE char *last = graph_name(tree->graph, tips.items[0]);
	err_set(err, ERR_REFUSED, "%s is pending, but the later %s is applied", late, last);
	err_detail(err, "migrations: strict: true");
	return err_hint(err, "give the file a newer number, or take \"strict\" out of mig.yaml");
}

static bool too_far(const char *target, size_t there, const char *what, struct err *err)
{
	err_set(err, ERR_USAGE, "%s goes past the end: %zu %s", target, there, what);
	return err_hint(err, "what is there: mig-apply history -i");
}

static bool each_upgrade(const struct migrate_tree *tree, const struct graph_list *rows,
	const char *target, struct graph_list *steps, struct err *err)
{
	const struct graph_list nothing = {0};
	long wanted = plain_steps(target, '+');
	AUTO_LIST(all);
	AUTO_SET(applied, tree->graph->count);
	migrate_applied(tree, rows, &applied);
	if (!tree->graph->count)
		return true;
	if (!graph_upgrade(tree->graph, &nothing, wanted ? "heads" : target, &all, err))
		return false;
	for (size_t i = 0; i < all.count; i++)
		if (!graph_set_has(&applied, all.items[i]) &&
			(!wanted || steps->count < (size_t)wanted))
			graph_list_push(steps, all.items[i]);
	if (wanted && steps->count < (size_t)wanted)
		return too_far(target, steps->count, "pending", err);
	return check_strict(tree, rows, steps, err);
}

static bool each_downgrade(const struct migrate_tree *tree, const struct graph_list *rows,
	const char *target, struct graph_list *steps, struct err *err)
{
	long wanted = plain_steps(!strcmp(target, "previous") ? "-1" : target, '-');
	AUTO_LIST(heads);
	AUTO_LIST(all);
	AUTO_SET(applied, tree->graph->count);
	migrate_applied(tree, rows, &applied);
	graph_heads(tree->graph, true, &heads);
	if (!graph_downgrade(tree->graph, &heads, wanted ? "base" : target, &all, err))
		return false;
	for (size_t i = 0; i < all.count; i++)
		if (graph_set_has(&applied, all.items[i]) &&
			(!wanted || steps->count < (size_t)wanted))
			graph_list_push(steps, all.items[i]);
	if (wanted && steps->count < (size_t)wanted)
		return too_far(target, steps->count, "applied", err);
	return true;
}

static void each_rows(enum migrate_direction direction, struct graph_list *rows, size_t step,
	struct graph_row_changes *changes)
{
	bool up = direction == MIGRATE_UP;
	xgrow(changes->items, changes->count, changes->alloc);
	changes->items[changes->count++] = (struct graph_row_change){
		.kind = up ? GRAPH_INSERT : GRAPH_DELETE, .from = step, .to = step};
	size_t kept = 0;
	for (size_t i = 0; i < rows->count; i++)
		if (rows->items[i] != step)
			rows->items[kept++] = rows->items[i];
	rows->count = kept;
	if (up)
		graph_list_push(rows, step);
}

/* Everything up to the target is applied then, and nothing behind it. */
static bool each_stamp(const struct migrate_tree *tree, struct graph_list *rows, const char *target,
	struct graph_row_changes *changes, struct err *err)
{
	const struct graph_list nothing = {0};
	AUTO_LIST(wanted);
	AUTO_SET(members, tree->graph->count);
	if (strcmp(target, "base") && !graph_upgrade(tree->graph, &nothing, target, &wanted, err))
		return false;
	for (size_t i = 0; i < wanted.count; i++) {
		graph_set_add(&members, wanted.items[i]);
		if (!graph_list_has(rows, wanted.items[i]))
			each_rows(MIGRATE_UP, rows, wanted.items[i], changes);
	}
	for (size_t i = tree->graph->count; i > 0; i--)
		if (!graph_set_has(&members, i - 1) && graph_list_has(rows, i - 1))
			each_rows(MIGRATE_DOWN, rows, i - 1, changes);
	return true;
}

/* --- either ----------------------------------------------------------------------------------- */

bool order_steps(const struct migrate_tree *tree, enum migrate_direction direction,
	const struct graph_list *rows, const char *target, struct graph_list *steps,
	struct err *err)
{
	bool up = direction == MIGRATE_UP;
	if (each(tree))
		return up ? each_upgrade(tree, rows, target, steps, err)
			  : each_downgrade(tree, rows, target, steps, err);
	return up ? graph_upgrade(tree->graph, rows, target, steps, err)
		  : graph_downgrade(tree->graph, rows, target, steps, err);
}

bool order_rows(const struct migrate_tree *tree, enum migrate_direction direction,
	struct graph_list *rows, size_t step, struct graph_row_changes *changes, struct err *err)
{
	if (each(tree)) {
		each_rows(direction, rows, step, changes);
		return true;
	}
	return direction == MIGRATE_UP ? graph_rows_up(tree->graph, rows, step, changes, err)
				       : graph_rows_down(tree->graph, rows, step, changes, err);
}

bool order_rows_stamp(const struct migrate_tree *tree, struct graph_list *rows, const char *target,
	struct graph_row_changes *changes, struct err *err)
{
	return each(tree) ? each_stamp(tree, rows, target, changes, err)
			  : graph_rows_stamp(tree->graph, rows, target, changes, err);
}
