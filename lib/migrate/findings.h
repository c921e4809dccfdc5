/*
 * What is wrong with files, version table or schema, each with the command that mends it.
 */
#ifndef MIGRATE_FINDINGS_H
#define MIGRATE_FINDINGS_H

#include "base/strvec.h"

#include <jansson.h>

struct finding {
	const char *check; /* a word: "doubled id" */
	bool bad; /* else only worth knowing */
	char *text; /* may have several lines */
	char *remedy; /* a command, or words; NULL: none */
};
struct findings {
	struct finding *items;
	size_t count, alloc;
};
void findings_release(struct findings *findings);
/* Owns both texts from now on. */
void findings_add(struct findings *findings, const char *check, bool bad, char *text, char *remedy);
size_t findings_bad(const struct findings *findings);
void findings_lines(const struct findings *findings, struct strvec *lines);
json_t *findings_json(const struct findings *findings);

#endif
