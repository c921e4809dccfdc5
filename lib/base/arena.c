#include "base/arena.h"

#include <stddef.h>

enum { BLOCK_LEAST = 4096, BLOCK_MOST = 256 << 10 };

struct arena_block {
	struct arena_block *before;
	size_t used, size;
	_Alignas(max_align_t) char bytes[];
};

void arena_release(struct arena *arena)
{
	for (struct arena_block *block = arena->last, *before; block; block = before) {
		before = block->before;
		free(block);
	}
	*arena = (struct arena){0};
}

/* Each is twice as large as the one before, so that few are made, and little is wasted. */
static void add_block(struct arena *arena, size_t size)
{
	size_t usual = arena->last ? 2 * arena->last->size : BLOCK_LEAST;
	if (usual > BLOCK_MOST)
		usual = BLOCK_MOST;
	if (size < usual)
		size = usual;
	struct arena_block *block = xrealloc(NULL, sizeof(*block) + size);
	*block = (struct arena_block){.before = arena->last, .size = size};
	arena->last = block;
}

static void *take(struct arena *arena, size_t size, size_t alignment)
{
	struct arena_block *block = arena->last;
	size_t at = block ? (block->used + alignment - 1) / alignment * alignment : 0;
	if (!block || at > block->size || size > block->size - at) {
		add_block(arena, size);
		block = arena->last;
		at = 0;
	}
	block->used = at + size;
	return block->bytes + at;
}

void *arena_room(struct arena *arena, size_t size)
{
	return take(arena, size, _Alignof(max_align_t));
}

char *arena_bytes(struct arena *arena, size_t size)
{
	return take(arena, size, 1);
}

char *arena_text(struct arena *arena, const char *bytes, size_t length)
{
	char *text = arena_bytes(arena, length + 1);
	memcpy(text, bytes, length);
	text[length] = '\0';
	return text;
}

void arena_push(struct arena *arena, struct strvec *words, const char *bytes, size_t length)
{
	if (words->count + 2 > words->alloc) {
		words->alloc = words->alloc ? words->alloc * 2 : 2;
		char **items = arena_room(arena, words->alloc * sizeof(char *));
		if (words->count)
			memcpy(items, words->items, words->count * sizeof(char *));
		words->items = items;
	}
	words->items[words->count++] = arena_text(arena, bytes, length);
	words->items[words->count] = NULL;
}

void arena_join(struct arena *to, struct arena *from)
{
	struct arena_block **first = &from->last;
	while (*first)
		first = &(*first)->before;
	*first = to->last;
	to->last = from->last;
	from->last = NULL;
}
