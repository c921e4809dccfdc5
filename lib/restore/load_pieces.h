/*
 * A table that would keep one session busy after all others have ended is loaded in pieces, by
 * several at once: without COPY FREEZE, which wants the table emptied in the same transaction
 * (docs/decisions/038). Pure.
 */
#ifndef RESTORE_LOAD_PIECES_H
#define RESTORE_LOAD_PIECES_H

#include "pack/manifest.h"

struct load_piece {
	size_t from, to; /* of the table's members */
	int64_t rows;
};
struct load_pieces {
	struct load_piece *items;
	size_t count; /* 0: the table is loaded whole */
	size_t begun; /* the caller's */
};
void load_pieces_release(struct load_pieces *pieces);

/* total: bytes of COPY text that are to be loaded, of all tables. Fills *pieces. */
void load_pieces_plan(const struct pack_manifest *manifest, const struct pack_table *table,
	int64_t total, int workers, struct load_pieces *pieces);

#endif
