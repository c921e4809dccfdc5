/*
 * --data-only: the rows of a snapshot, sequences and large objects into a database that has its
 * tables already, and nothing in them. One session, one transaction: foreign keys are looked at
 * when all rows are in, the tables' own triggers do not fire, and every row is proved.
 */
#ifndef RESTORE_DATA_H
#define RESTORE_DATA_H

#include "restore/restore.h"

/* settings->to_db names it. ERR_NOTFOUND; ERR_REFUSED: tables that are not there, or not empty. */
MUST_CHECK bool restore_data_check(const struct restore_settings *settings, struct err *err);
MUST_CHECK bool restore_data(
	const struct restore_settings *settings, struct restore_outcome *outcome, struct err *err);

#endif
