/*
 * What a dead run was about to do, read from its journal (docs/journal.md).
 */
#ifndef MAINT_LAST_INTENT_H
#define MAINT_LAST_INTENT_H

#include "conf/config.h"

struct last_intent {
	char *text; /* "step migrate: mig-apply upgrade head (2026-..Z), not done"; NULL: none known
		     */
	bool database; /* it may have changed the database, and there is no `done` */
};

/* run_id: of the owner "run:<id>". A journal that is not on this host leaves all empty. */
MUST_CHECK bool last_intent_read(const struct conf_env *env, const char *run_id,
	struct last_intent *intent, struct err *err);
void last_intent_release(struct last_intent *intent);

#endif
