#include "backup/session.h"

static const char settings[] = "set search_path = ''; "
			       "set datestyle = 'ISO'; "
			       "set intervalstyle = 'postgres'; "
			       "set timezone = 'UTC'; "
			       "set extra_float_digits = 3; "
			       "set bytea_output = 'hex'; "
			       "set lc_monetary = 'C'; "
			       "set xmloption = 'content'; "
			       "set standard_conforming_strings = on; "
			       "set quote_all_identifiers = off; "
			       "set transform_null_equals = off; "
			       "set synchronize_seqscans = off; "
			       "set row_security = off; "
			       "set statement_timeout = 0; "
			       "set lock_timeout = 0; "
			       "set idle_in_transaction_session_timeout = 0; "
			       "set default_transaction_isolation = 'read committed'; "
			       "set default_transaction_deferrable = off";

/* Against a table that was exchanged for a view meanwhile; older minor versions do not know it. */
static const char guard[] =
	"select set_config(name, 'view, foreign-table', false) from pg_catalog.pg_settings"
	" where name = 'restrict_nonsystem_relation_kind'";

bool backup_session_settle(struct db *db, struct err *err)
{
	const char *encoding = PQparameterStatus(db->pg, "server_encoding");
	AUTO_RESULT(ignored);
	if (PQsetClientEncoding(db->pg, encoding) != 0)
		return err_set(err, ERR_SQL, "cannot use the encoding %s", encoding);
	return db_exec(db, err, settings) && db_query(db, &ignored, err, guard);
}

bool backup_session_open(const struct db_params *params, struct db **db, struct err *err)
{
	CLEANUP(db_close_auto) struct db *opened = NULL;
	if (!db_open(params, &opened, err) || !backup_session_settle(opened, err))
		return false;
	*db = xtake(&opened);
	return true;
}

bool backup_session_import(struct db *db, const char *snapshot, struct db_tx *tx, struct err *err)
{
	AUTO_FREE char *literal = db_literal(db, snapshot);
	return db_begin(db, tx, "isolation level repeatable read, read only", err) &&
	       db_execf(db, err, "set transaction snapshot %s", literal);
}
