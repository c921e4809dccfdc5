/* mig-run: plays a playbook, one program per step, and leaves an honest end state. */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "cli/target.h"
#include "play/lines.h"
#include "play/recover.h"
#include "play/run.h"
#include "play/runs.h"

enum { TRIES = 3, PAUSE_MS = 700 };

struct settings {
	bool plan, no_gates;
};

/* --- finding the playbook --------------------------------------------------------------------- */

static bool is_path(const char *word)
{
	return strchr(word, '/') || str_ends(word, ".yaml") || str_ends(word, ".yml");
}

/* Beside mig.yaml, here, and where the shipped ones are. */
static bool find_playbook(struct cli *cli, const char *word, char **path, struct err *err)
{
	AUTO_FREE char *beside = cli->env->config_path ? fs_dirname(cli->env->config_path) : NULL;
	AUTO_FREE char *self = proc_sibling("mig-run");
	AUTO_FREE char *bin = fs_dirname(self);
	AUTO_FREE char *shipped = fs_join(bin, "../share/mig");
	const char *const roots[] = {beside, ".", shipped};
	if (is_path(word)) {
		*path = xstrdup(word);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		AUTO_FREE char *name = xstrfmt("playbooks/%s.yaml", word);
		*path = roots[i] ? fs_join(roots[i], name) : NULL;
		if (*path && fs_exists(*path))
			return true;
		free(xtake(path));
	}
	err_set(err, ERR_NOTFOUND, "no playbook \"%s\"", word);
	return err_hint(
		err, "a playbook is a path, or stands as playbooks/%s.yaml beside mig.yaml", word);
}

static bool load_book(struct cli *cli, struct play_book **book, struct err *err)
{
	AUTO_FREE char *path = NULL;
	return find_playbook(cli, cli->operands.items[0], &path, err) &&
	       play_book_load(path, book, err);
}

/* --- callbacks of a run ----------------------------------------------------------------------- */

static int signals(void *ctx)
{
	(void)ctx;
	return cli_signal_count();
}

static int signal_number(void *ctx)
{
	(void)ctx;
	return cli_signal();
}

static void ring(int number)
{
	(void)number; /* its arrival ends the read from the terminal */
}

static bool confirm(
	void *ctx, const char *ask, const char *type, int64_t expires_ms, struct err *err)
{
	struct cli *cli = ctx;
	struct sigaction action = {.sa_handler = ring};
	sigemptyset(&action.sa_mask);
	sigaction(SIGALRM, &action, NULL);
	alarm((unsigned)((expires_ms + 999) / 1000));
	bool yes = type ? cli_confirm_typed(cli, type, err, ask) : cli_confirm_plain(cli, err, ask);
	alarm(0);
	return yes;
}

static struct play_settings settings_of(struct cli *cli)
{
	return (struct play_settings){.env = cli->env,
		.dbname = cli->shared.dbname,
		.lock_wait_ms = cli->shared.lock_wait_ms,
		.preempt_backup = cli->shared.preempt_backup,
		.log = cli->log,
		.signals = signals,
		.signal_number = signal_number,
		.getenv = cli_getenv,
		.confirm = confirm,
		.ctx = cli};
}

/* --- printing --------------------------------------------------------------------------------- */

static void print_lines(struct cli *cli, const struct strvec *lines)
{
	STRVEC_EACH (lines, line)
		cli_print(cli, "%s", line);
}

/* --- verbs ------------------------------------------------------------------------------------ */

/*
 * The session only proves that the target is the one that the policy was written for. A swapper
 * that was killed a moment ago may still be ending sessions: then it is tried again.
 */
static bool check_target(struct cli *cli, struct err *err)
{
	for (int tries = 1;; tries++) {
		CLEANUP(db_close_auto) struct db *db = NULL;
		if (cli_target(cli, &db, err))
			return true;
		if (err->code != ERR_DATABASE || tries == TRIES || cli_interrupted(NULL))
			return false;
		clock_sleep_ms(PAUSE_MS);
	}
}

static bool play(struct cli *cli, void *options, struct err *err)
{
	const struct settings *own = options;
	AUTO_STRVEC(words);
	AUTO_STRVEC(lines);
	CLEANUP(play_book_free_auto) struct play_book *book = NULL;
	json_t *inputs = NULL, *report = NULL;
	bool plan = own->plan || cli->shared.dry_run;
	for (size_t i = 1; i < cli->operands.count; i++)
		strvec_push(&words, cli->operands.items[i]);
	signal(SIGHUP, SIG_IGN); /* a lost terminal does not stop a deploy */
	bool good = cli_env(cli, err) && load_book(cli, &book, err) &&
		    play_book_inputs(book, &words, &inputs, err) &&
		    (plan || check_target(cli, err));
	if (good) {
		struct play_settings settings = settings_of(cli);
		settings.book = book;
		settings.inputs = inputs;
		settings.no_gates = own->no_gates;
		good = plan ? play_plan(&settings, &report, err)
			    : play_run(&settings, &report, err);
	}
	if (report && plan)
		play_plan_lines(report, &lines);
	else if (report)
		play_report_lines(report, &lines);
	if (plan || !good || !cli->shared.quiet) /* cron mails whatever is printed */
		print_lines(cli, &lines);
	if (report)
		cli_result(cli, report);
	json_decref(inputs);
	return good;
}

