/*
 * The rows of one unit (side.h) as a stream that can be read as often as needed: out of a
 * session, or out of a snapshot's members.
 */
#ifndef LOSS_SOURCE_H
#define LOSS_SOURCE_H

#include "loss/side.h"
#include "pack/reader.h"

/* Borrowed throughout. One of db and reader; the other is NULL. */
struct loss_source {
	struct db *db; /* in a transaction whose snapshot stays the same */
	struct pack_reader *reader;
	const struct loss_unit *unit; /* rows hold its columns, in its order */
	bool (*cancelled)(void *ctx);
	void *cancel_ctx;
};

MUST_CHECK bool loss_source_rows(
	const struct loss_source *source, pack_on_row on_row, void *ctx, struct err *err);

#endif
