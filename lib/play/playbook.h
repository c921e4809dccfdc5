/*
 * A playbook as read from its file: inputs, gates, steps, ladder, notifications.
 *
 * Everything that can be known without a database is checked at load: unknown or missing keys,
 * doubled ids, references, patterns, files that are not there. Errors are ERR_CONFIG with `where`.
 * The grammar is docs/playbooks.md.
 */
#ifndef PLAY_PLAYBOOK_H
#define PLAY_PLAYBOOK_H

#include "conf/node.h"

enum play_verb {
	PLAY_RUN, /* argv */
	PLAY_SHELL, /* text for sh -c; values arrive as environment variables */
	PLAY_CHECKS, /* mig-verify smoke */
	PLAY_MAINTENANCE, /* mig-maintenance on|off */
	PLAY_CONFIRM, /* a person answers */
	PLAY_WAIT /* a pause */
};

/* What a step can change: name, word, may it change the target?, may it change data there? */
#define PLAY_KINDS(X) \
	X(PLAY_KIND_CHECK, "check", false, false) \
	X(PLAY_KIND_CONFIRM, "confirm", false, false) \
	X(PLAY_KIND_WAIT, "wait", false, false) \
	X(PLAY_KIND_ALERT, "alert", false, false) \
	X(PLAY_KIND_BACKUP, "backup", false, false) \
	X(PLAY_KIND_MAINTENANCE, "maintenance", true, false) \
	X(PLAY_KIND_TRAFFIC, "traffic", true, false) \
	X(PLAY_KIND_COMMAND, "command", true, true) \
	X(PLAY_KIND_DATABASE, "database", true, true)

enum play_kind {
#define X(name, word, effect, data) name,
	PLAY_KINDS(X)
#undef X
};

const char *play_kind_word(enum play_kind kind);
bool play_kind_effect(enum play_kind kind);
bool play_kind_data(enum play_kind kind);
/* Of an argv, by the program and its verb; plain commands are PLAY_KIND_COMMAND. */
enum play_kind play_kind_of(const struct strvec *argv);
/* Is it a program of the suite? If not, the nearest that is, or NULL. */
bool play_program_known(const char *program, const char **near);
/* Unknown words are PLAY_KIND_COMMAND: the one that is trusted least. */
enum play_kind play_kind_parse(const char *word);

enum play_undo { PLAY_UNDO_NONE, PLAY_UNDO_ARGV, PLAY_UNDO_POLICY };

/* Checks: files (absolute), and checks written in place. */
struct play_checks {
	const struct conf_node *node; /* NULL: none */
	struct strvec files;
	json_t *inline_list; /* array, or NULL */
};

/* {attempts, delay, backoff, jitter, on} for commands, {for, every, need} for checks. */
struct play_retry {
	int64_t attempts; /* 0: one */
	int64_t delay_ms;
	int64_t backoff;
	bool jitter;
	struct strvec on; /* exit classes */
	int64_t for_ms;
	int64_t every_ms;
	int64_t need; /* passes in a row */
};

struct play_step {
	const struct conf_node *node;
	char *id;
	enum play_verb verb;
	enum play_kind kind;
	struct strvec run;
	char *shell;
	const struct conf_node *checks_node;
	struct play_checks checks;
	int switch_to; /* maintenance: 0 on, 1 off */
	struct strvec only;
	bool adopt;
	int64_t lease_ms; /* 0: the program's default */
	const struct conf_node *confirm_node;
	char *ask, *type;
	int64_t expires_ms;
	int64_t wait_ms;
	const struct conf_node *undo_node;
	enum play_undo undo;
	struct strvec undo_argv;
	struct strvec probe; /* 0 done, 4 not done, else unknown */
	const struct conf_node *retry_node;
	struct play_retry retry;
	const struct conf_node *out_node; /* FIELD: pattern */
	const struct conf_node *env_node; /* NAME: value */
	int64_t timeout_ms; /* 0: none of its own */
	bool restore_point, pivot, traffic;
};

struct play_steps {
	struct play_step *items;
	size_t count;
};

struct play_input {
	const char *name;
	char *match; /* POSIX extended, over the whole value */
	char *help;
	char *fallback; /* NULL: must be given */
	const struct conf_node *node;
};

enum play_rung { PLAY_RUNG_UNDO, PLAY_RUNG_RESTORE };

enum play_event { PLAY_ON_START, PLAY_ON_FAILURE, PLAY_ON_SUCCESS, PLAY_ON_DOUBT, PLAY_EVENTS };

struct play_book {
	struct conf_document *doc;
	char *digest; /* SHA-256 of the file, hex */
	int64_t version;
	char *name, *owner, *runbook;
	int64_t timeout_ms;
	const struct conf_node *inputs_node, *gates_node, *steps_node, *recovered_node,
		*always_node, *ladder_node, *notify_node, *secrets_node;
	struct play_input *inputs;
	size_t input_count;
	struct play_steps gates, steps, always;
	enum play_rung ladder[2];
	size_t ladder_count;
	struct play_checks recovered;
	struct strvec notify[PLAY_EVENTS];
	struct strvec secrets; /* names of environment variables whose values are redacted */
};

MUST_CHECK bool play_book_load(const char *path, struct play_book **book, struct err *err);
void play_book_free(struct play_book *book);
DEFINE_AUTO(struct play_book, play_book_free)

/* The step of that id in gates, steps or always; NULL. */
const struct play_step *play_book_step(const struct play_book *book, const char *id);
/* Index of the pivot in steps; steps.count when there is none. */
size_t play_book_pivot(const struct play_book *book);
bool play_book_has_pivot(const struct play_book *book);
/* One of the steps before it; false where there is no pivot. */
bool play_book_before_pivot(const struct play_book *book, const struct play_step *step);

/*
 * Values of the inputs from "NAME=VALUE" words and defaults, each matched. ERR_USAGE. New
 * reference in *values: {"ref": "v1.4"}.
 */
MUST_CHECK bool play_book_inputs(
	const struct play_book *book, const struct strvec *words, json_t **values, struct err *err);
/* True when the POSIX extended expression covers the whole text. */
bool play_match(const char *pattern, const char *text);
bool play_pattern_good(const char *pattern);

/* Every reference in the book is known: called by play_book_load. */
MUST_CHECK bool play_refs_check(const struct play_book *book, struct err *err);
/* One step list; used by play_book_load. `section` is "steps", "gates" or "always". */
MUST_CHECK bool play_steps_read(const struct conf_node *list, const char *section,
	const char *directory, struct play_steps *steps, struct err *err);
void play_steps_release(struct play_steps *steps);
MUST_CHECK bool play_checks_read(const struct conf_node *node, const char *directory,
	struct play_checks *checks, struct err *err);
void play_checks_release(struct play_checks *checks);
/* Words that the design has and this version has not: a clear load error instead of "unknown". */
MUST_CHECK bool play_not_yet(
	const struct conf_node *map, const char *const *keys, size_t count, struct err *err);

#endif