static bool lint(struct cli *cli, void *options, struct err *err)
{
	(void)options;
	STRVEC_EACH (&cli->operands, path) {
		CLEANUP(play_book_free_auto) struct play_book *book = NULL;
		if (!play_book_load(path, &book, err))
			return false;
		cli_print(cli, "%s: playbook %s, %zu gate%s, %zu step%s: good", path, book->name,
			book->gates.count, str_plural((int64_t)book->gates.count),
			book->steps.count, str_plural((int64_t)book->steps.count));
	}
	cli_result(cli, json_pack("{s:i}", "playbooks", (int)cli->operands.count));
	return true;
}

static bool list_runs(struct cli *cli, void *options, struct err *err)
{
	struct play_runs runs = {0};
	json_t *rows = json_array();
	(void)options;
	bool good = cli_env_offline(cli, err) && play_runs_list(cli->env, &runs, err);
	for (size_t i = 0; i < runs.count; i++) {
		const struct play_run_row *row = &runs.items[i];
		AUTO_FREE char *line = play_run_line(row);
		cli_print(cli, "%s", line);
		json_array_append_new(rows, play_run_json(row));
	}
	if (good && runs.count == 0)
		cli_print(cli, "no runs in %s", cli->env->state_dir);
	if (good)
		cli_result(cli, json_pack("{s:O}", "runs", rows));
	json_decref(rows);
	play_runs_release(&runs);
	return good;
}

static bool status(struct cli *cli, void *options, struct err *err)
{
	AUTO_STRVEC(lines);
	struct play_runs runs = {0};
	const struct play_run_row *row = NULL;
	(void)options;
	bool good = cli_env_offline(cli, err) && play_runs_list(cli->env, &runs, err);
	if (good && cli->operands.count)
		good = play_runs_find(&runs, cli->operands.items[0], &row, err);
	else if (good && runs.count)
		row = &runs.items[runs.count - 1];
	if (good && row)
		play_status_lines(row, &lines);
	else if (good)
		strvec_pushf(&lines, "no runs in %s", cli->env->state_dir);
	print_lines(cli, &lines);
	if (good)
		cli_result(cli, row ? play_run_json(row) : json_object());
	play_runs_release(&runs);
	return good;
}

static bool recover(struct cli *cli, void *options, struct err *err)
{
	AUTO_STRVEC(lines);
	struct play_runs runs = {0};
	const struct play_run_row *row = NULL;
	const char *id = cli->operands.count ? cli->operands.items[0] : NULL;
	json_t *report = NULL;
	(void)options;
	bool good = cli_env(cli, err) && check_target(cli, err) &&
		    play_runs_list(cli->env, &runs, err) && play_runs_find(&runs, id, &row, err);
	if (good) {
		struct play_settings settings = settings_of(cli);
		good = play_recover(&settings, row, &report, err);
	}
	if (json_object_get(report, "sentence")) {
		play_recovery_lines(report, &lines);
		print_lines(cli, &lines);
		cli_result(cli, json_incref(report));
	}
	json_decref(report);
	play_runs_release(&runs);
	return good;
}

/* --- the program ------------------------------------------------------------------------------ */

static const struct cli_option play_options[] = {
	{"plan", 0, CLI_FLAG, offsetof(struct settings, plan), NULL,
		"print every command and the way back; gates are asked"},
	{"no-gates", 0, CLI_FLAG, offsetof(struct settings, no_gates), NULL,
		"with --plan: do not ask the gates"},
	{0},
};

static const struct cli_verb verbs[] = {
	{NULL, "PLAYBOOK [NAME=VALUE..]", "run a playbook", play_options, play, CLI_DRY_RUN},
	{"lint", "PLAYBOOK [PLAYBOOK..]", "check playbooks, without a database", NULL, lint,
		CLI_READ_ONLY},
	{"list", NULL, "the runs of this environment", NULL, list_runs, CLI_READ_ONLY},
	{"status", "[RUN]", "what the last run did, or does now", NULL, status, CLI_READ_ONLY},
	{"recover", "[RUN]", "after a run died: find out what is true, lift maintenance if safe",
		NULL, recover, 0},
	{0},
};

static const char *const examples[] = {
	"mig-run playbooks/deploy.yaml ref=v1.4 --plan",
	"every command that would run, and the way back from each",
	"mig-run deploy ref=v1.4",
	"play playbooks/deploy.yaml",
	"mig-run recover",
	"after a power cut: what is true now, and lift maintenance if that is safe",
	NULL,
};

static const struct cli_program program = {
	.name = "mig-run",
	.summary = "run a playbook: gates, steps, undo, a journal and an honest end",
	.verbs = verbs,
	.settings_size = sizeof(struct settings),
	.examples = examples,
	.counts_signals = true,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
