/* Revisions by id: a table of open addresses, half empty. */
#include "graph/internal.h"

static size_t hash_of(const char *id)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
	return (size_t)(hash ^ hash >> 32);
}

/* Where the id is, or would be. */
static size_t *slot_of(const struct graph *graph, const char *id)
{
	size_t at = hash_of(id) & graph->slot_mask;
	while (graph->slots[at] && strcmp(graph->revisions[graph->slots[at] - 1].id, id) != 0)
		at = (at + 1) & graph->slot_mask;
	return &graph->slots[at];
}

size_t graph_find(const struct graph *graph, const char *id)
{
	return graph->slots ? *slot_of(graph, id) - 1 : GRAPH_NONE;
}

static bool check_id(const struct graph_revision *revision, struct err *err)
{
	if (*revision->id && !strpbrk(revision->id, "@-+: \t,'\"\\"))
		return true;
	err_set(err, ERR_CONFIG, "%s: \"%s\" cannot be a revision id", revision->origin,
		revision->id);
	err_detail(err, "an id is not empty and has no space, quote, or any of @ - + : ,");
	return err_hint(err, "give it another id in its header (12 hex digits are usual)");
}

static bool doubled(const struct graph_revision *a, const struct graph_revision *b, struct err *err)
{
	err_set(err, ERR_CONFIG, "revision %s is in two files: %s and %s", a->id, a->origin,
		b->origin);
	return err_hint(err, "give one of them another id: mig-apply doctor prints the command");
}

bool graph_index(struct graph *graph, struct err *err)
{
	size_t size = 16;
	while (size < 2 * graph->count)
		size *= 2;
	free(graph->slots);
	graph->slots = xcalloc(size, sizeof(size_t));
	graph->slot_mask = size - 1;
	for (size_t i = 0; i < graph->count; i++) {
		const struct graph_revision *revision = &graph->revisions[i];
		size_t *slot = slot_of(graph, revision->id);
		if (!check_id(revision, err))
			return false;
		if (*slot)
			return doubled(&graph->revisions[*slot - 1], revision, err);
		*slot = i + 1;
	}
	return true;
}
