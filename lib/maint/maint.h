/*
 * Maintenance: an environment's providers, switched together (safety 10, 11, 13, 14, 17).
 * The row mig.maintenance in the target, and a file in the state directory, hold what was before.
 */
#ifndef MAINT_MAINT_H
#define MAINT_MAINT_H

#include "conf/config.h"
#include "db/db.h"
#include "db/keys.h"

enum maint_state { MAINT_OPEN, MAINT_CLOSED, MAINT_PARTIAL, MAINT_UNKNOWN };
const char *maint_state_word(enum maint_state state);

struct maint_settings {
	const struct conf_env *env;
	const char *owner; /* "run:<id>" or "hand" */
	int64_t lease_ms; /* 0: one hour */
	bool adopt; /* take over what another owner holds */
	const struct strvec *only; /* provider names; NULL: all */
	struct log_sink *log;
};

struct maint_status {
	enum maint_state state;
	char *owner; /* NULL: nobody */
	char *since; /* UTC */
	char *lease_ends; /* UTC */
	int64_t generation;
	bool foreign; /* the row bears another OID or an older generation: stay closed */
	struct strvec lines; /* one per provider: "file /run/x: on" */
};

MUST_CHECK bool maint_on(
	const struct maint_settings *settings, struct keys *keys, struct db *db, struct err *err);
MUST_CHECK bool maint_off(
	const struct maint_settings *settings, struct keys *keys, struct db *db, struct err *err);
/* db may be NULL (database unreachable): the state file alone answers. */
MUST_CHECK bool maint_status(
	const struct conf_env *env, struct db *db, struct maint_status *status, struct err *err);
void maint_status_release(struct maint_status *status);

/*
 * For the swap: writes the live database's row into the copy, with the copy's OID and
 * generation + 1 (no row in live: none in the copy). Settings and ACL are moved by the swap itself.
 */
MUST_CHECK bool maint_hand_over(struct db *live, struct db *copy, struct err *err);

#endif
