/*
 * UTF-8 text that came from elsewhere (a server's answer, a program's output): made valid, made one
 * line, cut at a character boundary.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/base.h"

/* Length in bytes of the valid character at `text` (at most `left` bytes); 0: not valid UTF-8. */
size_t utf8_char_length(const char *text, size_t left);
/* `length` bytes with every invalid byte and NUL as "?", caller owns. */
char *utf8_clean(const char *bytes, size_t length);
/* As utf8_clean for a string, with control characters as spaces: for one line of output. */
char *utf8_one_line(const char *text);
/* The longest prefix of at most `bytes` bytes that ends at a character boundary; caller owns. */
char *utf8_cut(const char *text, size_t bytes);

#endif
