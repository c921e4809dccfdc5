/*
 * A growing string. `buf` is never NULL and always ends with NUL; `len` bytes before it count.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include "base/base.h"

struct strbuf {
	char *buf;
	size_t len;
	size_t alloc; /* 0: buf is the shared empty string */
};

extern char strbuf_empty[1];
#define STRBUF_INIT \
	{ \
		.buf = strbuf_empty \
	}
#define AUTO_STRBUF(name) CLEANUP(strbuf_release) struct strbuf name = STRBUF_INIT

void strbuf_release(struct strbuf *sb);
void strbuf_reset(struct strbuf *sb); /* empty, memory kept */
void strbuf_reserve(struct strbuf *sb, size_t extra);
void strbuf_add(struct strbuf *sb, const void *bytes, size_t length);
void strbuf_adds(struct strbuf *sb, const char *text);
void strbuf_addc(struct strbuf *sb, char c);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
void strbuf_trim(struct strbuf *sb); /* white space at both ends */
/* Between two quotes, with those in it doubled, as SQL has it. */
void strbuf_add_quoted(struct strbuf *sb, char quote, const char *text);
/* Hands the text to the caller (never NULL) and leaves an empty buffer. */
char *strbuf_take(struct strbuf *sb);

/* Bytes as lower-case hex digits with a NUL: `text` has room for 2 * count + 1. */
void hex_text(const unsigned char *bytes, size_t count, char *text);

#endif
