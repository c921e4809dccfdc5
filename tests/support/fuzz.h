/*
 * Texts under mutation. The seed is printed; MIG_SEED repeats it, MIG_ROUNDS runs longer.
 */
#ifndef SUPPORT_FUZZ_H
#define SUPPORT_FUZZ_H

#include "base/clock.h"
#include "base/strbuf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t fuzz_word;

static inline uint64_t fuzz_next(void)
{
	fuzz_word ^= fuzz_word << 13;
	fuzz_word ^= fuzz_word >> 7;
	fuzz_word ^= fuzz_word << 17;
	return fuzz_word;
}

static inline uint64_t fuzz_number(const char *name, uint64_t otherwise)
{
	const char *given = getenv(name);
	return given ? strtoull(given, NULL, 10) : otherwise;
}

/* Draws the seed, or takes the given one; how many rounds to run. */
static inline uint64_t fuzz_begin(uint64_t rounds)
{
	fuzz_word = fuzz_number("MIG_SEED", (uint64_t)clock_now_ms() | 1);
	printf("# MIG_SEED=%llu\n", (unsigned long long)fuzz_word);
	return fuzz_number("MIG_ROUNDS", rounds);
}

/* Another byte, a piece put in, a part twice, a part lost, or the end cut off. */
static inline void fuzz_change(struct strbuf *text, const char *const *pieces, size_t count)
{
	AUTO_STRBUF(out);
	size_t at = text->len ? fuzz_next() % text->len : 0;
	size_t part = text->len ? fuzz_next() % (text->len - at) % 40 : 0;
	size_t behind = at;
	strbuf_add(&out, text->buf, at);
	switch (fuzz_next() % 8) {
	case 0:
	case 1:
		strbuf_addc(&out, (char)fuzz_next());
		behind = at + (text->len > at);
		break;
	case 2:
	case 3:
		strbuf_adds(&out, pieces[fuzz_next() % count]);
		break;
	case 4:
	case 5:
		strbuf_add(&out, text->buf + at, part);
		break;
	case 6:
		behind = at + part;
		break;
	default:
		behind = text->len;
	}
	strbuf_add(&out, text->buf + behind, text->len - behind);
	strbuf_release(text);
	*text = out;
	out = (struct strbuf)STRBUF_INIT;
}

/* One to four changes. */
static inline void fuzz_mutate(struct strbuf *text, const char *const *pieces, size_t count)
{
	for (uint64_t n = 1 + fuzz_next() % 4; n > 0; n--)
		fuzz_change(text, pieces, count);
}

#endif
