/* mig-alert: tells people, through the receivers of an environment. */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "alert/alert.h"
#include "base/clock.h"
#include "cli/cli.h"

enum { BODY_MAX = 1 << 20 };

struct settings {
	const char *level, *title, *body, *release, *transaction;
	struct strvec tags, fingerprint, breadcrumbs;
};

/* Borrowed by the message that is made of the options. */
struct parts {
	struct strbuf body;
	struct strvec tags;
	struct strvec words; /* what breadcrumbs point into */
	struct alert_breadcrumb *breadcrumbs;
	char server[HOST_NAME_MAX + 1];
};

static void parts_release(struct parts *parts)
{
	strbuf_release(&parts->body);
	strvec_release(&parts->tags);
	strvec_release(&parts->words);
	free(parts->breadcrumbs);
}

static bool read_body(const char *text, struct strbuf *body, struct err *err)
{
	char bytes[4096];
	if (!str_equal(text, "-")) {
		strbuf_adds(body, text);
		return true;
	}
	for (size_t got; (got = fread(bytes, 1, sizeof(bytes), stdin)) > 0;)
		if (body->len < BODY_MAX)
			strbuf_add(body, bytes, got);
	if (ferror(stdin))
		return err_sys(err, ERR_FAILED, "cannot read the body from standard input");
	strbuf_trim(body);
	return true;
}

/* "TIME CATEGORY LEVEL MESSAGE" */
static bool parse_breadcrumb(
	const char *text, struct strvec *words, struct alert_breadcrumb *crumb, struct err *err)
{
	char time[64], category[64], level[16];
	int used = 0;
	if (sscanf(text, "%63s %63s %15s %n", time, category, level, &used) != 3 || !text[used]) {
		err_set(err, ERR_USAGE, "--breadcrumb \"%s\" is not TIME CATEGORY LEVEL MESSAGE",
			text);
		return err_hint(err, "--breadcrumb '2026-11-20T01:02:03Z mig.step info backup ok'");
	}
	if (!clock_parse_time(time, &crumb->at_ms, err) ||
		!alert_level_parse(level, &crumb->level, err))
		return err_context(err, "--breadcrumb");
	strvec_push(words, category);
	crumb->category = words->items[words->count - 1];
	crumb->message = text + used;
	return true;
}

static bool read_breadcrumbs(const struct strvec *texts, struct parts *parts, struct err *err)
{
	parts->breadcrumbs = xcalloc(texts->count + 1, sizeof(*parts->breadcrumbs));
	for (size_t i = 0; i < texts->count; i++)
		if (!parse_breadcrumb(texts->items[i], &parts->words, &parts->breadcrumbs[i], err))
			return false;
	return true;
}

/* What a run knows anyway stands in every alert of its steps. */
static void add_run_tags(struct strvec *tags)
{
	static const char *const rows[][2] = {{"MIG_RUN", "mig.run"}, {"MIG_STEP", "mig.step"}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *value = cli_getenv(rows[i][0]);
		if (value)
			strvec_pushf(tags, "%s=%.*s", rows[i][1], (int)strcspn(value, ":"), value);
	}
}

static bool check_tags(const struct strvec *tags, struct err *err)
{
	STRVEC_EACH (tags, tag) {
		if (strchr(tag, '=') > tag)
			continue;
		err_set(err, ERR_USAGE, "--tag \"%s\" is not KEY=VALUE", tag);
		return err_hint(err, "--tag db=shop");
	}
	return true;
}

static bool make_message(const struct settings *settings, struct parts *parts,
	struct alert_message *message, struct err *err)
{
	*message = (struct alert_message){
		.level = ALERT_ERROR,
		.title = settings->title,
		.tags = &parts->tags,
		.release = settings->release,
		.transaction = settings->transaction,
		.fingerprint = &settings->fingerprint,
		.breadcrumb_count = settings->breadcrumbs.count,
		.logger = "mig-alert",
		.server = parts->server,
	};
	if (!settings->title || !*settings->title)
		return err_set(err, ERR_USAGE, "an alert needs a title: --title TEXT");
	if (settings->level && !alert_level_parse(settings->level, &message->level, err))
		return false;
	if (!check_tags(&settings->tags, err) ||
		!read_breadcrumbs(&settings->breadcrumbs, parts, err) ||
		(settings->body && !read_body(settings->body, &parts->body, err)))
		return false;
	add_run_tags(&parts->tags);
	strvec_push_all(&parts->tags, &settings->tags);
	gethostname(parts->server, sizeof(parts->server) - 1);
	message->body = parts->body.len ? parts->body.buf : NULL;
	message->breadcrumbs = parts->breadcrumbs;
	return true;
}

static void print_results(struct cli *cli, const struct alert_results *results)
{
	for (size_t i = 0; i < results->count; i++) {
		const struct alert_result *result = &results->items[i];
		cli_print(cli, "%s: %s%s%s", result->receiver, alert_outcome_word(result->outcome),
			result->id ? " " : "", result->id ? result->id : "");
		if (result->outcome == ALERT_SPOOLED)
			log_warn(cli->log, "alert_spooled",
				json_pack("{s:s}", "receiver", result->receiver),
				"%s did not get the alert yet: %s; it waits, and goes with the "
				"next one or with: mig-alert flush",
				result->receiver, result->why.msg);
	}
	cli_result(cli, alert_results_json(results));
}

