/*
 * A snapshot, with its marks, into another store or folder: checked while it is copied, there under
 * its name only when all of it is.
 */
#ifndef BACKUP_COPY_H
#define BACKUP_COPY_H

#include "backup/catalog.h"

struct backup_copy_settings {
	struct backup_find find;
	const char *word; /* SNAPSHOT */
	const char *to; /* name of a store, or a folder (with a "/", or "." or "..") */
	int64_t rate; /* bytes a second; 0: as fast as it goes */
	bool (*cancelled)(void *ctx); /* may be NULL */
	void *ctx;
};
struct backup_copied {
	char *id;
	char *store; /* NULL: a folder */
	char *path;
	int64_t bytes, ms;
	bool was_there; /* the same snapshot; only its marks were taken along */
};
void backup_copied_release(struct backup_copied *copied);
void backup_copied_lines(const struct backup_copied *copied, struct strvec *lines);
json_t *backup_copied_json(const struct backup_copied *copied); /* new reference */

/* ERR_REFUSED: another file of that name is there. ERR_CORRUPT: the source is damaged. */
MUST_CHECK bool backup_copy(
	const struct backup_copy_settings *settings, struct backup_copied *copied, struct err *err);

/* One that is open already, between two stores; for what create takes into further stores. */
MUST_CHECK bool backup_copy_file(struct pack_reader *from, struct store *to, const char *file,
	const struct backup_copy_settings *settings, struct err *err);

#endif
