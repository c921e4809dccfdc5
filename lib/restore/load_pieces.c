#include "restore/load_pieces.h"

#define WORTH_BYTES (64 << 20)
#define PIECE_LEAST (16 << 20)
#define PER_WORKER 4 /* pieces, if there were no other table */

/* Rows go on from one member to the next, but never from one part to the next. */
static bool begins_part(const struct pack_member *member)
{
	return str_ends(member->name, ".000001.copy.zst");
}

void load_pieces_release(struct load_pieces *pieces)
{
	free(pieces->items);
	*pieces = (struct load_pieces){0};
}

/* More than a worker's share by a quarter. */
static bool is_too_large(const struct pack_table *table, int64_t total, int workers)
{
	return workers > 1 && table->content.bytes >= WORTH_BYTES &&
	       table->content.bytes / 5 * 4 > total / workers;
}

void load_pieces_plan(const struct pack_manifest *manifest, const struct pack_table *table,
	int64_t total, int workers, struct load_pieces *pieces)
{
	size_t alloc = 0;
	int64_t bytes = 0, enough;
	*pieces = (struct load_pieces){0};
	if (!is_too_large(table, total, workers))
		return;
	enough = total / workers / PER_WORKER;
	if (enough < PIECE_LEAST)
		enough = PIECE_LEAST;
	for (size_t i = 0; i < table->members.count; i++) {
		const struct pack_member *member =
			&manifest->members.items[table->members.items[i]];
		if (!pieces->count || (bytes >= enough && begins_part(member))) {
			xgrow(pieces->items, pieces->count, alloc);
			pieces->items[pieces->count++] = (struct load_piece){.from = i};
			bytes = 0;
		}
		struct load_piece *piece = &pieces->items[pieces->count - 1];
		piece->to = i + 1;
		piece->rows += member->rows;
		bytes += member->plain;
	}
	if (pieces->count < 2)
		load_pieces_release(pieces);
}
