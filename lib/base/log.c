#include "base/log.h"

void log_emit(struct log_sink *sink, enum log_level level, const char *event, json_t *fields,
	const char *fmt, ...)
{
	if (sink && sink->emit) {
		va_list args;
		va_start(args, fmt);
		AUTO_FREE char *text = xvstrfmt(fmt, args);
		va_end(args);
		sink->emit(sink, level, event, fields, text);
	}
	json_decref(fields);
}

void log_progress(
	struct log_sink *sink, const char *what, const char *unit, int64_t done, int64_t total)
{
	if (sink && sink->progress)
		sink->progress(sink, what, unit, done, total);
}
