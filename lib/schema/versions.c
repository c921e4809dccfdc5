#include "schema/versions.h"

const struct schema_kind schema_heads = {"version_num", true};
const struct schema_kind schema_each = {"version", false};

void schema_versions_release(struct schema_versions *versions)
{
	free(versions->schema);
	free(versions->table);
	free(versions->qualified);
	strvec_release(&versions->rows);
	*versions = (struct schema_versions){0};
}

void schema_asked_release(struct schema_asked *asked)
{
	free(asked->schema);
	free(asked->sql);
	*asked = (struct schema_asked){0};
}

/*
 * $1 table, $2 schema or NULL: the schemas to look in, in order, and whether each has it. Functions
 * alone: in a session that has just begun, a join of catalogs costs five times as much.
 */
static const char place_sql[] =
	"select s, to_regclass(quote_ident(s) || '.' || quote_ident($1)) is not null"
	" from unnest(case when $2::text is null then current_schemas(false)"
	" else array[$2::name] end) s";

struct db_call schema_ask_place(
	const char *name, struct schema_asked *asked, struct schema_versions *versions)
{
	const char *dot = strchr(name, '.');
	*versions = (struct schema_versions){.table = xstrdup(dot ? dot + 1 : name)};
	*asked = (struct schema_asked){.schema = dot ? xstrndup(name, (size_t)(dot - name)) : NULL};
	asked->params[0] = versions->table;
	asked->params[1] = asked->schema;
	return (struct db_call){
		.sql = place_sql, .params = asked->params, .count = ARRAY_SIZE(asked->params)};
}

static bool nowhere(struct db *db, const struct schema_versions *versions, struct err *err)
{
	err_set(err, ERR_REFUSED, "no schema in the search path of %s", db->user);
	return err_hint(err, "name one: version_table: SCHEMA.%s", versions->table);
}

bool schema_take_place(struct db *db, const struct schema_kind *kind, const struct db_call *call,
	struct schema_versions *versions, struct err *err)
{
	const struct db_result *schemas = &call->result;
	int count = db_rows(schemas), place = 0;
	if (!count)
		return nowhere(db, versions, err);
	while (kind->anywhere && place < count && !db_get_bool(schemas, place, 1))
		place++;
	if (place == count)
		place = 0;
	versions->schema = xstrdup(db_get(schemas, place, 0));
	versions->exists = db_get_bool(schemas, place, 1);
	versions->qualified = db_qualified(db, versions->schema, versions->table);
	return true;
}

struct db_call schema_ask_rows(const struct schema_kind *kind, struct schema_asked *asked,
	const struct schema_versions *versions)
{
	free(asked->sql);
	asked->sql = xstrfmt("select %s from %s", kind->column, versions->qualified);
	return (struct db_call){.sql = asked->sql};
}

static bool not_one(
	const struct schema_kind *kind, const struct schema_versions *versions, struct err *err)
{
	err_set(err, ERR_REFUSED, "table %s has no text column %s", versions->qualified,
		kind->column);
	return err_hint(
		err, "is it another tool's? name the tree's own: version_table: in mig.yaml");
}

/* Only a table that was made by hand lacks the primary key. */
static bool no_revision(
	const struct schema_kind *kind, const struct schema_versions *versions, struct err *err)
{
	err_set(err, ERR_REFUSED, "table %s has a row without a revision", versions->qualified);
	return err_hint(err, "psql -c 'delete from %s where %s is null'", versions->qualified,
		kind->column);
}

static bool doubled(const struct schema_kind *kind, const struct schema_versions *versions,
	const char *row, struct err *err)
{
	err_set(err, ERR_REFUSED, "table %s has two rows for revision %s", versions->qualified,
		row);
	return err_hint(err,
		"psql -c 'delete from %s a using %s b where a.%s = b.%s and a.ctid > b.ctid'",
		versions->qualified, versions->qualified, kind->column, kind->column);
}

