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

/*
 * $1 table, $2 schema or NULL, $3 whether any schema of the search path will do, $4 column: where
 * it is, or would be made when absent (a search path without any schema: nowhere).
 */
static const char place_sql[] =
	"with place as (select coalesce($2, case when $3 = 'anywhere' then (select n.nspname"
	"  from pg_class c join pg_namespace n on n.oid = c.relnamespace"
	"  where c.oid = to_regclass(quote_ident($1))) end, current_schema()) as schema)"
	" select p.schema, c.oid is not null, a.atttypid in ('text'::regtype, 'varchar'::regtype),"
	" a.atttypmod from place p left join pg_namespace n on n.nspname = p.schema"
	" left join pg_class c on c.relnamespace = n.oid and c.relname = $1"
	" left join pg_attribute a on a.attrelid = c.oid and a.attname = $4 and not a.attisdropped";

static bool nowhere(struct db *db, const struct schema_versions *versions, struct err *err)
{
	err_set(err, ERR_REFUSED, "no schema in the search path of %s", db->user);
	return err_hint(err, "name one: version_table: SCHEMA.%s", versions->table);
}

static bool not_one(
	const struct schema_versions *versions, const struct kind *kind, struct err *err)
{
	err_set(err, ERR_REFUSED, "table %s has no text column %s", versions->qualified,
		kind->column);
	return err_hint(
		err, "is it another tool's? name the tree's own: version_table: in mig.yaml");
}

static bool locate(struct db *db, const char *name, const struct kind *kind,
	struct schema_versions *versions, struct err *err)
{
	const char *dot = strchr(name, '.');
	AUTO_FREE char *schema = dot ? xstrndup(name, (size_t)(dot - name)) : NULL;
	AUTO_RESULT(row);
	versions->table = xstrdup(dot ? dot + 1 : name);
	if (!db_query(db, &row, err, place_sql, versions->table, schema,
		    kind->anywhere ? "anywhere" : "first", kind->column))
		return false;
	if (!db_get(&row, 0, 0))
		return nowhere(db, versions, err);
	versions->schema = xstrdup(db_get(&row, 0, 0));
	versions->qualified = db_qualified(db, versions->schema, versions->table);
	versions->exists = db_get_bool(&row, 0, 1);
	if (versions->exists && !db_get_bool(&row, 0, 2))
		return not_one(versions, kind, err);
	int64_t typmod = db_get_int(&row, 0, 3);
	versions->width = typmod > 4 ? (int)typmod - 4 : 0;
	return true;
}

static bool read_kind(struct db *db, const char *name, const struct kind *kind,
	struct schema_versions *versions, struct err *err)
{
	*versions = (struct schema_versions){0};
	if (!locate(db, name, kind, versions, err))
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
