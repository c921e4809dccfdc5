/*
 * Runs a playbook: key, gates, steps; on failure the ladder; always; maintenance lifted or kept;
 * notify. Every effect is announced in the journal first. The exit codes are those of play/end.h.
 */
#ifndef PLAY_RUN_H
#define PLAY_RUN_H

#include "base/log.h"
#include "conf/config.h"
#include "play/end.h"
#include "play/playbook.h"

struct play_settings {
	const struct conf_env *env;
	const struct play_book *book;
	json_t *inputs; /* values, by play_book_inputs; borrowed */
	const char *dbname; /* -d as it was given, handed to the children; NULL */
	int64_t lock_wait_ms;
	bool preempt_backup;
	bool no_gates; /* a plan without them */
	struct log_sink *log;
	/* How many INT or TERM have come: 1 stops, 2 skips undo, 3 ends at once. */
	int (*signals)(void *ctx);
	int (*signal_number)(void *ctx);
	const char *(*getenv)(const char *name); /* for the values of `secrets:` */
	/* A person answers; `type` (NULL: yes or no) is what must be typed. ERR_REFUSED. */
	bool (*confirm)(
		void *ctx, const char *ask, const char *type, int64_t expires_ms, struct err *err);
	void *ctx;
};

/*
 * False when the run did not end with PLAY_END_OK: err holds the exit code, and first of all the
 * first error. *report (new reference, NULL when nothing was begun) is described in docs/events.md:
 * run, playbook, state, code, sentence, next, directory, maintenance ("kept" by this run, or
 * "none"), steps, first_error.
 */
MUST_CHECK bool play_run(const struct play_settings *settings, json_t **report, struct err *err);

/*
 * What would be done: *plan (new reference) holds {"steps": [{"id", "phase", "kind", "command",
 * "way_back": [command..], "if_fails": text}..], "gates": [{"id", "state"..}]}. The gates are run
 * for real unless no_gates. ERR_NO when a gate says no; the plan is made also then.
 */
MUST_CHECK bool play_plan(const struct play_settings *settings, json_t **plan, struct err *err);

#endif
