#include "restore/clear.h"
#include "backup/create_room.h"

/*
 * Schemas of the user: none of the system's and of no extension. One stays when something in it
 * does: a member of an extension, or an extension that lives there. Columns of a partition key
 * depend on their table as an object's own parts do: the table is within all the same.
 */
#define SCHEMAS \
	" members as materialized (select classid, objid from pg_catalog.pg_depend" \
	"  where deptype = 'e' and refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass)," \
	" schemas as materialized (select n.oid, n.nspname, n.nspowner," \
	"  n.nspname = 'public' or exists (select from pg_catalog.pg_extension e" \
	"   where e.extnamespace = n.oid) or exists (select from pg_catalog.pg_depend d" \
	"   join members m on m.classid = d.classid and m.objid = d.objid" \
	"   where d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass" \
	"   and d.refobjid = n.oid) as stays" \
	"  from pg_catalog.pg_namespace n where n.nspname !~ '^pg_'" \
	"  and n.nspname <> 'information_schema' and not exists (select from members m" \
	"   where m.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass" \
	"   and m.objid = n.oid))," \
	" within as materialized (select d.classid, d.objid, s.stays, s.nspowner" \
	"  from pg_catalog.pg_depend d join schemas s on s.oid = d.refobjid" \
	"  where d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass" \
	"  and d.deptype = 'n' and d.classid not in (" \
	"   'pg_catalog.pg_extension'::pg_catalog.regclass," \
	"   'pg_catalog.pg_default_acl'::pg_catalog.regclass)" \
	"  and (d.classid, d.objid) not in (select classid, objid from members)" \
	"  and not exists (select from pg_catalog.pg_depend i where i.classid = d.classid" \
	"   and i.objid = d.objid and i.objsubid = 0 and i.deptype = 'i'))"

/* What is in no schema; below this OID it came with the server. */
#define OUTSIDE \
	" outside as materialized (select o.classid, o.objid from (" \
	"  select 'pg_catalog.pg_event_trigger'::pg_catalog.regclass, oid" \
	"   from pg_catalog.pg_event_trigger" \
	"  union all select 'pg_catalog.pg_publication'::pg_catalog.regclass, oid" \
	"   from pg_catalog.pg_publication" \
	"  union all select 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, oid" \
	"   from pg_catalog.pg_foreign_server" \
	"  union all select 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, oid" \
	"   from pg_catalog.pg_foreign_data_wrapper" \
	"  union all select 'pg_catalog.pg_cast'::pg_catalog.regclass, oid" \
	"   from pg_catalog.pg_cast" \
	"  union all select 'pg_catalog.pg_transform'::pg_catalog.regclass, oid" \
	"   from pg_catalog.pg_transform" \
	"  union all select 'pg_catalog.pg_language'::pg_catalog.regclass, oid" \
	"   from pg_catalog.pg_language" \
	"  union all select 'pg_catalog.pg_am'::pg_catalog.regclass, oid" \
	"   from pg_catalog.pg_am) o (classid, objid) where o.objid >= 16384" \
	"  and (o.classid::pg_catalog.oid, o.objid) not in (select classid, objid from members))"

static bool push_rows(struct db *db, const char *sql, struct strvec *lines, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err, sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		strvec_push(lines, db_get(&rows, i, 0));
	return true;
}

/*
 * Obstacles
 */

/* An owner that is not recorded is the server's first superuser. */
static const char strangers_sql[] =
	"with" SCHEMAS "," OUTSIDE ", mine as (select classid, objid, nspowner as also from within"
	" union all select 'pg_catalog.pg_namespace'::pg_catalog.regclass, oid, null from schemas"
	"  where not stays"
	" union all select classid, objid, null from outside where classid not in ("
	"  'pg_catalog.pg_cast'::pg_catalog.regclass,"
	"  'pg_catalog.pg_transform'::pg_catalog.regclass)"
	" union all select 'pg_catalog.pg_largeobject'::pg_catalog.regclass, oid, null"
	"  from pg_catalog.pg_largeobject_metadata)"
	" select pg_catalog.pg_describe_object(m.classid, m.objid, 0) || ' belongs to ' ||"
	" pg_catalog.pg_get_userbyid(coalesce(o.refobjid, 10)) from mine m"
	" left join pg_catalog.pg_shdepend o on o.classid = m.classid and o.objid = m.objid"
	" and o.objsubid = 0 and o.deptype = 'o' and o.dbid = (select oid"
	" from pg_catalog.pg_database where datname = pg_catalog.current_database())"
	" where not pg_catalog.pg_has_role(coalesce(o.refobjid, 10), 'USAGE')"
	" and not coalesce(pg_catalog.pg_has_role(m.also, 'USAGE'), false) order by 1 limit 20";

