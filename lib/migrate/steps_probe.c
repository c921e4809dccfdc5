/* What the catalogue tells about statements that run outside of transactions. */
#include "migrate/steps.h"

/*
 * Of the index $1 in the schema of table $2: is it valid, is it like $3, is anybody building it;
 * and its OID. The shape is spelled as index_shape() of lib/sql/classify.c does.
 */
static const char index_sql[] =
	"with found as (select i.*, c.relname, m.amname,"
	"  (select string_agg(coalesce(a.attname, '?')"
	"    || case when i.indoption[k.n - 1] & 1 = 1 then ' desc' else '' end, ', ' order by n)"
	"   from generate_series(1, i.indnkeyatts) k (n) left join pg_attribute a"
	"   on a.attrelid = i.indrelid and a.attnum = i.indkey[k.n - 1] and a.attnum > 0) as keys,"
	"  (select string_agg(a.attname, ', ' order by n)"
	"   from generate_series(i.indnkeyatts + 1, i.indnatts) k (n) join pg_attribute a"
	"   on a.attrelid = i.indrelid and a.attnum = i.indkey[k.n - 1]) as included"
	" from pg_class t join pg_class c on c.relnamespace = t.relnamespace"
	" join pg_index i on i.indexrelid = c.oid join pg_am m on m.oid = c.relam"
	" where t.oid = to_regclass($2) and c.relname = $1)"
	" select indexrelid, indisvalid, indrelid = to_regclass($2) and"
	"  concat(case when indisunique then 'unique ' end, amname, ' (', keys, ')',"
	"   ' include (' || included || ')', case when indpred is not null then ' where' end) = $3,"
	"  exists (select from pg_stat_progress_create_index p where p.index_relid = indexrelid"
	"   or p.relid = indrelid and p.index_relid = 0)"
	" from found";

static bool index_look(
	struct db *db, const struct sql_statement *statement, char **seen, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err, index_sql, statement->object, statement->table,
		    statement->shape))
		return false;
	if (db_rows(&rows))
		*seen = xstrfmt("%s %s", db_get_bool(&rows, 0, 1) ? "valid" : "invalid",
			db_get(&rows, 0, 0));
	return true;
}

static bool index_ask(struct db *db, const struct sql_statement *statement, const char *before,
	enum steps_answer *answer, struct err *err)
{
	AUTO_RESULT(rows);
	*answer = STEPS_NOT;
	if (!db_query(db, &rows, err, index_sql, statement->object, statement->table,
		    statement->shape))
		return false;
	/* What was there before is not ours; IF NOT EXISTS passes over it again. */
	if (!db_rows(&rows) || before)
		return true;
	bool valid = db_get_bool(&rows, 0, 1), alike = db_get_bool(&rows, 0, 2);
	*answer = db_get_bool(&rows, 0, 3) ? STEPS_BUSY
		  : !alike                 ? STEPS_UNSURE
		  : valid                  ? STEPS_DONE
					   : STEPS_LEFT;
	return true;
}

/* One row per kind: is the object there? Done is: made and there, or dropped and not there. */
static const struct probe {
	enum sql_effect effect;
	bool makes;
	const char *sql;
} probes[] = {
	{SQL_DROPS_INDEX, false, "select 'there' where to_regclass($1) is not null"},
	{SQL_DETACHES, false, /* the column came with 14 */
		"select case when to_jsonb(i)->'inhdetachpending' = 'true' then 'pending' else "
		"'there' end from pg_inherits i where inhrelid = to_regclass($1)"},
	{SQL_MAKES_DATABASE, true, "select 'there' from pg_database where datname = $1"},
	{SQL_DROPS_DATABASE, false, "select 'there' from pg_database where datname = $1"},
	{SQL_MAKES_TABLESPACE, true, "select 'there' from pg_tablespace where spcname = $1"},
	{SQL_DROPS_TABLESPACE, false, "select 'there' from pg_tablespace where spcname = $1"},
	{SQL_MAKES_SUBSCRIPTION, true,
		"select 'there' from pg_subscription where subname = $1 and subdbid ="
		" (select oid from pg_database where datname = current_database())"},
	{SQL_DROPS_SUBSCRIPTION, false,
		"select 'there' from pg_subscription where subname = $1 and subdbid ="
		" (select oid from pg_database where datname = current_database())"},
};

static const struct probe *probe_for(const struct sql_statement *statement)
{
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		if (probes[i].effect == statement->effect && statement->object)
			return &probes[i];
	return NULL;
}

bool steps_look(struct db *db, const struct sql_statement *statement, char **seen, struct err *err)
{
	if (statement->effect == SQL_MAKES_INDEX)
		return index_look(db, statement, seen, err);
	const struct probe *probe = probe_for(statement);
	return !probe || db_value(db, seen, err, probe->sql, statement->object);
}

bool steps_ask(struct db *db, const struct sql_statement *statement, const char *before,
	enum steps_answer *answer, struct err *err)
{
	const struct probe *probe = probe_for(statement);
	AUTO_FREE char *now = NULL;
	*answer = statement->effect == SQL_EFFECT_AGAIN ? STEPS_NOT : STEPS_UNSURE;
	if (statement->effect == SQL_MAKES_INDEX && statement->object)
		return index_ask(db, statement, before, answer, err);
	if (!probe)
		return true;
	if (!steps_look(db, statement, &now, err))
		return false;
	bool changed = probe->makes ? now && !before : before && !now;
	*answer = changed                                                ? STEPS_DONE
		  : str_equal(now, "pending") && !str_equal(before, now) ? STEPS_PENDING
									 : STEPS_NOT;
	return true;
}

bool steps_finish(struct db *db, const struct sql_statement *statement, struct err *err)
{
	return db_execf(db, err, "alter table %s detach partition %s finalize", statement->table,
		statement->object);
}

bool steps_drop_left(struct db *db, const struct sql_statement *statement, struct err *err)
{
	AUTO_FREE char *schema = NULL;
	if (!db_value(db, &schema, err,
		    "select n.nspname from pg_class t join pg_namespace n on n.oid = t.relnamespace"
		    " where t.oid = to_regclass($1)",
		    statement->table))
		return false;
	AUTO_FREE char *index = db_qualified(db, schema ? schema : "public", statement->object);
	return db_execf(db, err, "drop index concurrently if exists %s", index);
}
