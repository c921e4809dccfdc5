/* mig-apply: moves a database along its revisions, in Alembic's words (lib/migrate/verbs.h). */
#include <unistd.h>

#include "backup/catalog.h"
#include "cli/target.h"
#include "maint/maint.h"
#include "migrate/verbs.h"

static bool backup_age(void *ctx, int64_t *age_ms, struct err *err)
{
	const struct cli *cli = ctx;
	return backup_newest_age(cli->env, cli->log, age_ms, err);
}

static bool confirm(void *ctx, const char *question, struct err *err)
{
	return cli_confirm_plain(ctx, err, question);
}

static struct migrate_settings settings_of(struct cli *cli, const struct migrate_ask *ask)
{
	static char host[256];
	gethostname(host, sizeof(host) - 1);
	return (struct migrate_settings){
		.env = cli->env,
		.where = conf_tree(cli->env, ask->tree),
		.target = cli_target_params(cli),
		.lock_timeout_ms = ask->lock_timeout_ms,
		.lock_retries = (int)ask->lock_retries,
		.host = host,
		.version = cli_version,
		.args = {.tag = ask->tag, .x = &ask->x},
		.from_history = ask->from_history,
		.log = cli->log,
		.cancelled = cli_interrupted,
		.backup_age = backup_age,
		.confirm = confirm,
		.ctx = cli,
	};
}

static bool open_to_change(
	struct cli *cli, enum migrate_rows rows, struct migrate_session *session, struct err *err)
{
	AUTO_FREE char *program = cli_title(cli);
	struct keys_request request = cli_keys_request(cli, program);
	if (!migrate_open(session, &request, rows, err))
		return false;
	maint_tell_kept(cli->env, session->db, request.mig_run, cli->log);
	return true;
}

struct ahead {
	const struct migrate_ask *ask;
	struct migrate_session *session;
};

static void read_ahead(void *ctx)
{
	const struct ahead *ahead = ctx;
	const struct cli *cli = ahead->ask->ctx;
	migrate_read_ahead(ahead->session, conf_tree(cli->env, ahead->ask->tree));
}

static bool open_session(const struct migrate_ask *ask, enum migrate_access access,
	enum migrate_rows rows, struct migrate_session *session, struct err *err)
{
	struct cli *cli = ask->ctx;
	bool offline =
		access == MIGRATE_NOTHING || access == MIGRATE_FILES || access == MIGRATE_MENDED;
	bool reads = access == MIGRATE_READ || access == MIGRATE_CHANGE;
	struct ahead ahead = {ask, session};
	if (offline && !cli_env_any(cli, err))
		return false;
	if (!offline && !session->db &&
		!cli_target_while(cli, reads ? read_ahead : NULL, &ahead, &session->db, err))
		return false;
	session->how = settings_of(cli, ask);
	return access == MIGRATE_CHANGE ? open_to_change(cli, rows, session, err)
					: migrate_open_to_look(session, access, rows, err);
}

static bool open_other(const struct migrate_ask *ask, const char *env,
	struct migrate_session *session, struct err *err)
{
	bool named = ask->envs->count > 1 || strcmp(env, "default") != 0;
	if (!cli_target_other(ask->ctx, named ? env : NULL, &session->own_env, &session->db, err))
		return false;
	session->how = settings_of(ask->ctx, ask);
	session->how.env = session->own_env;
	session->how.target.conninfo = session->own_env->conninfo;
	session->how.where = conf_tree(session->own_env, ask->tree);
	return migrate_open(session, NULL, MIGRATE_ROWS_ANY, err);
}

