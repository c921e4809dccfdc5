/*
 * Whether a swap may happen here and now, before anything is begun: policy, maintenance, consent
 * (safety 9, 12, 13). Asking people is the program's part.
 */
#ifndef SWAP_PERMIT_H
#define SWAP_PERMIT_H

#include "conf/config.h"
#include "db/db.h"

/* What a person must answer before it goes on. */
enum swap_ask { SWAP_ASK_NOTHING, SWAP_ASK_PLAIN, SWAP_ASK_TYPED };

struct swap_request {
	const struct conf_env *env;
	const char *run; /* id of the run that this is a step of; NULL: by hand */
	const char *proof; /* proof.json of that run: nobody is asked when it holds; NULL: none */
	const char *reason;
	bool accept_loss;
	int64_t made_ms; /* when the snapshot was taken; with a proof */
};

/* The policy's part, without a database. ERR_REFUSED says what is allowed instead. */
MUST_CHECK bool swap_permit_policy(
	const struct swap_request *request, enum swap_ask *ask, struct err *err);
/* What a person types to put `copy` in place, or "undo", as the policy wants it; NULL: never. */
char *swap_permit_command(const struct conf_env *env, const char *verb, const char *copy);
/* Maintenance held by the run, or by hand, with a lease that has not ended. */
MUST_CHECK bool swap_permit_maintenance(
	const struct swap_request *request, struct db *live, struct err *err);
/*
 * With a proof: what was written between the snapshot and the first reading is not covered by it,
 * so the snapshot must be younger than that reading.
 */
MUST_CHECK bool swap_permit_age(
	const struct swap_request *request, struct db *live, struct err *err);
/* After the loss report was shown. */
MUST_CHECK bool swap_permit_loss(const struct swap_request *request, struct err *err);

#endif
