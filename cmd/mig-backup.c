/* mig-backup: takes snapshots of a database, and says which there are. */
#include <unistd.h>

#include "backup/answers.h"
#include "backup/create.h"
#include "backup/report.h"
#include "base/fs.h"
#include "cli/target.h"
#include "copies/clone.h"
#include "restore/cat.h"

struct settings {
	struct backup_settings create;
	const char *max_age, *method;
	int64_t rate, max_offline_ms;
	struct strvec tables_of;
	bool tables, off, data_only;
};

#define FIELD(name) offsetof(struct settings, name)

/* Steals fields. */
static void print_result(struct cli *cli, const struct strvec *lines, json_t *fields)
{
	for (size_t i = 0; i < lines->count && !cli->shared.quiet; i++)
		cli_advise(cli, lines->items[i]);
	cli_result(cli, fields);
}

/* --- create ----------------------------------------------------------------------------------- */

/* The pin is looked at before anything else: is this the database that was meant? */
static bool reach_target(struct cli *cli, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	return cli_target(cli, &db, err);
}

static bool check_method(const struct settings *settings, bool *clone, struct err *err)
{
	static const struct backup_settings nothing_asked;
	*clone = str_equal(settings->method, "clone");
	if (settings->method && !*clone && !str_equal(settings->method, "dump"))
		return err_set(err, ERR_USAGE, "--method takes dump or clone");
	/* NOLINTBEGIN(bugprone-suspicious-memory-comparison): both begin as zeros, padding too */
	bool asked = memcmp(&settings->create, &nothing_asked, sizeof(nothing_asked)) != 0;
	/* NOLINTEND(bugprone-suspicious-memory-comparison) */
	if (*clone && asked)
		return err_set(err, ERR_USAGE,
			"a clone is a database: it takes --max-offline, and no option of a file");
	if (!*clone && settings->max_offline_ms)
		return err_set(err, ERR_USAGE, "--max-offline goes with --method clone");
	return settings->max_offline_ms >= 0 ||
	       err_set(err, ERR_USAGE, "--max-offline is not negative");
}

static bool create_clone(struct cli *cli, int64_t max_offline_ms, struct err *err)
{
	CLEANUP(clone_result_release) struct clone_result result = {0};
	AUTO_STRVEC(lines);
	struct clone_settings how = {
		.env = cli->env,
		.target = cli_target_params(cli),
		.mig_run = cli_getenv("MIG_RUN"),
		.lock_wait_ms = cli->shared.lock_wait_ms,
		.max_offline_ms = max_offline_ms,
		.log = cli->log,
	};
	how.target.stop = cli_interrupted;
	if (!clone_create(&how, &result, err))
		return false;
	clone_result_lines(&result, &lines);
	print_result(cli, &lines, clone_result_json(&result));
	return true;
}

static bool create(struct cli *cli, void *options, struct err *err)
{
	struct settings *settings = options;
	struct backup_settings *how = &settings->create;
	CLEANUP(backup_result_release) struct backup_result result = {0};
	AUTO_FREE char *tool = xstrfmt("mig %s", cli_version);
	AUTO_STRVEC(lines);
	bool clone;
	if (!check_method(settings, &clone, err) || !backup_settings_check(how, err) ||
		!reach_target(cli, err))
		return false;
	if (clone)
		return create_clone(cli, settings->max_offline_ms, err);
	how->env = cli->env;
	how->target = cli_target_params(cli);
	how->mig_run = cli_getenv("MIG_RUN");
	how->lock_wait_ms = cli->shared.lock_wait_ms;
	how->pg_bin = how->pg_bin ? how->pg_bin : cli_getenv("MIG_PG_BIN");
	how->tool = tool;
	how->cancelled = cli_interrupted;
	how->log = cli->log;
	if (!backup_create(how, &result, err))
		return false;
	backup_result_lines(&result, &lines);
	print_result(cli, &lines, backup_result_json(&result));
	return true;
}

