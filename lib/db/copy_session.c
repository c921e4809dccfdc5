#include "db/copy_session.h"

/* Settings that not every server version knows are set when pg_settings has them. */
struct setting {
	const char *name, *value;
};
static const struct setting settings[] = {
	{"statement_timeout", "0"},
	{"lock_timeout", "0"},
	{"idle_in_transaction_session_timeout", "0"},
	{"idle_session_timeout", "0"},
	{"transaction_timeout", "0"},
	{"datestyle", "ISO"},
	{"intervalstyle", "postgres"},
	{"extra_float_digits", "3"},
	{"bytea_output", "hex"},
	{"standard_conforming_strings", "on"},
	{"array_nulls", "on"},
	{"timezone", "UTC"},
	{"lc_monetary", "C"},
	{"search_path", ""},
	{"row_security", "off"},
	{"xmloption", "content"},
	{"xmlbinary", "base64"},
	{"check_function_bodies", "off"},
	{"client_min_messages", "warning"},
	{"synchronize_seqscans", "off"},
	{"default_tablespace", ""},
	{"default_table_access_method", "heap"},
	{"default_transaction_read_only", "off"},
	{"restrict_nonsystem_relation_kind", "view, foreign-table"},
};

static bool set_all(struct db *db, const struct setting *list, size_t count, struct err *err)
{
	AUTO_STRBUF(sql);
	AUTO_RESULT(rows);
	strbuf_adds(&sql, "select pg_catalog.set_config(s.name, v.value, false) from (values ");
	for (size_t i = 0; i < count; i++)
		strbuf_addf(&sql, "%s('%s', '%s')", i ? ", " : "", list[i].name, list[i].value);
	strbuf_adds(&sql, ") as v(name, value) join pg_catalog.pg_settings s"
			  " on pg_catalog.lower(s.name) = v.name");
	return db_query(db, &rows, err, sql.buf);
}

bool db_copy_session(struct db *db, const char *encoding, struct err *err)
{
	AUTO_FREE char *own = NULL;
	if (!set_all(db, settings, ARRAY_SIZE(settings), err))
		return false;
	if (!encoding && !db_value(db, &own, err, "select pg_catalog.getdatabaseencoding()"))
		return false;
	/* not PQsetClientEncoding(): a server that goes away meanwhile would go untold */
	AUTO_FREE char *literal = db_literal(db, encoding ? encoding : own);
	if (db_execf(db, err, "set client_encoding = %s", literal))
		return true;
	return err->code != ERR_SQL
		       ? false
		       : err_set(err, ERR_SQL, "client encoding %s is not possible here",
				 encoding ? encoding : own);
}

bool db_copy_session_guest(struct db *db, const char *encoding, struct err *err)
{
	return db_copy_session(db, encoding, err) && db_exec(db, err, "set lock_timeout = '10s'");
}

/*
 * For building indexes: what the server's own setting allows and more where it has the memory. That
 * cannot be asked; shared_buffers is a quarter of it as a rule, so an eighth of that for each
 * worker. For long values: lz4 where the server has it and nobody has chosen, as pglz takes longer
 * than all else that a document needs; not beside standbys, whose programs may be built without it
 * (docs/decisions/037).
 */
static const char own_measure_sql[] =
	"select pg_catalog.set_config('maintenance_work_mem', greatest("
	"pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')),"
	" least(pg_catalog.pg_size_bytes(pg_catalog.current_setting('shared_buffers')) / 8,"
	"  2147483648 - 1024),"
	" 268435456) / 1024 || 'kB', false),"
	" (select pg_catalog.set_config(name, 'lz4', false) from pg_catalog.pg_settings"
	"  where name = 'default_toast_compression' and source = 'default'"
	"  and 'lz4' = any (enumvals)"
	"  and not exists (select from pg_catalog.pg_stat_replication)"
	"  and not exists (select from pg_catalog.pg_replication_slots"
	"   where slot_type = 'physical'))";

bool db_copy_session_fast(struct db *db, const char *encoding, struct err *err)
{
	static const struct setting fast[] = {
		{"synchronous_commit", "off"},
		/* definitions of the user's own may read views */
		{"restrict_nonsystem_relation_kind", ""},
	};
	AUTO_RESULT(ignored);
	return db_copy_session(db, encoding, err) && set_all(db, fast, ARRAY_SIZE(fast), err) &&
	       db_query(db, &ignored, err, own_measure_sql);
}
