/* mig-verify: asks whether something is as it should be, and changes nothing. */
#include <inttypes.h>

#include "backup/catalog.h"
#include "backup/verify.h"
#include "backup/verify_restore.h"
#include "base/clock.h"
#include "base/proc.h"
#include "check/check.h"
#include "cli/target.h"

struct settings {
	struct check_retry retry;
	const char *base;
	bool before_pivot;
	bool restore;
	int64_t jobs;
};

/* --- smoke -------------------------------------------------------------------------------------
 */

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
	if (retry->need >= 0 && retry->for_ms >= 0 && retry->every_ms >= 0)
		return true;
	return err_set(
		err, ERR_USAGE, "--retry-for, --retry-every and --retry-need are not negative");
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

/* --- backup ------------------------------------------------------------------------------------
 */

struct backup_work {
	struct pack_reader *reader;
	struct backup_entry entry;
	char *tool;
	struct backup_verified verified;
	struct verify_restored restored; /* server NULL: not asked for */
	bool kept; /* the grades */
};

static void backup_work_release(struct backup_work *work)
{
	pack_reader_close(work->reader);
	backup_entry_release(&work->entry);
	verify_restored_release(&work->restored);
	free(work->tool);
}

static void note(struct cli *cli, struct backup_work *work, enum grade grade, int64_t ms,
	const char *server, const char *why)
{
	if (cli->shared.dry_run)
		return;
	struct grade_act act = {.grade = (char *)grade_word(grade),
		.tool = work->tool,
		.ms = ms,
		.server = (char *)server,
		.why = (char *)why};
	work->kept = backup_verify_note(&work->entry, work->reader, &act, cli->log);
}

static bool verify_members(struct cli *cli, struct backup_work *work, struct err *err)
{
	struct backup_verify how = {.cancelled = cli_interrupted, .log = cli->log};
	if (backup_verify(work->reader, &how, &work->verified, err)) {
		note(cli, work, GRADE_VERIFIED, work->verified.ms, NULL, NULL);
		return true;
	}
	if (err->code == ERR_CORRUPT)
		note(cli, work, GRADE_DAMAGED, 0, NULL, err->msg);
	return false;
}

static bool prove(
	struct cli *cli, const struct settings *settings, struct backup_work *work, struct err *err)
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
	bool proved = verify_restore_run(&how, work->reader, &work->restored, err);
	if (work->restored.server)
		note(cli, work, GRADE_PROVED, work->restored.ms, work->restored.server, NULL);
	return proved;
}

static void print_backup(struct cli *cli, const struct backup_work *work)
{
	const struct backup_verified *found = &work->verified;
	AUTO_FREE char *size = clock_size_text(found->bytes);
	AUTO_FREE char *took = clock_duration_text(found->ms);
	AUTO_FREE char *rto = clock_duration_text(work->restored.ms);
	json_t *fields = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:s, s:b}", "snapshot",
		work->entry.id, "path", work->entry.path, "bytes", (json_int_t)found->bytes,
		"members", (json_int_t)found->members, "tables", (json_int_t)found->tables, "rows",
		(json_int_t)found->rows, "seconds", (double)found->ms / 1000, "grade",
		grade_word(work->restored.server ? GRADE_PROVED : GRADE_VERIFIED), "grade_kept",
		work->kept);
	cli_print(cli,
		"snapshot %s is sound: %s, %" PRId64 " members, %" PRId64 " tables, %" PRId64
		" rows, hashes equal, %s",
		work->entry.id, size, found->members, found->tables, found->rows, took);
	if (work->restored.server) {
		cli_print(cli,
			"restored and proved equal in %s, server %s; the scratch database is gone",
			rto, work->restored.server);
		json_object_set_new(
			fields, "restore_seconds", json_real((double)work->restored.ms / 1000));
	}
	cli_result(cli, fields);
}

static bool backup(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	CLEANUP(backup_work_release) struct backup_work work = {0};
	if (settings->jobs && (settings->jobs < 0 || settings->jobs > 64 || !settings->restore))
		return err_set(err, ERR_USAGE, "--jobs takes 1 to 64, and goes with --restore");
	if (!(settings->restore ? cli_env(cli, err) : cli_env_offline(cli, err)))
		return false;
	if (cli->shared.dry_run && settings->restore)
		return err_set(err, ERR_USAGE, "--restore makes a database: it has no -n");
	work.tool = xstrfmt("mig %s", cli_version);
	struct backup_find find = {cli->env, cli_getenv, cli->log};
	if (!backup_open(&find, cli->operands.items[0], &work.reader, &work.entry, err) ||
		!verify_members(cli, &work, err) ||
		(settings->restore && !prove(cli, settings, &work, err)))
		return false;
	print_backup(cli, &work);
	return true;
}

static const struct cli_option backup_options[] = {
	{"restore", 0, CLI_FLAG, offsetof(struct settings, restore), NULL,
		"also restore it into a scratch database, compare, and drop that"},
	{"jobs", 'j', CLI_INT, offsetof(struct settings, jobs), "N",
		"with --restore: sessions that work at once (one per core)"},
	{0},
};

/* --- the program -------------------------------------------------------------------------------
 */

/* A new verb is a row here. */
static const struct cli_verb verbs[] = {
	{"smoke", "[FILE..]", "make the checks of files, or of the environment", smoke_options,
		smoke, CLI_DRY_RUN},
	{"backup", "SNAPSHOT", "prove that a snapshot is whole and sound, without a database",
		backup_options, backup, CLI_READ_ONLY},
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