#define CREATE(name) FIELD(create.name)
static const struct cli_option create_options[] = {
	{"label", 0, CLI_STRING, CREATE(label), "TEXT", "a name to find it by: label:TEXT"},
	{"to", 0, CLI_STRING, CREATE(to), "FILE",
		"write this file instead of one in the environment's stores"},
	{"schema", 0, CLI_LIST, CREATE(filter.schemas), "PATTERN", "only these schemas"},
	{"exclude-schema", 0, CLI_LIST, CREATE(filter.exclude_schemas), "PATTERN",
		"without these schemas"},
	{"table", 0, CLI_LIST, CREATE(filter.tables), "PATTERN", "only these tables"},
	{"exclude-table", 0, CLI_LIST, CREATE(filter.exclude_tables), "PATTERN",
		"without these tables"},
	{"exclude-table-data", 0, CLI_LIST, CREATE(filter.exclude_data), "PATTERN",
		"without the rows of these tables"},
	{"jobs", 'j', CLI_COUNT, CREATE(jobs), "N",
		"so many tables at once (as many as there are processors)"},
	{"level", 0, CLI_COUNT, CREATE(level), "N",
		"zstd level, 1 (fast, the default) to 19 (small)"},
	{"lock-timeout", 0, CLI_DURATION, CREATE(lock_timeout_ms), "T",
		"give up when the tables cannot be locked for so long (30s)"},
	{"yield-to-ddl", 0, CLI_FLAG, CREATE(yield_to_ddl), NULL,
		"end (13) when somebody waits for us to change a table"},
	{"max-duration", 0, CLI_DURATION, CREATE(max_duration_ms), "T",
		"end (124) when it is not done by then"},
	{"rate-limit", 0, CLI_SIZE, CREATE(rate), "SIZE", "write at most so much a second"},
	{"method", 0, CLI_STRING, FIELD(method), "WORD",
		"dump (the default); or clone: a restore point in the same server, no snapshot"},
	{"max-offline", 0, CLI_DURATION, FIELD(max_offline_ms), "T",
		"with --method clone: nobody may be kept out for longer (60s)"},
	{"pg-bin", 0, CLI_STRING, CREATE(pg_bin), "DIR",
		"folder of pg_dump and pg_restore (the server's version, else PATH)"},
	{0},
};

/* --- verbs that need no server ---------------------------------------------------------------- */

static void say_line(void *ctx, const char *text)
{
	cli_print(ctx, "%s", text);
}

static void say_event(void *ctx, const char *event, json_t *fields)
{
	cli_event(ctx, event, fields);
}

static void say_result(void *ctx, json_t *fields)
{
	cli_result(ctx, fields);
}

static bool to_stdout(void *ctx, const void *bytes, size_t length, struct err *err)
{
	(void)ctx;
	return fs_write_all(STDOUT_FILENO, bytes, length, err) ||
	       err_context(err, "standard output");
}

static struct backup_ask asked(struct cli *cli, const struct settings *settings)
{
	const struct strvec *words = &cli->operands;
	return (struct backup_ask){
		.find = {cli->env, cli_getenv, cli->log},
		.word = words->count > 0 ? words->items[0] : NULL,
		.to = words->count > 1 ? words->items[1] : NULL,
		.max_age = settings->max_age,
		.reason = cli->shared.reason,
		.who = cli_getenv("USER"),
		.rate = settings->rate,
		.tables = &settings->tables_of,
		.data_only = settings->data_only,
		.every_table = settings->tables,
		.off = settings->off,
		.quiet = cli->shared.quiet,
		.cancelled = cli_interrupted,
		.line = say_line,
		.event = say_event,
		.result = say_result,
		.bytes = to_stdout,
		.ctx = cli,
	};
}

