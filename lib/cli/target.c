#include "cli/target.h"

#include "cli/internal.h"

struct db_params cli_target_params(const struct cli *cli)
{
	return (struct db_params){
		.conninfo = cli->env->conninfo,
		.application_name = cli->program->name,
		.log = cli->log,
		.stop = cli_interrupted,
		.pooler_session = cli->env->pooler_session,
	};
}

struct keys_request cli_keys_request(const struct cli *cli, const char *program)
{
	return (struct keys_request){
		.target = cli_target_params(cli),
		.mode = KEYS_RUN,
		.mig_run = cli_getenv("MIG_RUN"),
		.program = program,
		.lock_wait_ms = cli->shared.lock_wait_ms,
		.preempt_backup = cli->shared.preempt_backup,
		.log = cli->log,
	};
}

static bool pin_matches(const struct conf_pin *pin, const struct db *db)
{
	if (!str_equal(pin->system, db->system_id) || !str_equal(pin->dbname, db->dbname))
		return false;
	return (!pin->host || str_equal(pin->host, PQhost(db->pg))) &&
	       (!pin->port || str_equal(pin->port, PQport(db->pg)));
}

static const struct conf_pin *find_pin(const struct conf_pins *pins, const struct db *db)
{
	for (size_t i = 0; i < pins->count; i++)
		if (pin_matches(&pins->items[i], db))
			return &pins->items[i];
	return NULL;
}

static char *reached_text(const struct db *db)
{
	return xstrfmt("system %s, database %s, at %s:%s", db->system_id ? db->system_id : "?",
		db->dbname, PQhost(db->pg), PQport(db->pg));
}

static char *pinned_text(const struct conf_pin *pin)
{
	return xstrfmt("system %s, database %s%s%s%s%s", pin->system, pin->dbname,
		pin->host ? ", at " : "", pin->host ? pin->host : "", pin->port ? ":" : "",
		pin->port ? pin->port : "");
}

static bool other_environment(const struct conf_env *env, const struct conf_pin *other,
	const struct db *db, struct err *err)
{
	AUTO_FREE char *reached = reached_text(db);
	err_set(err, ERR_REFUSED,
		"environment %s was chosen, but the connection (%s) leads to the database of %s",
		env->name, env->conninfo_origin, other->env);
	err_detail(
		err, "reached: %s\nthat is the pin of %s (%s)", reached, other->env, other->where);
	return err_hint(err, "if %s is meant: -e %s", other->env, other->env);
}

static bool pin_differs(const struct conf_env *env, const struct db *db, struct err *err)
{
	AUTO_FREE char *reached = reached_text(db);
	AUTO_FREE char *pinned = pinned_text(env->pin);
	if (!db->system_id)
		err_set(err, ERR_REFUSED,
			"the pin of environment %s cannot be checked: role %s may not read the "
			"system identifier",
			env->name, db->user);
	else
		err_set(err, ERR_REFUSED,
			"this is not the database that environment %s is pinned to", env->name);
	err_detail(err, "pinned:  %s (%s)\nreached: %s (%s)", pinned, env->pin->where, reached,
		env->conninfo_origin);
	if (!db->system_id)
		return err_hint(
			err, "grant execute on function pg_control_system() to %s", db->user);
	return err_hint(err,
		"if the database was moved on purpose: mig doctor --pin -e %s --reason \"why\"",
		env->name);
}

bool cli_target_check(const struct conf_env *env, const struct db *db, struct err *err)
{
	if (env->pin && pin_matches(env->pin, db))
		return true;
	const struct conf_pin *other = find_pin(&env->pins, db);
	if (other)
		return other_environment(env, other, db, err);
	return !env->pin || pin_differs(env, db, err);
}

/* ---- several environments, none chosen, and -d: the pin of the database reached decides ---- */

static bool probe(struct cli *cli, struct db **db, struct err *err)
{
	AUTO_FREE char *conninfo = NULL;
	bool has_password = false;
	if (!conf_conninfo_parse(cli->shared.dbname, &conninfo, &has_password, err))
		return false;
	struct db_params params = {
		.conninfo = conninfo, .application_name = cli->program->name, .log = cli->log};
	return has_password || db_open(&params, db, err);
}

static bool choose_by_pin(struct cli *cli, const char *config, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	struct conf_pins pins = {0};
	if (!conf_pins_load(config, &pins, err)) {
		conf_pins_release(&pins);
		return false;
	}
	bool good = !pins.count || probe(cli, &db, err);
	const struct conf_pin *pin = db ? find_pin(&pins, db) : NULL;
	if (pin)
		cli->shared.env = cli->chosen_env = xstrdup(pin->env);
	conf_pins_release(&pins);
	return good;
}

static bool is_undecided(const char *config, bool *undecided, struct err *err)
{
	AUTO_STRVEC(names);
	if (!conf_env_names(config, &names, err))
		return false;
	*undecided = names.count > 1;
	return true;
}

bool cli_choose_env(struct cli *cli, struct err *err)
{
	struct conf_request request = {.config_path = cli->shared.config, .getenv = cli_getenv};
	bool undecided = false;
	if (!cli->shared.dbname || cli->shared.env)
		return true;
	AUTO_FREE char *config = conf_find(&request);
	if (!config)
		return true;
	return is_undecided(config, &undecided, err) &&
	       (!undecided || choose_by_pin(cli, config, err));
}

bool cli_target(struct cli *cli, struct db **db, struct err *err)
{
	return cli_target_while(cli, NULL, NULL, db, err);
}

bool cli_target_while(
	struct cli *cli, void (*meanwhile)(void *ctx), void *ctx, struct db **db, struct err *err)
{
	CLEANUP(db_close_auto) struct db *made = NULL;
	if (!cli_env(cli, err))
		return false;
	struct db_params params = cli_target_params(cli);
	params.meanwhile = meanwhile;
	params.meanwhile_ctx = ctx;
	if (!db_open(&params, &made, err) || !cli_target_check(cli->env, made, err))
		return false;
	*db = xtake(&made);
	return true;
}

bool cli_target_other(
	struct cli *cli, const char *name, struct conf_env **env, struct db **db, struct err *err)
{
	struct conf_request request = {.config_path = cli->shared.config,
		.env_name = name,
		.dbname = name ? NULL : cli->shared.dbname,
		.getenv = cli_getenv};
	CLEANUP(db_close_auto) struct db *made = NULL;
	CLEANUP(conf_env_free_auto) struct conf_env *loaded = NULL;
	if (!conf_env_load(&request, &loaded, err))
		return false;
	struct db_params params = {.conninfo = loaded->conninfo,
		.application_name = cli->program->name,
		.log = cli->log,
		.stop = cli_interrupted,
		.pooler_session = loaded->pooler_session};
	if (!db_open(&params, &made, err) || !cli_target_check(loaded, made, err))
		return false;
	*env = xtake(&loaded);
	*db = xtake(&made);
	return true;
}

bool cli_names(const struct cli *cli, struct strvec *trees, struct strvec *envs, struct err *err)
{
	struct conf_request request = {.config_path = cli->shared.config, .getenv = cli_getenv};
	AUTO_FREE char *config = conf_find(&request);
	if (!conf_tree_names(config, trees, err) || (envs && !cli_env_list(cli, envs, err)))
		return false;
	if (envs && !envs->count)
		strvec_push(envs, "default");
	return true;
}
