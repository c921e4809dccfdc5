/*
 * Intents: one fsynced JSON file in <state_dir>/intents per thing that is about to happen to
 * databases, so that a killed program leaves nothing unknown (docs/swap.md has the keys).
 */
#ifndef COPIES_INTENT_H
#define COPIES_INTENT_H

#include "base/err.h"
#include "base/strvec.h"
#include <jansson.h>

/* "<state_dir>/intents/<kind>-<id>.json"; caller owns. */
char *copies_intent_path(const char *state_dir, const char *kind);
/* Durable when it returns; steals fields. Writing again replaces. */
MUST_CHECK bool copies_intent_write(const char *path, json_t *fields, struct err *err);
MUST_CHECK bool copies_intent_remove(const char *path, struct err *err);

/*
 * Calls `each` with every readable intent of a kind; fields are borrowed. Files that do not parse
 * are skipped: they were never durable.
 */
MUST_CHECK bool copies_intent_each(const char *state_dir, const char *kind,
	void (*each)(void *ctx, const char *path, const json_t *fields), void *ctx,
	struct err *err);

/* Text of any bytes as a JSON string: what is not UTF-8 becomes \xNN. New reference. */
json_t *copies_json_text(const char *text);
/* An array of such. */
json_t *copies_json_texts(const struct strvec *texts);

#endif
