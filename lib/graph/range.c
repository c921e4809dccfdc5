#include "graph/internal.h"

#include <stdlib.h>

bool graph_range_split(const char *range, char **lower, char **upper, struct err *err)
{
	const char *colon = strchr(range, ':');
	*lower = *upper = NULL;
	if (!colon || strchr(colon + 1, ':')) {
		err_set(err, ERR_USAGE, "\"%s\" is no range", range);
		return err_hint(err, "two revisions with a colon between them, either may be left "
				     "out: A:B, A:, :B, -3:current");
	}
	if (colon > range)
		*lower = xstrndup(range, (size_t)(colon - range));
	if (colon[1])
		*upper = xstrdup(colon + 1);
	return true;
}

bool graph_range_has(const char *range, const char *word)
{
	const char *colon = strchr(range, ':');
	size_t length = strlen(word);
	return colon && (!strcmp(colon + 1, word) || ((size_t)(colon - range) == length &&
							     !strncmp(range, word, length)));
}

/* What is one step from `at`; GRAPH_NONE is base. */
static void one_step(const struct graph *graph, size_t at, bool up, struct graph_list *next)
{
	if (at != GRAPH_NONE)
		graph_list_copy(
			next, up ? &graph->revisions[at].children : &graph->revisions[at].parents);
	else if (up)
		graph_bases(graph, next);
}

/* As many of the steps as one line has, as Alembic takes them; a fork is left to the walk. */
static int room(
	const struct graph *graph, size_t at, const struct graph_relative *relative, int steps)
{
	for (int done = 0; done < steps; done++) {
		AUTO_LIST(next);
		one_step(graph, at, relative->up, &next);
		if (next.count > 1)
			return steps;
		if (!next.count && (relative->up || at == GRAPH_NONE))
			return done;
		at = next.count ? next.items[0] : GRAPH_NONE;
	}
	return steps;
}

/* "-3" counts from the other end of the range, "REV-3" from REV. */
static bool relative_end(const struct graph *graph, const char *text,
	const struct graph_relative *relative, const struct graph_list *other,
	struct graph_list *out, struct err *err)
{
	AUTO_LIST(start);
	size_t end;
	bool undo_merge = false;
	if (relative->symbol && !graph_resolve(graph, relative->symbol, &start, err))
		return false;
	for (size_t i = 0; !relative->symbol && other && i < other->count; i++)
		graph_list_push(&start, other->items[i]);
	bool from_base = !start.count && !relative->symbol && relative->up && other;
	if (start.count != 1 && !from_base) {
		err_set(err, ERR_USAGE, "\"%s\" counts from %s", text,
			start.count ? "several revisions" : "nothing");
		return err_hint(err, "name where it counts from: REV-3:, -3:REV, REV:+3");
	}
	size_t from = from_base ? GRAPH_NONE : start.items[0];
	int steps = room(graph, from, relative, abs(relative->steps));
	if (!(relative->up ? graph_walk_up(graph, from, steps, relative->label, &end, err)
			   : graph_walk_down(graph, from, steps, &end, &undo_merge, err)))
		return false;
	if (undo_merge)
		return graph_which_parent(graph, text, end, err);
	if (end != GRAPH_NONE)
		graph_list_push(out, end);
	return true;
}

static bool resolve_end(const struct graph *graph, const struct graph_list *current,
	const char *text, const struct graph_list *other, struct graph_list *out, struct err *err)
{
	CLEANUP(graph_relative_release) struct graph_relative relative;
	if (graph_parse_relative(text, &relative))
		return relative_end(graph, text, &relative, other, out, err);
	if (strcmp(text, "current"))
		return graph_resolve(graph, text, out, err);
	for (size_t i = 0; current && i < current->count; i++)
		graph_list_push(out, current->items[i]);
	return true;
}

static bool starts_with_sign(const char *text)
{
	return text && (*text == '-' || *text == '+');
}

static bool resolve_both(const struct graph *graph, const struct graph_list *current,
	const char *lower, const char *upper, struct graph_list *low, struct graph_list *high,
	struct err *err)
{
	/* The end that counts from the other one comes second. */
	if (starts_with_sign(upper))
		return resolve_end(graph, current, lower ? lower : "base", NULL, low, err) &&
		       resolve_end(graph, current, upper, low, high, err);
	return resolve_end(graph, current, upper ? upper : "heads", NULL, high, err) &&
	       resolve_end(graph, current, lower ? lower : "base", high, low, err);
}

/* "LABEL@base:", "REV@base:": of the upper end only what is on that branch. */
static bool keep_branch(
	const struct graph *graph, const char *lower, struct graph_list *high, struct err *err)
{
	const char *at = lower ? strchr(lower, '@') : NULL;
	if (!at || strcmp(at + 1, "base") != 0 || !high->count)
		return true;
	AUTO_FREE char *branch = xstrndup(lower, (size_t)(at - lower));
	AUTO_FREE char *before = graph_names(graph, high);
	size_t kept = 0, named;
	if (!graph_lookup(graph, branch, NULL, &named, err))
		return false;
	bool is_label = graph_find_label(graph, branch) != GRAPH_NONE;
	struct graph_list line = {.items = &named, .count = 1};
	for (size_t i = 0; i < high->count; i++) {
		size_t end = high->items[i];
		if (is_label ? strvec_has(&graph->revisions[end].branches, branch)
			     : graph_shares_lineage(graph, end, &line, GRAPH_DOWN_ONLY))
			high->items[kept++] = end;
	}
	high->count = kept;
	if (kept)
		return true;
	err_set(err, ERR_USAGE, "%s is not on branch \"%s\"", before, branch);
	return err_hint(err, "see the branches: mig-apply history -v");
}

bool graph_range(const struct graph *graph, const struct graph_list *current, const char *range,
	struct graph_set *members, struct err *err)
{
	AUTO_FREE char *lower = NULL;
	AUTO_FREE char *upper = NULL;
	AUTO_LIST(low);
	AUTO_LIST(high);
	if (!graph_range_split(range, &lower, &upper, err) ||
		!resolve_both(graph, current, lower, upper, &low, &high, err) ||
		!keep_branch(graph, lower, &high, err))
		return false;
	graph_ancestors(graph, &high, GRAPH_WITH_DEPENDS, members);
	if (!low.count)
		return true;
	AUTO_SET(above, graph->count);
	graph_descendants(graph, &low, GRAPH_DOWN_ONLY, &above); /* as Alembic has it */
	graph_set_intersect(members, &above);
	if (graph_set_count(members))
		return true;
	AUTO_FREE char *low_names = graph_names(graph, &low);
	AUTO_FREE char *high_names = high.count ? graph_names(graph, &high) : xstrdup("<base>");
	err_set(err, ERR_USAGE, "%s is not below %s", low_names, high_names);
	return err_hint(err, "the older one comes first: -r OLD:NEW");
}
