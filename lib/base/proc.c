#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define LINE_LIMIT ((size_t)1 << 20)
#define CAPTURE_LIMIT ((size_t)1 << 20)
#define POLL_MS 100
#define DEFAULT_GRACE_MS 10000

/* --- starting --------------------------------------------------------------------------------- */

static bool names_same_variable(const char *entry, const char *change)
{
	size_t length = strcspn(change, "=");
	return strncmp(entry, change, length) == 0 && entry[length] == '=';
}

static void build_environment(struct strvec *out, const struct strvec *changes)
{
	for (char **entry = environ; *entry; entry++) {
		bool changed = false;
		for (size_t i = 0; changes && i < changes->count && !changed; i++)
			changed = names_same_variable(*entry, changes->items[i]);
		if (!changed)
			strvec_push(out, *entry);
	}
	for (size_t i = 0; changes && i < changes->count; i++)
		if (strchr(changes->items[i], '='))
			strvec_push(out, changes->items[i]);
}

char *proc_find(const char *name)
{
	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? xstrdup(name) : NULL;
	const char *path = getenv("PATH");
	AUTO_STRVEC(folders);
	strvec_split(&folders, path && *path ? path : "/usr/bin:/bin", ':');
	for (size_t i = 0; i < folders.count; i++) {
		char *candidate = fs_join(*folders.items[i] ? folders.items[i] : ".", name);
		if (access(candidate, X_OK) == 0 && !fs_is_dir(candidate))
			return candidate;
		free(candidate);
	}
	return NULL;
}

char *proc_sibling(const char *name)
{
	char self[4096];
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	if (length > 0) {
		self[length] = '\0';
		AUTO_FREE char *directory = fs_dirname(self);
		AUTO_FREE char *path = fs_join(directory, name);
		if (access(path, X_OK) == 0)
			return xtake(&path);
	}
	return xstrdup(name);
}

struct launch {
	const char *program;
	char *const *argv;
	char *const *environment;
	const char *cwd;
	int in, out, errfd;
	pid_t parent;
	int report; /* write end: errno of a failed exec */
};

static void reset_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	static const int usual[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGXFSZ};
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		signal(usual[i], SIG_DFL);
}

/* In the child, between fork and exec: async-signal-safe calls only. */
static _Noreturn void become(const struct launch *launch)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != launch->parent)
		_exit(127);
	reset_signals();
	bool ok = dup2(launch->in, 0) >= 0 && dup2(launch->out, 1) >= 0 &&
		  dup2(launch->errfd, 2) >= 0 && (!launch->cwd || chdir(launch->cwd) == 0);
	if (ok)
		execve(launch->program, launch->argv, launch->environment);
	int number = errno;
	ssize_t ignored = write(launch->report, &number, sizeof number);
	(void)ignored;
	_exit(127);
}

/* Waits until exec has happened or failed; the pipe closes on success. */
static bool exec_succeeded(int report, pid_t pid, const char *program, struct err *err)
{
	int number = 0;
	ssize_t got;
	do
		got = read(report, &number, sizeof number);
	while (got < 0 && errno == EINTR);
	if (got != sizeof number)
		return true;
	waitpid(pid, NULL, 0);
	errno = number;
	return err_sys(err, ERR_FAILED, "cannot run %s", program);
}

static bool launch_child(const struct strvec *argv, const struct strvec *env, const char *cwd,
	const int fds[3], pid_t *pid, struct err *err)
{
	AUTO_FREE char *program = proc_find(argv->items[0]);
	if (!program) {
		err_set(err, ERR_FAILED, "cannot run %s: no such program", argv->items[0]);
		return err_hint(err, "check its name and PATH");
	}
	AUTO_STRVEC(environment);
	build_environment(&environment, env);
	int report[2];
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_sys(err, ERR_FAILED, "cannot run %s", program);
	struct launch launch = {program, strvec_argv(argv), strvec_argv(&environment), cwd, fds[0],
		fds[1], fds[2], getpid(), report[1]};
	*pid = fork();
	if (*pid == 0)
		become(&launch);
	int number = errno;
	close(report[1]);
	bool ok = *pid > 0;
	if (ok) {
		setpgid(*pid, *pid); /* both sides do it: whoever is first */
		ok = exec_succeeded(report[0], *pid, program, err);
	} else {
		errno = number;
		err_sys(err, ERR_FAILED, "cannot run %s", program);
	}
	close(report[0]);
	return ok;
}

/* --- running with lines ------------------------------------------------------------------------
 */

struct line_pipe {
	int read_end, write_end;
	struct strbuf pending;
	void (*take)(void *ctx, const char *line);
	void *ctx;
};

static void give_line(struct line_pipe *pipe, size_t start, size_t length)
{
	if (!pipe->take)
		return;
	AUTO_FREE char *line = xstrndup(pipe->pending.buf + start, length);
	pipe->take(pipe->ctx, line);
}

