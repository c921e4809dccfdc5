#include "graph/graph.h"
#include "graph/internal.h"

void graph_list_push(struct graph_list *list, size_t index)
{
	xgrow(list->items, list->count, list->alloc);
	list->items[list->count++] = index;
}

void graph_list_copy(struct graph_list *to, const struct graph_list *from)
{
	to->count = 0;
	for (size_t i = 0; i < from->count; i++)
		graph_list_push(to, from->items[i]);
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

void graph_free(struct graph *graph)
{
	if (!graph)
		return;
	for (size_t i = 0; i < graph->count; i++)
		strvec_release(&graph->revisions[i].branches);
	free(graph->revisions);
	free(graph->slots);
	free(graph->edges);
	free(graph);
}

void graph_add(struct graph *graph, const struct graph_header *header)
{
	xgrow(graph->revisions, graph->count, graph->alloc);
	graph->revisions[graph->count++] = (struct graph_revision){
		.id = header->id,
		.message = header->message ? header->message : "",
		.origin = header->origin,
		.down = header->down,
		.depends = header->depends,
		.labels = header->labels,
	};
}

void graph_name_add(const struct graph *graph, size_t index, struct strbuf *out)
{
	const struct graph_revision *revision = &graph->revisions[index];
	strbuf_adds(out, revision->id);
	if (*revision->message)
		strbuf_addc(out, ' ');
	strbuf_adds(out, revision->message);
}

char *graph_name(const struct graph *graph, size_t index)
{
	AUTO_STRBUF(name);
	graph_name_add(graph, index, &name);
	return strbuf_take(&name);
}

char *graph_name_of(const struct graph *graph, const char *id)
{
	size_t index = graph_find(graph, id);
	return index == GRAPH_NONE ? xstrdup(id) : graph_name(graph, index);
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
