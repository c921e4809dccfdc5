#include "pack/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

void pack_hash_add(struct pack_hash *sum, const struct pack_hash *other)
{
	sum->low += other->low;
	sum->high += other->high + (sum->low < other->low);
}

static void add_digest(struct pack_hash *sum, XXH128_hash_t digest)
{
	struct pack_hash hash = {.high = digest.high64, .low = digest.low64};
	pack_hash_add(sum, &hash);
}

void pack_hash_row(struct pack_hash *sum, const void *row, size_t length)
{
	add_digest(sum, XXH3_128bits(row, length));
}

bool pack_hash_equal(const struct pack_hash *a, const struct pack_hash *b)
{
	return a->high == b->high && a->low == b->low;
}

void pack_hash_text(const struct pack_hash *hash, char text[PACK_HASH_TEXT])
{
	snprintf(text, PACK_HASH_TEXT, "%016" PRIx64 "%016" PRIx64, hash->high, hash->low);
}

static bool parse_half(const char *text, uint64_t *value)
{
	*value = 0;
	for (int i = 0; i < 16; i++) {
		char c = text[i];
		if (c >= '0' && c <= '9')
			*value = *value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*value = *value << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	return true;
}

bool pack_hash_parse(const char *text, struct pack_hash *hash)
{
	return parse_half(text, &hash->high) && parse_half(text + 16, &hash->low) && !text[32];
}

void pack_content_add(struct pack_content *sum, const struct pack_content *other)
{
	sum->rows += other->rows;
	sum->bytes += other->bytes;
	pack_hash_add(&sum->hash, &other->hash);
}

bool pack_content_equal(const struct pack_content *a, const struct pack_content *b)
{
	return a->rows == b->rows && a->bytes == b->bytes && pack_hash_equal(&a->hash, &b->hash);
}

static void begin_partial(struct pack_rows *rows)
{
	if (!rows->partial)
		rows->partial = XXH3_createState();
	if (!rows->partial)
		abort();
	XXH3_128bits_reset(rows->partial);
	rows->open = true;
}

static void end_row(struct pack_rows *rows, const char *row, size_t length)
{
	rows->content.rows++;
	rows->content.bytes += (int64_t)length + 1;
	if (!rows->open) {
		pack_hash_row(&rows->content.hash, row, length);
		return;
	}
	XXH3_128bits_update(rows->partial, row, length);
	add_digest(&rows->content.hash, XXH3_128bits_digest(rows->partial));
	rows->open = false;
}

void pack_rows_feed(struct pack_rows *rows, const void *bytes, size_t length)
{
	const char *at = bytes;
	const char *end = at + length;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		if (!newline)
			break;
		end_row(rows, at, (size_t)(newline - at));
		at = newline + 1;
	}
	if (at == end)
		return;
	if (!rows->open)
		begin_partial(rows);
	XXH3_128bits_update(rows->partial, at, (size_t)(end - at));
	rows->content.bytes += end - at;
}

void pack_rows_release(struct pack_rows *rows)
{
	XXH3_freeState(rows->partial);
	*rows = (struct pack_rows){0};
}
