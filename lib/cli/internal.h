/* Shared by the files of this room only. */
#ifndef CLI_INTERNAL_H
#define CLI_INTERNAL_H

#include "cli/cli.h"

/* Tables that apply to one verb, in the order they are searched and shown; ends with NULL. */
struct cli_tables {
	const struct cli_option *list[3];
	void *targets[3];
};

extern const struct cli_option cli_shared_options[];

/* Fills cli->verb, cli->operands, cli->shared and settings. */
MUST_CHECK bool cli_parse(struct cli *cli, void *settings, int argc, char **argv, struct err *err);
/* An operand that is nearly a verb, or one of another program, is said to be that. */
void cli_hint_verb(const struct cli *cli, struct err *err);
/*
 * Advice with the -c, -e and -d that were typed put into its commands, so that they work as they
 * stand. Caller owns.
 */
char *cli_own_words(const struct cli *cli, const char *advice);
/* Frees the lists that parsing put into settings. */
void cli_settings_release(const struct cli *cli, void *settings);
/* "mig-backup show SNAPSHOT"; caller owns. */
char *cli_usage_line(const struct cli_program *program, const struct cli_verb *verb);
/* "-j, --jobs N"; caller owns. */
char *cli_option_spelling(const struct cli_option *option);
void cli_help_print(const struct cli *cli);
/* The man page as roff on stdout: tables from the program, prose from a Markdown file (or NULL). */
MUST_CHECK bool cli_man_print(
	const struct cli_program *program, const char *prose_path, struct err *err);
void cli_completion_print(const struct cli_program *program);
void cli_verbs_print(const struct cli_program *program); /* one a line */

struct log_sink *cli_sink_new(const struct cli_shared *shared, const char *program);
void cli_sink_free(struct log_sink *sink);
/* Prints the error once; `json` as the exit event. */
void cli_error_print(const struct cli *cli, const struct err *err);

void cli_signals_install(bool counted);

/* With -d, several environments and none chosen: the one whose pin matches (target.c). */
MUST_CHECK bool cli_choose_env(struct cli *cli, struct err *err);

/*
 * How one says here what other tools of migrations or backups call `word`, or `word next` ("db
 * upgrade"); NULL: not known. Caller owns.
 */
char *cli_foreign_hint(const char *program, const char *word, const char *next);
/* The same of another tool's option, without its dashes. NULL: not known. */
const char *cli_foreign_option_hint(const char *program, const char *name);
/* An option that means something else there: a better hint for what came of it. */
void cli_foreign_meaning(const struct cli *cli, struct err *err);
/* The length of the program's name that the text begins with; 0: none. */
size_t cli_program_at(const char *text);
/* The program whose verb this is, other than `program`; NULL: none. */
const char *cli_program_of_verb(const char *verb, const char *program);

#endif
