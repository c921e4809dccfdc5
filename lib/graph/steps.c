#include "graph/internal.h"

/* One revision, or GRAPH_NONE for base. */
static bool resolve_one(const struct graph *graph, const char *branch, const char *symbol,
	size_t *index, struct err *err)
{
	AUTO_FREE char *target = branch ? xstrfmt("%s@%s", branch, symbol) : xstrdup(symbol);
	AUTO_LIST(found);
	if (!graph_resolve(graph, target, &found, err))
		return false;
	if (found.count > 1) {
		AUTO_FREE char *names = graph_names(graph, &found);
		err_set(err, ERR_USAGE, "\"%s\" is %zu revisions here", target, found.count);
		err_detail(err, "%s", names);
		return err_hint(err, "name one of them");
	}
	*index = found.count ? found.items[0] : GRAPH_NONE;
	return true;
}

static bool wrong_way(const char *command, const char *target, struct err *err)
{
	err_set(err, ERR_USAGE, "\"%s\" is no target of %s", target, command);
	return err_hint(err, "upgrade takes +N, downgrade takes -N; "
			     "from a revision: REV+N, REV-N");
}

static bool choose_branch(const struct graph *graph, const struct graph_list *current,
	const char *command, const char *steps, struct err *err)
{
	AUTO_STRBUF(choices);
	for (size_t i = 0; i < current->count; i++) {
		const struct graph_revision *revision = &graph->revisions[current->items[i]];
		strbuf_addf(&choices, "%smig-apply %s %s@%s    # %s", i ? "\n" : "", command,
			revision->id, steps, revision->message);
	}
	err_set(err, ERR_USAGE, "\"%s\" could mean %zu branches: the database stands on each",
		steps, current->count);
	err_detail(err, "%s", choices.buf);
	return err_hint(err, "choose one of these commands");
}

/* The tips of what is applied on a branch that has no row of its own. */
static bool branch_tips(const struct graph *graph, const struct graph_list *current,
	const char *branch, struct graph_list *tips, struct err *err)
{
	AUTO_SET(applied, graph->count);
	graph_ancestors(graph, current, GRAPH_WITH_DEPENDS, &applied);
	AUTO_LIST(active);
	SET_EACH(&applied, index)
	graph_list_push(&active, index);
	if (!graph_filter_lineage(graph, &active, branch, GRAPH_DOWN_ONLY, err))
		return false;
	AUTO_SET(stood_on, graph->count);
	for (size_t i = 0; i < active.count; i++) {
		const struct graph_list *below = &graph->revisions[active.items[i]].requires;
		for (size_t n = 0; n < below->count; n++)
			graph_set_add(&stood_on, below->items[n]);
	}
	for (size_t i = 0; i < active.count; i++)
		if (!graph_set_has(&stood_on, active.items[i]))
			graph_list_push(tips, active.items[i]);
	return true;
}

/* Where "+N" and "-N" count from: the one current row, or the one on the named branch. */
static bool relative_start(const struct graph *graph, const struct graph_list *current,
	const struct graph_relative *relative, const char *command, size_t *start, struct err *err)
{
	AUTO_LIST(starts);
	graph_list_copy(&starts, current);
	if (relative->label) {
		if (!graph_filter_lineage(graph, &starts, relative->label, GRAPH_DOWN_ONLY, err))
			return false;
		if (!starts.count && !branch_tips(graph, current, relative->label, &starts, err))
			return false;
	}
	AUTO_FREE char *steps = xstrfmt("%+d", relative->steps);
	if (starts.count > 1)
		return choose_branch(graph, &starts, command, steps, err);
	*start = starts.count ? starts.items[0] : GRAPH_NONE;
	return true;
}

static bool relative_upgrade(const struct graph *graph, const struct graph_list *current,
	const char *target, const struct graph_relative *relative, struct graph_list *targets,
	struct err *err)
{
	size_t start, end;
	bool undo_merge = false;
	if (!relative->symbol && relative->steps <= 0)
		return wrong_way("upgrade", target, err);
	if (relative->steps > 0) {
		if (relative->symbol
				? !resolve_one(graph, NULL, relative->symbol, &start, err)
				: !relative_start(graph, current, relative, "upgrade", &start, err))
			return false;
		if (!graph_walk_up(graph, start, relative->steps, relative->label, &end, err))
			return false;
	} else {
		if (!resolve_one(graph, relative->label, relative->symbol, &start, err) ||
			!graph_walk_down(graph, start, -relative->steps, &end, &undo_merge, err))
			return false;
	}
	if (undo_merge)
		return graph_which_parent(graph, target, end, err);
	if (end == GRAPH_NONE) {
		err_set(err, ERR_USAGE, "\"%s\" is below the first revision", target);
		return err_hint(err, "to take all back: mig-apply downgrade base");
	}
	graph_list_push(targets, end);
	return true;
}

