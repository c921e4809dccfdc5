/* mig-maintenance: closes the application for its users, and opens it again as it was. */
#include "base/fs.h"
#include "base/suggest.h"
#include "cli/cli.h"
#include "cli/target.h"
#include "maint/maint.h"

enum { DRAIN_MS = 5000 };

struct settings {
	int64_t lease_ms;
	int64_t drain_ms;
	bool adopt;
	struct strvec only;
};

/* --- who acts, and where the proof lies --------------------------------------------------------
 */

static char *run_id(void)
{
	const char *mig_run = cli_getenv("MIG_RUN");
	const char *colon = mig_run ? strrchr(mig_run, ':') : NULL;
	return colon ? xstrndup(mig_run, (size_t)(colon - mig_run)) : NULL;
}

static char *owner(void)
{
	AUTO_FREE char *id = run_id();
	return id ? xstrfmt("run:%s", id) : xstrdup("hand");
}

static char *proof_path(const struct conf_env *env)
{
	AUTO_FREE char *id = run_id();
	AUTO_FREE char *folder = id ? conf_run_dir(env, id) : xstrdup(env->state_dir);
	return fs_join(folder, "proof.json");
}

/* --- showing it --------------------------------------------------------------------------------
 */

static void show_lines(struct cli *cli, const struct maint_status *status)
{
	cli_print(cli, "%s%s%s%s%s", maint_state_word(status->state),
		status->owner ? ", held by " : "", status->owner ? status->owner : "",
		status->since ? " since " : "", status->since ? status->since : "");
	if (status->lease_ends)
		cli_print(cli, "lease %s %s", status->lease_over ? "ended" : "ends",
			status->lease_ends);
	STRVEC_EACH (&status->lines, line)
		cli_print(cli, "  %s", line);
}

/* Of a verb that does something, or answers by its exit code, -q leaves nothing but that. */
static void show(struct cli *cli, const struct maint_status *status, bool asked_for)
{
	AUTO_FREE char *proof = proof_path(cli->env);
	json_t *lines = json_array();
	if (asked_for || !cli->shared.quiet)
		show_lines(cli, status);
	STRVEC_EACH (&status->lines, line)
		json_array_append_new(lines, json_string(line));
	cli_result(cli, json_pack("{s:s, s:s?, s:s?, s:s?, s:b, s:I, s:o, s:s?}", "state",
				maint_state_word(status->state), "owner", status->owner, "since",
				status->since, "lease_ends", status->lease_ends, "lease_over",
				status->lease_over, "generation", (json_int_t)status->generation,
				"providers", lines, "proof", fs_exists(proof) ? proof : NULL));
}

static bool show_now(struct cli *cli, struct db *db, bool asked_for, struct err *err)
{
	CLEANUP(maint_status_release) struct maint_status status = {0};
	if (!maint_status(cli->env, db, &status, err))
		return false;
	show(cli, &status, asked_for);
	return true;
}

/* The state file answers while the database does not; what a pin refuses is refused. */
static bool open_if_possible(struct cli *cli, struct db **db, struct err *err)
{
	AUTO_ERR(why);
	if (cli_target(cli, db, &why))
		return true;
	if (why.code != ERR_DATABASE || !cli->env)
		return err_move(err, &why);
	log_warn(cli->log, "database_unreachable", NULL, "%s", why.msg);
	return true;
}

static bool status(struct cli *cli, void *options, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	(void)options;
	return open_if_possible(cli, &db, err) && show_now(cli, db, true, err);
}

/* --- changing it -------------------------------------------------------------------------------
 */

typedef bool (*change)(
	const struct maint_settings *settings, struct keys *keys, struct db *db, struct err *err);

static bool act(struct cli *cli, const struct settings *options, change how, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	CLEANUP(keys_release_auto) struct keys *keys = NULL;
	if (!cli_target(cli, &db, err))
		return false;
	AUTO_FREE char *who = owner();
	AUTO_FREE char *proof = proof_path(cli->env);
	AUTO_FREE char *program = cli_title(cli);
	struct keys_request request = cli_keys_request(cli, program);
	request.target.dbname = db->dbname;
	struct maint_settings settings = {
		.env = cli->env,
		.owner = who,
		.lease_ms = options->lease_ms,
		.adopt = options->adopt,
		.only = &options->only,
		.reason = cli->shared.reason,
		.drain_ms = options->drain_ms ? options->drain_ms : DRAIN_MS,
		.proof = proof,
		.log = cli->log,
	};
	return keys_take(&request, &keys, err) && how(&settings, keys, db, err) &&
	       show_now(cli, db, false, err);
}

static bool on(struct cli *cli, void *options, struct err *err)
{
	return act(cli, options, maint_on, err);
}

static bool off(struct cli *cli, void *options, struct err *err)
{
	return act(cli, options, maint_off, err);
}

static bool renew(struct cli *cli, void *options, struct err *err)
{
	return act(cli, options, maint_renew, err);
}