static const char others_sql[] =
	"select 'subscription ' || subname from pg_catalog.pg_subscription where subdbid ="
	" (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())"
	" union all select 'prepared transaction ' || gid from pg_catalog.pg_prepared_xacts"
	" where database = pg_catalog.current_database()";

static const char count_sql[] =
	"select (select pg_catalog.count(*) from pg_catalog.pg_class where oid >= 16384)"
	" + (select pg_catalog.count(*) from pg_catalog.pg_largeobject_metadata)";

bool clear_obstacles(struct db *db, struct strvec *lines, int64_t *objects, struct err *err)
{
	AUTO_RESULT(count);
	if (!push_rows(db, strangers_sql, lines, err) || !push_rows(db, others_sql, lines, err) ||
		!db_query(db, &count, err, count_sql))
		return false;
	*objects = db_get_int(&count, 0, 0);
	return true;
}

/*
 * Dropping
 */

/* Kinds whose DROP has another word than the catalogue. */
#define DROP \
	"pg_catalog.format('drop %s if exists %s cascade', case i.type" \
	" when 'function' then 'routine' when 'procedure' then 'routine'" \
	" when 'aggregate' then 'routine' when 'statistics object' then 'statistics'" \
	" else i.type end, i.identity)"

/* Event triggers first: they would see all the rest. */
static const char outside_first_sql[] =
	"with" SCHEMAS "," OUTSIDE " select " DROP " from outside o"
	" cross join lateral pg_catalog.pg_identify_object(o.classid, o.objid, 0) i"
	" where o.classid in ('pg_catalog.pg_event_trigger'::pg_catalog.regclass,"
	" 'pg_catalog.pg_publication'::pg_catalog.regclass) order by i.type, 1";
static const char schemas_sql[] =
	"with" SCHEMAS " select pg_catalog.format('drop schema if exists %I cascade', nspname)"
	" from schemas where not stays order by nspname";
static const char within_sql[] =
	"with" SCHEMAS " select " DROP " from within w"
	" cross join lateral pg_catalog.pg_identify_object(w.classid, w.objid, 0) i"
	" where w.stays and i.identity is not null order by w.objid";
static const char outside_sql[] =
	"with" SCHEMAS "," OUTSIDE " select " DROP " from outside o"
	" cross join lateral pg_catalog.pg_identify_object(o.classid, o.objid, 0) i"
	" order by o.objid desc";

/* Rows that equal the server's own defaults vanish. */
static const char defaults_sql[] =
	"with rows as (select d.oid, pg_catalog.pg_get_userbyid(d.defaclrole) as role,"
	" case when d.defaclnamespace <> 0 then pg_catalog.format(' in schema %I', n.nspname)"
	"  else '' end as place, d.defaclnamespace = 0 as everywhere,"
	" case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences'"
	"  when 'f' then 'functions' when 'T' then 'types' else 'schemas' end as kind, d.defaclacl"
	" from pg_catalog.pg_default_acl d left join pg_catalog.pg_namespace n"
	" on n.oid = d.defaclnamespace where pg_catalog.pg_has_role(d.defaclrole, 'USAGE'))"
	" select pg_catalog.format('alter default privileges for role %I%s revoke all on %s from"
	" %s', role, place, kind, case when a.grantee = 0 then 'public' else"
	" pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end), oid, 1 from rows,"
	" pg_catalog.aclexplode(defaclacl) a"
	" union select pg_catalog.format('alter default privileges for role %I grant all on %s to"
	" %I', role, kind, role), oid, 2 from rows where everywhere"
	" union select pg_catalog.format('alter default privileges for role %I grant %s on %s to"
	" public', role, case kind when 'functions' then 'execute' else 'usage' end, kind), oid, 2"
	" from rows where everywhere and kind in ('functions', 'types') order by 2, 3";

