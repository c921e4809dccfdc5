/*
 * Content hash (safety 18): an order-independent fingerprint of a table's rows. Each COPY text row,
 * without its newline, is hashed with XXH3-128 (seed 0); the hashes are added modulo 2^128. So the
 * rows may be read in any order and any split. Text form: 32 hex digits, big-endian.
 */
#ifndef PACK_HASH_H
#define PACK_HASH_H

#include "base/base.h"

struct pack_hash {
	uint64_t high, low;
};
#define PACK_HASH_TEXT 33 /* with its NUL */

void pack_hash_row(struct pack_hash *sum, const void *row, size_t length);
void pack_hash_add(struct pack_hash *sum, const struct pack_hash *other);
bool pack_hash_equal(const struct pack_hash *a, const struct pack_hash *b);
void pack_hash_text(const struct pack_hash *hash, char text[PACK_HASH_TEXT]);
/* False when text is not 32 lower-case hex digits. */
MUST_CHECK bool pack_hash_parse(const char *text, struct pack_hash *hash);

/* What the rows of a table amount to. */
struct pack_content {
	int64_t rows;
	int64_t bytes; /* of COPY text, newlines included */
	struct pack_hash hash;
};
void pack_content_add(struct pack_content *sum, const struct pack_content *other);
bool pack_content_equal(const struct pack_content *a, const struct pack_content *b);

/* Rows counted and hashed out of COPY text that arrives in pieces cut anywhere. */
struct pack_rows {
	struct pack_content content; /* of the complete rows so far */
	void *partial; /* hash state of a row that has begun; NULL until needed */
	bool open; /* the last piece ended inside a row */
};
void pack_rows_feed(struct pack_rows *rows, const void *bytes, size_t length);
void pack_rows_release(struct pack_rows *rows);

#endif
