/*
 * The verbs of mig-backup that need no server: what they were asked, and who is told.
 */
#ifndef BACKUP_ANSWERS_H
#define BACKUP_ANSWERS_H

#include "backup/catalog.h"

struct backup_ask {
	struct backup_find find;
	const char *word; /* SNAPSHOT, where the verb takes one */
	const char *to; /* copy: store or folder */
	const char *max_age; /* status: a duration as typed; NULL: not asked */
	const char *reason, *who; /* keep */
	int64_t rate; /* copy: bytes a second; 0: no limit */
	const struct strvec *tables; /* cat */
	bool data_only; /* cat */
	bool every_table; /* show */
	bool off; /* keep */
	bool quiet; /* lines that only say that it was done are not wanted */
	bool (*cancelled)(void *unused);
	/* Results: lines for people, events and the one result for programs (fields are stolen). */
	void (*line)(void *ctx, const char *text);
	void (*event)(void *ctx, const char *event, json_t *fields);
	void (*result)(void *ctx, json_t *fields);
	bool (*bytes)(void *ctx, const void *bytes, size_t length, struct err *err); /* cat */
	void *ctx;
};

MUST_CHECK bool backup_answer_list(const struct backup_ask *ask, struct err *err);
MUST_CHECK bool backup_answer_show(const struct backup_ask *ask, struct err *err);
MUST_CHECK bool backup_answer_copy(const struct backup_ask *ask, struct err *err);
MUST_CHECK bool backup_answer_keep(const struct backup_ask *ask, struct err *err);
/* ERR_NO: the newest snapshot is older than was asked. */
MUST_CHECK bool backup_answer_status(const struct backup_ask *ask, struct err *err);

#endif
