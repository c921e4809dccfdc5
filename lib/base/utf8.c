#include "base/utf8.h"

#include <ctype.h>

static bool continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t length_by_first(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Overlong forms, surrogates and numbers over U+10FFFF show in the second byte. */
static bool second_fits(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second <= 0x9f;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second <= 0x8f;
	default:
		return true;
	}
}

size_t utf8_char_length(const char *text, size_t left)
{
	size_t length = left ? length_by_first((unsigned char)text[0]) : 0;
	if (length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if (!continuation(text[i]))
			return 0;
	if (length > 1 && !second_fits((unsigned char)text[0], (unsigned char)text[1]))
		return 0;
	return length;
}

char *utf8_clean(const char *bytes, size_t length)
{
	char *clean = xcalloc(length + 1, 1);
	memcpy(clean, bytes, length);
	for (size_t i = 0; i < length;) {
		size_t step = utf8_char_length(clean + i, length - i);
		if (step == 0 || clean[i] == '\0') {
			clean[i] = '?';
			step = 1;
		}
		i += step;
	}
	return clean;
}

char *utf8_one_line(const char *text)
{
	char *line = utf8_clean(text, strlen(text));
	for (char *c = line; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	return line;
}

char *utf8_cut(const char *text, size_t bytes)
{
	size_t length = strlen(text);
	if (length > bytes) {
		length = bytes;
		while (length > 0 && continuation(text[length]))
			length--;
	}
	return xstrndup(text, length);
}
