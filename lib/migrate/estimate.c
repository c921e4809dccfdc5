#include "migrate/estimate.h"

#include "base/clock.h"

#include <inttypes.h>

void migrate_estimates_release(struct migrate_estimates *estimates)
{
	for (size_t i = 0; i < estimates->count; i++)
		free(estimates->items[i].table);
	free(estimates->items);
	*estimates = (struct migrate_estimates){0};
}

static bool known(const struct migrate_estimates *estimates, const char *table)
{
	for (size_t i = 0; i < estimates->count; i++)
		if (!strcmp(estimates->items[i].table, table))
			return true;
	return false;
}

static bool look_up(
	struct db *db, const char *table, struct migrate_estimates *estimates, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select c.oid::regclass, c.reltuples::bigint, pg_total_relation_size(c.oid)"
		    " from pg_class c where c.oid = to_regclass($1) and c.relkind in ('r', 'm', "
		    "'p')",
		    table))
		return false;
	if (!db_rows(&rows) || known(estimates, db_get(&rows, 0, 0)))
		return true;
	xgrow(estimates->items, estimates->count, estimates->alloc);
	estimates->items[estimates->count++] = (struct migrate_estimate){
		.table = xstrdup(db_get(&rows, 0, 0)),
		.rows = db_get_int(&rows, 0, 1),
		.bytes = db_get_int(&rows, 0, 2),
	};
	return true;
}

bool migrate_estimate_step(struct db *db, const struct migrate_step *step,
	struct migrate_estimates *estimates, struct err *err)
{
	for (size_t i = 0; i < step->script.count; i++) {
		const char *table = step->script.items[i].table;
		if (table && !look_up(db, table, estimates, err))
			return false;
	}
	return true;
}

char *migrate_estimate_text(const struct migrate_estimate *estimate)
{
	AUTO_FREE char *size = clock_size_text(estimate->bytes);
	if (estimate->rows < 0)
		return xstrfmt("%s: %s", estimate->table, size);
	return xstrfmt("%s: about %" PRId64 " row%s, %s", estimate->table, estimate->rows,
		str_plural(estimate->rows), size);
}

char *migrate_passed_text(int64_t passed, int64_t estimate, const char *table)
{
	if (estimate < passed)
		return xstrfmt("%" PRId64 " row%s of %s", passed, str_plural(passed), table);
	return xstrfmt("%" PRId64 " of about %" PRId64 " rows of %s", passed, estimate, table);
}
