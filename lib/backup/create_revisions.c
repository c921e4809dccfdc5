#include "backup/create_room.h"
#include "backup/report.h"

/*
 * Version tables, by name in any schema: those that tools call so by themselves, and those that $1
 * names. One with a column `version` has a row for every migration: the newest says where it is.
 */
static const char find_sql[] =
	"select distinct on (1, 2) n.nspname, c.relname, a.attname"
	" from pg_catalog.pg_class c"
	" join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
	" join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
	"  and a.attname in ('version_num', 'version')"
	"  and a.atttypid in ('text'::regtype, 'varchar'::regtype)"
	" where c.relkind = 'r' and ((c.relname, a.attname) in (('alembic_version', 'version_num'),"
	"   ('schema_migrations', 'version'))"
	"  or c.relname in (select jsonb_array_elements_text($1::jsonb))) and" CREATE_TABLES_WHERE
	" order by 1, 2, 3 desc";

/* The names that the trees of the environment give to theirs, without schema, as JSON. */
static char *names_of(const struct conf_env *env)
{
	AUTO_STRVEC(names);
	for (size_t i = 0; i <= env->other_count; i++) {
		const char *name = (i ? &env->others[i - 1] : &env->migrations)->version_table;
		const char *dot = name ? strrchr(name, '.') : NULL;
		if (name)
			strvec_push(&names, dot ? dot + 1 : name);
	}
	json_t *list = backup_texts_json(&names);
	char *text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

static bool read_revisions(struct db *db, const char *schema, const char *name, const char *column,
	struct strvec *to, struct err *err)
{
	AUTO_RESULT(rows);
	AUTO_FREE char *table = db_qualified(db, schema, name);
	bool each = !strcmp(column, "version");
	AUTO_FREE char *sql = xstrfmt("select %s from %s order by %s collate \"C\" %s", column,
		table, column, each ? "desc nulls last limit 1" : "");
	if (!db_query(db, &rows, err, sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		if (db_get(&rows, i, 0))
			strvec_push(to, db_get(&rows, i, 0));
	return true;
}

bool create_revisions_describe(struct db *leader, const struct conf_env *env,
	struct pack_manifest *manifest, struct err *err)
{
	enum { SCHEMA, TABLE, COLUMN };
	AUTO_RESULT(tables);
	AUTO_FREE char *names = names_of(env);
	if (!db_query(leader, &tables, err, find_sql, names))
		return false;
	for (int i = 0; i < db_rows(&tables); i++) {
		const char *schema = db_get(&tables, i, SCHEMA), *name = db_get(&tables, i, TABLE);
		if (!pack_manifest_table(manifest, schema, name))
			continue;
		struct pack_revisions *revisions = pack_list_add(&manifest->revisions);
		revisions->table = xstrfmt("%s.%s", schema, name);
		if (!read_revisions(leader, schema, name, db_get(&tables, i, COLUMN),
			    &revisions->revisions, err))
			return false;
	}
	return true;
}
