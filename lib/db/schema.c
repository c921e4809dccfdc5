#include "db/child.h"

/*
 * Whoever owns the schema or a table in it can put triggers there that run with the rights of the
 * next deploy. $1: true for the schema itself, false for what is in it.
 */
static const char strangers_sql[] =
	"with trusted as (select r.oid from pg_roles r where r.rolname = current_user or r.rolsuper"
	"  or r.oid = (select datdba from pg_database where datname = current_database()))"
	" select format('schema mig belongs to %s', nspowner::regrole),"
	"   format('alter schema mig owner to %I', current_user) from pg_namespace"
	"  where nspname = 'mig' and nspowner not in (select oid from trusted)"
	" union all select format('mig.%I belongs to %s', relname, relowner::regrole),"
	"   case when relkind in ('r', 'p', 'v', 'm', 'f')"
	"   then format('alter table mig.%I owner to %I', relname, current_user) end from pg_class"
	"  where relnamespace = (select oid from pg_namespace where nspname = 'mig')"
	"  and relowner not in (select oid from trusted)"
	" union all select format('%s has %s on schema mig',"
	"   case grantee when 0 then 'PUBLIC' else grantee::regrole::text end, privilege_type),"
	"   format('revoke all on schema mig from %s',"
	"   case grantee when 0 then 'PUBLIC' else grantee::regrole::text end)"
	"  from pg_namespace, aclexplode(nspacl) where nspname = 'mig'"
	"  and grantee not in (select oid from trusted)"
	" union all select format('%s has %s on mig.%I',"
	"   case grantee when 0 then 'PUBLIC' else grantee::regrole::text end, privilege_type,"
	"   relname), format('revoke all on mig.%I from %s', relname,"
	"   case grantee when 0 then 'PUBLIC' else grantee::regrole::text end)"
	"  from pg_class, aclexplode(relacl)"
	"  where relnamespace = (select oid from pg_namespace where nspname = 'mig')"
	"  and grantee not in (select oid from trusted)"
	" limit 20";

/* What each stranger has, and the SQL that takes it away; "psql -d shop -c '..'". Caller owns. */
static char *remedy_of(const struct db *db, const struct db_result *rows)
{
	AUTO_STRVEC(remedies);
	for (int i = 0; i < db_rows(rows); i++) {
		const char *remedy = db_get(rows, i, 1);
		if (remedy && !strvec_has(&remedies, remedy))
			strvec_push(&remedies, remedy);
	}
	AUTO_FREE char *sql = strvec_join(&remedies, "; ");
	return db_psql_command(db, sql, false);
}

static bool make_when_absent(struct db *db, struct err *err)
{
	AUTO_FREE char *there = NULL;
	if (!db_value(db, &there, err, "select 1 from pg_namespace where nspname = 'mig'"))
		return false;
	return there || db_exec(db, err, "create schema mig; revoke all on schema mig from public");
}

bool db_mig_schema(struct db *db, struct err *err)
{
	if (!make_when_absent(db, err))
		return false;
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err, strangers_sql))
		return false;
	if (db_rows(&rows) == 0)
		return true;
	AUTO_STRVEC(found);
	for (int i = 0; i < db_rows(&rows); i++)
		strvec_push(&found, db_get(&rows, i, 0));
	AUTO_FREE char *list = strvec_join(&found, "\n");
	AUTO_FREE char *remedy = remedy_of(db, &rows);
	err_set(err, ERR_REFUSED, "schema mig in database %s is not mig's own: %s", db->dbname,
		found.items[0]);
	if (found.count > 1)
		err_detail(err, "%s", list);
	return err_hint(err, "look at what is in it, then: %s", remedy);
}
