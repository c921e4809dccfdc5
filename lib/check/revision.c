/* Kind `revision`: asks mig-apply which revision the database is at. */
#include "check/kind.h"

#include "base/proc.h"

#include <jansson.h>

enum { PREFIX_MIN = 4 };

struct revision_check {
	char *wanted; /* "head", or an id, or the beginning of one */
};

static const struct check_subject subject = {"revision", CHECK_TEXT, "of the database"};

static bool parse(const struct conf_node *node, struct check *check, struct err *err)
{
	struct revision_check *revision = check->data;
	if (!conf_is(node, CONF_SCALAR) || !node->text[0])
		return conf_error(node, err, "revision is head or the id of a revision");
	revision->wanted = xstrdup(node->text);
	if (!check->name)
		check->name = xstrfmt("revision %s", node->text);
	struct check_expectation *expectation = check_expect_add(check, &subject);
	expectation->name = xstrdup(subject.name);
	return check_test_parse(node->text, true, CHECK_TEXT, &expectation->test, err) ||
	       conf_error(node, err, "revision is head or the id of a revision");
}

/* The last line of a program under --json is its result. */
static json_t *parse_result(const struct strbuf *out)
{
	AUTO_STRVEC(lines);
	strvec_split(&lines, out->buf, '\n');
	while (lines.count && !lines.items[lines.count - 1][0])
		strvec_pop(&lines);
	return lines.count ? json_loads(lines.items[lines.count - 1], 0, NULL) : NULL;
}

/* The reason of a failed program: the message of its exit event, else its last line. */
static bool child_failed(
	const struct proc_result *result, const struct strbuf *errout, struct err *err)
{
	json_t *event = parse_result(errout);
	const char *text = json_string_value(json_object_get(event, "error"));
	const char *hint = json_string_value(json_object_get(event, "hint"));
	enum err_code code = result->timed_out ? ERR_TIMEOUT : err_from_status(result->status);
	err_set(err, code == ERR_NO ? ERR_FAILED : code, "mig-apply current: %s",
		text ? text : "it failed without saying why");
	if (hint)
		err_hint(err, "%s", hint);
	json_decref(event);
	return false;
}

/* mig-apply current: *status 0 or 4 with --check, else 0; what it printed in *out. */
static bool ask(const struct check *check, const struct check_round *round, bool is_head,
	int *status, struct strbuf *out, struct err *err)
{
	AUTO_STRVEC(argv);
	AUTO_STRBUF(errout);
	struct proc_result result;
	strvec_push_all(&argv, round->settings->apply);
	strvec_push(&argv, "current");
	strvec_push(&argv, "--json");
	if (is_head)
		strvec_push(&argv, "--check");
	struct proc_spec spec = {
		.argv = &argv,
		.timeout_ms = check->timeout_ms,
		.cancelled = round->settings->cancelled,
		.ctx = round->settings->ctx,
	};
	if (!proc_capture(&spec, &result, out, &errout, err))
		return false;
	*status = result.status;
	bool answered =
		!result.timed_out && (result.status == 0 || (is_head && result.status == 4));
	return answered || child_failed(&result, &errout, err);
}

static char *join_heads(const struct strbuf *out, const char *wanted, bool *found)
{
	json_t *result = parse_result(out);
	json_t *heads = json_object_get(result, "heads");
	AUTO_STRVEC(ids);
	size_t index;
	json_t *head;
	*found = false;
	json_array_foreach(heads, index, head)
	{
		const char *id = json_string_value(head);
		if (!id)
			id = json_string_value(json_object_get(head, "revision"));
		if (!id)
			continue;
		strvec_push(&ids, id);
		*found = *found || str_equal(id, wanted) ||
			 (strlen(wanted) >= PREFIX_MIN && str_starts(id, wanted));
	}
	json_decref(result);
	return ids.count ? strvec_join(&ids, ", ") : xstrdup("none");
}

static bool make(const struct check *check, struct check_round *round, struct check_seen *seen,
	struct err *err)
{
	const struct revision_check *revision = check->data;
	bool is_head = str_equal(revision->wanted, "head"), found = false;
	int status = 0;
	AUTO_STRBUF(out);
	if (!ask(check, round, is_head, &status, &out, err))
		return false;
	AUTO_FREE char *heads = join_heads(&out, revision->wanted, &found);
	bool holds = is_head ? status == 0 : found;
	seen->values[0] = xstrdup(holds ? revision->wanted : heads);
	return true;
}

static void release(void *data)
{
	struct revision_check *revision = data;
	free(revision->wanted);
}

const struct check_kind check_kind_revision = {
	.name = "revision",
	.meaning = "the database is at head, or at the revision named",
	.data_size = sizeof(struct revision_check),
	.timeout_ms = 30000,
	.database = true,
	.parse = parse,
	.make = make,
	.release = release,
};
