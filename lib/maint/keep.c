#include "maint/keep.h"
#include "maint/record.h"

#define COLUMNS "generation, database_oid, owner, who, since, lease_ends, providers, lifted"

bool maint_keep_aside(struct db *db, bool *kept, struct err *err)
{
	AUTO_FREE char *table = NULL;
	if (!db_value(db, &table, err,
		    "select pg_catalog.to_regclass('mig.maintenance')::pg_catalog.text"))
		return false;
	*kept = table != NULL;
	return !table || db_exec(db, err,
				 "create temporary table mig_maintenance_kept on commit drop as"
				 " select id, " COLUMNS " from mig.maintenance");
}

bool maint_keep_back(struct db *db, struct err *err)
{
	return maint_record_table(db, err) &&
	       db_exec(db, err,
		       "delete from mig.maintenance;"
		       " insert into mig.maintenance (" COLUMNS ") select " COLUMNS
		       " from pg_temp.mig_maintenance_kept order by id");
}
