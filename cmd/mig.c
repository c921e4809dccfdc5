/* mig: the front door. `mig backup ..` is mig-backup; a few verbs are its own. */
#include "base/fs.h"
#include "cli/cli.h"
#include "cli/target.h"
#include "front/doctor.h"
#include "front/doors.h"
#include "front/init.h"
#include "front/pin.h"
#include "front/status.h"
#include "front/topics.h"
#include <stdio.h>

struct settings {
	bool pin;
	const char *from;
};

/* --- doors --------------------------------------------------------------------------- */

static int enter(const struct door *door, int argc, char **argv, int word)
{
	AUTO_ERR(err);
	AUTO_STRVEC(arguments);
	door_arguments(door, argc, argv, word, &arguments);
	if (!door_enter(door, &arguments, &err))
		fprintf(stderr, "mig: error: %s\nhint: %s\n", err.msg, err.hint);
	return err_exit_status(&err);
}

/* main() enters doors itself; the rows stand for help and near misses. */
static bool door_row(struct cli *cli, void *settings, struct err *err)
{
	(void)settings;
	return err_set(err, ERR_BUG, "door %s was not entered", cli->verb->name);
}

/* --- init ---------------------------------------------------------------------------- */

static void tell_next(struct cli *cli, const struct init_found *found)
{
	if (found->exists)
		cli_print(cli, "found migrations in %s (%s)", found->dir, found->format);
	else
		cli_print(cli,
			"no migrations yet; the first one makes %s/: mig apply revision -m "
			"\"first change\"",
			found->dir);
	for (const char *const *line = init_limits(found); *line; line++)
		cli_print(cli, "note: %s", *line);
	if (found->other_dir)
		cli_print(cli,
			"note: %s (%s) is left out; that one alone: mig init --from %s; both: "
			"migrations: {main: {dir: %s}, NAME: {dir: %s}}",
			found->other_dir, found->other_format, found->other_format, found->dir,
			found->other_dir);
	cli_print(cli, "next: %smig doctor",
		cli_getenv("DATABASE_URL") ? ""
					   : "export DATABASE_URL=postgresql://user@host/dbname; ");
}

static bool init(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	AUTO_STRBUF(text);
	CLEANUP(init_found_release) struct init_found found = {0};
	const char *path = cli->shared.config ? cli->shared.config : "mig.yaml";
	AUTO_FREE char *tree = fs_dirname(path);
	struct init_request request = {.tree = tree, .from = settings->from, .getenv = cli_getenv};
	if (!init_look(&request, &found, err))
		return false;
	init_text(&found, &text);
	if (cli->shared.dry_run) {
		cli_print(cli, "%s", text.buf);
	} else {
		if (!init_write(path, &text, err))
			return false;
		cli_print(cli, "wrote %s", path);
		tell_next(cli, &found);
	}
	cli_result(cli, json_pack("{s:s, s:s, s:s, s:b}", "path", path, "migrations", found.dir,
				"format", found.format, "written", !cli->shared.dry_run));
	return true;
}

/* --- doctor -------------------------------------------------------------------------- */

static bool pin(struct cli *cli, struct err *err)
{
	static const char *const words[] = {"already pinned", "pinned", "pinned anew"};
	CLEANUP(db_close_auto) struct db *db = NULL;
	CLEANUP(pin_result_release) struct pin_result result = {0};
	if (!cli_env(cli, err))
		return false;
	struct db_params params = cli_target_params(cli);
	if (!db_open(&params, &db, err))
		return false;
	const struct pin_settings settings = {.env = cli->env,
		.db = db,
		.reason = cli->shared.reason,
		.dry_run = cli->shared.dry_run};
	if (!pin_write(&settings, &result, err))
		return false;
	cli_print(cli, "%senvironment %s %s: system %s, database %s",
		cli->shared.dry_run ? "would be: " : "", cli->env->name, words[result.change],
		result.pin.system, result.pin.dbname);
	cli_result(cli, json_pack("{s:s, s:s, s:s, s:b}", "environment", cli->env->name, "system",
				result.pin.system, "dbname", result.pin.dbname, "changed",
				result.change != PIN_SAME));
	return true;
}

static void print_line(struct cli *cli, const struct doctor_line *line, json_t *all)
{
	AUTO_STRVEC(rows);
	strvec_split(&rows, line->text, '\n');
	cli_print(cli, "%-4s  %-11s  %s", doctor_word(line->level), line->topic, rows.items[0]);
	for (size_t i = 1; i < rows.count; i++)
		if (rows.items[i][0])
			cli_print(cli, "%19s%s", "", rows.items[i]);
	if (line->next)
		cli_print(cli, "%19snext: %s", "", line->next);
	json_array_append_new(
		all, json_pack("{s:s, s:s, s:s, s:s?}", "level", doctor_word(line->level), "topic",
			     line->topic, "text", line->text, "next", line->next));
}

