/* mig-verify: asks whether something is as it should be, and changes nothing. */
#include "backup/catalog.h"
#include "base/proc.h"
#include "check/check.h"
#include "cli/target.h"
#include "compare/compare.h"
#include "verify/job.h"

struct settings {
	struct check_retry retry;
	const char *base;
	bool before_pivot;
	bool restore;
	const char *against;
	struct strvec tables;
	int64_t rows;
	int64_t jobs;
};

/* --- smoke --- */

static bool load_files(struct cli *cli, struct check_list *list, struct err *err)
{
	STRVEC_EACH (&cli->operands, path)
		if (!check_list_load(path, list, err))
			return false;
	return true;
}

/* The environment's own list, when no file is named. */
static bool load_own(struct cli *cli, struct check_list *list, struct err *err)
{
	if (!cli_env(cli, err))
		return false;
	const struct conf_node *checks = conf_get(cli->env->smoke, "checks");
	if (checks)
		return check_list_parse(checks, list, err);
	err_set(err, ERR_USAGE, "no file of checks, and environment %s has no smoke checks",
		cli->env->name);
	return err_hint(err, "mig-verify smoke FILE, or smoke: {checks: [smoke.yaml]} in mig.yaml");
}

static bool load(struct cli *cli, struct check_list *list, struct err *err)
{
	if (!cli->operands.count)
		return load_own(cli, list, err);
	if (!load_files(cli, list, err))
		return false;
	return check_list_needs_database(list) ? cli_env(cli, err) : cli_env_offline(cli, err);
}

/* A wrong pin is refused; that a database is unreachable is for the checks to report. */
static bool check_pin(struct cli *cli, const struct check_list *list, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	AUTO_ERR(ignored);
	if (!check_list_needs_database(list) || !cli->env->pins.count)
		return true;
	struct db_params params = cli_target_params(cli);
	return !db_open(&params, &db, &ignored) || cli_target_check(cli->env, db, err);
}

/* The sibling that knows revisions, with the choice of environment and database handed on. */
static void name_apply(const struct cli *cli, struct strvec *argv)
{
	strvec_push_take(argv, proc_sibling("mig-apply"));
	if (cli->shared.config) {
		strvec_push(argv, "--config");
		strvec_push(argv, cli->shared.config);
	}
	if (cli->shared.env) {
		strvec_push(argv, "--env");
		strvec_push(argv, cli->shared.env);
	}
	if (cli->shared.dbname) {
		strvec_push(argv, "--dbname");
		strvec_push(argv, cli->shared.dbname);
	}
}

static bool check_numbers(const struct settings *settings, struct err *err)
{
	const struct check_retry *retry = &settings->retry;
	return (retry->for_ms >= 0 && retry->every_ms >= 0) ||
	       err_set(err, ERR_USAGE, "--retry-for and --retry-every are not negative");
}

/* What would be checked: the files are read, nothing is asked. */
static void list_checks(struct cli *cli, const struct check_list *list)
{
	json_t *checks = json_array();
	for (size_t i = 0; i < list->count; i++) {
		const char *kind = check_list_kind(list, i), *name = check_list_name(list, i);
		cli_print(cli, "would check %s: %s", kind, name);
		json_array_append_new(checks, json_pack("{s:s, s:s}", "name", name, "kind", kind));
	}
	cli_result(cli, json_pack("{s:o}", "checks", checks));
}

static bool smoke(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	AUTO_CHECK_LIST(list);
	AUTO_CHECK_REPORT(report);
	AUTO_STRVEC(apply);
	AUTO_STRVEC(lines);
	if (!check_numbers(settings, err) || !load(cli, &list, err) || !check_pin(cli, &list, err))
		return false;
	if (cli->shared.dry_run) {
		list_checks(cli, &list);
		return true;
	}
	name_apply(cli, &apply);
	struct check_settings how = {
		.env = cli->env,
		.base = settings->base,
		.apply = &apply,
		.retry = settings->retry,
		.before_pivot = settings->before_pivot,
		.log = cli->log,
		.cancelled = cli_interrupted,
	};
	if (!check_list_run(&list, &how, &report, err))
		return false;
	check_report_lines(&list, &report, &lines);
	STRVEC_EACH (&lines, line)
		cli_print(cli, "%s", line);
	cli_result(cli, check_report_json(&list, &report));
	return report.why.code == ERR_NONE || err_move(err, &report.why);
}

static const struct cli_option smoke_options[] = {
	{"retry-for", 0, CLI_DURATION, offsetof(struct settings, retry.for_ms), "T",
		"go on making rounds for so long until one passes"},
	{"retry-every", 0, CLI_DURATION, offsetof(struct settings, retry.every_ms), "T",
		"pause between rounds (1s)"},
	{"retry-need", 0, CLI_INT, offsetof(struct settings, retry.need), "N",
		"so many rounds in a row must pass (1)"},
	{"before-pivot", 0, CLI_FLAG, offsetof(struct settings, before_pivot), NULL,
		"skip and list checks that need writes"},
	{"base", 0, CLI_STRING, offsetof(struct settings, base), "URL",
		"where paths of http checks stand, instead of the environment's smoke base"},
	{0},
};

/* --- backup --- */

