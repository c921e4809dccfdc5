/* Kind `run`: a command, never through a shell. */
#include "check/kind.h"

#include "base/clock.h"
#include "base/proc.h"
#include "base/utf8.h"

struct run_check {
	struct strvec argv;
};

static const struct conf_field argv_field = {"run", CONF_ARGV, offsetof(struct run_check, argv)};

static const struct check_subject subjects[] = {
	{"exit", CHECK_NUMBER, "exit status; 128+n when ended by signal n"},
	{"stdout", CHECK_TEXT, "what it printed, without white space at its ends"},
	{0},
};

enum { EXIT, STDOUT };

static bool parse(const struct conf_node *node, struct check *check, struct err *err)
{
	struct run_check *run = check->data;
	if (!conf_read_value(node, &argv_field, run, err))
		return false;
	if (!check->name) {
		AUTO_FREE char *words = strvec_shell(&run->argv);
		check->name = utf8_one_line(words);
	}
	return true;
}

static bool make(const struct check *check, struct check_round *round, struct check_seen *seen,
	struct err *err)
{
	struct run_check *run = check->data;
	AUTO_STRBUF(out);
	AUTO_STRBUF(errout);
	struct proc_result result;
	struct proc_spec spec = {
		.argv = &run->argv,
		.timeout_ms = check->timeout_ms,
		.grace_ms = 2000,
		.cancelled = round->settings->cancelled,
		.ctx = round->settings->ctx,
	};
	if (!proc_capture(&spec, &result, &out, &errout, err))
		return false;
	if (result.timed_out) {
		AUTO_FREE char *limit = clock_duration_text(check->timeout_ms);
		return err_set(err, ERR_TIMEOUT, "%s: not done after %s", check->name, limit);
	}
	seen->excerpt = out.len && !errout.len ? utf8_clean(out.buf, out.len)
					       : utf8_clean(errout.buf, errout.len);
	strbuf_trim(&out);
	for (size_t i = 0; i < check->count; i++)
		seen->values[i] = check->expectations[i].subject - subjects == EXIT
					  ? xstrfmt("%d", result.status)
					  : utf8_clean(out.buf, out.len);
	return true;
}

static void release(void *data)
{
	struct run_check *run = data;
	strvec_release(&run->argv);
}

const struct check_kind check_kind_run = {
	.name = "run",
	.meaning = "a command given as a list of words: exit status, output",
	.subjects = subjects,
	.data_size = sizeof(struct run_check),
	.timeout_ms = 60000,
	.parse = parse,
	.make = make,
	.release = release,
};