bool graph_upgrade(const struct graph *graph, const struct graph_list *current, const char *target,
	struct graph_list *steps, struct err *err)
{
	AUTO_LIST(targets);
	CLEANUP(graph_relative_release) struct graph_relative relative;
	bool found = graph_parse_relative(target, &relative)
			     ? relative_upgrade(graph, current, target, &relative, &targets, err)
			     : graph_resolve(graph, target, &targets, err);
	if (!found)
		return false;
	AUTO_SET(needs, graph->count);
	AUTO_SET(applied, graph->count);
	graph_ancestors(graph, &targets, GRAPH_WITH_DEPENDS, &needs);
	graph_ancestors(graph, current, GRAPH_WITH_DEPENDS, &applied);
	graph_set_subtract(&needs, &applied);
	AUTO_LIST(order);
	graph_order(graph, &needs, &targets, &order);
	for (size_t i = order.count; i > 0; i--)
		graph_list_push(steps, order.items[i - 1]);
	return true;
}

/* What a downgrade is to: a revision that stays (NONE: base), or a merge that goes. */
struct goal {
	size_t index;
	bool inclusive;
	char *branch; /* NULL: all */
};

static void goal_release(struct goal *goal)
{
	free(goal->branch);
}

static bool relative_downgrade(const struct graph *graph, const struct graph_list *current,
	const char *target, const struct graph_relative *relative, struct goal *goal,
	struct err *err)
{
	size_t start;
	goal->branch = xstrdup_null(relative->label);
	if (relative->up) {
		if (!relative->symbol)
			return wrong_way("downgrade", target, err);
		return resolve_one(graph, NULL, relative->symbol, &start, err) &&
		       graph_walk_up(
			       graph, start, relative->steps, relative->label, &goal->index, err);
	}
	if (relative->symbol) {
		if (!resolve_one(graph, relative->label, relative->symbol, &start, err))
			return false;
	} else {
		if (!relative_start(graph, current, relative, "downgrade", &start, err))
			return false;
		if (start == GRAPH_NONE) {
			err_set(err, ERR_USAGE, "\"%s\": no revision is applied", target);
			return err_hint(err, "see: mig-apply current");
		}
		if (!goal->branch)
			goal->branch = xstrdup(graph->revisions[start].id);
	}
	return graph_walk_down(graph, start, -relative->steps, &goal->index, &goal->inclusive, err);
}

static bool absolute_downgrade(
	const struct graph *graph, const char *target, struct goal *goal, struct err *err)
{
	const char *at = strrchr(target, '@');
	if (at && at > target)
		goal->branch = xstrndup(target, (size_t)(at - target));
	return resolve_one(graph, NULL, at ? at + 1 : target, &goal->index, err);
}

/* The revisions that have to go, each with all that stands on it. */
static bool downgrade_roots(const struct graph *graph, const struct goal *goal,
	struct graph_list *roots, struct err *err)
{
	if (goal->inclusive) {
		graph_list_push(roots, goal->index);
	} else if (goal->index == GRAPH_NONE) {
		graph_bases(graph, roots);
	} else {
		const struct graph_list *children = &graph->revisions[goal->index].children;
		for (size_t i = 0; i < children->count; i++)
			graph_list_push(roots, children->items[i]);
	}
	if (!goal->branch || roots->count < 2)
		return true;
	size_t tip;
	if (!graph_lookup(graph, goal->branch, NULL, &tip, err))
		return false;
	AUTO_SET(line, graph->count);
	struct graph_list from = {.items = &tip, .count = 1};
	graph_ancestors(graph, &from, GRAPH_DOWN_ONLY, &line);
	size_t kept = 0;
	for (size_t i = 0; i < roots->count; i++)
		if (graph_set_has(&line, roots->items[i]))
			roots->items[kept++] = roots->items[i];
	roots->count = kept;
	if (kept)
		return true;
	err_set(err, ERR_USAGE, "nothing on branch \"%s\" stands on the target", goal->branch);
	return err_hint(err, "see the branches: mig-apply history -v");
}

bool graph_downgrade(const struct graph *graph, const struct graph_list *current,
	const char *target, struct graph_list *steps, struct err *err)
{
	CLEANUP(goal_release) struct goal goal = {.index = GRAPH_NONE};
	CLEANUP(graph_relative_release) struct graph_relative relative;
	if (!strcmp(target, "previous"))
		target = "-1";
	bool found = graph_parse_relative(target, &relative)
			     ? relative_downgrade(graph, current, target, &relative, &goal, err)
			     : absolute_downgrade(graph, target, &goal, err);
	AUTO_LIST(roots);
	if (!found || !downgrade_roots(graph, &goal, &roots, err))
		return false;
	AUTO_SET(drop, graph->count);
	AUTO_SET(applied, graph->count);
	graph_descendants(graph, &roots, GRAPH_WITH_DEPENDS, &drop);
	graph_ancestors(graph, current, GRAPH_WITH_DEPENDS, &applied);
	graph_set_intersect(&drop, &applied);
	if (goal.index != GRAPH_NONE && !graph_set_count(&drop) &&
		!graph_list_has(current, goal.index)) {
		AUTO_FREE char *name = graph_name(graph, goal.index);
		err_set(err, ERR_USAGE, "%s is not below what is applied", name);
		return err_hint(
			err, "to go up: mig-apply upgrade %s", graph->revisions[goal.index].id);
	}
	graph_order(graph, &drop, current, steps);
	return true;
}