/* The first receiver that is worse off than allowed gives the exit code, others a warning. */
static bool judge(
	struct cli *cli, struct alert_results *results, bool waiting_is_fine, struct err *err)
{
	for (size_t i = 0; i < results->count; i++) {
		struct alert_result *result = &results->items[i];
		if (result->outcome == ALERT_SENT ||
			(waiting_is_fine && result->outcome == ALERT_SPOOLED))
			continue;
		if (err->code == ERR_NONE)
			err_move(err, &result->why);
		else
			log_warn(cli->log, "alert_failed",
				json_pack("{s:s}", "receiver", result->receiver), "%s",
				result->why.msg);
	}
	return err->code == ERR_NONE;
}

static bool show_only(struct cli *cli, const struct alert_settings *how,
	const struct strvec *receivers, const struct alert_message *message, struct err *err)
{
	if (!alert_receivers_check(how, receivers, err))
		return false;
	STRVEC_EACH (receivers, name)
		cli_print(cli, "would alert %s: %s: %s", name, alert_level_word(message->level),
			message->title);
	return true;
}

static bool dispatch(struct cli *cli, const struct strvec *receivers,
	const struct alert_message *message, bool waiting_is_fine, struct err *err)
{
	AUTO_ALERT_RESULTS(results);
	struct alert_settings how = {.env = cli->env, .version = cli_version, .log = cli->log};
	if (cli->shared.dry_run)
		return show_only(cli, &how, receivers, message, err);
	if (!alert_send(&how, receivers, message, &results, err))
		return false;
	print_results(cli, &results);
	return judge(cli, &results, waiting_is_fine, err);
}

static bool send_message(struct cli *cli, void *options, struct err *err)
{
	CLEANUP(parts_release) struct parts parts = {.body = STRBUF_INIT};
	struct alert_message message;
	return make_message(options, &parts, &message, err) && cli_env_offline(cli, err) &&
	       dispatch(cli, &cli->operands, &message, true, err);
}

static bool test_receivers(struct cli *cli, void *options, struct err *err)
{
	CLEANUP(parts_release) struct parts parts = {.body = STRBUF_INIT};
	AUTO_STRVEC(receivers);
	struct settings *settings = options;
	struct alert_message message;
	if (!cli_env_offline(cli, err))
		return false;
	strvec_push_all(&receivers, &cli->operands);
	if (!receivers.count)
		alert_receiver_names(cli->env, &receivers);
	AUTO_FREE char *title = xstrfmt(
		"Test of the alerts of %s/%s: nothing is wrong", cli->env->project, cli->env->name);
	settings->title = title;
	settings->level = "info";
	if (!make_message(settings, &parts, &message, err))
		return false;
	if (receivers.count)
		return dispatch(cli, &receivers, &message, false, err);
	err_set(err, ERR_CONFIG, "environment %s has no alert receivers", cli->env->name);
	return err_hint(err, "add one to mig.yaml: alerts: {sentry: {dsn: {env: SENTRY_DSN}}}");
}

static bool flush(struct cli *cli, void *options, struct err *err)
{
	(void)options;
	struct alert_flushed flushed = {0};
	if (!cli_env_offline(cli, err))
		return false;
	struct alert_settings how = {.env = cli->env, .version = cli_version, .log = cli->log};
	bool ok = alert_flush(&how, &flushed, err);
	cli_print(cli, "%d sent, %d rejected, %d still waiting", flushed.sent, flushed.rejected,
		flushed.kept);
	cli_result(cli, json_pack("{s:i, s:i, s:i}", "sent", flushed.sent, "rejected",
				flushed.rejected, "waiting", flushed.kept));
	return ok;
}

static const struct cli_option send_options[] = {
	{"level", 0, CLI_STRING, offsetof(struct settings, level), "L",
		"fatal, error, warning, info or debug (error)"},
	{"title", 0, CLI_STRING, offsetof(struct settings, title), "T", "one line: what happened"},
	{"body", 0, CLI_STRING, offsetof(struct settings, body), "TEXT", "more text; - reads it"},
	{"tag", 0, CLI_LIST, offsetof(struct settings, tags), "K=V", "a tag (repeatable)"},
	{"release", 0, CLI_STRING, offsetof(struct settings, release), "R",
		"version of the application"},
	{"fingerprint", 0, CLI_NAMES, offsetof(struct settings, fingerprint), "A,B",
		"words that make alerts the same issue"},
	{"transaction", 0, CLI_STRING, offsetof(struct settings, transaction), "T",
		"what was being done, as in deploy/smoke"},
	{"breadcrumb", 0, CLI_LIST, offsetof(struct settings, breadcrumbs), "TEXT",
		"what happened before: TIME CATEGORY LEVEL MESSAGE (repeatable)"},
	{0},
};

static const struct cli_verb verbs[] = {
	{"send", "RECEIVER..", "send a message; without a network it waits in the spool",
		send_options, send_message, CLI_DRY_RUN},
	{"test", "[RECEIVER..]", "send a harmless message and say whether it arrived", NULL,
		test_receivers, CLI_DRY_RUN},
	{"flush", NULL, "send what waits in the spool", NULL, flush},
	{0},
};

static const char *const examples[] = {
	"mig-alert test",
	"does every receiver take messages?",
	"mig-alert send sentry --level error --title 'Backup failed' --body -",
	"body from standard input",
	NULL,
};

static const struct cli_program program = {
	.name = "mig-alert",
	.summary = "send alerts to the receivers of an environment",
	.verbs = verbs,
	.settings_size = sizeof(struct settings),
	.examples = examples,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
