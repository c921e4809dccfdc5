/* The runs of an environment, as `mig status` tells them. */
#ifndef FRONT_STATUS_RUNS_H
#define FRONT_STATUS_RUNS_H

#include "conf/config.h"

/* How to stop the run that is alive on this host, as indented lines; false when there is none. */
bool status_runs_say_stop(const struct conf_env *env, struct strvec *lines);
/* Runs whose program died before their end, as lines and as JSON objects. */
MUST_CHECK bool status_runs_unfinished(
	const struct conf_env *env, struct strvec *lines, json_t *unfinished, struct err *err);

#endif
