/*
 * Maintenance: an environment's providers, switched together (safety 10, 11, 13, 14, 17).
 * The row mig.maintenance in the target, and a file in the state directory, hold what was before.
 */
#ifndef MAINT_MAINT_H
#define MAINT_MAINT_H

#include "conf/config.h"
#include "db/db.h"
#include "db/keys.h"

/*
 *	open     nobody holds it, every provider is off
 *	closed   held, and every provider is on
 *	partial  held and some providers are off; or not held and some are on
 *	unknown  a provider cannot tell, or the record is foreign: counts as not open
 */
enum maint_state { MAINT_OPEN, MAINT_CLOSED, MAINT_PARTIAL, MAINT_UNKNOWN };
const char *maint_state_word(enum maint_state state);

struct maint_settings {
	const struct conf_env *env;
	const char *owner; /* "run:<id>" or "hand" */
	int64_t lease_ms; /* 0: one hour */
	bool adopt; /* take over what another owner holds */
	const struct strvec *only; /* provider names; NULL or empty: all */
	const char *reason; /* off: a person answers for lifting what would be refused; NULL */
	int64_t drain_ms; /* on: how long sessions may finish their transactions before they end */
	/* The proof (maint/writes.h): on takes R0 into it, off notes that the fence is opened. */
	const char *proof;
	struct log_sink *log;
};

struct maint_status {
	enum maint_state state;
	char *owner; /* NULL: nobody */
	char *since; /* UTC */
	char *lease_ends; /* UTC */
	int64_t generation;
	bool lease_over; /* its end has passed: it lifts nothing, it calls for a person */
	bool foreign; /* the row bears another OID or an older generation: stay closed */
	struct strvec lines; /* one per provider: "file /run/x: on" */
};

/*
 * Records what was before, once per closing; switches every provider on, in order; reads each back;
 * then, with `proof`, takes R0. Held by the same owner already: all are switched on again, what was
 * before stays as it was recorded. A closing that fails is undone. `db`: an idle session on the
 * target, not used by anybody else; `keys` give the right to change it.
 *
 * ERR_REFUSED: held by another owner; a foreign record; a fence that does not stand.
 * ERR_CONFIG: no provider is configured. ERR_REMOTE: a command provider failed or is unknown.
 */
MUST_CHECK bool maint_on(
	const struct maint_settings *settings, struct keys *keys, struct db *db, struct err *err);
/*
 * Switches off in reverse order, back to what was before, and reads each back. Without `only`
 * maintenance is then lifted. Not held and everything off: nothing to do.
 *
 * ERR_REFUSED: held by another run; a foreign record; by hand, when a dead run's last intent on the
 * database has no `done`. The last two give way to `reason`.
 */
MUST_CHECK bool maint_off(
	const struct maint_settings *settings, struct keys *keys, struct db *db, struct err *err);
/* A new lease for the same owner. ERR_REFUSED when maintenance is not held, or by another. */
MUST_CHECK bool maint_renew(
	const struct maint_settings *settings, struct keys *keys, struct db *db, struct err *err);
/* db may be NULL (database unreachable): the state file alone answers. */
MUST_CHECK bool maint_status(
	const struct conf_env *env, struct db *db, struct maint_status *status, struct err *err);
void maint_status_release(struct maint_status *status);
/*
 * Warns when a run holds maintenance that `mig_run` (MIG_RUN, NULL by hand) is not part of: whoever
 * has the run key then knows that it died, or ended without lifting it.
 */
void maint_tell_kept(
	const struct conf_env *env, struct db *db, const char *mig_run, struct log_sink *log);

/*
 * For the swap: writes the live database's row into the copy, with the copy's OID and
 * generation + 1 (no row in live: none in the copy). Settings and ACL are moved by the swap itself.
 */
MUST_CHECK bool maint_hand_over(struct db *live, struct db *copy, struct err *err);

#endif
