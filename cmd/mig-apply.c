/* mig-apply: moves a database along its revisions, in Alembic's words. */
#include <stdio.h>
#include <unistd.h>

#include "backup/catalog.h"
#include "base/clock.h"
#include "base/fs.h"
#include "cli/target.h"
#include "maint/maint.h"
#include "migrate/report.h"

struct settings {
	int64_t lock_timeout_ms, lock_retries;
	bool check, splice, purge, indicate, autogenerate;
	const char *message, *rev_id, *branch_label;
	struct strvec heads, depends_on;
};

static bool backup_age(void *ctx, int64_t *age_ms, struct err *err)
{
	const struct cli *cli = ctx;
	CLEANUP(backup_list_release) struct backup_list list = {0};
	if (!backup_list(cli->env, cli->log, &list, err))
		return false;
	*age_ms = list.count ? clock_now_ms() - list.items[list.count - 1].started_ms : -1;
	return true;
}

static bool confirm(void *ctx, const char *question, struct err *err)
{
	return cli_confirm_plain(ctx, err, question);
}

static bool load_tree(struct cli *cli, struct migrate_tree **tree, struct err *err)
{
	return cli_env_offline(cli, err) && migrate_tree_load(&cli->env->migrations, tree, err);
}

/* Files and database, with the keys when something is to be changed. */
static bool open_session(struct cli *cli, const struct settings *settings, bool change,
	enum migrate_rows rows, struct migrate_session *session, struct err *err)
{
	static char host[256];
	AUTO_FREE char *program = xstrfmt("%s %s", cli->program->name, cli->verb->name);
	if (!cli_target(cli, &session->db, err))
		return false;
	gethostname(host, sizeof(host) - 1);
	session->how = (struct migrate_settings){
		.env = cli->env,
		.target = cli_target_params(cli),
		.lock_timeout_ms = settings->lock_timeout_ms,
		.lock_retries = (int)settings->lock_retries,
		.host = host,
		.version = cli_version,
		.log = cli->log,
		.cancelled = cli_interrupted,
		.backup_age = backup_age,
		.confirm = confirm,
		.ctx = cli,
	};
	struct keys_request request = {
		.target = cli_target_params(cli),
		.mode = KEYS_RUN,
		.mig_run = cli_getenv("MIG_RUN"),
		.program = program,
		.lock_wait_ms = cli->shared.lock_wait_ms,
		.log = cli->log,
	};
	if (!migrate_open(session, change ? &request : NULL, rows, err))
		return false;
	if (change)
		maint_tell_kept(cli->env, session->db, request.mig_run, cli->log);
	return true;
}

/* --- upgrade, downgrade, plan ----------------------------------------------------------------- */

static bool show_plan(
	struct cli *cli, struct migrate_session *session, bool with_sql, struct err *err)
{
	AUTO_STRVEC(lines);
	json_t *result;
	AUTO_FREE char *sql = migrate_report_plan_sql(session, err);
	if (!sql || !migrate_report_plan(session, &lines, err) ||
		!migrate_report_plan_json(session, sql, &result, err))
		return false;
	STRVEC_EACH (&lines, line)
		cli_print(cli, "%s%s", with_sql ? "-- " : "", line);
	if (with_sql && *sql)
		cli_print(cli, "\n%s", sql);
	cli_result(cli, result);
	return true;
}

static bool migrate(struct cli *cli, const struct settings *settings,
	enum migrate_direction direction, const char *target, struct err *err)
{
	AUTO_SESSION(session);
	size_t done = 0;
	bool dry = cli->shared.dry_run;
	if (!open_session(cli, settings, !dry, MIGRATE_ROWS_KNOWN, &session, err) ||
		!migrate_plan(&session, direction, target, err))
		return false;
	if (dry)
		return show_plan(cli, &session, true, err);
	if (!migrate_policy_check(&session, err) || !migrate_apply(&session, &done, err))
		return false;
	AUTO_FREE char *now = migrate_report_where(&session);
	cli_print(cli, "%s %s at %s", cli->env->name, done ? "is now" : "was already", now);
	cli_result(cli, migrate_report_result(&session, done));
	return true;
}

static const char *first_operand(const struct cli *cli, const char *otherwise)
{
	return cli->operands.count ? cli->operands.items[0] : otherwise;
}

static bool upgrade(struct cli *cli, void *settings, struct err *err)
{
	return migrate(cli, settings, MIGRATE_UP, first_operand(cli, "head"), err);
}

static bool downgrade(struct cli *cli, void *settings, struct err *err)
{
	if (cli->operands.count)
		return migrate(cli, settings, MIGRATE_DOWN, cli->operands.items[0], err);
	err_set(err, ERR_USAGE, "downgrade needs a target");
	return err_hint(err, "the last revision: mig-apply downgrade -1; "
			     "all of them: mig-apply downgrade base");
}

