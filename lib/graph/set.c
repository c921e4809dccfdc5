#include "graph/set.h"

static size_t word_count(const struct graph_set *set)
{
	return set->size / 64 + 1;
}

struct graph_set graph_set_new(size_t size)
{
	return (struct graph_set){xcalloc(size / 64 + 1, sizeof(uint64_t)), size};
}

struct graph_set graph_set_copy(const struct graph_set *set)
{
	uint64_t *words = xmemdup(set->words, word_count(set) * sizeof(uint64_t));
	return (struct graph_set){words, set->size};
}

void graph_set_release(struct graph_set *set)
{
	free(set->words);
	*set = (struct graph_set){0};
}

void graph_set_unite(struct graph_set *set, const struct graph_set *other)
{
	for (size_t i = 0; i < word_count(set); i++)
		set->words[i] |= other->words[i];
}

void graph_set_subtract(struct graph_set *set, const struct graph_set *other)
{
	for (size_t i = 0; i < word_count(set); i++)
		set->words[i] &= ~other->words[i];
}

void graph_set_intersect(struct graph_set *set, const struct graph_set *other)
{
	for (size_t i = 0; i < word_count(set); i++)
		set->words[i] &= other->words[i];
}

size_t graph_set_count(const struct graph_set *set)
{
	size_t count = 0;
	for (size_t i = 0; i < word_count(set); i++)
		count += (size_t)__builtin_popcountll(set->words[i]);
	return count;
}

bool graph_set_meets(const struct graph_set *set, const struct graph_set *other)
{
	for (size_t i = 0; i < word_count(set); i++)
		if (set->words[i] & other->words[i])
			return true;
	return false;
}
