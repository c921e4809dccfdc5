/*
 * Inside the swap: its parts, shared between swap*.c only.
 */
#ifndef SWAP_ROOM_H
#define SWAP_ROOM_H

#include "swap/swap.h"

/* SQL condition: this role may terminate the backend of role OID `role` (pg_terminate_backend). */
#define SWAP_MAY_TERMINATE(role) \
	"((select rolsuper from pg_roles where rolname = current_user) or" \
	" (not (select rolsuper from pg_roles where oid = " role ") and" \
	" (pg_has_role(" role ", 'USAGE') or pg_has_role('pg_signal_backend', 'USAGE'))))"

/* Session B: terminates sessions in both databases, repeatedly, until it is stopped. */
struct swap_evict;
MUST_CHECK bool swap_evict_start(const struct db_params *server, uint32_t live_oid,
	uint32_t copy_oid, struct swap_evict **evict, struct err *err);
/* Waits for it; afterwards nobody is terminated any more. */
void swap_evict_stop(struct swap_evict *evict);
static inline void swap_evict_stop_auto(struct swap_evict **evict)
{
	swap_evict_stop(*evict);
}

/* All refusals, with an open session in `postgres` and known OIDs. */
MUST_CHECK bool swap_check_all(const struct swap_settings *settings, struct db *server,
	uint32_t live_oid, const struct swap_traits *traits, struct err *err);

#endif