static bool answer(struct cli *cli, const struct settings *settings,
	bool (*work)(const struct backup_ask *ask, struct err *err), struct err *err)
{
	if (!cli_env_offline(cli, err))
		return false;
	struct backup_ask ask = asked(cli, settings);
	return work(&ask, err);
}

static bool list(struct cli *cli, void *settings, struct err *err)
{
	return answer(cli, settings, backup_answer_list, err);
}

static bool show(struct cli *cli, void *settings, struct err *err)
{
	return answer(cli, settings, backup_answer_show, err);
}

static bool cat(struct cli *cli, void *settings, struct err *err)
{
	if (cli->shared.json)
		return err_set(err, ERR_USAGE, "cat writes SQL: it has no --json");
	return answer(cli, settings, restore_cat_answer, err);
}

static bool copy(struct cli *cli, void *settings, struct err *err)
{
	return answer(cli, settings, backup_answer_copy, err);
}

static bool keep(struct cli *cli, void *settings, struct err *err)
{
	return answer(cli, settings, backup_answer_keep, err);
}

static bool status(struct cli *cli, void *settings, struct err *err)
{
	return answer(cli, settings, backup_answer_status, err);
}

static const struct cli_option show_options[] = {
	{"tables", 0, CLI_FLAG, FIELD(tables), NULL,
		"every table with its rows, bytes and content hash"},
	{0},
};
static const struct cli_option cat_options[] = {
	{"table", 0, CLI_LIST, FIELD(tables_of), "PATTERN",
		"only these tables, with what they need and what is theirs"},
	{"data-only", 0, CLI_FLAG, FIELD(data_only), NULL, "with --table: their rows alone"},
	{0},
};
static const struct cli_option copy_options[] = {
	{"rate-limit", 0, CLI_SIZE, FIELD(rate), "SIZE", "write at most so much a second"},
	{0},
};
static const struct cli_option keep_options[] = {
	{"off", 0, CLI_FLAG, FIELD(off), NULL, "take the mark away"},
	{0},
};
static const struct cli_option status_options[] = {
	{"max-age", 0, CLI_STRING, FIELD(max_age), "T",
		"is the newest snapshot of the whole database at most so old? exit 4: no"},
	{0},
};

/* --- the program ------------------------------------------------------------------------------ */

static const struct cli_verb verbs[] = {
	{"create", NULL, "take a snapshot of the database", create_options, create},
	{"list", NULL, "the environment's snapshots, oldest first", NULL, list, CLI_READ_ONLY},
	{"show", "SNAPSHOT", "what a snapshot holds", show_options, show, CLI_READ_ONLY},
	{"cat", "SNAPSHOT", "all of it as SQL for psql", cat_options, cat, CLI_READ_ONLY},
	{"copy", "SNAPSHOT STORE", "into another store or folder, checked on the way", copy_options,
		copy},
	{"keep", "SNAPSHOT", "mark it as one that is never removed", keep_options, keep},
	{"status", NULL, "the newest snapshot, and the backup that runs", status_options, status,
		CLI_READ_ONLY},
	{0},
};

static const char *const examples[] = {
	"mig-backup create --label before-import",
	"a snapshot that is found again as label:before-import",
	"mig-backup create -q",
	"for cron: says nothing unless something is wrong",
	"mig-backup show latest --tables",
	"rows and content hash of every table",
	"mig-backup cat latest | psql -qXo /dev/null shop_copy",
	"into an empty database, without mig-restore",
	"mig-backup copy latest offsite",
	"into another store of mig.yaml",
	"mig-backup keep label:before-import --reason \"audit 2026\"",
	"never to be removed",
	"mig-backup status --max-age 26h",
	"for monitoring: 0 young enough, 4 not",
	NULL,
};

static const struct cli_program program = {
	.name = "mig-backup",
	.summary = "take snapshots of a PostgreSQL database",
	.verbs = verbs,
	.settings_size = sizeof(struct settings),
	.examples = examples,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
