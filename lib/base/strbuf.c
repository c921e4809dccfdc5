#include "base/strbuf.h"

#include <stdio.h>

char strbuf_empty[1];

void strbuf_release(struct strbuf *sb)
{
	if (sb->alloc)
		free(sb->buf);
	*sb = (struct strbuf)STRBUF_INIT;
}

void strbuf_reset(struct strbuf *sb)
{
	sb->len = 0;
	if (sb->alloc)
		sb->buf[0] = '\0';
	else
		sb->buf = strbuf_empty;
}

void strbuf_reserve(struct strbuf *sb, size_t extra)
{
	size_t needed = sb->len + extra + 1;
	if (needed <= sb->alloc)
		return;
	size_t alloc = sb->alloc ? sb->alloc : 64;
	while (alloc < needed)
		alloc += alloc / 2 + 1;
	sb->buf = xrealloc(sb->alloc ? sb->buf : NULL, alloc);
	sb->alloc = alloc;
	sb->buf[sb->len] = '\0';
}

void strbuf_add(struct strbuf *sb, const void *bytes, size_t length)
{
	strbuf_reserve(sb, length);
	if (length)
		memcpy(sb->buf + sb->len, bytes, length);
	sb->len += length;
	sb->buf[sb->len] = '\0';
}

void strbuf_adds(struct strbuf *sb, const char *text)
{
	strbuf_add(sb, text, strlen(text));
}

void strbuf_addc(struct strbuf *sb, char c)
{
	strbuf_reserve(sb, 1);
	sb->buf[sb->len++] = c;
	sb->buf[sb->len] = '\0';
}

void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list args)
{
	va_list again;
	va_copy(again, args);
	char small[256];
	int length = vsnprintf(small, sizeof small, fmt, args);
	if (length >= 0 && (size_t)length < sizeof small) {
		strbuf_add(sb, small, (size_t)length);
	} else if (length >= 0) {
		strbuf_reserve(sb, (size_t)length);
		vsnprintf(sb->buf + sb->len, (size_t)length + 1, fmt, again);
		sb->len += (size_t)length;
	}
	va_end(again);
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	strbuf_vaddf(sb, fmt, args);
	va_end(args);
}

void strbuf_trim(struct strbuf *sb)
{
	const char *start = str_trimmed(sb->buf, &sb->len);
	if (!sb->alloc)
		return;
	memmove(sb->buf, start, sb->len);
	sb->buf[sb->len] = '\0';
}

void strbuf_add_quoted(struct strbuf *sb, char quote, const char *text)
{
	strbuf_addc(sb, quote);
	for (; *text; text++) {
		if (*text == quote)
			strbuf_addc(sb, quote);
		strbuf_addc(sb, *text);
	}
	strbuf_addc(sb, quote);
}

char *strbuf_take(struct strbuf *sb)
{
	char *text = sb->alloc ? sb->buf : xstrdup("");
	*sb = (struct strbuf)STRBUF_INIT;
	return text;
}

void hex_text(const unsigned char *bytes, size_t count, char *text)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < count; i++) {
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 15];
	}
	*text = '\0';
}
