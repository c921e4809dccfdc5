#include "schema/versions.h"
#include "db/child.h"

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
	"select s, to_regclass(format('%I.%I', s, $1::text)) is not null"
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

/* What stands in the way keeps its rows under another name; nothing is lost. */
static bool put_aside(
	struct db *db, const struct schema_versions *versions, bool is_type, struct err *err)
{
	AUTO_FREE char *name = xstrfmt("%s_before", versions->table);
	AUTO_FREE char *quoted = db_ident(db, name);
	AUTO_FREE char *sql = xstrfmt("alter %s %s rename to %s", is_type ? "type" : "table",
		versions->qualified, quoted);
	AUTO_FREE char *command = db_psql_command(db, sql, false);
	err_detail(err, "is it another tool's? name the tree's own table: version_table: NAME in "
			"mig.yaml; else put it aside");
	return err_hint(err, "%s", command);
}

static bool not_one(struct db *db, const struct schema_kind *kind,
	const struct schema_versions *versions, bool is_type, struct err *err)
{
	err_set(err, ERR_REFUSED, "table %s has no text column %s", versions->qualified,
		kind->column);
	return put_aside(db, versions, is_type, err);
}

/* Only a table that was made by hand lacks the primary key. */
static bool no_revision(struct db *db, const struct schema_kind *kind,
	const struct schema_versions *versions, struct err *err)
{
	AUTO_FREE char *sql =
		xstrfmt("delete from %s where %s is null", versions->qualified, kind->column);
	AUTO_FREE char *command = db_psql_command(db, sql, true);
	err_set(err, ERR_REFUSED, "table %s has a row without a revision", versions->qualified);
	return err_hint(err, "%s", command);
}

static bool doubled(struct db *db, const struct schema_kind *kind,
	const struct schema_versions *versions, const char *row, struct err *err)
{
	AUTO_FREE char *sql =
		xstrfmt("delete from %s a using %s b where a.%s = b.%s and a.ctid > b.ctid",
			versions->qualified, versions->qualified, kind->column, kind->column);
	AUTO_FREE char *command = db_psql_command(db, sql, true);
	err_set(err, ERR_REFUSED, "table %s has two rows for revision %s", versions->qualified,
		row);
	return err_hint(err, "%s", command);
}

static bool may_not_read(struct db *db, const struct schema_versions *versions, struct err *err)
{
	AUTO_FREE char *role = db_ident(db, db->user);
	AUTO_FREE char *sql = xstrfmt("grant select on %s to %s", versions->qualified, role);
	AUTO_FREE char *command = db_psql_command(db, sql, false);
	err_set(err, ERR_SQL, "role %s may not read %s", db->user, versions->qualified);
	return err_hint(err, "as its owner: %s", command);
}

bool schema_take_rows(struct db *db, const struct schema_kind *kind, const struct db_call *call,
	struct schema_versions *versions, struct err *err)
{
	enum { TEXT = 25, VARCHAR = 1043, HEADER = 4 }; /* pg_type.oid; of a typmod */
	const struct db_result *rows = &call->result;
	/* undefined_column; what has columns but no rows: an index, a type */
	bool is_type = !strcmp(err->sqlstate, "42809");
	if (!strcmp(err->sqlstate, "42703") || is_type)
		return not_one(db, kind, versions, is_type, err);
	if (!strcmp(err->sqlstate, "42501"))
		return may_not_read(db, versions, err);
	if (!db_call_worked(call))
		return false;
	Oid type = PQftype(rows->pg, 0);
	if (type != TEXT && type != VARCHAR)
		return not_one(db, kind, versions, false, err);
	int typmod = PQfmod(rows->pg, 0);
	versions->width = typmod > HEADER ? typmod - HEADER : 0;
	for (int i = 0; i < db_rows(rows); i++) {
		const char *row = db_get(rows, i, 0);
		if (!row)
			return no_revision(db, kind, versions, err);
		strvec_push(&versions->rows, row);
	}
	strvec_sort(&versions->rows);
	for (size_t i = 1; i < versions->rows.count; i++)
		if (!strcmp(versions->rows.items[i], versions->rows.items[i - 1]))
			return doubled(db, kind, versions, versions->rows.items[i], err);
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
	good = schema_take_rows(db, kind, &call, versions, err) && good;
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
	" exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary"
	" and i.indnatts > 1),"
	" has_table_privilege(c.oid, 'insert') and has_table_privilege(c.oid, 'update')"
	" and has_table_privilege(c.oid, 'delete')"
	" from pg_class c where c.oid = $1::regclass";

static bool no_rows(struct db *db, const struct schema_versions *versions,
	const struct db_result *row, struct err *err)
{
	err_set(err, ERR_REFUSED, "rows of %s cannot be changed: it is no version table",
		db_rows(row) ? db_get(row, 0, 0) : versions->qualified);
	return put_aside(db, versions, false, err);
}

/* A column of the primary key cannot be left empty. */
static bool wants_more(struct db *db, const struct schema_versions *versions, const char *column,
	bool wide_key, struct err *err)
{
	err_set(err, ERR_REFUSED, "table %s has a column %s that wants a value",
		versions->qualified, column);
	if (wide_key)
		return put_aside(db, versions, false, err);
	AUTO_FREE char *name = db_ident(db, column);
	AUTO_FREE char *sql =
		xstrfmt("alter table %s alter %s drop not null", versions->qualified, name);
	AUTO_FREE char *command = db_psql_command(db, sql, false);
	err_detail(err, "is it another tool's? name the tree's own table: version_table: NAME in "
			"mig.yaml; else let the column be empty");
	return err_hint(err, "%s", command);
}

static bool no_rights(struct db *db, const struct schema_versions *versions, struct err *err)
{
	AUTO_FREE char *role = db_ident(db, db->user);
	AUTO_FREE char *sql =
		xstrfmt("grant insert, update, delete on %s to %s", versions->qualified, role);
	AUTO_FREE char *command = db_psql_command(db, sql, false);
	err_set(err, ERR_SQL, "role %s may not change the rows of %s", db->user,
		versions->qualified);
	return err_hint(err, "as its owner: %s", command);
}

bool schema_versions_writable(struct db *db, const struct schema_kind *kind,
	const struct schema_versions *versions, bool rights, struct err *err)
{
	enum { NAME, HAS_ROWS, COLUMN, WIDE_KEY, MAY_WRITE };
	AUTO_RESULT(row);
	if (!db_query(db, &row, err, writable_sql, versions->qualified, kind->column))
		return false;
	if (!db_rows(&row) || !db_get_bool(&row, 0, HAS_ROWS))
		return no_rows(db, versions, &row, err);
	const char *column = db_get(&row, 0, COLUMN);
	if (column)
		return wants_more(db, versions, column, db_get_bool(&row, 0, WIDE_KEY), err);
	return !rights || db_get_bool(&row, 0, MAY_WRITE) || no_rights(db, versions, err);
}
