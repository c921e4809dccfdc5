/*
 * Silence that receivers asked for: per receiver and category, until when. Kept in a file between
 * programs. The text forms are Sentry's: X-Sentry-Rate-Limits and Retry-After.
 */
#ifndef ALERT_LIMITS_H
#define ALERT_LIMITS_H

#include "base/err.h"

#include <jansson.h>

/* Category -> milliseconds since 1970; "" concerns every category. */
struct alert_limits {
	json_t *until; /* object, or NULL for none */
};
void alert_limits_release(struct alert_limits *limits);
#define AUTO_ALERT_LIMITS(name) CLEANUP(alert_limits_release) struct alert_limits name = {0}

/* The later end wins. */
void alert_limits_add(struct alert_limits *limits, const char *category, int64_t until_ms);
/* When the silence for this category ends; 0: there is none after `now_ms`. */
int64_t alert_limits_end(const struct alert_limits *limits, const char *category, int64_t now_ms);

/*
 * "60:error;monitor:organization, 2.5::key": seconds (also with a fraction), categories (none:
 * all), and words that do not matter here. Entries that cannot be read are skipped.
 */
void alert_limits_parse(struct alert_limits *limits, const char *header, int64_t now_ms);
/* Seconds, or an HTTP date; false when it is neither. */
bool alert_limits_retry_after(const char *header, int64_t now_ms, int64_t *until_ms);

/* One file for all receivers: {"sentry": {"error": 1732131303000}}. Absent or damaged: no limits.
 */
void alert_limits_load(const char *path, const char *receiver, struct alert_limits *limits);
MUST_CHECK bool alert_limits_save(
	const char *path, const char *receiver, const struct alert_limits *limits, struct err *err);

#endif
