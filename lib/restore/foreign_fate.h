/*
 * What becomes of a statement of a dump. A guard against accidents, not against malice: code in a
 * dump may do what the role may that restores it.
 */
#ifndef RESTORE_FOREIGN_FATE_H
#define RESTORE_FOREIGN_FATE_H

#include "base/err.h"

enum foreign_fate {
	FOREIGN_RUN,
	FOREIGN_RUN_LAST, /* event triggers: the rest of the dump shall not fire them */
	FOREIGN_LEAVE_OUT, /* of the database itself, which has another name here; subscriptions */
	FOREIGN_REFUSE, /* it would change other things than this database */
};
/* *what: "CREATE DATABASE", for people; NULL when it is simply run; caller owns. */
enum foreign_fate foreign_fate(const char *sql, bool rows, char **what);

#endif
