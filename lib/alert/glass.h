/*
 * Whoever breaks the glass (policy `break-glass`) is heard of by every receiver of the environment,
 * at once or from the spool.
 */
#ifndef ALERT_GLASS_H
#define ALERT_GLASS_H

#include "base/log.h"
#include "conf/config.h"

struct alert_glass { /* borrowed */
	const struct conf_env *env;
	const char *program, *verb; /* "mig-restore", "swap" */
	const char *version;
	const char *database; /* whose state is replaced */
	const char *reason;
	struct log_sink *log;
};
/* A failure is a warning: it stops nobody. */
void alert_glass_broken(const struct alert_glass *glass);

#endif
