#include "cli/internal.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/strbuf.h"

/* Everything that leaves the program passes through here, redacted. */
static void write_line(FILE *to, const char *text)
{
	AUTO_FREE char *safe = secret_redact(text);
	fputs(safe, to);
	fputc('\n', to);
	fflush(to);
}

static void write_json(FILE *to, const char *event, json_t *fields)
{
	json_t *line = json_pack("{s:s}", "event", event);
	if (fields)
		json_object_update(line, fields);
	AUTO_FREE char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9));
	write_line(to, text ? text : "{}");
	json_decref(line);
}

/* --- the sink ----------------------------------------------------------------------------------
 */

struct sink {
	struct log_sink base;
	pthread_mutex_t lock;
	bool json, verbose, quiet, terminal, colour;
	const char *program;
	int64_t progress_started_ms, progress_shown_ms;
	char *progress_what;
	bool bar_stands; /* a progress bar is on the terminal's last line */
};

static void clear_bar(struct sink *sink)
{
	if (sink->bar_stands)
		fputs("\r\033[K", stderr);
	sink->bar_stands = false;
}

static const char *const level_words[] = {"debug", "info", "warning"};

static void emit_json(enum log_level level, const char *event, json_t *fields, const char *text)
{
	AUTO_FREE char *at = clock_utc_ms(clock_now_ms());
	json_t *line =
		json_pack("{s:s, s:s, s:s}", "at", at, "level", level_words[level], "text", text);
	if (fields)
		json_object_update(line, fields);
	write_json(stderr, event, line);
	json_decref(line);
}

static void emit_text(struct sink *sink, enum log_level level, const char *text)
{
	clear_bar(sink);
	if (level != LOG_WARN) {
		write_line(stderr, text);
		return;
	}
	AUTO_FREE char *line = xstrfmt("%s%s: warning:%s %s", sink->colour ? "\033[33m" : "",
		sink->program, sink->colour ? "\033[0m" : "", text);
	write_line(stderr, line);
}

static void sink_emit(struct log_sink *base, enum log_level level, const char *event,
	json_t *fields, const char *text)
{
	struct sink *sink = (struct sink *)base;
	if ((level == LOG_DEBUG && !sink->verbose) || (level == LOG_INFO && sink->quiet))
		return;
	pthread_mutex_lock(&sink->lock);
	if (sink->json)
		emit_json(level, event, fields, text);
	else
		emit_text(sink, level, text);
	pthread_mutex_unlock(&sink->lock);
}

/* "[###.....] " */
static char *progress_bar(int64_t done, int64_t total)
{
	enum { WIDTH = 8 };
	char bar[WIDTH + 1];
	int full = total > 0 && done < total ? (int)((double)done * WIDTH / (double)total) : WIDTH;
	for (int i = 0; i < WIDTH; i++)
		bar[i] = i < full ? '#' : '.';
	bar[WIDTH] = 0;
	return total > 0 ? xstrfmt("[%s] ", bar) : xstrdup("");
}

/* A longer line than the terminal's could not be taken back. */
static int terminal_width(void)
{
	struct winsize size;
	bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
	return known ? size.ws_col - 1 : 79;
}

static char *progress_text(
	const char *what, const char *unit, int64_t done, int64_t total, int64_t elapsed_ms)
{
	bool bytes = strcmp(unit, "bytes") == 0;
	int64_t rate = elapsed_ms > 0 ? (int64_t)((double)done * 1000 / (double)elapsed_ms) : 0;
	AUTO_FREE char *done_text = bytes ? clock_size_text(done) : xstrfmt("%" PRId64, done);
	AUTO_FREE char *rate_text = bytes ? clock_size_text(rate) : xstrfmt("%" PRId64, rate);
	if (!total || done > total || !rate)
		return xstrfmt("%s: %s%s%s, %s/s", what, done_text, bytes ? "" : " ",
			bytes ? "" : unit, rate_text);
	AUTO_FREE char *total_text = bytes ? clock_size_text(total) : xstrfmt("%" PRId64, total);
	AUTO_FREE char *left = clock_duration_text((total - done) / rate * 1000);
	return xstrfmt("%s: %s of %s (%d %%), %s/s, %s left", what, done_text, total_text,
		(int)((double)done * 100 / (double)total), rate_text, left);
}

static void show_progress(
	struct sink *sink, const char *what, const char *unit, int64_t done, int64_t total)
{
	int64_t now = clock_monotonic_ms();
	if (!str_equal(sink->progress_what, what)) {
		free(sink->progress_what);
		sink->progress_what = xstrdup(what);
		sink->progress_started_ms = sink->progress_shown_ms = now;
	}
	int64_t pause = sink->json ? 1000 : sink->terminal ? 200 : 5000;
	if (now - sink->progress_shown_ms < pause)
		return;
	sink->progress_shown_ms = now;
	AUTO_FREE char *text =
		progress_text(what, unit, done, total, now - sink->progress_started_ms);
	if (sink->json) {
		json_t *fields = json_pack("{s:s, s:s, s:I, s:I}", "what", what, "unit", unit,
			"done", (json_int_t)done, "total", (json_int_t)total);
		emit_json(LOG_INFO, "progress", fields, text);
		json_decref(fields);
	} else if (sink->terminal) {
		AUTO_FREE char *bar = progress_bar(done, total);
		AUTO_FREE char *line = xstrfmt("%s%s", bar, text);
		fprintf(stderr, "\r\033[K%.*s", terminal_width(), line);
		fflush(stderr);
		sink->bar_stands = true;
	} else {
		write_line(stderr, text);
	}
}

