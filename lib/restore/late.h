/*
 * What comes late in a restored database: materialized views are filled, each failure of its own;
 * and subscriptions, where they may be at all.
 */
#ifndef RESTORE_LATE_H
#define RESTORE_LATE_H

#include "restore/load.h"
#include "restore/restore.h"
#include "schema/toc.h"

struct restore_late {
	struct strvec *refreshes; /* lists of REFRESH, each in its order, several at once */
	size_t refresh_count;
	struct strvec refresh_sql; /* all of them, as they come in the archive */
	size_t *groups; /* of refresh_sql: which list */
	int64_t *ids; /* of refresh_sql: entries of the archive */
	char *subscriptions; /* for pg_restore: with what belongs to them; NULL: none */
};
void restore_late_release(struct restore_late *late);

/*
 * Takes its entries of the archive away from what pg_restore does: they become `ours`. refresh:
 * views, too, as their SQL is in the database's encoding; else they stay pg_restore's.
 */
void restore_late_plan(struct toc *toc, bool refresh, struct restore_late *late);
/* Fills them. What the server refuses is in *unfilled: "public.totals: why". */
MUST_CHECK bool restore_late_refresh(const struct restore_late *late,
	const struct load_settings *load, struct strvec *unfilled, struct err *err);
/*
 * Into the finished database of that name: disabled and without a slot, so that neither starting
 * nor dropping one touches the slot of the original. One that cannot be made is warned of.
 */
void restore_late_subscribe(const struct restore_late *late,
	const struct restore_settings *settings, const char *database);

#endif
