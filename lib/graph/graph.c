#include "graph/graph.h"
#include "graph/internal.h"

void graph_list_push(struct graph_list *list, size_t index)
{
	xgrow(list->items, list->count, list->alloc);
	list->items[list->count++] = index;
}

bool graph_list_has(const struct graph_list *list, size_t index)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] == index)
			return true;
	return false;
}

void graph_list_release(struct graph_list *list)
{
	free(list->items);
	*list = (struct graph_list){0};
}

struct graph *graph_new(void)
{
	return xcalloc(1, sizeof(struct graph));
}

static void revision_release(struct graph_revision *revision)
{
	free(revision->id);
	free(revision->message);
	free(revision->origin);
	strvec_release(&revision->down);
	strvec_release(&revision->depends);
	strvec_release(&revision->labels);
	strvec_release(&revision->branches);
	graph_list_release(&revision->parents);
	graph_list_release(&revision->needs);
	graph_list_release(&revision->requires);
	graph_list_release(&revision->children);
	graph_list_release(&revision->followers);
}

void graph_free(struct graph *graph)
{
	if (!graph)
		return;
	for (size_t i = 0; i < graph->count; i++)
		revision_release(&graph->revisions[i]);
	free(graph->revisions);
	free(graph->by_id);
	free(graph);
}

struct graph_revision *graph_add(
	struct graph *graph, const char *id, const char *message, const char *origin)
{
	xgrow(graph->revisions, graph->count, graph->alloc);
	struct graph_revision *revision = &graph->revisions[graph->count++];
	*revision = (struct graph_revision){
		.id = xstrdup(id),
		.message = xstrdup(message ? message : ""),
		.origin = xstrdup(origin ? origin : id),
	};
	return revision;
}

size_t graph_find(const struct graph *graph, const char *id)
{
	size_t low = 0, high = graph->by_id ? graph->count : 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(graph->revisions[graph->by_id[middle]].id, id);
		if (!order)
			return graph->by_id[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return GRAPH_NONE;
}

char *graph_name(const struct graph *graph, size_t index)
{
	const struct graph_revision *revision = &graph->revisions[index];
	return xstrfmt("%s%s%s", revision->id, *revision->message ? " " : "", revision->message);
}

char *graph_names(const struct graph *graph, const struct graph_list *list)
{
	AUTO_STRVEC(names);
	for (size_t i = 0; i < list->count; i++)
		strvec_push_take(&names, graph_name(graph, list->items[i]));
	return strvec_join(&names, ", ");
}

bool graph_is_base(const struct graph_revision *revision)
{
	return revision->down.count == 0;
}

bool graph_is_head(const struct graph_revision *revision)
{
	return revision->children.count == 0;
}

bool graph_is_real_head(const struct graph_revision *revision)
{
	return revision->followers.count == 0;
}

bool graph_is_branchpoint(const struct graph_revision *revision)
{
	return revision->children.count > 1;
}

bool graph_is_mergepoint(const struct graph_revision *revision)
{
	return revision->down.count > 1;
}

void graph_heads(const struct graph *graph, bool real, struct graph_list *heads)
{
	for (size_t i = 0; i < graph->count; i++) {
		const struct graph_revision *revision = &graph->revisions[i];
		if (real ? graph_is_real_head(revision) : graph_is_head(revision))
			graph_list_push(heads, i);
	}
}

void graph_bases(const struct graph *graph, struct graph_list *bases)
{
	for (size_t i = 0; i < graph->count; i++)
		if (graph_is_base(&graph->revisions[i]))
			graph_list_push(bases, i);
}
