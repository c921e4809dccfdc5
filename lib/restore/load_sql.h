/*
 * Long SQL text that mig itself wrote, cut into batches: plain statements, with quotes '..' and
 * ".." and nothing else that could hide a semicolon. Pure.
 */
#ifndef RESTORE_LOAD_SQL_H
#define RESTORE_LOAD_SQL_H

#include "base/base.h"

/* Length of the first `statements` statements of the text, all of it when there are fewer. */
size_t load_sql_batch(const char *text, size_t statements);

#endif
