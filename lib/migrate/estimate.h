/*
 * How large the tables are that a plan works on.
 */
#ifndef MIGRATE_ESTIMATE_H
#define MIGRATE_ESTIMATE_H

#include "migrate/migrate.h"

struct migrate_estimate {
	char *table; /* as the server spells it */
	int64_t rows; /* as last analyzed; -1: never */
	int64_t bytes; /* with indexes and TOAST */
};
struct migrate_estimates {
	struct migrate_estimate *items;
	size_t count, alloc;
};
#define AUTO_ESTIMATES(name) CLEANUP(migrate_estimates_release) struct migrate_estimates name = {0}
void migrate_estimates_release(struct migrate_estimates *estimates);

/* The tables of a step that exist now, each once. */
MUST_CHECK bool migrate_estimate_step(struct db *db, const struct migrate_step *step,
	struct migrate_estimates *estimates, struct err *err);
/* "orders: about 60,000 rows, 12.3 MiB"; caller owns. */
char *migrate_estimate_text(const struct migrate_estimate *estimate);

/*
 * "5000 of about 20000 rows of users"; "5000 rows of users" of a table that was not counted since
 * it was filled. Caller owns.
 */
char *migrate_passed_text(int64_t passed, int64_t estimate, const char *table);

#endif
