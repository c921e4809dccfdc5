#include "schema/versions.h"

void schema_versions_release(struct schema_versions *versions)
{
	free(versions->schema);
	free(versions->table);
	free(versions->qualified);
	strvec_release(&versions->rows);
	*versions = (struct schema_versions){0};
}

/* Where it is; where it would be made when absent (search path without any schema: nowhere). */
static bool locate(
	struct db *db, const char *name, struct schema_versions *versions, struct err *err)
{
	const char *dot = strchr(name, '.');
	AUTO_FREE char *schema = dot ? xstrndup(name, (size_t)(dot - name)) : NULL;
	versions->table = xstrdup(dot ? dot + 1 : name);
	if (!schema &&
		!db_value(db, &schema, err,
			"select n.nspname from pg_class c join pg_namespace n"
			" on n.oid = c.relnamespace where c.oid = to_regclass(quote_ident($1))",
			versions->table))
		return false;
	if (!schema && !db_value(db, &schema, err, "select current_schema()"))
		return false;
	if (!schema) {
		err_set(err, ERR_REFUSED, "no schema in the search path of %s", db->user);
		return err_hint(err, "name one: version_table: SCHEMA.%s", versions->table);
	}
	versions->schema = xtake(&schema);
	versions->qualified = db_qualified(db, versions->schema, versions->table);
	return true;
}

static bool describe(struct db *db, struct schema_versions *versions, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select a.atttypid in ('text'::regtype, 'varchar'::regtype), a.atttypmod"
		    " from pg_class c left join pg_attribute a on a.attrelid = c.oid"
		    " and a.attname = 'version_num' and not a.attisdropped"
		    " where c.oid = to_regclass($1)",
		    versions->qualified))
		return false;
	versions->exists = db_rows(&rows) > 0;
	if (!versions->exists)
		return true;
	if (!db_get_bool(&rows, 0, 0)) {
		err_set(err, ERR_REFUSED, "table %s has no text column version_num",
			versions->qualified);
		return err_hint(
			err, "is it another tool's? name mig's own: version_table: in mig.yaml");
	}
	int64_t typmod = db_get_int(&rows, 0, 1);
	versions->width = typmod > 4 ? (int)typmod - 4 : 0;
	return true;
}

bool schema_versions_read(
	struct db *db, const char *name, struct schema_versions *versions, struct err *err)
{
	*versions = (struct schema_versions){0};
	if (!locate(db, name, versions, err) || !describe(db, versions, err))
		return false;
	if (!versions->exists)
		return true;
	AUTO_FREE char *query =
		xstrfmt("select version_num from %s order by version_num collate \"C\"",
			versions->qualified);
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err, query))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		strvec_push(&versions->rows, db_get(&rows, i, 0));
	return true;
}