/* Every verb: what was typed goes down, the answer comes up and is printed. */
static bool act(struct cli *cli, void *settings, struct err *err)
{
	const struct migrate_verb *verb = cli->verb->what;
	struct migrate_ask *ask = settings;
	CLEANUP(migrate_answer_release) struct migrate_answer answer = {0};
	AUTO_STRVEC(trees);
	AUTO_STRVEC(envs);
	AUTO_FREE char *title = cli_title(cli);
	ask->command = title;
	ask->operands = &cli->operands;
	ask->trees = &trees;
	ask->envs = &envs;
	ask->open_env = open_other;
	ask->dry_run = cli->shared.dry_run;
	ask->verbose = cli->shared.verbose;
	ask->json = cli->shared.json;
	ask->open = open_session;
	ask->ctx = cli;
	bool good = cli_names(cli, &trees, verb->every_env ? &envs : NULL, err) &&
		    migrate_verb_run(verb, ask, &answer, err);
	AUTO_FREE char *lines = strvec_join(&answer.lines, "\n");
	if (answer.lines.count && answer.advice)
		cli_advise(cli, lines);
	else if (answer.lines.count)
		cli_print(cli, "%s", lines);
	if (answer.json)
		cli_result(cli, xtake(&answer.json));
	return good;
}

/* --- the program ------------------------------------------------------------------------------ */

#define AT(field) offsetof(struct migrate_ask, field)
#define SQL_OPTION \
	{ \
		"sql", 0, CLI_FLAG, AT(sql), NULL, \
			"print the SQL from A:B (base:TARGET), without the database" \
	}
#define TAG_OPTION \
	{ \
		"tag", 0, CLI_STRING, AT(tag), "TEXT", \
			"Alembic trees: what env.py gets from context.get_tag_argument()" \
	}
#define X_OPTION \
	{ \
		"x-arg", 'x', CLI_LIST, AT(x), "NAME=VALUE", \
			"Alembic trees: for env.py's context.get_x_argument() (repeatable)" \
	}
static const struct cli_option tree_options[] = {
	{"tree", 't', CLI_STRING, AT(tree), "NAME",
		"a tree of migrations by its name in mig.yaml (all of them)"},
	{0},
};
#define LOCK_TIMEOUT_OPTION \
	{ \
		"lock-timeout", 0, CLI_DURATION, AT(lock_timeout_ms), "T", \
			"how long a statement may wait for a table lock (2s)", "2s" \
	}
#define LOCK_OPTIONS \
	LOCK_TIMEOUT_OPTION, \
	{ \
		"lock-retries", 0, CLI_INT, AT(lock_retries), "N", \
			"how often a revision is tried again after that (10)", "10", \
			.not_with = "sql" \
	}
#define MOVE_OPTIONS LOCK_OPTIONS, SQL_OPTION, TAG_OPTION, X_OPTION
static const struct cli_option run_options[] = {
	MOVE_OPTIONS,
	{"phase", 0, CLI_STRING, AT(phase), "PHASE",
		"expand: stop before the first revision of phase contract"},
	{0},
};
static const struct cli_option downgrade_options[] = {
	MOVE_OPTIONS,
	{"from-history", 0, CLI_FLAG, AT(from_history), NULL,
		"take back what is in no file here by the SQL that mig.history kept",
		.not_with = "sql"},
	{0},
};
static const struct cli_option plan_options[] = {LOCK_TIMEOUT_OPTION, {0}};
static const struct cli_option script_options[] = {LOCK_TIMEOUT_OPTION, TAG_OPTION, X_OPTION, {0}};
static const struct cli_option check_options[] = {
	{"check", 0, CLI_FLAG, AT(check), NULL, "exit 4 when the answer is no"},
	{0},
};
static const struct cli_option heads_options[] = {
	{"check", 0, CLI_FLAG, AT(check), NULL, "exit 4 when the answer is no"},
	{"resolve-dependencies", 0, CLI_FLAG, AT(resolve), NULL,
		"without those that another branch depends on"},
	{0},
};
static const struct cli_option history_options[] = {
	{"range", 'r', CLI_STRING, AT(range), "A:B",
		"only these: ids, labels, base, head, current, -N; either end may be left out",
		.not_with = "applied"},
	{"indicate-current", 'i', CLI_FLAG, AT(indicate), NULL, "mark where the database stands",
		.not_with = "applied"},
	{"applied", 0, CLI_FLAG, AT(applied), NULL,
		"what was done to the database: when, by whom, how long it took"},
	{"markdown", 0, CLI_FLAG, AT(markdown), NULL, "--applied as a table of Markdown",
		.only_with = "applied"},
	{0},
};
static const struct cli_option stamp_options[] = {
	{"purge", 0, CLI_FLAG, AT(purge), NULL, "first take out every row of the version table"},
	SQL_OPTION,
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
	{"version-path", 0, CLI_STRING, AT(version_path), "DIR",
		"Alembic trees with several version_locations: which one"},
	X_OPTION,
	{0},
};
static const struct cli_option merge_options[] = {
	{"message", 'm', CLI_STRING, AT(message), "TEXT", "one line (Merge A and B)"},
	{"branch-label", 0, CLI_STRING, AT(branch_label), "NAME", "name the branch that begins"},
	{"rev-id", 0, CLI_STRING, AT(rev_id), "ID", "its id (12 random hex digits)"},
	X_OPTION,
	{0},
};
static const struct cli_option rebase_options[] = {
	{"onto", 0, CLI_STRING, AT(onto), "REV", "what it shall stand on: a revision, head"},
	{"skip-env", 0, CLI_LIST, AT(skip_envs), "NAME", "do not ask this environment for it"},
	{0},
};
static const struct cli_option doctor_options[] = {
	{"replay", 0, CLI_FLAG, AT(replay), NULL,
		"apply all in a scratch database to find the revision that the schema matches"},
	X_OPTION,
	{0},
};
static const struct cli_option models_options[] = {X_OPTION, {0}};

