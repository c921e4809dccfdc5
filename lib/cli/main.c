#include "cli/internal.h"

#include <locale.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"

const char *cli_getenv(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

char *cli_title(const struct cli *cli)
{
	const char *verb = cli->verb ? cli->verb->name : NULL;
	return xstrfmt("%s%s%s", cli->program->name, verb ? " " : "", verb ? verb : "");
}

static bool load_environment(
	struct cli *cli, const char *env_name, bool no_database, struct err *err)
{
	bool first = !cli->env;
	if (cli->env && (no_database || !cli->env_offline))
		return true;
	struct conf_request request = {.config_path = cli->shared.config,
		.env_name = env_name,
		.dbname = cli->shared.dbname,
		.getenv = cli_getenv,
		.no_database = no_database};
	conf_env_free(xtake(&cli->env));
	if (!conf_env_load(&request, &cli->env, err))
		return false;
	cli->env_offline = no_database;
	secret_register(cli_getenv("PGPASSWORD"));
	for (size_t i = 0; first && i < cli->env->warnings.count; i++)
		log_warn(cli->log, "configuration", NULL, "%s", cli->env->warnings.items[i]);
	return true;
}

bool cli_env(struct cli *cli, struct err *err)
{
	return cli_choose_env(cli, err) && load_environment(cli, cli->shared.env, false, err);
}

bool cli_env_offline(struct cli *cli, struct err *err)
{
	return load_environment(cli, cli->shared.env, true, err);
}

bool cli_env_any(struct cli *cli, struct err *err)
{
	AUTO_STRVEC(names);
	if (!cli_env_list(cli, &names, err))
		return false;
	const char *name = cli->shared.env ? cli->shared.env : names.count ? names.items[0] : NULL;
	return load_environment(cli, name, true, err);
}

bool cli_env_list(const struct cli *cli, struct strvec *names, struct err *err)
{
	struct conf_request request = {.config_path = cli->shared.config, .getenv = cli_getenv};
	AUTO_FREE char *config = conf_find(&request);
	return !config || conf_env_names(config, names, err);
}

static void apply_environment_defaults(struct cli_shared *shared)
{
	if (!shared->env)
		shared->env = cli_getenv("MIG_ENV");
	if (!shared->config)
		shared->config = cli_getenv("MIG_CONFIG");
	if (!shared->dbname)
		shared->dbname = cli_getenv("MIG_DBNAME");
	if (cli_getenv("MIG_JSON"))
		shared->json = true;
}

static bool show_settings(struct cli *cli, struct err *err)
{
	if (!cli_env(cli, err))
		return false;
	json_t *settings = conf_env_settings(cli->env);
	AUTO_FREE char *text = json_dumps(settings, JSON_INDENT(2));
	json_decref(settings);
	AUTO_FREE char *safe = secret_redact(text);
	puts(safe);
	return true;
}

static bool run_action(struct cli *cli, void *settings, struct err *err)
{
	if (cli->shared.help) {
		cli_help_print(cli);
		return true;
	}
	if (cli->shared.version) {
		printf("%s (mig) %s\n", cli->program->name, cli_version);
		return true;
	}
	const char *color = cli->shared.color;
	if (color && strcmp(color, "auto") != 0 && strcmp(color, "always") != 0 &&
		strcmp(color, "never") != 0)
		return err_set(
			err, ERR_USAGE, "--color takes auto, always or never, not \"%s\"", color);
	if (cli->shared.show_settings)
		return show_settings(cli, err);
	return cli->verb->run(cli, settings, err);
}

/* A program that a signal ended says so, unless it knows an end state that matters more. */
static void note_signal_end(struct err *err)
{
	bool knows_better =
		err->code == ERR_UNDONE || err->code == ERR_PAGE || err->code == ERR_DOUBT;
	if (!cli_signal() || knows_better)
		return;
	err->code = ERR_SIGNAL;
	err->signal = cli_signal();
}

/* Texts made of the tables: not options, since no person types them. */
static bool print_generated(const struct cli_program *program, int argc, char **argv, int *status)
{
	AUTO_ERR(err);
	if (argc >= 2 && strcmp(argv[1], "--print-man") == 0) {
		*status = 0;
		if (!cli_man_print(program, argc > 2 ? argv[2] : NULL, &err)) {
			fprintf(stderr, "%s: %s\n", program->name, err.msg);
			*status = err_exit_status(&err);
		}
		return true;
	}
	void (*print)(const struct cli_program *) = NULL;
	if (argc == 2 && strcmp(argv[1], "--print-completion") == 0)
		print = cli_completion_print;
	else if (argc == 2 && strcmp(argv[1], "--print-verbs") == 0)
		print = cli_verbs_print;
	if (print)
		print(program);
	*status = 0;
	return print != NULL;
}

/* A result that could not be written was not delivered. */
static bool stdout_written(struct err *err)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return true;
	return err_sys(err, ERR_STORAGE, "cannot write the result to standard output");
}

int cli_main(const struct cli_program *program, int argc, char **argv)
{
	int status;
	umask(077);
	setlocale(LC_CTYPE, "");
	if (print_generated(program, argc, argv, &status))
		return status;
	cli_signals_install(program->counts_signals);
	struct cli cli = {.program = program};
	void *settings = xcalloc(1, program->settings_size);
	AUTO_ERR(err);
	bool ok = cli_parse(&cli, settings, argc, argv, &err);
	/* A line that could not be read to its end is answered in the form that it asks for. */
	for (int i = 1; !ok && i < argc && strcmp(argv[i], "--") != 0; i++)
		cli.shared.json |= !strcmp(argv[i], "--json");
	apply_environment_defaults(&cli.shared);
	if (ok) {
		cli.log = cli_sink_new(&cli.shared, program->name);
		ok = run_action(&cli, settings, &err);
		cli_sink_free(cli.log);
		if (ok)
			ok = stdout_written(&err);
	}
	if (!ok) {
		cli_foreign_meaning(&cli, &err);
		note_signal_end(&err);
		cli_hint_verb(&cli, &err);
		cli_error_print(&cli, &err);
	}
	status = ok ? 0 : err_exit_status(&err);
	cli_settings_release(&cli, settings);
	free(settings);
	strvec_release(&cli.operands);
	conf_env_free(cli.env);
	free(cli.chosen_env);
	return status;
}
