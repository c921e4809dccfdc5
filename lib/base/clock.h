/*
 * Time: RFC 3339 in UTC for people and files, milliseconds for arithmetic; durations and sizes as
 * people write them.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/err.h"
#include <time.h>

int64_t clock_now_ms(void); /* since 1970, UTC */
int64_t clock_monotonic_ms(void); /* for measuring */
void clock_sleep_ms(int64_t ms);
/* "2026-11-20T01:02:03Z" / "2026-11-20T01:02:03.123Z" / "20261120T010203Z"; caller owns. */
char *clock_utc(int64_t ms);
char *clock_utc_ms(int64_t ms);
char *clock_stamp(int64_t ms);
char *clock_local(int64_t ms); /* "2026-11-20 02:02:03 CET" */
/* RFC 3339 (any zone), "2026-11-20 01:00[:00]" (local), "2h ago" or "2h", "now", "yesterday". */
MUST_CHECK bool clock_parse_time(const char *text, int64_t *ms, struct err *err);

/* "500ms", "90s", "10m", "26h", "7d"; the unit is required (0 alone is legal). ERR_USAGE. */
MUST_CHECK bool clock_parse_duration(const char *text, int64_t *ms, struct err *err);
/* "64MiB", "10GB", "512" (bytes). ERR_USAGE. */
MUST_CHECK bool clock_parse_size(const char *text, int64_t *bytes, struct err *err);
char *clock_duration_text(int64_t ms); /* "0.3 s", "41.2 s", "3m 05s", "2h 10m" */
char *clock_size_text(int64_t bytes); /* "812 B", "1.8 GiB" */

/* An id that sorts by time and never repeats: "20261120T010203Z-1a2b3c". Caller owns. */
char *clock_new_id(void);
/* Random bytes from the kernel. */
void clock_random(void *bytes, size_t length);
/* `bytes` of them as lower-case hex; caller owns. */
char *clock_random_hex(size_t bytes);
/* ms * (0.5 .. 1.5): for retries that must not march in step. */
int64_t clock_jitter(int64_t ms);

#endif
