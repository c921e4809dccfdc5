/*
 * Child processes: argv lists, never shell text; own process group; killed when this process dies.
 *
 *	struct proc_spec spec = {.argv = &argv, .timeout_ms = 60000, .on_stdout = take_line, .ctx =
 *x}; struct proc_result result; if (!proc_run(&spec, &result, err)) return false;      could not be
 *started: ERR_FAILED if (result.status != 0) ...
 *
 * Output arrives line by line (without newline; a line over 1 MiB is cut); both streams are always
 * drained. Nothing of the child's life is left when proc_run returns: its whole group is gone.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include "base/err.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include <sys/types.h>

struct proc_spec {
	const struct strvec *argv; /* argv[0] with a "/" is a path, else searched in PATH */
	const struct strvec *env; /* "NAME=value" added to (or replacing in) ours; "NAME" unsets */
	const char *cwd; /* NULL: ours */
	const void *input; /* bytes for stdin; NULL: /dev/null */
	size_t input_length;
	int64_t timeout_ms; /* 0: none; then TERM to the group, KILL after grace_ms */
	int64_t grace_ms; /* 0: 10 s */
	void (*on_stdout)(void *ctx, const char *line);
	void (*on_stderr)(void *ctx, const char *line);
	void (*on_start)(void *ctx, pid_t pid);
	/* Asked at least every 200 ms; true: end the child as on timeout. */
	bool (*cancelled)(void *ctx);
	void *ctx;
};

struct proc_result {
	int status; /* exit status; 128+n when ended by signal n; 124 on timeout */
	bool signalled; /* did not exit by itself (signal, timeout, cancelled) */
	bool timed_out;
	bool cancelled;
	int64_t took_ms;
};

MUST_CHECK bool proc_run(const struct proc_spec *spec, struct proc_result *result, struct err *err);
/* Runs and keeps what it printed (each stream cut at 1 MiB). NULL buffers are dropped. */
MUST_CHECK bool proc_capture(struct proc_spec *spec, struct proc_result *result, struct strbuf *out,
	struct strbuf *errout, struct err *err);

/*
 * A child whose stdout is read as bytes (pg_dump, pg_restore): start, read, finish.
 * proc_stream_finish waits; on a non-zero end it fails with ERR_FAILED and the last lines of its
 * stderr as detail. proc_stream_abort kills it; both are fine on a zeroed struct.
 */
struct proc_stream {
	pid_t pid;
	int out; /* read end of its stdout */
	int errfd; /* its stderr, an unlinked temporary file */
	char *name;
};
MUST_CHECK bool proc_stream_start(struct proc_stream *stream, const struct strvec *argv,
	const struct strvec *env, struct err *err);
/* The same with a file as its stdin, read from where it stands; borrowed. */
MUST_CHECK bool proc_stream_start_from(struct proc_stream *stream, const struct strvec *argv,
	const struct strvec *env, int input, struct err *err);
MUST_CHECK bool proc_stream_finish(struct proc_stream *stream, struct err *err);
void proc_stream_abort(struct proc_stream *stream);

/* Path of a sibling program: beside our own executable, else the bare name (PATH). Caller owns. */
char *proc_sibling(const char *name);
/* First match of name in PATH; NULL if none. Caller owns. */
char *proc_find(const char *name);

#endif
