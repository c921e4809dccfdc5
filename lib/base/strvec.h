/*
 * A growing list of strings that it owns; `items[count]` is always NULL, so it is an argv.
 */
#ifndef BASE_STRVEC_H
#define BASE_STRVEC_H

#include "base/base.h"

struct strvec {
	char **items; /* never NULL after STRVEC_INIT and one push; use strvec_argv() otherwise */
	size_t count;
	size_t alloc;
};

#define STRVEC_INIT \
	{ \
		0 \
	}
#define AUTO_STRVEC(name) CLEANUP(strvec_release) struct strvec name = STRVEC_INIT
#define STRVEC_EACH(vec, item) \
	for (size_t i_##item = 0; i_##item < (vec)->count; i_##item++) \
		for (const char *item = (vec)->items[i_##item]; item; item = NULL)

void strvec_release(struct strvec *vec);
void strvec_push(struct strvec *vec, const char *text);
void strvec_pushf(struct strvec *vec, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strvec_push_take(struct strvec *vec, char *text); /* owns text from now on */
void strvec_push_all(struct strvec *vec, const struct strvec *from);
/* `count` words; those that are NULL are left out. */
void strvec_push_words(struct strvec *vec, const char *const *words, size_t count);
void strvec_pop(struct strvec *vec);
void strvec_split(struct strvec *vec, const char *text, char separator); /* appends; keeps empty */
bool strvec_has(const struct strvec *vec, const char *text);
bool strvec_same(const struct strvec *a, const struct strvec *b); /* in any order; no text twice */
void strvec_sort(struct strvec *vec); /* byte order */
char *strvec_join(const struct strvec *vec, const char *separator);
/* For exec: valid as long as the vector is not changed; never NULL. */
char *const *strvec_argv(const struct strvec *vec);
/* Words as a person would type them into a shell (quoted where needed): for messages and plans. */
char *strvec_shell(const struct strvec *vec);

#endif
