/*
 * Where a room tells what it does: a sink handed down in its settings. The library never prints;
 * the program's sink (room cli) makes text or JSON lines on stderr of it.
 *
 *	log_info(log, "table_copied", json_pack("{s:s, s:I}", "table", name, "rows", rows),
 *		"copied %s: %" PRId64 " rows", name, rows);
 *
 * `event` and the fields are documented in docs/events.md. Fields are stolen (NULL: none). A NULL
 * sink drops everything. May be called from several threads.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/base.h"
#include <jansson.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN };

struct log_sink {
	/* Borrows everything; must be thread-safe. */
	void (*emit)(struct log_sink *sink, enum log_level level, const char *event, json_t *fields,
		const char *text);
	/* Progress of one long thing: done of total (0: unknown) in unit "bytes" or "rows". Cheap.
	 */
	void (*progress)(struct log_sink *sink, const char *what, const char *unit, int64_t done,
		int64_t total);
};

void log_emit(struct log_sink *sink, enum log_level level, const char *event, json_t *fields,
	const char *fmt, ...) PRINTF_LIKE(5, 6);
void log_progress(
	struct log_sink *sink, const char *what, const char *unit, int64_t done, int64_t total);

#define log_debug(sink, event, fields, ...) log_emit(sink, LOG_DEBUG, event, fields, __VA_ARGS__)
#define log_info(sink, event, fields, ...) log_emit(sink, LOG_INFO, event, fields, __VA_ARGS__)
#define log_warn(sink, event, fields, ...) log_emit(sink, LOG_WARN, event, fields, __VA_ARGS__)

#endif
