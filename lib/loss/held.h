/*
 * A multiset of rows, known by hashes of key and contents, and what happens when another row meets
 * it. 40 bytes per slot, at most half of them taken. Pure.
 */
#ifndef LOSS_HELD_H
#define LOSS_HELD_H

#include "pack/hash.h"

struct loss_row {
	struct pack_hash key, contents;
};
struct loss_held_slot {
	struct loss_row row;
	bool taken;
	uint32_t left; /* such rows that have not met anybody */
};
struct loss_held {
	struct loss_held_slot *slots;
	size_t taken, alloc; /* alloc: a power of two, or 0 */
};
void loss_held_release(struct loss_held *held);
/* Empty, memory kept. */
void loss_held_clear(struct loss_held *held);

void loss_held_add(struct loss_held *held, const struct loss_row *row);

enum loss_met {
	LOSS_MET_NOBODY,
	LOSS_MET_KEY, /* one with its key and other contents */
	LOSS_MET_ROW,
};
/* Whoever was met is gone. */
enum loss_met loss_held_meet(struct loss_held *held, const struct loss_row *row);
/* Rows that met nobody. */
int64_t loss_held_left(const struct loss_held *held);

#endif
