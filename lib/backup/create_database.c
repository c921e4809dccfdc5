#include "backup/create_room.h"

#include <inttypes.h>

/* --- the database itself ---------------------------------------------------------------------- */

/* The locale's columns differ between versions: 15 has providers, 17 renames the ICU locale. */
static const char *locale_columns(int version)
{
	if (version >= 170000)
		return "datlocprovider, datlocale, datcollversion,"
		       " pg_catalog.pg_database_collation_actual_version(d.oid)";
	if (version >= 150000)
		return "datlocprovider, daticulocale, datcollversion,"
		       " pg_catalog.pg_database_collation_actual_version(d.oid)";
	return "'c', null, null, (select pg_catalog.pg_collation_actual_version(c.oid)"
	       " from pg_catalog.pg_collation c where c.collprovider = 'c'"
	       " and c.collcollate = d.datcollate limit 1)";
}

static bool read_database(struct db *db, struct pack_database *database, struct err *err)
{
	AUTO_RESULT(row);
	AUTO_FREE char *sql = xstrfmt(
		"select datname, d.oid, pg_catalog.pg_get_userbyid(datdba),"
		" pg_catalog.current_setting('server_version'),"
		" pg_catalog.pg_encoding_to_char(encoding), datcollate, datctype, t.spcname,"
		" datconnlimit, datacl, pg_catalog.shobj_description(d.oid, 'pg_database'),"
		" pg_catalog.pg_database_size(d.oid), %s"
		" from pg_catalog.pg_database d join pg_catalog.pg_tablespace t"
		" on t.oid = dattablespace where datname = pg_catalog.current_database()",
		locale_columns(db->version));
	if (!db_query(db, &row, err, sql))
		return false;
	database->name = xstrdup(db_get(&row, 0, 0));
	database->oid = (uint32_t)db_get_int(&row, 0, 1);
	database->owner = xstrdup(db_get(&row, 0, 2));
	database->server_version = xstrdup(db_get(&row, 0, 3));
	database->server_version_num = db->version;
	database->system_identifier = xstrdup_null(db->system_id);
	database->encoding = xstrdup(db_get(&row, 0, 4));
	database->collate = xstrdup(db_get(&row, 0, 5));
	database->ctype = xstrdup(db_get(&row, 0, 6));
	database->tablespace = xstrdup(db_get(&row, 0, 7));
	database->connection_limit = db_get_int(&row, 0, 8);
	database->acl = xstrdup_null(db_get(&row, 0, 9));
	database->comment = xstrdup_null(db_get(&row, 0, 10));
	database->size = db_get_int(&row, 0, 11);
	database->locale_provider = xstrdup(db_get(&row, 0, 12));
	database->icu_locale = xstrdup_null(db_get(&row, 0, 13));
	database->collation_version = xstrdup_null(db_get(&row, 0, 14));
	database->collation_actual_version = xstrdup_null(db_get(&row, 0, 15));
	return true;
}

static const char settings_sql[] =
	"select r.rolname, pg_catalog.split_part(c, '=', 1),"
	" pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1)"
	" from pg_catalog.pg_db_role_setting s"
	" left join pg_catalog.pg_roles r on r.oid = s.setrole, pg_catalog.unnest(s.setconfig) c"
	" where s.setdatabase = (select oid from pg_catalog.pg_database"
	"  where datname = pg_catalog.current_database())"
	" and (s.setrole = 0 or r.oid is not null) order by 1 nulls first, 2";

static bool read_settings(struct db *db, struct pack_database *database, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err, settings_sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		*pack_list_add(&database->settings) = (struct pack_setting){
			.role = xstrdup_null(db_get(&rows, i, 0)),
			.name = xstrdup(db_get(&rows, i, 1)),
			.value = xstrdup(db_get(&rows, i, 2)),
		};
	return true;
}

/* --- what it stands on ------------------------------------------------------------------------ */

static bool read_extensions(struct db *db, struct pack_manifest *manifest, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select e.extname, e.extversion, n.nspname from pg_catalog.pg_extension e"
		    " join pg_catalog.pg_namespace n on n.oid = e.extnamespace order by 1"))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		*pack_list_add(&manifest->extensions) = (struct pack_extension){
			.name = xstrdup(db_get(&rows, i, 0)),
			.version = xstrdup(db_get(&rows, i, 1)),
			.schema = xstrdup(db_get(&rows, i, 2)),
		};
	return true;
}

