#include "restore/loosen.h"

bool restore_loosen(struct db *db, const char *sql, struct strvec *undo, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err, sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		if (!db_exec(db, err, db_get(&rows, i, 0)))
			return false;
		strvec_push(undo, db_get(&rows, i, 1));
	}
	return true;
}

bool restore_tighten(struct db *db, const struct strvec *undo, struct err *err)
{
	STRVEC_EACH (undo, statement)
		if (!db_exec(db, err, statement))
			return false;
	return true;
}
