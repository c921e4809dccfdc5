/* mig-restore: a snapshot becomes a database again, beside the live one or in its place. */
#include "alert/alert.h"
#include "backup/catalog.h"
#include "backup/copies_intent.h"
#include "backup/restore_job.h"
#include "cli/cli.h"
#include "cli/target.h"

struct settings {
	const char *to_db;
	bool swap;
	const char *proof;
	struct strvec proof_ignore;
	int64_t jobs;
	bool accept_loss;
	bool keep_failed;
	bool no_proof;
};

/* --- settings down, questions up ------------------------------------------------------------- */

static void show(void *ctx, const struct loss_report *report)
{
	struct cli *cli = ctx;
	AUTO_STRVEC(lines);
	loss_report_lines(report, &lines);
	STRVEC_EACH (&lines, line)
		cli_print(cli, "%s", line);
	cli_event(cli, "loss", loss_report_json(report));
}

/* Whoever breaks the glass is heard of, at once or from the spool. */
static void alert_of_break_glass(struct cli *cli, const char *name)
{
	AUTO_STRVEC(receivers);
	AUTO_ALERT_RESULTS(results);
	AUTO_ERR(why);
	alert_receiver_names(cli->env, &receivers);
	if (!receivers.count)
		return;
	AUTO_FREE char *title = xstrfmt("Glass broken: an older state for %s", name);
	AUTO_FREE char *body = xstrfmt("mig-restore %s, environment %s. Reason given: %s",
		cli->verb->name ? cli->verb->name : "SNAPSHOT", cli->env->name, cli->shared.reason);
	struct alert_settings how = {
		.env = cli->env, .version = cli_version, .timeout_ms = 500, .log = cli->log};
	struct alert_message message = {
		.level = ALERT_WARNING, .title = title, .body = body, .logger = "mig-restore"};
	if (!alert_send(&how, &receivers, &message, &results, &why))
		log_warn(cli->log, "alert_failed", NULL, "%s", why.msg);
}

static bool confirm(
	void *ctx, enum swap_ask ask, const char *name, const char *question, struct err *err)
{
	struct cli *cli = ctx;
	if (ask == SWAP_ASK_PLAIN)
		return cli_confirm_plain(cli, err, question);
	if (!cli_confirm_typed(cli, name, err, question))
		return false;
	if (cli->env->policy.restore == POLICY_BREAK_GLASS && cli->shared.reason)
		alert_of_break_glass(cli, name);
	return true;
}

struct work {
	struct restore_job job;
	struct restore_job_settings settings;
	char *live_name;
	struct restore_job_outcome outcome;
};

static void work_release(struct work *work)
{
	restore_job_release(&work->job);
	restore_job_outcome_release(&work->outcome);
	db_close(work->settings.live);
	free(work->live_name);
}

