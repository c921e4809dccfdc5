#include "base/base.h"

#include <ctype.h>
#include <stdio.h>

static void *or_die(void *memory)
{
	if (!memory) {
		static const char text[] = "out of memory\n";
		fwrite(text, 1, sizeof text - 1, stderr);
		abort();
	}
	return memory;
}

void base_free_pointer(void *pointer_to_pointer)
{
	void **pointer = pointer_to_pointer;
	free(*pointer);
	*pointer = NULL;
}

void *xcalloc(size_t count, size_t size)
{
	return or_die(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *memory, size_t size)
{
	return or_die(realloc(memory, size ? size : 1));
}

char *xstrdup(const char *text)
{
	return or_die(strdup(text));
}

char *xstrdup_null(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

char *xstrndup(const char *text, size_t length)
{
	return or_die(strndup(text, length));
}

const char *str_trimmed(const char *text, size_t *length)
{
	while (*length && isspace((unsigned char)*text)) {
		text++;
		--*length;
	}
	while (*length && isspace((unsigned char)text[*length - 1]))
		--*length;
	return text;
}

char *xstrndup_trimmed(const char *text, size_t length)
{
	text = str_trimmed(text, &length);
	return xstrndup(text, length);
}

void *xmemdup(const void *bytes, size_t length)
{
	char *copy = xrealloc(NULL, length + 1);
	if (length)
		memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

char *xvstrfmt(const char *fmt, va_list args)
{
	char *text = NULL;
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	return or_die(text);
}

char *xstrfmt(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	char *text = xvstrfmt(fmt, args);
	va_end(args);
	return text;
}

const char *str_plural(int64_t count)
{
	return count == 1 ? "" : "s";
}

bool str_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
	size_t length = strlen(text), tail = strlen(suffix);
	return length >= tail && memcmp(text + length - tail, suffix, tail) == 0;
}

bool str_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}