static bool plan(struct cli *cli, void *settings, struct err *err)
{
	AUTO_SESSION(session);
	return open_session(cli, settings, false, MIGRATE_ROWS_KNOWN, &session, err) &&
	       migrate_plan(&session, MIGRATE_UP, first_operand(cli, "head"), err) &&
	       show_plan(cli, &session, cli->shared.verbose, err);
}

/* --- where things stand ----------------------------------------------------------------------- */

static bool current(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	AUTO_SESSION(session);
	const struct strvec *rows = &session.state.versions.rows;
	if (!open_session(cli, settings, false, MIGRATE_ROWS_ANY, &session, err))
		return false;
	json_t *heads = json_array();
	STRVEC_EACH (rows, row) {
		AUTO_FREE char *line = migrate_report_row(&session, row, cli->shared.verbose);
		cli_print(cli, "%s", line);
		json_array_append_new(heads, json_string(row));
	}
	bool at_head = session.state.current.count == rows->count &&
		       migrate_at_head(session.tree, &session.state);
	cli_result(cli, json_pack("{s:o, s:b}", "heads", heads, "at_head", at_head));
	if (!settings->check || at_head)
		return true;
	err_set(err, ERR_NO, "the database is not at head");
	return err_hint(err, "what is missing: mig-apply plan");
}

static void print_revisions(struct cli *cli, const struct migrate_tree *tree,
	const struct graph_list *list, const struct graph_list *current,
	enum migrate_report_style style)
{
	json_t *revisions = json_array();
	for (size_t i = 0; i < list->count; i++) {
		AUTO_FREE char *line = migrate_report_line(tree, list->items[i], current, style);
		cli_print(cli, "%s", line);
		json_array_append_new(revisions, migrate_report_revision(tree, list->items[i]));
	}
	cli_result(cli, json_pack("{s:o}", "revisions", revisions));
}

static enum migrate_report_style style_or_entry(
	const struct cli *cli, enum migrate_report_style style)
{
	return cli->shared.verbose ? MIGRATE_REPORT_ENTRY : style;
}

static bool history(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	AUTO_SESSION(session);
	if (settings->indicate
			? !open_session(cli, settings, false, MIGRATE_ROWS_KNOWN, &session, err)
			: !load_tree(cli, &session.tree, err))
		return false;
	AUTO_LIST(order);
	migrate_report_order(session.tree, &order);
	print_revisions(cli, session.tree, &order, &session.state.current,
		style_or_entry(cli, MIGRATE_REPORT_LINEAGE));
	return true;
}

static bool heads(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	CLEANUP(migrate_tree_free_auto) struct migrate_tree *tree = NULL;
	if (!load_tree(cli, &tree, err))
		return false;
	AUTO_LIST(list);
	graph_heads(tree->graph, false, &list);
	print_revisions(cli, tree, &list, NULL, style_or_entry(cli, MIGRATE_REPORT_SHORT));
	if (!settings->check || list.count < 2)
		return true;
	err_set(err, ERR_NO, "there are %zu heads", list.count);
	return err_hint(
		err, "make them one: mig-apply revision --head REV --head REV -m \"Merge\"");
}

static bool show(struct cli *cli, void *settings, struct err *err)
{
	(void)settings;
	CLEANUP(migrate_tree_free_auto) struct migrate_tree *tree = NULL;
	AUTO_LIST(found);
	if (!load_tree(cli, &tree, err) ||
		!graph_resolve(tree->graph, cli->operands.items[0], &found, err))
		return false;
	print_revisions(cli, tree, &found, NULL, MIGRATE_REPORT_ENTRY);
	return true;
}

/* --- stamp, revision -------------------------------------------------------------------------- */

static bool stamp(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	bool dry = cli->shared.dry_run;
	enum migrate_rows rows = settings->purge ? MIGRATE_ROWS_ANY : MIGRATE_ROWS_KNOWN;
	AUTO_SESSION(session);
	size_t changes = 0;
	if (!open_session(cli, settings, !dry, rows, &session, err) ||
		!(dry ? migrate_stamp_plan : migrate_stamp)(
			&session, &cli->operands, settings->purge, &changes, err))
		return false;
	AUTO_FREE char *now = migrate_report_where(&session);
	cli_print(cli, "%s %s at %s; no SQL of any revision %s run", cli->env->name,
		dry       ? "would be"
		: changes ? "is now"
			  : "is already",
		now, dry ? "would be" : "was");
	cli_result(cli, json_pack("{s:o}", "heads",
				migrate_report_ids(session.tree, &session.state.current)));
	return true;
}

