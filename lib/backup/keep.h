/*
 * The mark that keeps a snapshot: whatever retention says, nothing of mig removes it.
 */
#ifndef BACKUP_KEEP_H
#define BACKUP_KEEP_H

#include "backup/catalog.h"

struct backup_keep {
	struct backup_find find;
	const char *word; /* SNAPSHOT */
	bool off; /* take the mark away */
	const char *reason; /* NULL: none */
	const char *who; /* of the record */
};
struct backup_kept {
	char *id;
	struct strvec places; /* "store local", or a path: every one whose mark was set */
	bool off; /* it is not kept any more */
	bool was_so; /* nothing was to be done */
};
void backup_kept_release(struct backup_kept *kept);
void backup_kept_lines(const struct backup_kept *kept, struct strvec *lines);
json_t *backup_kept_json(const struct backup_kept *kept); /* new reference */

/* In every store of the environment that has the snapshot; by path: beside that file. */
MUST_CHECK bool backup_keep(
	const struct backup_keep *settings, struct backup_kept *kept, struct err *err);

#endif
