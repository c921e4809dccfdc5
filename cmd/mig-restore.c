/* mig-restore: a snapshot becomes a database again (lib/restore/verbs.h). */
#include "alert/glass.h"
#include "cli/target.h"
#include "maint/maint.h"
#include "restore/job.h"

/* --- questions up ---------------------------------------------------------------------------- */

static void print_lines(struct cli *cli, const struct strvec *lines)
{
	STRVEC_EACH (lines, line)
		cli_advise(cli, line);
}

static void show(void *ctx, const struct loss_report *report)
{
	struct cli *cli = ctx;
	AUTO_STRVEC(lines);
	loss_report_lines(report, &lines);
	print_lines(cli, &lines);
	cli_event(cli, "loss", loss_report_json(report));
}

static bool confirm(
	void *ctx, enum swap_ask ask, const char *name, const char *question, struct err *err)
{
	struct cli *cli = ctx;
	if (ask == SWAP_ASK_PLAIN)
		return cli_confirm_plain(cli, err, question);
	if (!cli_confirm_typed(cli, name, err, question))
		return false;
	struct alert_glass glass = {
		.env = cli->env,
		.program = cli->program->name,
		.verb = cli->verb->name ? cli->verb->name : "SNAPSHOT",
		.version = cli_version,
		.database = name,
		.reason = cli->shared.reason,
		.log = cli->log,
	};
	if (cli->env->policy.restore == POLICY_BREAK_GLASS && cli->shared.reason)
		alert_glass_broken(&glass);
	return true;
}

/* --- settings down --------------------------------------------------------------------------- */

struct work {
	struct restore_job job;
	struct restore_job_settings settings;
	char *live_name;
	char *tool;
};

static void work_release(struct work *work)
{
	restore_job_release(&work->job);
	db_close(work->settings.live);
	free(work->live_name);
	free(work->tool);
}

/* The database may be what was lost: it can be brought back, and its copies are still there. */
static bool open_live(
	struct cli *cli, bool may_be_gone, struct work *work, struct db **live, struct err *err)
{
	if (cli_target(cli, live, err)) {
		work->live_name = xstrdup((*live)->dbname);
		return true;
	}
	if (strcmp(err->sqlstate, "3D000") || !may_be_gone || !cli->env)
		return false;
	work->live_name = db_conninfo_dbname(cli->env->conninfo);
	if (!work->live_name)
		return false;
	log_warn(cli->log, "no_live_database", NULL, "%s", err->msg);
	err_release(err);
	return true;
}

static bool begin(
	struct cli *cli, const struct restore_ask *ask, struct work *work, struct err *err)
{
	const struct restore_verb *verb = cli->verb->what;
	struct db *live = NULL;
	bool may_be_gone = verb->may_be_gone && verb->may_be_gone(ask);
	if ((verb->check && !verb->check(ask, err)) ||
		!open_live(cli, may_be_gone, work, &live, err))
		return false;
	work->tool = xstrfmt("mig %s", cli_version);
	work->settings = (struct restore_job_settings){
		.env = cli->env,
		.target = cli_target_params(cli),
		.live = live,
		.live_name = work->live_name,
		.getenv = cli_getenv,
		.mig_run = cli_getenv("MIG_RUN"),
		.lock_wait_ms = cli->shared.lock_wait_ms,
		.preempt_backup = cli->shared.preempt_backup,
		.reason = cli->shared.reason,
		.tool = work->tool,
		.show = show,
		.confirm = confirm,
		.ctx = cli,
		.log = cli->log,
	};
	work->settings.target.stop = cli_interrupted;
	return restore_job_open(&work->job, &work->settings, ask, err);
}

/* Every verb: what was typed goes down, the answer comes up and is printed. */
static bool act(struct cli *cli, void *settings, struct err *err)
{
	const struct restore_verb *verb = cli->verb->what;
	struct restore_ask *ask = settings;
	CLEANUP(work_release) struct work work = {0};
	CLEANUP(restore_answer_release) struct restore_answer answer = {0};
	ask->operands = &cli->operands;
	ask->dry_run = cli->shared.dry_run;
	ask->yes = cli->shared.yes;
	bool good = begin(cli, ask, &work, err) && verb->run(&work.job, &answer, err);
	bool asked = ask->dry_run || (cli->verb->flags & CLI_READ_ONLY);
	if (asked || !cli->shared.quiet)
		print_lines(cli, &answer.lines);
	if (good && !answer.json)
		answer.json = json_pack("{s:b}", "dry_run", ask->dry_run);
	if (answer.json)
		cli_result(cli, xtake(&answer.json));
	return good;
}

/* --- the program ----------------------------------------------------------------------------- */

#define AT(name) offsetof(struct restore_ask, name)
#define JOBS \
	{ \
		"jobs", 'j', CLI_COUNT, AT(jobs), "N", "sessions that work at once (one per core)" \
	}
#define ACCEPT \
	{ \
		"accept-loss", 0, CLI_FLAG, AT(accept_loss), NULL, \
			"go on although what the loss report says is lost" \
	}

#define PROOF \
	{ \
		"proof", 0, CLI_STRING, AT(proof), "FILE", \
			"inside a run: swap when this file proves that writes stopped" \
	}
