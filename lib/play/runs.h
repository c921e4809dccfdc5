/*
 * The runs of an environment, read from their journals: for list, status, recover, and for the
 * next run. Needs no database.
 */
#ifndef PLAY_RUNS_H
#define PLAY_RUNS_H

#include "conf/config.h"
#include "play/journal.h"

struct play_run_row {
	char *id, *playbook, *path;
	char *started;
	char *step; /* the last one begun; "" */
	char *state; /* "running", "died", or the end's word */
	char *maintenance; /* "kept" or "none" of the end; "" while there is none */
	int code; /* of the end; -1: none */
	char *host;
	int pid; /* of the runner, on that host */
	bool alive, ended, effect;
};

struct play_runs {
	struct play_run_row *items; /* oldest first */
	size_t count, alloc;
};

/* Journals that cannot be read are left out. */
MUST_CHECK bool play_runs_list(const struct conf_env *env, struct play_runs *runs, struct err *err);
void play_runs_release(struct play_runs *runs);
/* New reference, as printed under --json. */
json_t *play_run_json(const struct play_run_row *row);
/*
 * The run that is meant: by id or unique prefix, or (id NULL) the only unfinished one.
 * ERR_NOTFOUND; several: ERR_USAGE that lists them.
 */
MUST_CHECK bool play_runs_find(const struct play_runs *runs, const char *id,
	const struct play_run_row **row, struct err *err);

#endif
