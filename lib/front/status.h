/*
 * `mig status`: is anything running, where, since when, and how is it stopped? What died, what was
 * left behind, what there is to go back to. A new part is one row in status_parts (status.c).
 */
#ifndef FRONT_STATUS_H
#define FRONT_STATUS_H

#include "conf/config.h"
#include "db/db.h"

struct status {
	const struct conf_env *env;
	struct db_params params; /* how to reach the target */
	struct db *db; /* the target; NULL: not reached, then only files answer */
	struct log_sink *log;
	/* filled: */
	bool running; /* somebody holds the run key */
	struct strvec lines; /* for people */
	json_t *json; /* the same for programs: one key per part */
	bool attention; /* something died, is held, or could not be found out */
};

/* Every part; what one of them cannot find out becomes a line that says so. */
void status_collect(struct status *status);
void status_release(struct status *status);

#endif