/*
 * Schemas that stay are given what initdb, or their extension, gave them; what it gave the owner of
 * then is the owner's of now.
 */
static const char grants_sql[] =
	"with" SCHEMAS " select pg_catalog.format('revoke all on schema %I from %s', s.nspname,"
	" case when a.grantee = 0 then 'public' else pg_catalog.quote_ident("
	" pg_catalog.pg_get_userbyid(a.grantee)) end), s.oid, 1 from schemas s"
	" join pg_catalog.pg_namespace n on n.oid = s.oid, pg_catalog.aclexplode(n.nspacl) a"
	" where s.stays and pg_catalog.pg_has_role(s.nspowner, 'USAGE')"
	" union select pg_catalog.format('grant %s on schema %I to %s', a.privilege_type,"
	" s.nspname, case when a.grantee = 0 then 'public' else pg_catalog.quote_ident("
	" pg_catalog.pg_get_userbyid(case when a.grantee = a.grantor then"
	" s.nspowner else a.grantee end)) end), s.oid, 2 from schemas s"
	" join pg_catalog.pg_namespace n on n.oid = s.oid and n.nspacl is not null"
	" left join pg_catalog.pg_init_privs p on p.objoid = s.oid and p.classoid ="
	" 'pg_catalog.pg_namespace'::pg_catalog.regclass cross join lateral"
	" pg_catalog.aclexplode(coalesce(p.initprivs, pg_catalog.acldefault('n', s.nspowner))) a"
	" where s.stays and pg_catalog.pg_has_role(s.nspowner, 'USAGE') order by 2, 3";

static const char large_objects_sql[] =
	"select pg_catalog.format('select pg_catalog.lo_unlink(%s)', oid)"
	" from pg_catalog.pg_largeobject_metadata";

static bool run_all(struct db *db, const char *sql, struct err *err)
{
	AUTO_STRVEC(statements);
	if (!push_rows(db, sql, &statements, err))
		return false;
	STRVEC_EACH (&statements, statement)
		if (!db_exec(db, err, statement))
			return err_context(err, "clearing the database: %s", statement);
	return true;
}

/* Of the server's own there is plpgsql alone, and it stays. */
static bool drop_extensions(
	struct db *db, const struct pack_manifest *manifest, struct log_sink *log, struct err *err)
{
	AUTO_RESULT(rows);
	AUTO_STRVEC(wanted);
	for (size_t i = 0; i < manifest->extensions.count; i++)
		strvec_push(&wanted, manifest->extensions.items[i].name);
	if (!db_query(db, &rows, err,
		    "select extname, pg_catalog.pg_has_role(extowner, 'USAGE')"
		    " from pg_catalog.pg_extension where oid >= 16384"))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		const char *name = db_get(&rows, i, 0);
		AUTO_FREE char *ident = db_ident(db, name);
		if (strvec_has(&wanted, name))
			continue;
		if (!db_get_bool(&rows, i, 1))
			log_warn(log, "extension_left", NULL,
				"extension %s is not in the snapshot; it stays, it is another "
				"role's",
				name);
		else if (!db_execf(db, err, "drop extension %s", ident))
			return err_context(err, "clearing the database");
	}
	return true;
}

bool clear_database(
	struct db *db, const struct pack_manifest *manifest, struct log_sink *log, struct err *err)
{
	static const char *const steps[] = {outside_first_sql, defaults_sql, schemas_sql,
		within_sql, outside_sql, large_objects_sql};
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (!run_all(db, steps[i], err))
			return false;
	return drop_extensions(db, manifest, log, err) && run_all(db, grants_sql, err);
}
