#include "graph/internal.h"

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
	if (start.count != 1) {
		err_set(err, ERR_USAGE, "\"%s\" counts from %s", text,
			start.count ? "several revisions" : "nothing");
		return err_hint(err, "name where it counts from: REV-3:, -3:REV, REV:+3");
	}
	if (!(relative->up ? graph_walk_up(graph, start.items[0], relative->steps, relative->label,
				     &end, err)
			   : graph_walk_down(graph, start.items[0], -relative->steps, &end,
				     &undo_merge, err)))
		return false;
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

bool graph_range(const struct graph *graph, const struct graph_list *current, const char *range,
	struct graph_set *members, struct err *err)
{
	AUTO_FREE char *lower = NULL;
	AUTO_FREE char *upper = NULL;
	AUTO_LIST(low);
	AUTO_LIST(high);
	if (!graph_range_split(range, &lower, &upper, err) ||
		!resolve_both(graph, current, lower, upper, &low, &high, err))
		return false;
	graph_ancestors(graph, &high, GRAPH_WITH_DEPENDS, members);
	if (!low.count)
		return true;
	AUTO_SET(above, graph->count);
	graph_descendants(graph, &low, GRAPH_WITH_DEPENDS, &above);
	graph_set_intersect(members, &above);
	if (graph_set_count(members))
		return true;
	AUTO_FREE char *low_names = graph_names(graph, &low);
	AUTO_FREE char *high_names = high.count ? graph_names(graph, &high) : xstrdup("<base>");
	err_set(err, ERR_USAGE, "%s is not below %s", low_names, high_names);
	return err_hint(err, "the older one comes first: -r OLD:NEW");
}
