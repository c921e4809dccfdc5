/*
 * The swap (safety 7-9): one transaction gives the live name to a copy and a new name to what was
 * live. docs/swap.md tells the whole protocol.
 *
 * There is no committed state in between. Whoever wants to know after a failure whether it happened
 * asks which OID bears the live name; swap_databases() itself does, and says so.
 */
#ifndef SWAP_SWAP_H
#define SWAP_SWAP_H

#include "db/db.h"
#include "db/keys.h"
#include "swap/traits.h"

struct swap_settings {
	struct db_params target; /* the live database; other databases are reached by dbname */
	struct keys *keys; /* KEYS_RUN; the swap key is taken exclusively here */
	const char *state_dir;
	const char *live; /* raw name */
	const char *copy; /* raw name and OID of what becomes live */
	uint32_t copy_oid;
	const char *run;
	/* Proof that writes stopped (safety 12): path of proof.json, NULL: a person decided. */
	const char *proof;
	const struct strvec *ignore; /* "schema.table"; NULL: none */
	struct log_sink *log;
};

struct swap_outcome {
	char *displaced; /* name of what was live */
	int64_t took_ms; /* of the transaction: how long connections queued */
};
void swap_outcome_release(struct swap_outcome *outcome);

/*
 * What stands in the way, without changing anything (safety 8): ERR_REFUSED with every reason in
 * the detail. The traits are tried in a transaction that is rolled back.
 */
MUST_CHECK bool swap_check(const struct swap_settings *settings, struct err *err);

/* Takes R1 now: ERR_REFUSED with the reason unless it says that writes stopped. */
MUST_CHECK bool swap_prove(const struct swap_settings *settings, struct err *err);

/*
 * Checks, takes R1 when a proof is given, hands maintenance over, swaps, writes the `swapped_back`
 * row. ERR_REFUSED: in the way, or no proof that writes stopped, nothing changed; ERR_LOCK: a key
 * is held; ERR_DOUBT: the server could not be asked whether it was committed.
 */
MUST_CHECK bool swap_databases(
	const struct swap_settings *settings, struct swap_outcome *outcome, struct err *err);

#endif
