/*
 * Inside room migrate: commands in advice. Where there are several trees they name theirs, since
 * "base" or "-1" would mean all of them. All are the caller's.
 */
#ifndef MIGRATE_ADVICE_H
#define MIGRATE_ADVICE_H

#include "migrate/migrate.h"

/* "ai@base"; "base" where the tree is the only one. */
char *advice_word(const struct migrate_session *session, const char *word);
/* "mig-apply stamp --purge 3f9c1a7be2d4" for these rows. */
char *advice_stamp(
	const struct migrate_session *session, const struct graph_list *rows, bool purge);
/* "mig-apply merge heads -m .." */
char *advice_merge(const struct migrate_session *session);
/* Static: for a hint, when something is there that a revision makes, or gone that it takes away. */
const char *advice_made_before(const struct migrate_session *session, const struct err *err);

#endif