bool schema_take_rows(const struct schema_kind *kind, const struct db_call *call,
	struct schema_versions *versions, struct err *err)
{
	enum { TEXT = 25, VARCHAR = 1043, HEADER = 4 }; /* pg_type.oid; of a typmod */
	const struct db_result *rows = &call->result;
	/* undefined_column; what has columns but no rows: an index, a type */
	if (!strcmp(err->sqlstate, "42703") || !strcmp(err->sqlstate, "42809"))
		return not_one(kind, versions, err);
	if (!db_call_worked(call))
		return false;
	Oid type = PQftype(rows->pg, 0);
	if (type != TEXT && type != VARCHAR)
		return not_one(kind, versions, err);
	int typmod = PQfmod(rows->pg, 0);
	versions->width = typmod > HEADER ? typmod - HEADER : 0;
	for (int i = 0; i < db_rows(rows); i++) {
		const char *row = db_get(rows, i, 0);
		if (!row)
			return no_revision(kind, versions, err);
		strvec_push(&versions->rows, row);
	}
	strvec_sort(&versions->rows);
	for (size_t i = 1; i < versions->rows.count; i++)
		if (!strcmp(versions->rows.items[i], versions->rows.items[i - 1]))
			return doubled(kind, versions, versions->rows.items[i], err);
	return true;
}

bool schema_versions_read(struct db *db, const struct schema_kind *kind, const char *name,
	struct schema_versions *versions, struct err *err)
{
	CLEANUP(schema_asked_release) struct schema_asked asked;
	struct db_call call = schema_ask_place(name, &asked, versions);
	bool good = db_pipeline(db, &call, 1, NULL, err) &&
		    schema_take_place(db, kind, &call, versions, err);
	db_calls_release(&call, 1);
	if (!good || !versions->exists)
		return good;
	call = schema_ask_rows(kind, &asked, versions);
	good = db_pipeline(db, &call, 1, NULL, err);
	good = schema_take_rows(kind, &call, versions, err) && good;
	db_calls_release(&call, 1);
	return good;
}

/* --- before it is written --------------------------------------------------------------------- */

/* $1 its name, $2 its column. Bits of pg_relation_is_updatable: update, insert, delete. */
static const char writable_sql[] =
	"select pg_describe_object('pg_class'::regclass, c.oid, 0),"
	" c.relkind in ('r', 'p') or c.relkind = 'v' and pg_relation_is_updatable(c.oid, true) & "
	"28 = 28,"
	" (select min(a.attname) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0"
	" and not a.attisdropped and a.attnotnull and not a.atthasdef and a.attidentity = ''"
	" and a.attname <> $2),"
	" has_table_privilege(c.oid, 'insert') and has_table_privilege(c.oid, 'update')"
	" and has_table_privilege(c.oid, 'delete')"
	" from pg_class c where c.oid = $1::regclass";

static bool no_rows(const struct db_result *row, struct err *err)
{
	err_set(err, ERR_REFUSED, "rows of %s cannot be changed: it is no version table",
		db_get(row, 0, 0));
	return err_hint(err, "is it somebody else's? name the tree's own table: version_table: "
			     "NAME in mig.yaml");
}

static bool wants_more(const struct schema_versions *versions, const char *column, struct err *err)
{
	err_set(err, ERR_REFUSED, "table %s has a column %s that wants a value",
		versions->qualified, column);
	return err_hint(err,
		"is it another tool's? name the tree's own: version_table: NAME in mig.yaml; or "
		"give the column a default");
}

static bool no_rights(struct db *db, const struct schema_versions *versions, struct err *err)
{
	AUTO_FREE char *role = db_ident(db, db->user);
	err_set(err, ERR_SQL, "role %s may not change the rows of %s", db->user,
		versions->qualified);
	return err_hint(err,
		"as its owner: psql -d %s -c 'grant insert, update, delete on %s to %s'",
		db->dbname, versions->qualified, role);
}

bool schema_versions_writable(struct db *db, const struct schema_kind *kind,
	const struct schema_versions *versions, bool rights, struct err *err)
{
	AUTO_RESULT(row);
	if (!db_query(db, &row, err, writable_sql, versions->qualified, kind->column))
		return false;
	if (!db_rows(&row) || !db_get_bool(&row, 0, 1))
		return no_rows(&row, err);
	const char *column = db_get(&row, 0, 2);
	if (column)
		return wants_more(versions, column, err);
	return !rights || db_get_bool(&row, 0, 3) || no_rights(db, versions, err);
}
