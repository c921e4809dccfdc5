#include "schema/versions.h"

void schema_versions_release(struct schema_versions *versions)
{
	free(versions->schema);
	free(versions->table);
	free(versions->qualified);
	strvec_release(&versions->rows);
	*versions = (struct schema_versions){0};
}

/* How a kind of version table is found and read. */
struct kind {
	const char *column;
	bool anywhere; /* the first in the search path that exists counts */
};
static const struct kind heads_kind = {"version_num", true};
static const struct kind each_kind = {"version", false};

/* Where it is; where it would be made when absent (search path without any schema: nowhere). */
static bool locate(struct db *db, const char *name, const struct kind *kind,
	struct schema_versions *versions, struct err *err)
{
	const char *dot = strchr(name, '.');
	AUTO_FREE char *schema = dot ? xstrndup(name, (size_t)(dot - name)) : NULL;
	versions->table = xstrdup(dot ? dot + 1 : name);
	if (!schema && kind->anywhere &&
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

static bool describe(
	struct db *db, const struct kind *kind, struct schema_versions *versions, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select a.atttypid in ('text'::regtype, 'varchar'::regtype), a.atttypmod"
		    " from pg_class c left join pg_attribute a on a.attrelid = c.oid"
		    " and a.attname = $2 and not a.attisdropped"
		    " where c.oid = to_regclass($1)",
		    versions->qualified, kind->column))
		return false;
	versions->exists = db_rows(&rows) > 0;
	if (!versions->exists)
		return true;
	if (!db_get_bool(&rows, 0, 0)) {
		err_set(err, ERR_REFUSED, "table %s has no text column %s", versions->qualified,
			kind->column);
		return err_hint(
			err, "is it another tool's? name mig's own: version_table: in mig.yaml");
	}
	int64_t typmod = db_get_int(&rows, 0, 1);
	versions->width = typmod > 4 ? (int)typmod - 4 : 0;
	return true;
}

static bool read_kind(struct db *db, const char *name, const struct kind *kind,
	struct schema_versions *versions, struct err *err)
{
	*versions = (struct schema_versions){0};
	if (!locate(db, name, kind, versions, err) || !describe(db, kind, versions, err))
		return false;
	if (!versions->exists)
		return true;
	AUTO_FREE char *query = xstrfmt("select %s from %s order by %s collate \"C\"", kind->column,
		versions->qualified, kind->column);
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err, query))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		strvec_push(&versions->rows, db_get(&rows, i, 0));
	return true;
}

bool schema_versions_read(
	struct db *db, const char *name, struct schema_versions *versions, struct err *err)
{
	return read_kind(db, name, &heads_kind, versions, err);
}

bool schema_versions_read_each(
	struct db *db, const char *name, struct schema_versions *versions, struct err *err)
{
	return read_kind(db, name, &each_kind, versions, err);
}