static bool revision(struct cli *cli, void *options, struct err *err)
{
	const struct settings *settings = options;
	if (!settings->message) {
		err_set(err, ERR_USAGE, "revision needs a message");
		return err_hint(err, "mig-apply revision -m \"Add user preferences\"");
	}
	struct migrate_new request = {
		.message = settings->message,
		.id = settings->rev_id,
		.branch_label = settings->branch_label,
		.heads = &settings->heads,
		.depends_on = &settings->depends_on,
		.splice = settings->splice,
	};
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *id = NULL;
	CLEANUP(db_close_auto) struct db *db = NULL;
	if (!(settings->autogenerate ? cli_target(cli, &db, err) : cli_env_offline(cli, err)))
		return false;
	request.compare = db;
	if (!migrate_new_revision(&cli->env->migrations, &request, &path, &id, err))
		return false;
	cli_print(cli, "%s", path);
	cli_result(cli, json_pack("{s:s, s:s}", "revision", id, "path", path));
	return true;
}

static bool check(struct cli *cli, void *options, struct err *err)
{
	(void)options;
	CLEANUP(db_close_auto) struct db *db = NULL;
	if (!cli_target(cli, &db, err) || !migrate_check_models(&cli->env->migrations, db, err))
		return false;
	cli_print(cli, "the models and %s agree", cli->env->name);
	cli_result(cli, json_pack("{s:b}", "agree", true));
	return true;
}

/* --- the program ------------------------------------------------------------------------------ */

#define AT(field) offsetof(struct settings, field)

static const struct cli_option run_options[] = {
	{"lock-timeout", 0, CLI_DURATION, AT(lock_timeout_ms), "T",
		"how long a statement may wait for a table lock (2s)", "2s"},
	{"lock-retries", 0, CLI_INT, AT(lock_retries), "N",
		"how often a revision is tried again after that (10)", "10"},
	{0},
};
static const struct cli_option check_options[] = {
	{"check", 0, CLI_FLAG, AT(check), NULL, "exit 4 when the answer is no"},
	{0},
};
static const struct cli_option history_options[] = {
	{"indicate-current", 'i', CLI_FLAG, AT(indicate), NULL, "mark where the database stands"},
	{0},
};
static const struct cli_option stamp_options[] = {
	{"purge", 0, CLI_FLAG, AT(purge), NULL, "first take out every row of the version table"},
	{0},
};
static const struct cli_option revision_options[] = {
	{"message", 'm', CLI_STRING, AT(message), "TEXT", "what the revision does, in one line"},
	{"head", 0, CLI_LIST, AT(heads), "REV", "what it stands on; several: a merge (head)"},
	{"splice", 0, CLI_FLAG, AT(splice), NULL, "REV need not be a head: begin a branch"},
	{"branch-label", 0, CLI_STRING, AT(branch_label), "NAME", "name the branch that begins"},
	{"depends-on", 0, CLI_LIST, AT(depends_on), "REV", "another branch's revision it needs"},
	{"autogenerate", 0, CLI_FLAG, AT(autogenerate), NULL,
		"Alembic trees: with what the models have and the database has not"},
	{"rev-id", 0, CLI_STRING, AT(rev_id), "ID", "its id (12 random hex digits)"},
	{0},
};

static const struct cli_verb verbs[] = {
	{"upgrade", "[TARGET]", "apply revisions up to a target (head)", run_options, upgrade,
		CLI_DRY_RUN},
	{"downgrade", "[TARGET]", "take revisions back down to a target", run_options, downgrade,
		CLI_DRY_RUN},
	{"plan", "[TARGET]", "tell what upgrade would do; -v: with its SQL", NULL, plan,
		CLI_READ_ONLY},
	{"current", NULL, "tell where the database stands", check_options, current, CLI_READ_ONLY},
	{"history", NULL, "list all revisions, newest first", history_options, history,
		CLI_READ_ONLY},
	{"heads", NULL, "list the newest revision of each branch", check_options, heads,
		CLI_READ_ONLY},
	{"show", "REV", "tell all about one revision", NULL, show, CLI_READ_ONLY},
	{"stamp", "TARGET..", "set the version table without running any SQL", stamp_options, stamp,
		CLI_DRY_RUN},
	{"revision", NULL, "write a new revision file", revision_options, revision},
	{"check", NULL, "ask an Alembic tree whether its models need a new revision", NULL, check,
		CLI_READ_ONLY},
	{0},
};

static const char *const examples[] = {
	"mig-apply plan",
	"what an upgrade would do",
	"mig-apply upgrade",
	"apply all that is pending",
	"mig-apply downgrade -1",
	"take the last revision back",
	"mig-apply revision -m \"Add user preferences\"",
	"begin a new revision",
	NULL,
};

static const struct cli_program program = {
	.name = "mig-apply",
	.summary = "move a database along its migrations",
	.verbs = verbs,
	.settings_size = sizeof(struct settings),
	.examples = examples,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
