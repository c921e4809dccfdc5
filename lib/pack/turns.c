#include "pack/turns.h"

#include <stdlib.h>

static int by_turn(const void *a, const void *b)
{
	const struct pack_table *x = *(const struct pack_table *const *)a;
	const struct pack_table *y = *(const struct pack_table *const *)b;
	if (x->turn != y->turn)
		return x->turn < y->turn ? -1 : 1;
	return (x->oid > y->oid) - (x->oid < y->oid);
}

static bool same_turn(const struct pack_turns *turns, size_t a, size_t b)
{
	return b < turns->count && turns->tables[a]->turn == turns->tables[b]->turn;
}

/* Snapshots of before there were turns have none: nothing is known of circles. */
static void find_circles(struct pack_turns *turns)
{
	for (size_t i = 0; i < turns->count; i++) {
		const struct pack_table *table = turns->tables[i];
		bool shared = same_turn(turns, i, i + 1) || (i && same_turn(turns, i, i - 1));
		if (table->turn && shared)
			strvec_pushf(&turns->circle, "%s.%s", table->schema, table->name);
	}
}

void pack_turns_init(struct pack_turns *turns, const struct pack_manifest *manifest)
{
	*turns = (struct pack_turns){0};
	turns->tables = xcalloc(manifest->tables.count + 1, sizeof(turns->tables[0]));
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		if (table->extension && !table->emptied)
			turns->tables[turns->count++] = table;
	}
	qsort(turns->tables, turns->count, sizeof(turns->tables[0]), by_turn);
	find_circles(turns);
}

void pack_turns_release(struct pack_turns *turns)
{
	free(turns->tables);
	strvec_release(&turns->circle);
	*turns = (struct pack_turns){0};
}
