#include "schema/outline.h"

/*
 * $1, $2: schema and name of a table to leave out. What belongs to an extension or to an identity
 * column, and partitions' copies of indexes and constraints, say nothing of their own.
 */
static const char outline_sql[] =
	"with ours as (select oid, nspname from pg_namespace where nspname not like 'pg\\_%' "
	" and nspname not in ('information_schema', 'mig')),"
	" brought as (select classid, objid from pg_depend where deptype = 'e'),"
	" relations as (select c.*, n.nspname,"
	"   format('%I.%I', n.nspname, c.relname) as name from pg_class c join ours n"
	"   on n.oid = c.relnamespace where not exists (select from brought b"
	"   where b.classid = 'pg_class'::regclass and b.objid = c.oid)"
	"   and (n.nspname, c.relname) is distinct from ($1::name, $2::name))"
	" select 'schema ' || quote_ident(nspname) from ours where nspname <> 'public'"
	" union all"
	" select 'extension ' || extname || ' ' || extversion from pg_extension"
	" union all"
	" select format('%s %s%s%s', case relkind when 'r' then 'table' when 'p' then 'table'"
	"   when 'f' then 'foreign table' when 'v' then 'view' when 'm' then 'materialized view'"
	"   when 'c' then 'type' else 'sequence' end, name,"
	"   case when relkind = 'p' then ' partition by ' || pg_get_partkeydef(oid)"
	"   when relkind in ('v', 'm') then ' as ' || pg_get_viewdef(oid) else '' end,"
	"   case when relispartition then ' ' || pg_get_expr(relpartbound, oid) else '' end"
	"   || case when relrowsecurity then ' row security' else '' end"
	"   || coalesce(' ' || array_to_string(reloptions, ','), ''))"
	"  from relations r where relkind in ('r', 'p', 'f', 'v', 'm', 'c', 'S')"
	"   and not (relkind = 'S' and exists (select from pg_depend d where d.objid = r.oid"
	"   and d.classid = 'pg_class'::regclass and d.deptype = 'i'))"
	" union all"
	" select format('column %s.%I %s%s%s%s%s', r.name, a.attname,"
	"   format_type(a.atttypid, a.atttypmod),"
	"   case when a.attnotnull then ' not null' else '' end,"
	"   case when a.attidentity <> '' then ' identity ' || a.attidentity::text else '' end,"
	"   case when a.attgenerated <> '' then ' generated' else '' end,"
	"   coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''))"
	"  from relations r join pg_attribute a on a.attrelid = r.oid"
	"  left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum"
	"  where r.relkind in ('r', 'p', 'f', 'c') and a.attnum > 0 and not a.attisdropped"
	" union all"
	" select format('constraint %s %I %s', r.name, conname, pg_get_constraintdef(k.oid))"
	"  from pg_constraint k join relations r on r.oid = k.conrelid"
	"  where k.conparentid = 0 and k.contype in ('c', 'f', 'p', 'u', 'x')"
	" union all"
	" select pg_get_indexdef(i.indexrelid) || case when i.indisvalid then '' else ' INVALID' "
	"end"
	"  from pg_index i join relations r on r.oid = i.indrelid"
	"  join pg_class c on c.oid = i.indexrelid where not c.relispartition"
	"  and not exists (select from pg_constraint k where k.conindid = i.indexrelid"
	"  and k.contype in ('p', 'u', 'x'))"
	" union all"
	" select pg_get_triggerdef(t.oid) || case t.tgenabled when 'O' then '' else ' disabled' end"
	"  from pg_trigger t join relations r on r.oid = t.tgrelid"
	"  where not t.tgisinternal and t.tgparentid = 0"
	" union all"
	" select format('policy %I on %s %s %s %s', polname, r.name, polcmd,"
	"   pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))"
	"  from pg_policy p join relations r on r.oid = p.polrelid"
	" union all"
	" select case when prokind = 'a' then format('aggregate %s', p.oid::regprocedure)"
	"   else pg_get_functiondef(p.oid) end from pg_proc p join ours n on n.oid = p.pronamespace"
	"  where not exists (select from brought b where b.classid = 'pg_proc'::regclass"
	"   and b.objid = p.oid)"
	" union all"
	" select format('%s %I.%I %s', case typtype when 'e' then 'enum' else 'domain' end,"
	"   n.nspname, typname, case typtype when 'e' then"
	"   (select string_agg(enumlabel, ', ' order by enumsortorder) from pg_enum"
	"    where enumtypid = t.oid) else format_type(typbasetype, typtypmod) end)"
	"  from pg_type t join ours n on n.oid = t.typnamespace where typtype in ('e', 'd')"
	"  and not exists (select from brought b where b.classid = 'pg_type'::regclass"
	"   and b.objid = t.oid)";

static bool set_path(struct db *db, const char *path, struct err *err)
{
	AUTO_RESULT(result);
	return db_query(db, &result, err, "select set_config('search_path', $1, false)", path);
}

bool schema_outline(struct db *db, const char *without_schema, const char *without_table,
	struct strvec *lines, struct err *err)
{
	AUTO_RESULT(rows);
	AUTO_FREE char *path = NULL;
	if (!db_value(db, &path, err, "select current_setting('search_path')") ||
		!set_path(db, "", err))
		return false;
	bool read = db_query(db, &rows, err, outline_sql, without_schema, without_table);
	AUTO_ERR(ignored);
	if (!set_path(db, path, read ? err : &ignored) || !read)
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		strvec_push(lines, db_get(&rows, i, 0));
	strvec_sort(lines);
	return true;
}

void schema_outline_compare(
	const struct strvec *first, const struct strvec *second, struct strvec *differences)
{
	size_t a = 0, b = 0;
	while (a < first->count || b < second->count) {
		int order = a == first->count    ? 1
			    : b == second->count ? -1
						 : strcmp(first->items[a], second->items[b]);
		if (order < 0)
			strvec_pushf(differences, "-%s", first->items[a]);
		else if (order > 0)
			strvec_pushf(differences, "+%s", second->items[b]);
		a += order <= 0;
		b += order >= 0;
	}
}
