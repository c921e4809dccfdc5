/*
 * What cannot be locked: pg_dump reads functions, views and types partly as they are now, not as
 * they were at the snapshot. So those of the snapshot must be the same when it has ended.
 */
#include "backup/create_room.h"

#include <inttypes.h>

#define DEFINITIONS \
	"(select 'p' || oid || ':' || xmin from pg_catalog.pg_proc where oid >= 16384" \
	" union all select 'r' || oid || ':' || xmin from pg_catalog.pg_rewrite where oid >= " \
	"16384" \
	" union all select 't' || oid || ':' || xmin from pg_catalog.pg_type" \
	"  where oid >= 16384 and typtype in ('e', 'd', 'r', 'm')" \
	" union all select 'c' || oid || ':' || xmin from pg_catalog.pg_constraint" \
	"  where contypid <> 0) as definitions (version)"

bool create_fingerprint_take(struct db *leader, char **fingerprint, struct err *err)
{
	return db_value(leader, fingerprint, err,
		"select coalesce(pg_catalog.string_agg(version, ','), '') from " DEFINITIONS);
}

bool create_fingerprint_check(struct db *keeper, const char *fingerprint, struct err *err)
{
	AUTO_RESULT(row);
	if (!db_query(keeper, &row, err,
		    "select count(*) from pg_catalog.unnest(pg_catalog.string_to_array($1, ','))"
		    " as before (version)"
		    " where version not in (select version from " DEFINITIONS ")",
		    fingerprint))
		return false;
	int64_t changed = db_get_int(&row, 0, 0);
	if (!changed)
		return true;
	err_set(err, ERR_LOCK,
		"%" PRId64 " functions, views or types were changed while pg_dump read them",
		changed);
	return err_hint(err, "run it again when no migration is under way");
}
