/*
 * A clone: the live database copied whole by the server (CREATE DATABASE .. TEMPLATE), as a restore
 * point that is put back in an instant. It is never a snapshot (safety 20): it lies on the same
 * disk, and nothing that asks for snapshots sees it.
 *
 * While the server copies, nobody can connect to the live database. So it needs the fence, held by
 * whoever asks for it, and a limit on that time.
 */
#ifndef COPIES_CLONE_H
#define COPIES_CLONE_H

#include "conf/config.h"
#include "db/db.h"
#include <jansson.h>

#define CLONE_OFFLINE_MS 60000 /* when nothing else is said */

struct clone_settings {
	const struct conf_env *env;
	struct db_params target; /* the live database */
	const char *mig_run; /* MIG_RUN, NULL: started alone */
	int64_t lock_wait_ms;
	int64_t max_offline_ms; /* longest time that nobody can connect; 0: CLONE_OFFLINE_MS */
	struct log_sink *log;
};

struct clone_result {
	char *database;
	char *of; /* the live database */
	int64_t bytes;
	int64_t offline_ms; /* that nobody could connect */
};
void clone_result_release(struct clone_result *result);
/* For people (appended); and under --json, new reference. */
void clone_result_lines(const struct clone_result *result, struct strvec *lines);
json_t *clone_result_json(const struct clone_result *result);

/*
 * ERR_REFUSED: no fence of ours, or it would take longer than allowed. ERR_TIMEOUT: it did, and
 * was stopped. ERR_STORAGE: no room. ERR_LOCK: a run holds the key. Nothing is left then.
 */
MUST_CHECK bool clone_create(
	const struct clone_settings *settings, struct clone_result *result, struct err *err);

/*
 * How long the server will need for so many bytes. measured_bytes and measured_ms: the last clone
 * here, 0 when there was none (or too small a one to tell). Pure.
 */
int64_t clone_estimate_ms(int64_t bytes, int64_t measured_bytes, int64_t measured_ms);

#endif
