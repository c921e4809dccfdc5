/*
 * "did you mean": the closest of some names, or NULL when none is near.
 */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include "base/strvec.h"

/* Points into candidates. */
const char *suggest_nearest(const char *word, const char *const *candidates, size_t count);
const char *suggest_in(const char *word, const struct strvec *candidates);

#endif