/* --- asking ------------------------------------------------------------------------------------
 */

/* Nobody is kept out without somebody who will let them in again. */
static bool ask_owner(struct cli *cli, const struct maint_status *now, bool *yes, struct err *err)
{
	struct keys_holder holder = {0};
	struct db_params target = cli_target_params(cli);
	if (!now->owner || now->foreign)
		return true;
	if (strcmp(now->owner, "hand") == 0) {
		*yes = !now->lease_over;
		return true;
	}
	if (!keys_who(&target, &holder, err))
		return false;
	*yes = holder.application_name &&
	       strstr(holder.application_name, now->owner + strlen("run:"));
	keys_holder_release(&holder);
	return true;
}

static const struct {
	const char *word;
	enum maint_state state; /* yes when it is this */
	bool or_owned; /* or when somebody answers for it */
} assertions[] = {
	{"open", MAINT_OPEN, false},
	{"closed", MAINT_CLOSED, false},
	{"live-or-owned", MAINT_OPEN, true},
};

static bool unknown_word(const char *word, struct err *err)
{
	const char *words[ARRAY_SIZE(assertions)];
	for (size_t i = 0; i < ARRAY_SIZE(assertions); i++)
		words[i] = assertions[i].word;
	const char *near = suggest_nearest(word, words, ARRAY_SIZE(assertions));
	err_set(err, ERR_USAGE, "cannot assert \"%s\"", word);
	return near ? err_hint(err, "did you mean %s?", near)
		    : err_hint(err, "there are: open, closed, live-or-owned");
}

static bool answer(struct cli *cli, size_t which, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	CLEANUP(maint_status_release) struct maint_status now = {0};
	if (!cli_target(cli, &db, err) || !maint_status(cli->env, db, &now, err))
		return false;
	bool yes = now.state == assertions[which].state;
	if (!yes && assertions[which].or_owned && !ask_owner(cli, &now, &yes, err))
		return false;
	show(cli, &now, false);
	if (yes)
		return true;
	if (now.state == MAINT_UNKNOWN && !now.foreign)
		return err_set(err, ERR_DOUBT, "not every provider could tell whether it is on");
	return err_set(err, ERR_NO, "not %s: %s%s%s", assertions[which].word,
		maint_state_word(now.state), now.owner ? ", held by " : "",
		now.owner ? now.owner : "");
}

static bool assert_word(struct cli *cli, void *options, struct err *err)
{
	const char *word = cli->operands.items[0];
	(void)options;
	for (size_t i = 0; i < ARRAY_SIZE(assertions); i++)
		if (strcmp(assertions[i].word, word) == 0)
			return answer(cli, i, err);
	return unknown_word(word, err);
}

/* --- the program -------------------------------------------------------------------------------
 */

#define LEASE \
	{ \
		"lease", 0, CLI_DURATION, offsetof(struct settings, lease_ms), "T", \
			"how long it is held before a person is called (1h)" \
	}
#define ONLY \
	{ \
		"only", 0, CLI_NAMES, offsetof(struct settings, only), "NAME,..", \
			"these providers: file, command, database; the others stay as they are" \
	}

static const struct cli_option on_options[] = {
	LEASE,
	ONLY,
	{"adopt", 0, CLI_FLAG, offsetof(struct settings, adopt), NULL,
		"take over what another owner holds"},
	{"drain", 0, CLI_DURATION, offsetof(struct settings, drain_ms), "T",
		"how long open transactions may take to finish before they are ended (5s)"},
	{0},
};

static const struct cli_option off_options[] = {
	ONLY,
	{"adopt", 0, CLI_FLAG, offsetof(struct settings, adopt), NULL,
		"lift what another owner holds"},
	{0},
};

static const struct cli_option renew_options[] = {LEASE, {0}};

static const struct cli_verb verbs[] = {
	{"on", NULL, "close: every provider is switched on and read back", on_options, on, 0},
	{"off", NULL, "open: in reverse order, back to what was before", off_options, off, 0},
	{"status", NULL, "who holds it, since when, and what each provider says", NULL, status,
		CLI_READ_ONLY},
	{"renew", NULL, "begin the lease anew", renew_options, renew, 0},
	{"assert", "WORD", "is it open, closed, live-or-owned? exit 0 or 4", NULL, assert_word,
		CLI_READ_ONLY},
	{0},
};

static const char *const examples[] = {
	"mig-maintenance on --lease 30m",
	"close for half an hour at most",
	"mig-maintenance status",
	"who closed it, and is every provider on?",
	"mig-maintenance off --only database",
	"let the application in again while users stay out",
	"mig-maintenance off --reason 'looked at the orders, they are complete'",
	"open after a run that died while it changed the database",
	NULL,
};

static const struct cli_program program = {
	.name = "mig-maintenance",
	.summary = "close an application for its users and open it again",
	.verbs = verbs,
	.settings_size = sizeof(struct settings),
	.examples = examples,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
