/*
 * What ${...} may stand for, and the command that a step comes to.
 *
 * Known names: inputs.NAME, env.name, env.dbname, env.project, run.id, run.start, run.dir,
 * steps.ID.out.FIELD. A step's result is the only value that is known late: before the step ran it
 * reads "<after ID>", afterwards it must match the pattern that the step declares for the field.
 */
#ifndef PLAY_SCOPE_H
#define PLAY_SCOPE_H

#include "play/playbook.h"

struct play_scope {
	const struct play_book *book;
	json_t *inputs; /* borrowed */
	json_t *out; /* {"ID": {...}}: results of steps; owned */
	const char *env_name, *project;
	char *dbname; /* owned; NULL while unknown: "<database>" */
	char *run_id; /* owned; NULL in a plan: "<run>" */
	char *run_dir; /* owned; NULL in a plan: "<run directory>" */
	char *start; /* owned; RFC 3339; NULL in a plan */
	bool plan; /* late values may be missing */
};

void play_scope_release(struct play_scope *scope);
/* Text with its values; `where` for messages. Caller owns *out. */
MUST_CHECK bool play_scope_expand(struct play_scope *scope, const char *text,
	const struct conf_node *where, char **out, struct err *err);
MUST_CHECK bool play_scope_argv(struct play_scope *scope, const struct strvec *words,
	const struct conf_node *where, struct strvec *out, struct err *err);
/* A JSON value with every string in it expanded; new reference in *out. */
MUST_CHECK bool play_scope_json(struct play_scope *scope, const json_t *value,
	const struct conf_node *where, json_t **out, struct err *err);

/*
 * The command that the step comes to, as a person would type it. Checks written in place stand as
 * `checks_file`. PLAY_CONFIRM and PLAY_WAIT have none: *argv stays empty.
 */
MUST_CHECK bool play_command(struct play_scope *scope, const struct play_step *step,
	const char *checks_file, struct strvec *argv, struct err *err);
/* before_pivot: checks that need writes are left out, nobody could make them pass. */
void play_command_checks(const struct play_checks *checks, const char *checks_file,
	bool before_pivot, struct strvec *argv);
/* NAME=VALUE for the step's process: MIG_INPUT_*, MIG_DATABASE, and the step's own env. */
MUST_CHECK bool play_variables(struct play_scope *scope, const struct play_step *step,
	struct strvec *env, struct err *err);

#endif
