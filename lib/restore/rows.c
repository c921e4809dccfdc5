#include "restore/rows.h"
#include "copies/schemas.h"
#include "db/copy_session.h"
#include <inttypes.h>

void rows_outcome_release(struct rows_outcome *outcome)
{
	strvec_release(&outcome->left);
	strvec_release(&outcome->moved);
	*outcome = (struct rows_outcome){0};
}

struct rows {
	const struct rows_settings *settings;
	struct rows_outcome *outcome;
	struct db *db;
	char *live_oid, *kept_oid;
	char *live, *kept; /* quoted, with their schemas */
	struct strvec columns; /* in both, that can be written; quoted */
	struct strvec key; /* quoted */
};

static void rows_release(struct rows *rows)
{
	db_close(rows->db);
	free(rows->live_oid);
	free(rows->kept_oid);
	free(rows->live);
	free(rows->kept);
	strvec_release(&rows->columns);
	strvec_release(&rows->key);
}

/*
 * The two tables
 */

static bool find_live(struct rows *rows, char **name, struct err *err)
{
	AUTO_RESULT(found);
	if (!db_query(rows->db, &found, err,
		    "select c.oid, n.nspname, c.relname from pg_catalog.pg_class c"
		    " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
		    " where n.nspname || '.' || c.relname = $1 and c.relkind in ('r', 'p')",
		    rows->settings->table))
		return false;
	if (!db_rows(&found)) {
		err_set(err, ERR_NOTFOUND, "no table \"%s\" in database \"%s\"",
			rows->settings->table, rows->db->dbname);
		return err_hint(err, "name it with its schema: public.orders");
	}
	if (db_rows(&found) > 1)
		return err_set(err, ERR_USAGE,
			"\"%s\" may be several tables: there are dots in their names",
			rows->settings->table);
	rows->live_oid = xstrdup(db_get(&found, 0, 0));
	rows->live = db_qualified(rows->db, db_get(&found, 0, 1), db_get(&found, 0, 2));
	*name = xstrdup(db_get(&found, 0, 2));
	return true;
}

static bool find_kept(struct rows *rows, const char *name, struct err *err)
{
	CLEANUP(schemas_list_release) struct schemas_list schemas = {0};
	const char *schema = rows->settings->schema;
	if (!schemas_read(rows->db, &schemas, err))
		return false;
	if (!schemas_find(&schemas, schema)) {
		err_set(err, ERR_REFUSED, "schema \"%s\" is not one of rescued tables", schema);
		return err_hint(err, "make it: mig-restore SNAPSHOT --table %s --into-schema NAME",
			rows->settings->table);
	}
	if (!db_value(rows->db, &rows->kept_oid, err,
		    "select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n"
		    " on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2"
		    " and c.relkind = 'r'",
		    schema, name))
		return false;
	rows->kept = db_qualified(rows->db, schema, name);
	if (rows->kept_oid)
		return true;
	err_set(err, ERR_NOTFOUND, "no table \"%s\" in schema \"%s\"", name, schema);
	return err_hint(err, "put it there: mig-restore SNAPSHOT --table %s --into-schema %s",
		rows->settings->table, schema);
}

/* A generated column is computed anew; one that the live table lost stays behind. */
static bool find_columns(struct rows *rows, struct err *err)
{
	AUTO_RESULT(found);
	if (!db_query(rows->db, &found, err,
		    "select k.attname, l.attname is not null from pg_catalog.pg_attribute k"
		    " left join pg_catalog.pg_attribute l on l.attrelid = $1::pg_catalog.oid"
		    " and l.attname = k.attname and l.attnum > 0 and not l.attisdropped"
		    " where k.attrelid = $2::pg_catalog.oid and k.attnum > 0"
		    " and not k.attisdropped and k.attgenerated = ''"
		    " and coalesce(l.attgenerated, '') = '' order by k.attnum",
		    rows->live_oid, rows->kept_oid))
		return false;
	for (int i = 0; i < db_rows(&found); i++) {
		const char *name = db_get(&found, i, 0);
		if (db_get_bool(&found, i, 1))
			strvec_push_take(&rows->columns, db_ident(rows->db, name));
		else
			strvec_push(&rows->outcome->left, name);
	}
	return true;
}

static bool given_key(struct rows *rows, struct err *err)
{
	STRVEC_EACH (rows->settings->key, column) {
		AUTO_FREE char *quoted = db_ident(rows->db, column);
		if (!strvec_has(&rows->columns, quoted))
			return err_set(err, ERR_NOTFOUND,
				"--key: column \"%s\" is not in both tables", column);
		strvec_push_take(&rows->key, xtake(&quoted));
	}
	return true;
}

