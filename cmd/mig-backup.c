/* mig-backup: takes snapshots of a database, and says which there are. */
#include "backup/clone.h"
#include "backup/copy.h"
#include "backup/create.h"
#include "backup/keep.h"
#include "backup/report.h"
#include "backup/status.h"
#include "base/clock.h"
#include "cli/target.h"

struct settings {
	struct backup_settings create;
	const char *max_age, *method;
	int64_t rate, max_offline_ms;
	bool tables, off;
};

#define FIELD(name) offsetof(struct settings, name)

static void print_lines(struct cli *cli, const struct strvec *lines)
{
	STRVEC_EACH (lines, line)
		cli_print(cli, "%s", line);
}

/* Steals fields. */
static void print_result(struct cli *cli, const struct strvec *lines, json_t *fields)
{
	if (!cli->shared.quiet)
		print_lines(cli, lines);
	cli_result(cli, fields);
}

static struct backup_find finder(const struct cli *cli)
{
	return (struct backup_find){cli->env, cli_getenv, cli->log};
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
	const struct backup_settings *file = &settings->create;
	*clone = str_equal(settings->method, "clone");
	if (settings->method && !*clone && !str_equal(settings->method, "dump"))
		return err_set(err, ERR_USAGE, "--method takes dump or clone");
	if (*clone &&
		(file->label || file->to || file->level || file->jobs || file->lock_timeout_ms))
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
	{"jobs", 'j', CLI_INT, CREATE(jobs), "N",
		"so many tables at once (as many as there are processors)"},
	{"level", 0, CLI_INT, CREATE(level), "N",
		"zstd level, 1 (fast, the default) to 19 (small)"},
	{"lock-timeout", 0, CLI_DURATION, CREATE(lock_timeout_ms), "T",
		"give up when the tables cannot be locked for so long (30s)"},
	{"method", 0, CLI_STRING, FIELD(method), "WORD",
		"dump (the default); or clone: a restore point in the same server, no snapshot"},
	{"max-offline", 0, CLI_DURATION, FIELD(max_offline_ms), "T",
		"with --method clone: nobody may be kept out for longer (60s)"},
	{"pg-bin", 0, CLI_STRING, CREATE(pg_bin), "DIR",
		"folder of pg_dump and pg_restore (the server's version, else PATH)"},
	{0},
};

/* --- list ------------------------------------------------------------------------------------- */

static void print_entry(struct cli *cli, const struct backup_entry *entry)
{
	AUTO_STRVEC(lines);
	backup_entry_lines(entry, &lines);
	print_lines(cli, &lines);
	cli_event(cli, "snapshot", backup_entry_json(entry));
}

static bool list(struct cli *cli, void *options, struct err *err)
{
	(void)options;
	CLEANUP(backup_list_release) struct backup_list snapshots = {0};
	if (!cli_env_offline(cli, err) || !backup_list(cli->env, cli->log, &snapshots, err))
		return false;
	for (size_t i = 0; i < snapshots.count; i++)
		print_entry(cli, &snapshots.items[i]);
	STRVEC_EACH (&snapshots.broken, file)
		log_warn(cli->log, "no_snapshot", NULL, "not a snapshot: %s", file);
	if (!snapshots.count)
		log_info(cli->log, "no_snapshots", NULL,
			"environment %s has no snapshots: make one with mig-backup create",
			cli->env->name);
	cli_result(cli, json_pack("{s:I, s:o}", "count", (json_int_t)snapshots.count, "broken",
				backup_texts_json(&snapshots.broken)));
	return true;
}

/* --- show ------------------------------------------------------------------------------------- */

static void print_table(struct cli *cli, const struct pack_table *table)
{
	AUTO_FREE char *line = backup_table_line(table);
	cli_print(cli, "%s", line);
	cli_event(cli, "table", backup_table_json(table));
}

static bool show(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	CLEANUP(backup_entry_release) struct backup_entry entry = {0};
	if (!cli_env_offline(cli, err))
		return false;
	struct backup_find find = finder(cli);
	if (!backup_open(&find, cli->operands.items[0], &reader, &entry, err))
		return false;
	const struct pack_manifest *manifest = pack_reader_manifest(reader);
	AUTO_STRVEC(lines);
	backup_show_lines(&entry, manifest, &lines);
	if (!settings->tables)
		print_lines(cli, &lines);
	for (size_t i = 0; settings->tables && i < manifest->tables.count; i++)
		print_table(cli, &manifest->tables.items[i]);
	cli_result(cli, backup_entry_json(&entry));
	return true;
}

static const struct cli_option show_options[] = {
	{"tables", 0, CLI_FLAG, FIELD(tables), NULL,
		"every table with its rows, bytes and content hash"},
	{0},
};

/* --- copy, keep ------------------------------------------------------------------------------- */

static bool copy(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	CLEANUP(backup_copied_release) struct backup_copied copied = {0};
	AUTO_STRVEC(lines);
	if (!cli_env_offline(cli, err))
		return false;
	struct backup_copy_settings how = {
		.find = finder(cli),
		.word = cli->operands.items[0],
		.to = cli->operands.items[1],
		.rate = settings->rate,
		.cancelled = cli_interrupted,
	};
	if (!backup_copy(&how, &copied, err))
		return false;
	backup_copied_lines(&copied, &lines);
	print_result(cli, &lines, backup_copied_json(&copied));
	return true;
}

static const struct cli_option copy_options[] = {
	{"rate-limit", 0, CLI_SIZE, FIELD(rate), "SIZE", "write at most so much a second"},
	{0},
};

static bool keep(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	CLEANUP(backup_kept_release) struct backup_kept kept = {0};
	AUTO_STRVEC(lines);
	if (!cli_env_offline(cli, err))
		return false;
	struct backup_keep how = {
		.find = finder(cli),
		.word = cli->operands.items[0],
		.off = settings->off,
		.reason = cli->shared.reason,
		.who = cli_getenv("USER"),
	};
	if (!backup_keep(&how, &kept, err))
		return false;
	backup_kept_lines(&kept, &lines);
	print_result(cli, &lines, backup_kept_json(&kept));
	return true;
}

static const struct cli_option keep_options[] = {
	{"off", 0, CLI_FLAG, FIELD(off), NULL, "take the mark away"},
	{0},
};

/* --- status ----------------------------------------------------------------------------------- */

static bool status(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	CLEANUP(backup_status_release) struct backup_status found = {0};
	AUTO_STRVEC(lines);
	int64_t max_age = 0;
	if (settings->max_age && !clock_parse_duration(settings->max_age, &max_age, err))
		return err_context(err, "--max-age");
	if (!cli_env_offline(cli, err) || !backup_status_read(cli->env, cli->log, &found, err))
		return false;
	backup_status_lines(&found, &lines);
	STRVEC_EACH (&found.list.broken, file)
		log_warn(cli->log, "no_snapshot", NULL, "not a snapshot: %s", file);
	print_result(cli, &lines, backup_status_json(&found, settings->max_age ? max_age : -1));
	return !settings->max_age || backup_status_young(&found, max_age, err);
}

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
