/*
 * A set of revisions of one graph, by index: one bit each.
 */
#ifndef GRAPH_SET_H
#define GRAPH_SET_H

#include "base/base.h"

struct graph_set {
	uint64_t *words;
	size_t size; /* how many revisions may be members */
};

#define AUTO_SET(name, size) CLEANUP(graph_set_release) struct graph_set name = graph_set_new(size)

struct graph_set graph_set_new(size_t size);
struct graph_set graph_set_copy(const struct graph_set *set);
void graph_set_release(struct graph_set *set);

static inline bool graph_set_has(const struct graph_set *set, size_t index)
{
	return set->words[index / 64] >> (index % 64) & 1;
}
static inline void graph_set_add(struct graph_set *set, size_t index)
{
	set->words[index / 64] |= UINT64_C(1) << (index % 64);
}
static inline void graph_set_remove(struct graph_set *set, size_t index)
{
	set->words[index / 64] &= ~(UINT64_C(1) << (index % 64));
}

void graph_set_unite(struct graph_set *set, const struct graph_set *other);
void graph_set_subtract(struct graph_set *set, const struct graph_set *other);
void graph_set_intersect(struct graph_set *set, const struct graph_set *other);
size_t graph_set_count(const struct graph_set *set);
bool graph_set_meets(const struct graph_set *set, const struct graph_set *other);

/* for (size_t index; ...) over the members in ascending order */
#define SET_EACH(set, index) \
	for (size_t index = 0; index < (set)->size; index++) \
		if (graph_set_has((set), index))

#endif
