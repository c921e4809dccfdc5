/*
 * One grammar for all programs: option tables, verbs, help, output, exit codes.
 *
 * A program is one `struct cli_program` and one line of main(). Option rows make the parser,
 * --help, the man page and shell completion. See cmd/mig-backup.c for the shape.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/err.h"
#include "base/log.h"
#include "base/strvec.h"
#include "conf/config.h"

/*
 * What lands at `offset` of the program's settings struct (zeroed before; strings borrowed):
 *
 *	FLAG bool   STRING const char *   INT int64_t   DURATION int64_t ms   SIZE int64_t bytes
 *	LIST struct strvec (repeatable, each value appended)   NAMES struct strvec (comma-separated)
 */
enum cli_type {
	CLI_FLAG,
	CLI_STRING,
	CLI_INT, /* 0 and more; less only as `initial`: it was not given */
	CLI_COUNT, /* 1 and more; 0 when it is not given */
	CLI_DURATION,
	CLI_SIZE,
	CLI_LIST,
	CLI_NAMES
};

struct cli_option {
	const char *name; /* without "--" */
	char letter; /* 0: none */
	enum cli_type type;
	size_t offset;
	const char *arg; /* "N", "FILE"; NULL for flags */
	const char *help; /* one line, lower case, no full stop */
	const char *initial; /* its value when it is not given, as typed; NULL: zero */
	/*
	 * Of one value: given twice with different ones, the last stands. Elsewhere that is a usage
	 * error, since the other one may have been meant.
	 */
	bool last_wins;
	/* Names of options: with the one it would do nothing, and without the other (NULL: none).
	 */
	const char *not_with, *only_with;
};
/* Option lists end with {0}. */

struct cli;
typedef bool (*cli_action)(struct cli *cli, void *settings, struct err *err);

struct cli_verb {
	const char *name; /* NULL: the program's operand form (mig-run PLAYBOOK, mig-restore
			     SNAPSHOT) */
	const char *operands; /* "SNAPSHOT", "[TARGET]", "A [B..]"; NULL: none. Counts are checked
				 by it. */
	const char *summary; /* one line */
	const struct cli_option *options; /* may be NULL */
	cli_action run;
	unsigned flags;
	const void *what; /* the program's own, for an action that serves several verbs */
};
/* -n is a usage error for a verb that has neither: a dry run is never silently a real one. */
#define CLI_DRY_RUN 1u /* honours shared.dry_run */
#define CLI_READ_ONLY 2u /* changes nothing anyway */
/* Verb lists end with {0}. */

struct cli_program {
	const char *name;
	const char *summary; /* man page NAME line */
	const struct cli_verb *verbs;
	const struct cli_option *options; /* of every verb; may be NULL */
	size_t settings_size;
	const char *const *examples; /* NULL-ended pairs: command, what it does */
	bool counts_signals; /* handles the second and third signal itself (mig-run) */
};

/* Options that every program has; the table is in options.c. */
struct cli_shared {
	bool help, version, verbose, quiet, json, dry_run, yes, show_settings, preempt_backup;
	const char *color, *config, *env, *dbname, *confirm, *reason;
	int64_t lock_wait_ms;
};

struct cli {
	const struct cli_program *program;
	const struct cli_verb *verb;
	struct cli_shared shared;
	struct strvec operands;
	struct log_sink *log; /* hand it down */
	struct conf_env *env; /* after cli_env() */
	bool env_offline; /* its connection is not resolved yet */
	char *chosen_env; /* name of the environment that a pin chose (target.h) */
	bool result_printed;
};

int cli_main(const struct cli_program *program, int argc, char **argv);
/* Where the first word stands that is no option and no option's value: the verb; 0: none. */
int cli_first_operand(const struct cli_program *program, int argc, char **argv);

/* Loads the configuration and chooses the environment and database by the shared options. */
MUST_CHECK bool cli_env(struct cli *cli, struct err *err);
/* The same without resolving the connection (list, lint, ...). */
MUST_CHECK bool cli_env_offline(struct cli *cli, struct err *err);

/* The same for what is alike in all environments (migrations): any will do. */
MUST_CHECK bool cli_env_any(struct cli *cli, struct err *err);
/* Names of all environments; none without mig.yaml. */
MUST_CHECK bool cli_env_list(const struct cli *cli, struct strvec *names, struct err *err);

/* A plain line of the result on stdout (text mode only). */
void cli_print(struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* As cli_print, of a line that may name commands: they get the -c, -e and -d that were typed. */
void cli_advise(struct cli *cli, const char *text);
/* A JSON line on stdout (--json only); steals fields, adds "event". */
void cli_event(struct cli *cli, const char *event, json_t *fields);
/* The last stdout line under --json: {"event":"result",...}; steals fields. Once per program. */
void cli_result(struct cli *cli, json_t *fields);

/* Asks on the terminal, or looks at --yes; elsewhere ERR_REFUSED that names the option. */
MUST_CHECK bool cli_confirm_plain(struct cli *cli, struct err *err, const char *question);
/* Typed confirmation: on a terminal `name` is typed; else --confirm NAME must equal it (17). */
MUST_CHECK bool cli_confirm_typed(
	struct cli *cli, const char *name, struct err *err, const char *question);

/* "mig-apply upgrade"; caller owns. */
char *cli_title(const struct cli *cli);

/* Signals: first INT or TERM sets this; rooms poll it through their `cancelled` callbacks. */
bool cli_interrupted(void *unused);
int cli_signal(void); /* which one came first, 0: none */
int cli_signal_count(void); /* how many came */

/* MIG_* of the process environment (value or NULL): only cmd and cli ask. */
const char *cli_getenv(const char *name);
extern const char cli_version[];

#endif