/* Collations that columns use, or that are the user's own. */
static const char collations_sql[] =
	"select n.nspname, c.collname, c.collprovider, c.collversion,"
	" pg_catalog.pg_collation_actual_version(c.oid), coalesce("
	"pg_catalog.to_jsonb(c) ->> 'colliculocale', pg_catalog.to_jsonb(c) ->> 'colllocale',"
	" pg_catalog.to_jsonb(c) ->> 'collcollate')"
	" from pg_catalog.pg_collation c join pg_catalog.pg_namespace n on n.oid = c.collnamespace"
	" where c.collprovider <> 'd' and (n.nspname <> 'pg_catalog'"
	"  or c.oid in (select attcollation from pg_catalog.pg_attribute"
	"   where attnum > 0 and attrelid >= 16384)) and c.collname not in ('C', 'POSIX')"
	" order by 1, 2";

static bool read_collations(struct db *db, struct pack_manifest *manifest, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err, collations_sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		*pack_list_add(&manifest->collations) = (struct pack_collation){
			.schema = xstrdup(db_get(&rows, i, 0)),
			.name = xstrdup(db_get(&rows, i, 1)),
			.provider = xstrdup(db_get(&rows, i, 2)),
			.version = xstrdup_null(db_get(&rows, i, 3)),
			.actual_version = xstrdup_null(db_get(&rows, i, 4)),
			.locale = xstrdup_null(db_get(&rows, i, 5)),
		};
	return true;
}

static bool read_names(struct db *db, const char *sql, struct strvec *names, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err, sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		strvec_push(names, db_get(&rows, i, 0));
	return true;
}

/*
 * pg_shdepend knows every owner and every role in an ACL, but for the bootstrap superuser, who is
 * pinned: what that one owns is looked up.
 */
static const char roles_sql[] =
	"select rolname from pg_catalog.pg_roles r where r.oid in ("
	" select s.refobjid from pg_catalog.pg_shdepend s, pg_catalog.pg_database d"
	"  where d.datname = pg_catalog.current_database()"
	"  and s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass"
	"  and (s.dbid = d.oid or (s.dbid = 0 and s.objid = d.oid"
	"   and s.classid = 'pg_catalog.pg_database'::pg_catalog.regclass))"
	" union select datdba from pg_catalog.pg_database"
	"  where datname = pg_catalog.current_database()"
	" union select relowner from pg_catalog.pg_class where oid >= 16384"
	" union select nspowner from pg_catalog.pg_namespace where oid >= 16384 or nspname = "
	"'public'"
	" union select proowner from pg_catalog.pg_proc where oid >= 16384"
	" union select typowner from pg_catalog.pg_type where oid >= 16384"
	" union select pubowner from pg_catalog.pg_publication"
	" union select evtowner from pg_catalog.pg_event_trigger"
	" union select lanowner from pg_catalog.pg_language where oid >= 16384"
	" union select fdwowner from pg_catalog.pg_foreign_data_wrapper"
	" union select srvowner from pg_catalog.pg_foreign_server"
	" union select stxowner from pg_catalog.pg_statistic_ext"
	" union select lomowner from pg_catalog.pg_largeobject_metadata"
	" union select setrole from pg_catalog.pg_db_role_setting where setdatabase = (select oid"
	"  from pg_catalog.pg_database where datname = pg_catalog.current_database()))"
	" and rolname !~ '^pg_' order by 1";

static const char tablespaces_sql[] =
	"select spcname from pg_catalog.pg_tablespace where oid in"
	" (select reltablespace from pg_catalog.pg_class) and spcname !~ '^pg_' order by 1";

static const char label_providers_sql[] =
	"select distinct provider from pg_catalog.pg_seclabel order by 1";

bool create_database_describe(struct db *leader, struct pack_manifest *manifest, struct err *err)
{
	return read_database(leader, &manifest->database, err) &&
	       read_settings(leader, &manifest->database, err) &&
	       read_extensions(leader, manifest, err) && read_collations(leader, manifest, err) &&
	       read_names(leader, roles_sql, &manifest->roles, err) &&
	       read_names(leader, label_providers_sql, &manifest->label_providers, err) &&
	       read_names(leader, tablespaces_sql, &manifest->tablespaces, err);
}
