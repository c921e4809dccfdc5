/*
 * Which rows two sides of a table do not have in common, exactly, in bounded memory and without
 * any order: rows are known by 128-bit hashes of their key and of their COPY text.
 *
 * Both sides are read once to see in which of many buckets (by key) they differ at all, then the
 * other side's rows of these buckets are held, as many as there is room for, and the live side is
 * read past them; as often as needed. Small tables are read once.
 */
#ifndef LOSS_JOIN_H
#define LOSS_JOIN_H

#include "loss/source.h"

struct loss_counts {
	int64_t added; /* only in the live table: they would be lost */
	int64_t removed; /* only in the other: they would be back */
	int64_t changed; /* same key, other contents; always 0 without a key */
};

struct loss_join {
	struct loss_source live, other;
	/* Names of columns that both have and that tell live rows apart; empty: whole rows do. */
	const struct strvec *key;
	size_t room; /* rows of the other side held at once; 0: LOSS_JOIN_ROOM */
	/* Told each row that would be lost or changed, as it is in the live table; may be NULL. */
	pack_on_row lost;
	void *ctx;
};
#define LOSS_JOIN_ROOM ((size_t)512 << 10) /* 40 MiB */

MUST_CHECK bool loss_join(
	const struct loss_join *join, struct loss_counts *counts, struct err *err);

#endif
