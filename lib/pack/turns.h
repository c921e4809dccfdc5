/*
 * Configuration tables of extensions have their foreign keys before any row comes: those that are
 * referred to are loaded first, and emptied last. Pure.
 */
#ifndef PACK_TURNS_H
#define PACK_TURNS_H

#include "pack/manifest.h"

struct pack_turns {
	const struct pack_table **tables; /* of the manifest; those whose rows it has */
	size_t count;
	struct strvec circle; /* "schema.table" of those that refer to one another; empty: none */
};

void pack_turns_init(struct pack_turns *turns, const struct pack_manifest *manifest);
void pack_turns_release(struct pack_turns *turns);

#endif