static void sink_progress(
	struct log_sink *base, const char *what, const char *unit, int64_t done, int64_t total)
{
	struct sink *sink = (struct sink *)base;
	if (sink->quiet)
		return;
	pthread_mutex_lock(&sink->lock);
	show_progress(sink, what, unit, done, total);
	pthread_mutex_unlock(&sink->lock);
}

struct log_sink *cli_sink_new(const struct cli_shared *shared, const char *program)
{
	struct sink *sink = xcalloc(1, sizeof *sink);
	sink->base.emit = sink_emit;
	sink->base.progress = sink_progress;
	pthread_mutex_init(&sink->lock, NULL);
	sink->json = shared->json;
	sink->verbose = shared->verbose;
	sink->quiet = shared->quiet;
	sink->program = program;
	sink->terminal = isatty(STDERR_FILENO) && !shared->json;
	const char *no_color = getenv("NO_COLOR");
	sink->colour =
		str_equal(shared->color, "always") ||
		(sink->terminal && !(no_color && *no_color) && !str_equal(shared->color, "never"));
	return &sink->base;
}

void cli_sink_free(struct log_sink *base)
{
	if (!base)
		return;
	struct sink *sink = (struct sink *)base;
	clear_bar(sink);
	free(sink->progress_what);
	pthread_mutex_destroy(&sink->lock);
	free(sink);
}

/* --- results -----------------------------------------------------------------------------------
 */

/* Results often go to the same terminal. */
static void make_room(struct cli *cli)
{
	struct sink *sink = (struct sink *)cli->log;
	if (!sink)
		return;
	pthread_mutex_lock(&sink->lock);
	clear_bar(sink);
	fflush(stderr);
	pthread_mutex_unlock(&sink->lock);
}

void cli_print(struct cli *cli, const char *fmt, ...)
{
	if (cli->shared.json)
		return;
	make_room(cli);
	va_list args;
	va_start(args, fmt);
	AUTO_FREE char *text = xvstrfmt(fmt, args);
	va_end(args);
	write_line(stdout, text);
}

void cli_advise(struct cli *cli, const char *text)
{
	AUTO_FREE char *own = cli_own_words(cli, text);
	cli_print(cli, "%s", own);
}

void cli_event(struct cli *cli, const char *event, json_t *fields)
{
	if (cli->shared.json)
		write_json(stdout, event, fields);
	json_decref(fields);
}

void cli_result(struct cli *cli, json_t *fields)
{
	cli->result_printed = true;
	cli_event(cli, "result", fields);
}

/* --- errors ------------------------------------------------------------------------------------
 */

static void add_indented(struct strbuf *out, const char *text)
{
	AUTO_STRVEC(lines);
	strvec_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.count; i++)
		strbuf_addf(out, "\n  %s", lines.items[i]);
}

static void set_if(json_t *object, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(object, key, json_string(value));
}

static void error_json(const struct err *err, const char *hint)
{
	json_t *fields = json_pack("{s:i, s:s, s:s}", "code", err_exit_status(err), "class",
		err_class(err->code), "error", err->msg ? err->msg : "failed");
	set_if(fields, "detail", err->detail);
	set_if(fields, "hint", hint);
	set_if(fields, "where", err->where);
	set_if(fields, "sqlstate", err->sqlstate);
	write_json(stderr, "exit", fields);
	json_decref(fields);
}

/*
 * The message with its place in front. Most messages have file and line already; then only a column
 * that is not the first says more.
 */
static void add_message(struct strbuf *text, const struct err *err)
{
	const char *message = err->msg ? err->msg : "failed";
	const char *column = err->where ? strrchr(err->where, ':') : NULL;
	size_t line = column ? (size_t)(column - err->where) : 0;
	AUTO_FREE char *file = err->where ? xstrndup(err->where, strcspn(err->where, ":")) : NULL;
	bool same = line && !strncmp(message, err->where, line) && message[line] == ':';
	if (same && strcmp(column, ":1") != 0)
		strbuf_addf(text, "%s%s", err->where, message + line);
	else if (file && !strstr(message, file))
		strbuf_addf(text, "%s: %s", err->where, message);
	else
		strbuf_adds(text, message);
}

void cli_error_print(const struct cli *cli, const struct err *err)
{
	AUTO_FREE char *hint = err->hint ? cli_own_words(cli, err->hint) : NULL;
	if (cli->shared.json) {
		error_json(err, hint);
		return;
	}
	AUTO_STRBUF(text);
	const char *word = err->code == ERR_NO ? "" : " error:";
	strbuf_addf(&text, "%s:%s ", cli->program->name, word);
	add_message(&text, err);
	if (*err->sqlstate)
		strbuf_addf(&text, " (SQLSTATE %s)", err->sqlstate);
	if (err->detail)
		add_indented(&text, err->detail);
	if (hint)
		strbuf_addf(&text, "\nhint: %s", hint);
	write_line(stderr, text.buf);
}
