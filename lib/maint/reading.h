/*
 * One reading of a database's counters, and what a session reports of its own, as JSON.
 *
 *	reading  {"database": oid, "life": "..", "stats_reset": "..", "key": {"pid", "start"},
 *	          "tables": {"<oid>": [name, file node, not empty, ins, upd, del]},
 *	          "sequences": {"<oid>": [name, value]}}
 *	own      {"tables": {"<oid>": [ins, upd, del]}, "locked": {"<oid>": [file node, not empty]},
 *	          "sequences": {"<oid>": value}}
 */
#ifndef MAINT_READING_H
#define MAINT_READING_H

#include "db/db.h"
#include <jansson.h>

/* New reference. *unsure: why it proves nothing (caller owns), or NULL. */
MUST_CHECK bool reading_take(
	struct db *db, int key_pid, json_t **reading, char **unsure, struct err *err);
/* New reference: what this session's open transaction did. */
/* Its statements by name, for a session of another program. New reference. */
json_t *reading_own_sql(void);
MUST_CHECK bool reading_own(struct db *db, json_t **own, struct err *err);

#endif