static bool find_key(struct rows *rows, struct err *err)
{
	AUTO_RESULT(found);
	if (rows->settings->key->count)
		return given_key(rows, err);
	if (!db_query(rows->db, &found, err,
		    "select a.attname from pg_catalog.pg_index i join pg_catalog.pg_attribute a"
		    " on a.attrelid = i.indrelid and a.attnum = any (i.indkey)"
		    " where i.indrelid = $1::pg_catalog.oid and i.indisprimary",
		    rows->live_oid))
		return false;
	for (int i = 0; i < db_rows(&found); i++) {
		AUTO_FREE char *quoted = db_ident(rows->db, db_get(&found, i, 0));
		if (!strvec_has(&rows->columns, quoted))
			return err_set(err, ERR_REFUSED,
				"column %s of the primary key was not there in the snapshot",
				quoted);
		strvec_push_take(&rows->key, xtake(&quoted));
	}
	if (rows->key.count)
		return true;
	err_set(err, ERR_USAGE, "table %s has no primary key", rows->settings->table);
	return err_hint(err, "say which columns tell its rows apart: --key COLUMN,..");
}

/*
 * Counting and inserting
 */

static void add_terms(struct strbuf *sql, const struct strvec *names, const char *format_first,
	const char *format_last)
{
	for (size_t i = 0; i < names->count; i++)
		strbuf_addf(sql, "%s%s%s%s", i ? " and " : "", format_first, names->items[i],
			format_last);
}

/* "from kept k where no key is NULL and none in live is the same" */
static void add_missing(const struct rows *rows, struct strbuf *sql)
{
	strbuf_addf(sql, " from only %s k where ", rows->kept);
	add_terms(sql, &rows->key, "k.", " is not null");
	strbuf_addf(sql, " and not exists (select from %s l where ", rows->live);
	for (size_t i = 0; i < rows->key.count; i++)
		strbuf_addf(sql, "%sl.%s = k.%s", i ? " and " : "", rows->key.items[i],
			rows->key.items[i]);
	strbuf_addc(sql, ')');
}

static bool count(struct rows *rows, struct err *err)
{
	AUTO_STRBUF(missing);
	AUTO_STRBUF(unkeyed);
	AUTO_RESULT(first);
	AUTO_RESULT(second);
	strbuf_adds(&missing, "select pg_catalog.count(*)");
	add_missing(rows, &missing);
	strbuf_addf(&unkeyed, "select pg_catalog.count(*) from only %s k where not (", rows->kept);
	add_terms(&unkeyed, &rows->key, "k.", " is not null");
	strbuf_addc(&unkeyed, ')');
	if (!db_query(rows->db, &first, err, missing.buf) ||
		!db_query(rows->db, &second, err, unkeyed.buf))
		return false;
	rows->outcome->missing = db_get_int(&first, 0, 0);
	rows->outcome->unkeyed = db_get_int(&second, 0, 0);
	return true;
}

static bool insert(struct rows *rows, struct err *err)
{
	AUTO_FREE char *columns = strvec_join(&rows->columns, ", ");
	AUTO_FREE char *list = strvec_join(&rows->columns, ", k.");
	AUTO_STRBUF(sql);
	AUTO_RESULT(result);
	/* what is brought back is remembered, to be compared with what came of it */
	strbuf_addf(
		&sql, "create temporary table mig_rows_back on commit drop as select k.%s", list);
	add_missing(rows, &sql);
	if (!db_exec(rows->db, err, sql.buf))
		return false;
	strbuf_reset(&sql);
	strbuf_addf(&sql,
		"insert into %s (%s) overriding system value select %s from pg_temp.mig_rows_back",
		rows->live, columns, columns);
	if (!db_query(rows->db, &result, err, sql.buf))
		return err_context(err, "rows of %s", rows->settings->table);
	rows->outcome->inserted = db_affected(&result);
	return true;
}

/* As text: not every type can be compared. */
static bool compare(struct rows *rows, struct err *err)
{
	AUTO_FREE char *kept = strvec_join(&rows->columns, ", k.");
	AUTO_FREE char *live = strvec_join(&rows->columns, ", l.");
	struct rows_outcome *outcome = rows->outcome;
	AUTO_STRBUF(sql);
	AUTO_RESULT(equal);
	strbuf_addf(&sql,
		"select pg_catalog.count(*) from pg_temp.mig_rows_back k where exists"
		" (select from %s l where row(l.%s)::pg_catalog.text = row(k.%s)::pg_catalog.text",
		rows->live, live, kept);
	for (size_t i = 0; i < rows->key.count; i++)
		strbuf_addf(&sql, " and l.%s = k.%s", rows->key.items[i], rows->key.items[i]);
	strbuf_addc(&sql, ')');
	if (!db_query(rows->db, &equal, err, sql.buf))
		return false;
	outcome->altered = outcome->missing - db_get_int(&equal, 0, 0);
	if (!rows->settings->no_triggers || !outcome->altered)
		return true;
	return err_set(err, ERR_CORRUPT,
		"%" PRId64 " of %" PRId64 " rows did not come back to %s as they were",
		outcome->altered, outcome->missing, rows->settings->table);
}

/*
 * Triggers of the owner, and sequences
 */

