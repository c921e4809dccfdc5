/*
 * Paths into JSON: `$`, then .name and [index]: `$.a.b[0]`. Names are letters, digits, "_" and "-".
 * Pure.
 */
#ifndef CHECK_PATH_H
#define CHECK_PATH_H

#include "base/err.h"

#include <jansson.h>

/* ERR_CONFIG that says what is wrong from which character on. */
MUST_CHECK bool check_path_valid(const char *path, struct err *err);
/* Borrowed; NULL when there is nothing at that path (or the path is not valid). */
json_t *check_path_find(json_t *root, const char *path);
/* A value as assertions see it: strings bare, everything else as compact JSON; caller owns. */
char *check_path_text(const json_t *value);

#endif
