#include "loss/held.h"

#define FIRST_SLOTS 1024

void loss_held_release(struct loss_held *held)
{
	free(held->slots);
	*held = (struct loss_held){0};
}

void loss_held_clear(struct loss_held *held)
{
	if (held->alloc)
		memset(held->slots, 0, held->alloc * sizeof(held->slots[0]));
	held->taken = 0;
}

static struct loss_held_slot *first_slot(const struct loss_held *held, const struct pack_hash *key)
{
	return &held->slots[key->low & (held->alloc - 1)];
}

static struct loss_held_slot *next_slot(const struct loss_held *held, struct loss_held_slot *slot)
{
	return slot + 1 == held->slots + held->alloc ? held->slots : slot + 1;
}

static bool same_row(const struct loss_row *a, const struct loss_row *b)
{
	return pack_hash_equal(&a->key, &b->key) && pack_hash_equal(&a->contents, &b->contents);
}

/* The row's slot, or the free one where it belongs. */
static struct loss_held_slot *find(const struct loss_held *held, const struct loss_row *row)
{
	struct loss_held_slot *slot = first_slot(held, &row->key);
	while (slot->taken && !same_row(&slot->row, row))
		slot = next_slot(held, slot);
	return slot;
}

static void grow(struct loss_held *held)
{
	struct loss_held old = *held;
	held->alloc = old.alloc ? old.alloc * 2 : FIRST_SLOTS;
	held->slots = xcalloc(held->alloc, sizeof(held->slots[0]));
	for (size_t i = 0; i < old.alloc; i++)
		if (old.slots[i].taken)
			*find(held, &old.slots[i].row) = old.slots[i];
	free(old.slots);
}

void loss_held_add(struct loss_held *held, const struct loss_row *row)
{
	if (held->taken >= held->alloc / 2)
		grow(held);
	struct loss_held_slot *slot = find(held, row);
	held->taken += !slot->taken;
	slot->row = *row;
	slot->taken = true;
	slot->left++;
}

enum loss_met loss_held_meet(struct loss_held *held, const struct loss_row *row)
{
	if (!held->taken)
		return LOSS_MET_NOBODY;
	struct loss_held_slot *slot = find(held, row);
	if (slot->taken && slot->left) {
		slot->left--;
		return LOSS_MET_ROW;
	}
	for (slot = first_slot(held, &row->key); slot->taken; slot = next_slot(held, slot))
		if (slot->left && pack_hash_equal(&slot->row.key, &row->key)) {
			slot->left--;
			return LOSS_MET_KEY;
		}
	return LOSS_MET_NOBODY;
}

int64_t loss_held_left(const struct loss_held *held)
{
	int64_t left = 0;
	for (size_t i = 0; i < held->alloc; i++)
		left += held->slots[i].left;
	return left;
}