/* on: as they were before. */
static bool switch_triggers(
	struct rows *rows, const struct db_result *triggers, bool on, struct err *err)
{
	for (int i = 0; i < db_rows(triggers); i++) {
		AUTO_FREE char *name = db_ident(rows->db, db_get(triggers, i, 0));
		if (!db_execf(rows->db, err, "alter table %s %s trigger %s", rows->live,
			    !on                           ? "disable"
			    : db_get_bool(triggers, i, 1) ? "enable always"
							  : "enable",
			    name))
			return false;
	}
	return true;
}

static bool insert_quietly(struct rows *rows, struct err *err)
{
	AUTO_RESULT(triggers);
	if (!rows->settings->no_triggers)
		return insert(rows, err);
	return db_query(rows->db, &triggers, err,
		       "select tgname, tgenabled = 'A' from pg_catalog.pg_trigger"
		       " where tgrelid = $1::pg_catalog.oid and not tgisinternal"
		       " and tgenabled in ('O', 'A')",
		       rows->live_oid) &&
	       switch_triggers(rows, &triggers, false, err) && insert(rows, err) &&
	       switch_triggers(rows, &triggers, true, err);
}

/* A sequence that gives a key out shall not give out one that came back. */
static bool move_sequence(
	struct rows *rows, const char *sequence, const char *column, struct err *err)
{
	AUTO_FREE char *quoted = db_ident(rows->db, column);
	AUTO_FREE char *literal = db_literal(rows->db, sequence);
	AUTO_STRBUF(sql);
	AUTO_RESULT(moved);
	strbuf_addf(&sql,
		"select pg_catalog.setval(%s, m.highest) from (select pg_catalog.max(%s) as highest"
		" from %s) m, %s s where m.highest > s.last_value",
		literal, quoted, rows->live, sequence);
	if (!db_query(rows->db, &moved, err, sql.buf))
		return err_context(err, "sequence %s", sequence);
	if (db_rows(&moved))
		strvec_pushf(&rows->outcome->moved, "%s to %s", sequence, db_get(&moved, 0, 0));
	return true;
}

static bool move_sequences(struct rows *rows, struct err *err)
{
	AUTO_RESULT(found);
	if (!db_query(rows->db, &found, err,
		    "select s.oid::pg_catalog.regclass, a.attname from pg_catalog.pg_depend d"
		    " join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'"
		    " join pg_catalog.pg_sequence q on q.seqrelid = s.oid and q.seqincrement > 0"
		    " join pg_catalog.pg_attribute a on a.attrelid = d.refobjid"
		    " and a.attnum = d.refobjsubid"
		    " where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
		    " and d.refclassid = d.classid and d.refobjid = $1::pg_catalog.oid"
		    " and d.deptype in ('a', 'i')",
		    rows->live_oid))
		return false;
	for (int i = 0; i < db_rows(&found); i++)
		if (!move_sequence(rows, db_get(&found, i, 0), db_get(&found, i, 1), err))
			return false;
	return true;
}

/*
 * All of it
 */

static bool begin(struct rows *rows, struct db_tx *tx, struct err *err)
{
	const struct rows_settings *settings = rows->settings;
	AUTO_FREE char *name = NULL;
	return db_open(&settings->target, &rows->db, err) &&
	       (!settings->keys || keys_work(settings->keys, rows->db, err)) &&
	       db_copy_session(rows->db, "UTF8", err) &&
	       db_begin(rows->db, tx, settings->keys ? NULL : "read only", err) &&
	       db_exec(rows->db, err, "set local lock_timeout = '10s'") &&
	       find_live(rows, &name, err) && find_kept(rows, name, err) &&
	       find_columns(rows, err) && find_key(rows, err) && count(rows, err);
}

/* Nobody adds a key between counting and inserting; nobody waits while a person thinks. */
static bool lock_and_count(struct rows *rows, struct err *err)
{
	return db_execf(rows->db, err, "lock table %s in share row exclusive mode", rows->live) &&
	       count(rows, err);
}

/* What refers to rows that are missing as well comes after them. */
static bool insert_in_order(struct rows *rows, struct err *err)
{
	if (insert_quietly(rows, err))
		return true;
	if (strcmp(err->sqlstate, "23503") != 0 || err->hint)
		return false;
	return err_hint(err,
		"bring back first what it refers to: mig-restore rows THAT_TABLE --from-schema %s "
		"--missing",
		rows->settings->schema);
}

static bool bring_back(struct rows *rows, struct db_tx *tx, struct err *err)
{
	const struct rows_settings *settings = rows->settings;
	return (!settings->agree || settings->agree(settings->ctx, rows->outcome->missing, err)) &&
	       lock_and_count(rows, err) && insert_in_order(rows, err) && compare(rows, err) &&
	       move_sequences(rows, err) && keys_check(settings->keys, err) && db_commit(tx, err);
}

bool rows_bring_back(
	const struct rows_settings *settings, struct rows_outcome *outcome, struct err *err)
{
	CLEANUP(rows_release) struct rows rows = {.settings = settings, .outcome = outcome};
	AUTO_TX(tx);
	if (!begin(&rows, &tx, err))
		return false;
	return !settings->keys || !outcome->missing || bring_back(&rows, &tx, err);
}