static const struct cli_verb verbs[] = {
	{"upgrade", "[TARGET]", "apply revisions up to a target (head)", run_options, act,
		CLI_DRY_RUN, &migrate_verb_upgrade},
	{"downgrade", "[TARGET]", "take revisions back down to a target", downgrade_options, act,
		CLI_DRY_RUN, &migrate_verb_downgrade},
	{"plan", "[TARGET]", "tell what upgrade would do; -v: with its SQL", plan_options, act,
		CLI_READ_ONLY, &migrate_verb_plan},
	{"current", NULL, "tell where the database stands", check_options, act, CLI_READ_ONLY,
		&migrate_verb_current},
	{"status", NULL, "all on one page: current, pending, half done, edited, who holds the key",
		NULL, act, CLI_READ_ONLY, &migrate_verb_status},
	{"history", NULL, "draw all revisions, newest first", history_options, act, CLI_READ_ONLY,
		&migrate_verb_history},
	{"heads", NULL, "list the newest revision of each branch", heads_options, act,
		CLI_READ_ONLY, &migrate_verb_heads},
	{"branches", NULL, "list the revisions where branches part", NULL, act, CLI_READ_ONLY,
		&migrate_verb_branches},
	{"show", "[REV]", "tell all about one revision (head)", NULL, act, CLI_READ_ONLY,
		&migrate_verb_show},
	{"script", "[A:B]", "print the SQL from A to B, up or down (base:heads)", script_options,
		act, CLI_READ_ONLY, &migrate_verb_script},
	{"stamp", "TARGET..", "set the version table without running any SQL", stamp_options, act,
		CLI_DRY_RUN, &migrate_verb_stamp},
	{"revision", NULL, "write a new revision file", revision_options, act, 0,
		&migrate_verb_revision},
	{"merge", "REV..", "write a revision that makes several heads one", merge_options, act, 0,
		&migrate_verb_merge},
	{"doctor", NULL, "what is inconsistent, each with the command that mends it",
		doctor_options, act, CLI_READ_ONLY, &migrate_verb_doctor},
	{"rebase", "REV", "move a revision that nobody has applied onto another one",
		rebase_options, act, CLI_DRY_RUN, &migrate_verb_rebase},
	{"check", NULL, "ask an Alembic tree whether its models need a new revision",
		models_options, act, CLI_READ_ONLY, &migrate_verb_check},
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
	.options = tree_options,
	.settings_size = sizeof(struct migrate_ask),
	.examples = examples,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