static bool doctor(struct cli *cli, void *options, struct err *err)
{
	AUTO_ERR(config_error);
	CLEANUP(doctor_release) struct doctor state = {0};
	if (((struct settings *)options)->pin)
		return pin(cli, err);
	if (cli_env(cli, &config_error)) {
		state.env = cli->env;
		state.params = cli_target_params(cli);
	}
	state.config_error = &config_error;
	doctor_run(&state);
	json_t *lines = json_array();
	for (size_t i = 0; i < state.count; i++)
		print_line(cli, &state.lines[i], lines);
	size_t bad = doctor_count(&state, DOCTOR_BAD), warn = doctor_count(&state, DOCTOR_WARN);
	cli_result(cli, json_pack("{s:b, s:I, s:I, s:o}", "good", !bad, "bad", (json_int_t)bad,
				"warnings", (json_int_t)warn, "lines", lines));
	return !bad || err_set(err, ERR_NO, "%zu thing%s to mend", bad, str_plural((int64_t)bad));
}

/* --- status -------------------------------------------------------------------------- */

static bool show_status(struct cli *cli, void *settings, struct err *err)
{
	(void)settings;
	CLEANUP(status_release) struct status state = {.log = cli->log};
	if (!cli_env(cli, err))
		return false;
	state.env = cli->env;
	state.params = cli_target_params(cli);
	bool reached = db_open(&state.params, &state.db, err);
	if (reached && !cli_target_check(cli->env, state.db, err))
		return false;
	status_collect(&state);
	STRVEC_EACH (&state.lines, line)
		cli_print(cli, "%s", line);
	json_object_set_new(state.json, "attention", json_boolean(state.attention || !reached));
	cli_result(cli, json_incref(state.json));
	return reached;
}

/* --- help ---------------------------------------------------------------------------- */

static void list_topics(struct cli *cli)
{
	AUTO_STRVEC(lines);
	door_list(&lines);
	cli_print(cli, "mig help TOPIC:");
	for (size_t i = 0; i < topic_count; i++)
		cli_print(cli, "  %-14s %s", topics[i].name, topics[i].summary);
	STRVEC_EACH (&lines, line)
		cli_print(cli, "  %s", line);
}

static bool help(struct cli *cli, void *settings, struct err *err)
{
	(void)settings;
	AUTO_STRBUF(text);
	AUTO_STRVEC(arguments);
	const char *near = NULL, *name = cli->operands.count ? cli->operands.items[0] : NULL;
	const struct door *door = door_find(name);
	if (!name) {
		list_topics(cli);
		return true;
	}
	if (door) {
		if (door->keeps_word)
			strvec_push(&arguments, name);
		strvec_push(&arguments, "--help");
		return door_enter(door, &arguments, err);
	}
	const struct topic *topic = topic_find(name, &near);
	if (!topic) {
		err_set(err, ERR_USAGE, "no topic \"%s\"", name);
		return err_hint(
			err, near ? "did you mean: mig help %s" : "mig help lists them", near);
	}
	topic->write(&text);
	strbuf_trim(&text);
	cli_print(cli, "%s", text.buf);
	return true;
}

/* --- the program --------------------------------------------------------------------- */

static const struct cli_option init_options[] = {
	{"from", 0, CLI_STRING, offsetof(struct settings, from), "FORMAT",
		"the tool whose tree it is: alembic, dbmate, sql (the first that fits)"},
	{0},
};
static const struct cli_option doctor_options[] = {
	{"pin", 0, CLI_FLAG, offsetof(struct settings, pin), NULL,
		"tie the environment to the database that it reaches, in mig.yaml"},
	{0},
};

static const struct cli_verb verbs[] = {
	{"init", NULL, "write a first mig.yaml for this tree", init_options, init, CLI_DRY_RUN},
	{"doctor", NULL, "what is missing, and what to type next", doctor_options, doctor,
		CLI_DRY_RUN},
	{"status", NULL, "is anything running, where, since when, how is it stopped?", NULL,
		show_status, CLI_READ_ONLY},
	{"help", "[TOPIC]", "about one topic or program", NULL, help, CLI_READ_ONLY},
#define X(word, program, keeps_word, summary) \
	{word, "[WORD..]", summary " (" program ")", NULL, door_row, CLI_DRY_RUN},
	DOORS(X)
#undef X
		{0},
};

static const char *const examples[] = {
	"mig init",
	"write a first mig.yaml",
	"mig doctor",
	"what is missing?",
	"mig doctor --pin -e production",
	"tie the environment to its database",
	"mig status",
	"is anything running, and how is it stopped?",
	"mig backup create",
	"the same as mig-backup create",
	NULL,
};

static const struct cli_program program = {
	.name = "mig",
	.summary = "back up, migrate, verify and restore PostgreSQL databases",
	.verbs = verbs,
	.settings_size = sizeof(struct settings),
	.examples = examples,
};

int main(int argc, char **argv)
{
	int word = cli_first_operand(&program, argc, argv);
	const struct door *door = word ? door_find(argv[word]) : NULL;
	return door ? enter(door, argc, argv, word) : cli_main(&program, argc, argv);
}