/* The database may be what was lost: --to-db brings it back, and its copies are still there. */
static bool open_live(struct cli *cli, bool may_be_gone, struct work *work, struct err *err)
{
	if (cli_target(cli, &work->settings.live, err)) {
		work->live_name = xstrdup(work->settings.live->dbname);
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
	struct cli *cli, void *options, bool may_be_gone, struct work *work, struct err *err)
{
	const struct settings *settings = options;
	if (!open_live(cli, may_be_gone, work, err))
		return false;
	struct restore_job_settings down = {
		.env = cli->env,
		.target = cli_target_params(cli),
		.live = work->settings.live,
		.live_name = work->live_name,
		.mig_run = cli_getenv("MIG_RUN"),
		.lock_wait_ms = cli->shared.lock_wait_ms,
		.reason = cli->shared.reason,
		.to_db = settings->to_db,
		.swap = settings->swap,
		.proof = settings->proof,
		.proof_ignore = &settings->proof_ignore,
		.accept_loss = settings->accept_loss,
		.keep_failed = settings->keep_failed,
		.no_proof = settings->no_proof,
		.workers = (int)settings->jobs,
		.show = show,
		.confirm = confirm,
		.ctx = cli,
		.log = cli->log,
	};
	down.target.stop = cli_interrupted;
	work->settings = down;
	return restore_job_open(&work->job, &work->settings, err);
}

/* --- results --------------------------------------------------------------------------------- */

static void print_outcome(struct cli *cli, const struct work *work)
{
	AUTO_STRVEC(lines);
	restore_job_outcome_lines(&work->outcome, &work->settings, &lines);
	STRVEC_EACH (&lines, line)
		cli_print(cli, "%s", line);
	cli_result(cli, restore_job_outcome_json(&work->outcome, work->live_name));
}

/* --- SNAPSHOT, swap, undo -------------------------------------------------------------------- */

static bool check_options(const struct settings *settings, struct err *err)
{
	if (settings->to_db && settings->swap)
		return err_set(err, ERR_USAGE, "--to-db and --swap exclude each other");
	if (settings->proof && !settings->swap)
		return err_set(err, ERR_USAGE, "--proof goes with --swap");
	if (settings->no_proof && settings->swap)
		return err_set(err, ERR_USAGE, "--no-proof and --swap exclude each other");
	if (settings->jobs < 0 || settings->jobs > 64)
		return err_set(err, ERR_USAGE, "--jobs takes 1 to 64");
	return true;
}

static bool run_restore(struct cli *cli, void *options, struct err *err)
{
	CLEANUP(work_release) struct work work = {0};
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	const struct settings *settings = options;
	if (!check_options(settings, err) || !begin(cli, options, settings->to_db, &work, err))
		return false;
	struct backup_find find = {.env = cli->env, .getenv = cli_getenv, .log = cli->log};
	if (!backup_open(&find, cli->operands.items[0], &reader, NULL, err))
		return false;
	if (cli->shared.dry_run)
		return restore_job_report(&work.job, pack_reader_manifest(reader), err);
	if (!restore_job_snapshot(&work.job, reader, &work.outcome, err))
		return false;
	print_outcome(cli, &work);
	return true;
}

static bool swap_or_report(
	struct cli *cli, struct work *work, const struct copies_item *copy, struct err *err)
{
	if (cli->shared.dry_run)
		return restore_job_report_copy(&work->job, copy, err);
	if (!restore_job_swap(&work->job, copy, &work->outcome, err))
		return false;
	print_outcome(cli, work);
	return true;
}

static bool run_swap(struct cli *cli, void *options, struct err *err)
{
	CLEANUP(work_release) struct work work = {0};
	const struct copies_item *copy;
	return begin(cli, options, false, &work, err) &&
	       copies_find(&work.job.copies, cli->operands.items[0], &copy, err) &&
	       swap_or_report(cli, &work, copy, err);
}

static bool run_undo(struct cli *cli, void *options, struct err *err)
{
	CLEANUP(work_release) struct work work = {0};
	const struct copies_item *copy;
	return begin(cli, options, false, &work, err) &&
	       copies_newest_displaced(&work.job.place, &work.job.copies, &copy, err) &&
	       swap_or_report(cli, &work, copy, err);
}

/* --- copies, drop ---------------------------------------------------------------------------- */

static bool run_copies(struct cli *cli, void *options, struct err *err)
{
	CLEANUP(work_release) struct work work = {0};
	AUTO_STRVEC(lines);
	if (!begin(cli, options, true, &work, err))
		return false;
	copies_list_lines(&work.job.copies, &lines);
	STRVEC_EACH (&lines, line)
		cli_print(cli, "%s", line);
	cli_result(cli, json_pack("{s:o}", "copies", copies_list_json(&work.job.copies)));
	return true;
}

static bool run_drop(struct cli *cli, void *options, struct err *err)
{
	CLEANUP(work_release) struct work work = {0};
	const struct copies_item *copy;
	if (!begin(cli, options, true, &work, err) ||
		!copies_find(&work.job.copies, cli->operands.items[0], &copy, err) ||
		!copies_own(&work.job.place, copy, err))
		return false;
	bool for_real = cli->shared.yes && !cli->shared.dry_run;
	AUTO_FREE char *line = copies_item_line(copy);
	cli_print(cli, "%s: %s", for_real ? "dropping" : "with --yes this would be dropped", line);
	if (for_real && !restore_job_drop(&work.job, copy, err))
		return false;
	cli_result(cli, json_pack("{s:o, s:b}", "database", copies_json_text(copy->name), "dropped",
				for_real));
	return true;
}

/* --- the program ----------------------------------------------------------------------------- */

#define FIELD(name) offsetof(struct settings, name)
#define JOBS \
	{ \
		"jobs", 'j', CLI_INT, FIELD(jobs), "N", \
			"sessions that work at once (one per core)" \
	}
#define ACCEPT \
	{ \
		"accept-loss", 0, CLI_FLAG, FIELD(accept_loss), NULL, \
			"go on although what the loss report says is lost" \
	}

#define PROOF \
	{ \
		"proof", 0, CLI_STRING, FIELD(proof), "FILE", \
			"inside a run: swap when this file proves that writes stopped" \
	}
#define PROOF_IGNORE \
	{ \
		"proof-ignore", 0, CLI_NAMES, FIELD(proof_ignore), "TABLE,..", \
			"tables that the application touches even when it only reads" \
	}

static const struct cli_option restore_options[] = {
	{"to-db", 0, CLI_STRING, FIELD(to_db), "NAME", "into a new database of that name"},
	{"swap", 0, CLI_FLAG, FIELD(swap), NULL, "then put it in place of the live database"},
	ACCEPT,
	PROOF,
	PROOF_IGNORE,
	JOBS,
	{"keep-failed", 0, CLI_FLAG, FIELD(keep_failed), NULL,
		"leave the half-made copy when restoring fails"},
	{"no-proof", 0, CLI_FLAG, FIELD(no_proof), NULL,
		"do not read the rows back; such a copy cannot be swapped in"},
	{0},
};
static const struct cli_option swap_options[] = {ACCEPT, PROOF, PROOF_IGNORE, JOBS, {0}};
static const struct cli_option undo_options[] = {ACCEPT, JOBS, {0}};

static const struct cli_verb verbs[] = {
	{NULL, "SNAPSHOT", "restore into a copy beside the live database", restore_options,
		run_restore, CLI_DRY_RUN},
	{"swap", "COPY", "put a copy in place of the live database", swap_options, run_swap,
		CLI_DRY_RUN},
	{"undo", NULL, "put back what the last swap displaced", undo_options, run_undo,
		CLI_DRY_RUN},
	{"copies", NULL, "list databases that mig made", NULL, run_copies, CLI_READ_ONLY},
	{"drop", "COPY", "remove a database that mig made (with --yes)", NULL, run_drop,
		CLI_DRY_RUN},
	{0},
};

static const char *const examples[] = {
	"mig-restore latest -n",
	"what would be lost if the newest snapshot took the place of the live database",
	"mig-restore latest",
	"restore it beside the live database, proved equal",
	"mig-restore @yesterday --to-db shop_yesterday",
	"restore yesterday's state as a database of its own",
	"mig-restore latest --swap --accept-loss",
	"restore it and put it in place (needs maintenance)",
	"mig-restore undo --accept-loss",
	"put back what the last swap displaced",
	NULL,
};

static const struct cli_program program = {
	.name = "mig-restore",
	.summary = "restore snapshots, swap databases, undo swaps",
	.verbs = verbs,
	.settings_size = sizeof(struct settings),
	.examples = examples,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
