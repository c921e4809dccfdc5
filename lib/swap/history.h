/*
 * What is left of a return to an older state in the history of the database that has it now: one
 * row `swapped_back` in mig.history.
 */
#ifndef SWAP_HISTORY_H
#define SWAP_HISTORY_H

#include "db/db.h"
#include <jansson.h>

/* Steals detail. A database without that table gets none. */
MUST_CHECK bool swap_history_write(struct db *db, const char *run, json_t *detail, struct err *err);

#endif