static bool prove(
	struct cli *cli, const struct settings *settings, struct verify_job *job, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	if (!cli_target(cli, &db, err))
		return false;
	AUTO_FREE char *live = xstrdup(db->dbname);
	db_close(xtake(&db));
	struct verify_restore how = {
		.target = cli_target_params(cli),
		.state_dir = cli->env->state_dir,
		.live = live,
		.workers = (int)settings->jobs,
		.cancelled = cli_interrupted,
		.log = cli->log,
	};
	how.target.stop = cli_interrupted;
	return verify_job_restore(job, &how, err);
}

static bool backup(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	CLEANUP(verify_job_release) struct verify_job job = {.forget = cli->shared.dry_run};
	AUTO_STRVEC(lines);
	if (settings->jobs && (settings->jobs > 64 || !settings->restore))
		return err_set(err, ERR_USAGE, "--jobs takes 1 to 64, and goes with --restore");
	if (cli->shared.dry_run && settings->restore)
		return err_set(err, ERR_USAGE, "--restore makes a database: it has no -n");
	if (!(settings->restore ? cli_env(cli, err) : cli_env_offline(cli, err)))
		return false;
	job.tool = xstrfmt("mig %s", cli_version);
	struct backup_find find = {cli->env, cli_getenv, cli->log};
	struct backup_verify how = {.cancelled = cli_interrupted, .log = cli->log};
	if (!verify_job_read(&job, &find, cli->operands.items[0], &how, err) ||
		(settings->restore && !prove(cli, settings, &job, err)))
		return false;
	verify_job_lines(&job, &lines);
	STRVEC_EACH (&lines, line)
		cli_print(cli, "%s", line);
	cli_result(cli, verify_job_json(&job));
	return true;
}

static const struct cli_option backup_options[] = {
	{"restore", 0, CLI_FLAG, offsetof(struct settings, restore), NULL,
		"also restore it into a scratch database, compare, and drop that"},
	{"jobs", 'j', CLI_COUNT, offsetof(struct settings, jobs), "N",
		"with --restore: sessions that work at once (one per core)"},
	{0},
};

/* --- data --- */

static void print_compared(struct cli *cli, const struct compare_report *report)
{
	AUTO_STRVEC(lines);
	compare_report_lines(report, &lines);
	STRVEC_EACH (&lines, line)
		cli_print(cli, "%s", line);
	cli_result(cli, compare_report_json(report));
}

static bool data(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	CLEANUP(compare_report_release) struct compare_report report = {0};
	CLEANUP(db_close_auto) struct db *db = NULL;
	if (!settings->against) {
		err_set(err, ERR_USAGE, "mig-verify data needs --against SNAPSHOT");
		return err_hint(err, "with the newest: mig-verify data --against latest");
	}
	if (settings->jobs > 64)
		return err_set(err, ERR_USAGE, "--jobs takes 1 to 64");
	if (!cli_target(cli, &db, err))
		return false;
	db_close(xtake(&db));
	struct backup_find find = {cli->env, cli_getenv, cli->log};
	struct compare_settings how = {
		.target = cli_target_params(cli),
		.tables = &settings->tables,
		.rows = settings->rows,
		.workers = (int)settings->jobs,
		.cancelled = cli_interrupted,
	};
	how.target.stop = cli_interrupted;
	if (!backup_open(&find, settings->against, &reader, NULL, err) ||
		!compare_run(&how, reader, &report, err))
		return false;
	print_compared(cli, &report);
	return compare_report_verdict(&report, err);
}

static const struct cli_option data_options[] = {
	{"against", 0, CLI_STRING, offsetof(struct settings, against), "SNAPSHOT",
		"what the database is compared with"},
	{"table", 't', CLI_NAMES, offsetof(struct settings, tables), "TABLE,..",
		"only these: schema.table, or table in any schema"},
	{"rows", 0, CLI_INT, offsetof(struct settings, rows), "N",
		"show so many differing rows of a table (across versions 3, else 0)", "-1"},
	{"jobs", 'j', CLI_COUNT, offsetof(struct settings, jobs), "N",
		"sessions that read at once (one per core)"},
	{0},
};

/* --- the program --- */

/* A new verb is a row here. */
static const struct cli_verb verbs[] = {
	{"smoke", "[FILE..]", "make the checks of files, or of the environment", smoke_options,
		smoke, CLI_DRY_RUN},
	{"backup", "SNAPSHOT", "prove that a snapshot is whole and sound, without a database",
		backup_options, backup, CLI_READ_ONLY},
	{"data", NULL, "is the database still what a snapshot says? (0 yes, 4 no)", data_options,
		data, CLI_READ_ONLY},
	{0},
};

static const char *const examples[] = {
	"mig-verify smoke smoke.yaml",
	"make the checks of a file once",
	"mig-verify smoke --retry-for 90s --retry-need 2",
	"the environment's checks, until two rounds pass",
	"mig-verify smoke --base http://127.0.0.1:8080 smoke.yaml",
	"without a configuration",
	"mig-verify backup latest",
	"read a snapshot and compute every checksum and content hash anew",
	"mig-verify backup latest --restore",
	"and restore it into a scratch database, compare every row, drop that database",
	"mig-verify data --against latest",
	"every table of the live database against the newest snapshot",
	NULL,
};

static const struct cli_program program = {
	.name = "mig-verify",
	.summary = "check an application and its database after a change",
	.verbs = verbs,
	.settings_size = sizeof(struct settings),
	.examples = examples,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