static void give_lines(struct line_pipe *pipe, bool ended)
{
	size_t start = 0;
	for (char *end;
		(end = memchr(pipe->pending.buf + start, '\n', pipe->pending.len - start));) {
		size_t length = (size_t)(end - pipe->pending.buf) - start;
		give_line(pipe, start, length);
		start += length + 1;
	}
	size_t rest = pipe->pending.len - start;
	if (rest && (ended || rest >= LINE_LIMIT)) {
		give_line(pipe, start, rest);
		rest = 0;
	}
	if (rest && start)
		memmove(pipe->pending.buf, pipe->pending.buf + pipe->pending.len - rest, rest);
	pipe->pending.len = rest;
}

/* One read; closes the pipe at its end. */
static void drain_once(struct line_pipe *pipe)
{
	strbuf_reserve(&pipe->pending, 65536);
	ssize_t got = read(pipe->read_end, pipe->pending.buf + pipe->pending.len, 65536);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		give_lines(pipe, true);
		fs_close(&pipe->read_end);
		return;
	}
	pipe->pending.len += (size_t)got;
	give_lines(pipe, false);
}

static void line_pipe_release(struct line_pipe *pipe)
{
	fs_close(&pipe->read_end);
	fs_close(&pipe->write_end);
	strbuf_release(&pipe->pending);
}

static bool line_pipe_open(struct line_pipe *pipe, struct err *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, ERR_FAILED, "cannot make a pipe");
	pipe->read_end = ends[0];
	pipe->write_end = ends[1];
	fcntl(pipe->read_end, F_SETFL, O_NONBLOCK);
	return true;
}

