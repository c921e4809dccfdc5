/* mig-run: plays a playbook, one program per step, and leaves an honest end state. */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "cli/target.h"
#include "play/recover.h"
#include "play/run.h"
#include "play/runs.h"

enum { TRIES = 10, PAUSE_MS = 1000 };

struct settings {
	bool plan, no_gates;
};

/* --- finding the playbook -----------------------------------------------------------------------
 */

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

/* --- callbacks of a run -------------------------------------------------------------------------
 */

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
		.log = cli->log,
		.signals = signals,
		.signal_number = signal_number,
		.getenv = cli_getenv,
		.confirm = confirm,
		.ctx = cli};
}

/* --- printing -----------------------------------------------------------------------------------
 */

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

static void print_line(struct cli *cli, const json_t *line)
{
	int64_t took = json_integer_value(json_object_get(line, "took_ms"));
	AUTO_FREE char *duration = clock_duration_text(took);
	bool ran = !str_equal(text(line, "state"), "skipped");
	bool same = str_equal(text(line, "phase"), text(line, "id"));
	cli_print(cli, "  %-9s %-20s %-12s %s", text(line, "phase"), same ? "" : text(line, "id"),
		text(line, "state"), ran ? duration : "");
}

static void print_report(struct cli *cli, const json_t *report)
{
	size_t i;
	json_t *line;
	cli_print(cli, "run %s of %s", text(report, "run"), text(report, "playbook"));
	json_array_foreach(json_object_get(report, "steps"), i, line)
	{
		print_line(cli, line);
	}
	const json_t *first = json_object_get(report, "first_error");
	if (json_is_object(first))
		cli_print(cli, "first error: %s", text(first, "error"));
	cli_print(cli, "end: %s%s", text(report, "sentence"),
		str_equal(text(report, "maintenance"), "kept") ? "; maintenance stays on" : "");
	cli_print(cli, "directory: %s", text(report, "directory"));
	cli_print(cli, "next: %s", text(report, "next"));
}

static void print_commands(struct cli *cli, const char *title, const json_t *list)
{
	size_t i;
	json_t *row;
	if (json_array_size(list))
		cli_print(cli, "%s:", title);
	json_array_foreach(list, i, row)
	{
		cli_print(cli, "  %s: %s", text(row, "id"), text(row, "command"));
	}
}

static void print_step(struct cli *cli, const json_t *step)
{
	size_t i;
	json_t *command;
	cli_print(cli, "  %s: %s%s%s", text(step, "id"), text(step, "command"),
		json_is_true(json_object_get(step, "restore_point")) ? "   (restore point)" : "",
		json_is_true(json_object_get(step, "pivot")) ? "   (pivot)" : "");
	cli_print(cli, "      if it fails: %s", text(step, "if_fails"));
	json_array_foreach(json_object_get(step, "way_back"), i, command)
	{
		cli_print(cli, "        %s", json_string_value(command));
	}
}

static void print_plan(struct cli *cli, const json_t *plan)
{
	size_t i;
	json_t *row;
	cli_print(cli, "plan of %s on %s, database %s", text(plan, "playbook"), text(plan, "env"),
		text(plan, "database"));
	print_commands(cli, "gates", json_object_get(plan, "gates"));
	json_array_foreach(json_object_get(plan, "verdicts"), i, row)
	{
		cli_print(cli, "    %s: %s %s", text(row, "id"), text(row, "state"),
			text(row, "error"));
	}
	cli_print(cli, "steps:");
	json_array_foreach(json_object_get(plan, "steps"), i, row)
	{
		print_step(cli, row);
	}
	print_commands(cli, "always", json_object_get(plan, "always"));
}

/* --- verbs --------------------------------------------------------------------------------------
 */

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
		if (strcmp(err->sqlstate, "57P01") != 0 || tries == TRIES || cli_interrupted(NULL))
			return false;
		clock_sleep_ms(PAUSE_MS);
	}
}

static bool play(struct cli *cli, void *options, struct err *err)
{
	const struct settings *own = options;
	AUTO_STRVEC(words);
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
		print_plan(cli, report);
	else if (report)
		print_report(cli, report);
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
		cli_print(cli, "%s: playbook %s, %zu gates, %zu steps: good", path, book->name,
			book->gates.count, book->steps.count);
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
		cli_print(cli, "%s  %-10s %-16s %s%s%s", row->id, row->state, row->playbook,
			row->step[0] ? "last step " : "", row->step,
			str_equal(row->maintenance, "kept") ? ", maintenance kept" : "");
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

static void print_status(struct cli *cli, const struct play_run_row *row)
{
	cli_print(cli, "run %s of %s, begun %s: %s", row->id, row->playbook, row->started,
		row->state);
	if (row->step[0])
		cli_print(cli, "  %s %s", row->alive ? "now in step" : "last step", row->step);
	if (row->alive)
		cli_print(cli, "  stop it: interrupt it once; it undoes what it did");
	else if (!row->ended && row->effect)
		cli_print(
			cli, "  it died and may have left something: mig-run recover %s", row->id);
	else if (str_equal(row->maintenance, "kept"))
		cli_print(cli, "  maintenance was kept on: mig-maintenance status");
	cli_print(cli, "  directory %s", row->path);
}

static bool status(struct cli *cli, void *options, struct err *err)
{
	struct play_runs runs = {0};
	const struct play_run_row *row = NULL;
	(void)options;
	bool good = cli_env_offline(cli, err) && play_runs_list(cli->env, &runs, err);
	if (good && cli->operands.count)
		good = play_runs_find(&runs, cli->operands.items[0], &row, err);
	else if (good && runs.count)
		row = &runs.items[runs.count - 1];
	if (good && row)
		print_status(cli, row);
	else if (good)
		cli_print(cli, "no runs in %s", cli->env->state_dir);
	if (good)
		cli_result(cli, row ? play_run_json(row) : json_object());
	play_runs_release(&runs);
	return good;
}

static void print_recovery(struct cli *cli, const json_t *report)
{
	cli_print(cli, "run %s of %s: %s", text(report, "run"), text(report, "playbook"),
		text(report, "sentence"));
	cli_print(cli, "maintenance: %s", text(report, "maintenance"));
	cli_print(cli, "directory: %s", text(report, "directory"));
	cli_print(cli, "next: %s", text(report, "next"));
}

static bool recover(struct cli *cli, void *options, struct err *err)
{
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
	if (report && *text(report, "sentence")) {
		print_recovery(cli, report);
		cli_result(cli, json_incref(report));
	}
	json_decref(report);
	play_runs_release(&runs);
	return good;
}

/* --- the program --------------------------------------------------------------------------------
 */

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
