/*
 * How young the newest snapshot is, and which backup runs: for people and for monitoring.
 */
#ifndef BACKUP_STATUS_H
#define BACKUP_STATUS_H

#include "backup/catalog.h"
#include "backup/progress.h"

struct backup_status {
	struct backup_list list;
	struct progress_list running;
	const struct backup_entry *newest; /* of a whole database; NULL: none. In list. */
	int64_t age_ms; /* of its moment, not of its end; with newest */
};

/* ERR_STORAGE when a store cannot be read: then nothing is known. */
MUST_CHECK bool backup_status_read(const struct conf_env *env, struct log_sink *log,
	struct backup_status *status, struct err *err);
void backup_status_release(struct backup_status *status);
/* ERR_NO when there is none, or none as young as that. */
MUST_CHECK bool backup_status_young(
	const struct backup_status *status, int64_t max_age_ms, struct err *err);
void backup_status_lines(const struct backup_status *status, struct strvec *lines);
/* max_age_ms -1: was not asked. New reference. */
json_t *backup_status_json(const struct backup_status *status, int64_t max_age_ms);

#endif
