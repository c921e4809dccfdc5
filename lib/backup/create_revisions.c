#include "backup/create_room.h"

/* Version tables of the kind "one text column version_num", by name in any schema. */
static const char find_sql[] =
	"select n.nspname, c.relname from pg_catalog.pg_class c"
	" join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
	" join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'version_num'"
	"  and a.attnum > 0"
	" where c.relkind = 'r' and c.relname in ('alembic_version', $1) and" CREATE_TABLES_WHERE
	" order by 1, 2";

static bool read_revisions(
	struct db *db, const char *schema, const char *name, struct strvec *to, struct err *err)
{
	AUTO_RESULT(rows);
	AUTO_FREE char *table = db_qualified(db, schema, name);
	AUTO_FREE char *sql = xstrfmt("select version_num from %s order by 1", table);
	if (!db_query(db, &rows, err, sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		if (db_get(&rows, i, 0))
			strvec_push(to, db_get(&rows, i, 0));
	return true;
}

bool create_revisions_describe(struct db *leader, const char *version_table,
	struct pack_manifest *manifest, struct err *err)
{
	AUTO_RESULT(tables);
	const char *dot = version_table ? strrchr(version_table, '.') : NULL;
	if (!db_query(leader, &tables, err, find_sql, dot ? dot + 1 : version_table))
		return false;
	for (int i = 0; i < db_rows(&tables); i++) {
		if (!pack_manifest_table(manifest, db_get(&tables, i, 0), db_get(&tables, i, 1)))
			continue;
		struct pack_revisions *revisions = pack_list_add(&manifest->revisions);
		revisions->table = xstrfmt("%s.%s", db_get(&tables, i, 0), db_get(&tables, i, 1));
		if (!read_revisions(leader, db_get(&tables, i, 0), db_get(&tables, i, 1),
			    &revisions->revisions, err))
			return false;
	}
	return true;
}