#define EXPORT \
	{ \
		"export-lost", 0, CLI_STRING, AT(export_lost), "DIR", \
			"write the rows that would be lost into this new folder" \
	}
#define PROOF_IGNORE \
	{ \
		"proof-ignore", 0, CLI_NAMES, AT(proof_ignore), "TABLE,..", \
			"tables that the application touches even when it only reads" \
	}

static const struct cli_option restore_options[] = {
	{"to-db", 0, CLI_STRING, AT(to_db), "NAME", "into a new database of that name"},
	{"swap", 0, CLI_FLAG, AT(swap), NULL, "then put it in place of the live database"},
	{"in-place", 0, CLI_FLAG, AT(in_place), NULL,
		"over the live database, in one transaction, without CREATEDB"},
	ACCEPT,
	EXPORT,
	PROOF,
	PROOF_IGNORE,
	JOBS,
	{"table", 0, CLI_NAMES, AT(tables), "SCHEMA.TABLE,..",
		"these tables alone, beside the live ones (with --into-schema)"},
	{"into-schema", 0, CLI_STRING, AT(into_schema), "SCHEMA",
		"with --table: the schema of the live database that is made for them"},
	{"schema-only", 0, CLI_FLAG, AT(schema_only), NULL, "definitions without rows"},
	{"data-only", 0, CLI_FLAG, AT(data_only), NULL,
		"rows into the empty tables of the database that --to-db names"},
	{"role-map", 0, CLI_LIST, AT(role_map), "OLD=NEW",
		"the snapshot's role OLD is NEW here (repeatable)"},
	{"max-wal", 0, CLI_SIZE, AT(max_wal), "SIZE",
		"stop when the server's pg_wal is larger (by the room on its disk)"},
	{"no-security-labels", 0, CLI_FLAG, AT(no_security_labels), NULL,
		"nothing gets the security labels that it had"},
	{"no-tablespaces", 0, CLI_FLAG, AT(no_tablespaces), NULL,
		"everything goes into the database's own tablespace"},
	{"resume", 0, CLI_STRING, AT(resume), "COPY",
		"go on with a half-made copy of this snapshot"},
	{"keep-failed", 0, CLI_FLAG, AT(keep_failed), NULL,
		"leave the half-made copy when restoring fails"},
	{"allow-unpopulated", 0, CLI_FLAG, AT(allow_unpopulated), NULL,
		"go on without materialized views that cannot be filled"},
	{"no-proof", 0, CLI_FLAG, AT(no_proof), NULL,
		"do not read the rows back; such a copy cannot be swapped in"},
	{0},
};
static const struct cli_option swap_options[] = {ACCEPT, EXPORT, PROOF, PROOF_IGNORE, JOBS, {0}};
static const struct cli_option undo_options[] = {ACCEPT, EXPORT, JOBS, {0}};
static const struct cli_option rows_options[] = {
	{"from-schema", 0, CLI_STRING, AT(from_schema), "SCHEMA",
		"where --into-schema put the table"},
	{"missing", 0, CLI_FLAG, AT(missing), NULL, "the rows whose key the live table lacks"},
	{"key", 0, CLI_NAMES, AT(key), "COLUMN,..", "what tells rows apart (the primary key)"},
	{"no-triggers", 0, CLI_FLAG, AT(no_triggers), NULL,
		"the table's own triggers do not fire; foreign keys are checked all the same"},
	{0},
};

static const struct cli_verb verbs[] = {
	{NULL, "SNAPSHOT", "restore into a copy beside the live database", restore_options, act,
		CLI_DRY_RUN, &restore_verb_snapshot},
	{"swap", "COPY", "put a copy in place of the live database", swap_options, act, CLI_DRY_RUN,
		&restore_verb_swap},
	{"undo", NULL, "put back what the last swap displaced", undo_options, act, CLI_DRY_RUN,
		&restore_verb_undo},
	{"rows", "SCHEMA.TABLE", "bring missing rows of a table back", rows_options, act,
		CLI_DRY_RUN, &restore_verb_rows},
	{"copies", NULL, "list databases and schemas that mig made", NULL, act, CLI_READ_ONLY,
		&restore_verb_copies},
	{"drop", "NAME", "remove a database or schema that mig made (with --yes)", NULL, act,
		CLI_DRY_RUN, &restore_verb_drop},
	{0},
};

static const char *const examples[] = {
	"mig-restore latest -n",
	"what would be lost if the newest snapshot took the place of the live database",
	"mig-restore latest",
	"restore it beside the live database, proved equal",
	"mig-restore @yesterday --to-db shop_yesterday",
	"restore yesterday's state as a database of its own",
	"mig-restore ./shop.dump",
	"load a dump of pg_dump beside the live database; nothing proves it",
	"mig-restore latest --swap --accept-loss",
	"restore it and put it in place (needs maintenance)",
	"mig-restore latest --table public.orders --into-schema rescue",
	"yesterday's orders beside those of today",
	"mig-restore rows public.orders --from-schema rescue --missing -n",
	"how many of them are missing today",
	"mig-restore undo --accept-loss",
	"put back what the last swap displaced",
	NULL,
};

static const struct cli_program program = {
	.name = "mig-restore",
	.summary = "restore snapshots, swap databases, undo swaps",
	.verbs = verbs,
	.settings_size = sizeof(struct restore_ask),
	.examples = examples,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
