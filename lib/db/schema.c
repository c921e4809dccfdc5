#include "db/db.h"

/*
 * Whoever owns the schema or a table in it can put triggers there that run with the rights of the
 * next deploy. $1: true for the schema itself, false for what is in it.
 */
static const char strangers_sql[] =
	"with trusted as (select r.oid from pg_roles r where r.rolname = current_user or r.rolsuper"
	"  or r.oid = (select datdba from pg_database where datname = current_database()))"
	" select format('schema mig belongs to %I', nspowner::regrole) from pg_namespace"
	"  where nspname = 'mig' and nspowner not in (select oid from trusted)"
	" union all select format('mig.%I belongs to %I', relname, relowner::regrole) from pg_class"
	"  where relnamespace = (select oid from pg_namespace where nspname = 'mig')"
	"  and relowner not in (select oid from trusted)"
	" union all select format('%s has %s on schema mig',"
	"   case grantee when 0 then 'PUBLIC' else grantee::regrole::text end, privilege_type)"
	"  from pg_namespace, aclexplode(nspacl) where nspname = 'mig'"
	"  and grantee not in (select oid from trusted)"
	" union all select format('%s has %s on mig.%I',"
	"   case grantee when 0 then 'PUBLIC' else grantee::regrole::text end, privilege_type,"
	"   relname)"
	"  from pg_class, aclexplode(relacl)"
	"  where relnamespace = (select oid from pg_namespace where nspname = 'mig')"
	"  and grantee not in (select oid from trusted)"
	" limit 20";

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
	AUTO_STRBUF(list);
	for (int i = 0; i < db_rows(&rows); i++)
		strbuf_addf(&list, "%s%s", i ? "\n" : "", db_get(&rows, i, 0));
	err_set(err, ERR_REFUSED, "schema mig in database %s is not mig's own: %s", db->dbname,
		db_get(&rows, 0, 0));
	err_detail(err, "%s", list.buf);
	return err_hint(err, "look at what is in it, then: ALTER SCHEMA mig OWNER TO ...; REVOKE "
			     "ALL ON SCHEMA mig "
			     "FROM ...");
}