/* The child's stdin: an unlinked memory file with the bytes, or /dev/null. */
static int open_input(const struct proc_spec *spec, struct err *err)
{
	if (!spec->input)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("stdin", MFD_CLOEXEC);
	if (fd >= 0 && !fs_write_all(fd, spec->input, spec->input_length, err))
		fs_close(&fd);
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

struct running {
	const struct proc_spec *spec;
	struct proc_result *result;
	struct line_pipe out, errout;
	pid_t pid;
	bool exited;
	int wait_status;
	int64_t started_ms;
	int64_t killed_ms; /* when TERM was sent; 0: not yet */
};

static void read_output(struct running *run, int wait_ms)
{
	struct pollfd polled[2] = {{.fd = run->out.read_end, .events = POLLIN},
		{.fd = run->errout.read_end, .events = POLLIN}};
	if (poll(polled, 2, wait_ms) <= 0)
		return;
	if (polled[0].revents)
		drain_once(&run->out);
	if (polled[1].revents)
		drain_once(&run->errout);
}

static void end_when_due(struct running *run)
{
	int64_t now = clock_monotonic_ms();
	const struct proc_spec *spec = run->spec;
	if (!run->killed_ms) {
		run->result->timed_out =
			spec->timeout_ms && now - run->started_ms >= spec->timeout_ms;
		run->result->cancelled =
			!run->result->timed_out && spec->cancelled && spec->cancelled(spec->ctx);
		if (run->result->timed_out || run->result->cancelled) {
			run->killed_ms = now;
			kill(-run->pid, SIGTERM);
		}
	} else if (now - run->killed_ms >= (spec->grace_ms ? spec->grace_ms : DEFAULT_GRACE_MS)) {
		kill(-run->pid, SIGKILL);
	}
}

static void note_exit(struct running *run)
{
	if (!run->exited && waitpid(run->pid, &run->wait_status, WNOHANG) == run->pid)
		run->exited = true;
}

/* Grandchildren that outlive the child would keep the pipes open: end them with it. */
static void end_group(struct running *run)
{
	kill(-run->pid, SIGKILL);
	int64_t until = clock_monotonic_ms() + 2000;
	while ((run->out.read_end >= 0 || run->errout.read_end >= 0) &&
		clock_monotonic_ms() < until)
		read_output(run, POLL_MS);
}

static void supervise(struct running *run)
{
	int pause_ms = 1; /* who has closed its pipes ends in a moment, or stays for long */
	while (!run->exited) {
		if (run->out.read_end >= 0 || run->errout.read_end >= 0)
			read_output(run, POLL_MS);
		else
			clock_sleep_ms(pause_ms);
		if (run->out.read_end < 0 && run->errout.read_end < 0 && pause_ms < 10)
			pause_ms++;
		note_exit(run);
		if (!run->exited)
			end_when_due(run);
	}
	end_group(run);
}

static void fill_result(struct running *run)
{
	struct proc_result *result = run->result;
	result->took_ms = clock_monotonic_ms() - run->started_ms;
	if (WIFSIGNALED(run->wait_status)) {
		result->status = 128 + WTERMSIG(run->wait_status);
		result->signalled = true;
	} else {
		result->status = WEXITSTATUS(run->wait_status);
	}
	if (result->timed_out)
		result->status = 124;
	result->signalled |= result->timed_out || result->cancelled;
}

bool proc_run(const struct proc_spec *spec, struct proc_result *result, struct err *err)
{
	*result = (struct proc_result){0};
	struct running run = {.spec = spec,
		.result = result,
		.out = {-1, -1, STRBUF_INIT, spec->on_stdout, spec->ctx},
		.errout = {-1, -1, STRBUF_INIT, spec->on_stderr, spec->ctx},
		.started_ms = clock_monotonic_ms()};
	int input = open_input(spec, err);
	bool ok = input >= 0 ? line_pipe_open(&run.out, err) && line_pipe_open(&run.errout, err)
			     : err_sys(err, ERR_FAILED, "cannot prepare input");
	if (ok) {
		int fds[3] = {input, run.out.write_end, run.errout.write_end};
		ok = launch_child(spec->argv, spec->env, spec->cwd, fds, &run.pid, err);
	}
	fs_close(&input);
	fs_close(&run.out.write_end);
	fs_close(&run.errout.write_end);
	if (ok) {
		if (spec->on_start)
			spec->on_start(spec->ctx, run.pid);
		supervise(&run);
		fill_result(&run);
	}
	line_pipe_release(&run.out);
	line_pipe_release(&run.errout);
	return ok;
}

/* --- capturing ---------------------------------------------------------------------------------
 */

struct capture {
	struct strbuf *out, *errout;
	const struct proc_spec *asked;
};

static void keep_line(struct strbuf *buffer, const char *line)
{
	if (buffer && buffer->len < CAPTURE_LIMIT)
		strbuf_addf(buffer, "%s\n", line);
}

static void keep_stdout(void *ctx, const char *line)
{
	keep_line(((struct capture *)ctx)->out, line);
}

static void keep_stderr(void *ctx, const char *line)
{
	keep_line(((struct capture *)ctx)->errout, line);
}

static bool capture_cancelled(void *ctx)
{
	const struct proc_spec *asked = ((struct capture *)ctx)->asked;
	return asked->cancelled && asked->cancelled(asked->ctx);
}

bool proc_capture(struct proc_spec *spec, struct proc_result *result, struct strbuf *out,
	struct strbuf *errout, struct err *err)
{
	struct capture capture = {out, errout, spec};
	struct proc_spec mine = *spec;
	mine.on_stdout = keep_stdout;
	mine.on_stderr = keep_stderr;
	mine.on_start = NULL;
	mine.cancelled = capture_cancelled;
	mine.ctx = &capture;
	return proc_run(&mine, result, err);
}

/* --- streams -----------------------------------------------------------------------------------
 */

bool proc_stream_start(struct proc_stream *stream, const struct strvec *argv,
	const struct strvec *env, struct err *err)
{
	int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	bool ok = proc_stream_start_from(stream, argv, env, input, err);
	fs_close(&input);
	return ok;
}

bool proc_stream_start_from(struct proc_stream *stream, const struct strvec *argv,
	const struct strvec *env, int input, struct err *err)
{
	*stream = (struct proc_stream){.out = -1, .errfd = -1};
	int ends[2] = {-1, -1};
	stream->errfd = memfd_create("stderr", MFD_CLOEXEC);
	bool ok = input >= 0 && stream->errfd >= 0 && pipe2(ends, O_CLOEXEC) == 0;
	if (!ok)
		err_sys(err, ERR_FAILED, "cannot prepare %s", argv->items[0]);
	if (ok) {
		int fds[3] = {input, ends[1], stream->errfd};
		ok = launch_child(argv, env, NULL, fds, &stream->pid, err);
	}
	fs_close(&ends[1]);
	stream->out = ends[0];
	if (ok) {
		stream->name = xstrdup(fs_basename(argv->items[0]));
	} else {
		stream->pid = 0;
		proc_stream_abort(stream);
	}
	return ok;
}

static void read_tail(int fd, struct strbuf *out)
{
	char text[4096];
	off_t size = lseek(fd, 0, SEEK_END);
	off_t from = size > (off_t)sizeof text ? size - (off_t)sizeof text : 0;
	ssize_t got = pread(fd, text, sizeof text, from);
	if (got > 0)
		strbuf_add(out, text, (size_t)got);
	strbuf_trim(out);
}

bool proc_stream_finish(struct proc_stream *stream, struct err *err)
{
	fs_close(&stream->out);
	int status = 0;
	while (waitpid(stream->pid, &status, 0) < 0 && errno == EINTR)
		;
	stream->pid = 0;
	bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!ok) {
		AUTO_STRBUF(said);
		read_tail(stream->errfd, &said);
		if (WIFSIGNALED(status))
			err_set(err, ERR_FAILED, "%s was ended by signal %d", stream->name,
				WTERMSIG(status));
		else
			err_set(err, ERR_FAILED, "%s ended with exit status %d", stream->name,
				WEXITSTATUS(status));
		if (said.len)
			err_detail(err, "%s", said.buf);
	}
	proc_stream_abort(stream);
	return ok;
}

void proc_stream_abort(struct proc_stream *stream)
{
	if (stream->pid > 0) {
		kill(-stream->pid, SIGKILL);
		waitpid(stream->pid, NULL, 0);
	}
	if (stream->name || stream->errfd > 0) {
		fs_close(&stream->out);
		fs_close(&stream->errfd);
	}
	free(stream->name);
	*stream = (struct proc_stream){.out = -1, .errfd = -1};
}
