/*
 * Allocation and the cleanup attribute: the words every other file is written in.
 *
 * Running out of memory ends the program: no caller checks for it.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/* Runs `function(&variable)` when the variable goes out of scope. */
#define CLEANUP(function) __attribute__((cleanup(function)))
/* `AUTO_FREE char *text = ...;` */
#define AUTO_FREE CLEANUP(base_free_pointer)

/* Makes `name##_auto(type **)` for a `name(type *)` destructor, for use with CLEANUP. */
#define DEFINE_AUTO(type, name) \
	static inline void name##_auto(type **pointer) \
	{ \
		name(*pointer); \
	}

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

void base_free_pointer(void *pointer_to_pointer);

/* The result belongs to the caller; never NULL. */
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *memory, size_t size);
char *xstrdup(const char *text);
/* NULL stays NULL. */
char *xstrdup_null(const char *text);
char *xstrndup(const char *text, size_t length);
/* Without the white space around it. */
char *xstrndup_trimmed(const char *text, size_t length);
void *xmemdup(const void *bytes, size_t length);
char *xstrfmt(const char *fmt, ...) PRINTF_LIKE(1, 2);
char *xvstrfmt(const char *fmt, va_list args) PRINTF_LIKE(1, 0);

/* Hands the value over and leaves NULL behind: `return xtake(&text);` */
#define xtake(pointer) \
	({ \
		__typeof__(*(pointer)) taken_ = *(pointer); \
		*(pointer) = NULL; \
		taken_; \
	})

/* Makes room for one more element in a grown array {items, count, allocated}. */
#define xgrow(items, count, allocated) \
	do { \
		if ((count) + 1 > (allocated)) { \
			(allocated) = (allocated) ? (allocated)*2 : 8; \
			(items) = xrealloc((items), (allocated) * sizeof((items)[0])); \
		} \
	} while (0)

/* Where the text begins without white space at its ends; *length becomes what is left. */
const char *str_trimmed(const char *text, size_t *length);
bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);
bool str_equal(const char *a, const char *b); /* NULL equals only NULL */
/* What stands behind the word of a count: "%zu table%s", count, str_plural(count). */
const char *str_plural(int64_t count);

#endif
