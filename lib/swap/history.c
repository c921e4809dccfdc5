#include "swap/history.h"

static bool find_revision(struct db *db, char **revision, struct err *err)
{
	AUTO_FREE char *versions = NULL;
	return db_value(db, &versions, err, "select to_regclass('alembic_version')::text") &&
	       (!versions || db_value(db, revision, err,
				     "select string_agg(version_num, ',' order by version_num)"
				     " from alembic_version"));
}

bool swap_history_write(struct db *db, const char *run, json_t *detail, struct err *err)
{
	AUTO_FREE char *text = json_dumps(detail, JSON_ENSURE_ASCII);
	AUTO_FREE char *table = NULL;
	AUTO_FREE char *revision = NULL;
	AUTO_RESULT(rows);
	json_decref(detail);
	if (!db_value(db, &table, err, "select to_regclass('mig.history')::text"))
		return false;
	return !table ||
	       (find_revision(db, &revision, err) &&
		       db_query(db, &rows, err,
			       "insert into mig.history (revision, direction, run, tool,"
			       " detail)"
			       " values ($1, 'swapped_back', $2, 'mig-restore', $3::jsonb)",
			       revision ? revision : "", run, text));
}
