/*
 * Many small things that live as long as their owner: they lie side by side in a few large blocks,
 * and are given back all at once.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/strvec.h"

struct arena {
	struct arena_block *last; /* NULL: nothing was asked for yet */
};
#define AUTO_ARENA(name) CLEANUP(arena_release) struct arena name = {0}

void arena_release(struct arena *arena);
/* `size` bytes, aligned for anything; never NULL, not cleared. */
void *arena_room(struct arena *arena, size_t size);
/* The same for text: aligned for nothing. */
char *arena_bytes(struct arena *arena, size_t size);
/* A copy, NUL-ended. */
char *arena_text(struct arena *arena, const char *bytes, size_t length);
/*
 * Vectors whose items and texts lie in the arena: zeroed at first, grown by arena_push() alone,
 * released by nobody.
 */
void arena_push(struct arena *arena, struct strvec *words, const char *bytes, size_t length);
/* `to` owns all that is in `from`, which is empty then. */
void arena_join(struct arena *to, struct arena *from);

#endif
