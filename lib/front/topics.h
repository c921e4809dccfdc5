/*
 * `mig help TOPIC`: what is the same in every program, out of the tables that decide it.
 */
#ifndef FRONT_TOPICS_H
#define FRONT_TOPICS_H

#include "base/strbuf.h"

struct topic {
	const char *name, *summary;
	void (*write)(struct strbuf *out);
};
extern const struct topic topics[];
extern const size_t topic_count;

/* NULL when there is none; *near is then the closest name or NULL. */
const struct topic *topic_find(const char *name, const char **near);

#endif
