/*
 * The spool: one file per message that waits, named by its time, 0600 in a 0700 folder. Whoever
 * tries a message holds a lock on its file, so that no two programs send the same one.
 */
#ifndef ALERT_SPOOL_H
#define ALERT_SPOOL_H

#include "base/err.h"
#include "base/log.h"
#include "base/strvec.h"

/* A message in hand, locked. */
struct alert_spool_entry {
	char *path;
	int fd;
	char *receiver;
	char *id;
	json_t *kept;
};
#define AUTO_ALERT_SPOOL_ENTRY(name) \
	CLEANUP(alert_spool_entry_release) struct alert_spool_entry name = {.fd = -1}
/* Unlocks; the file stays unless alert_spool_remove() came before. */
void alert_spool_entry_release(struct alert_spool_entry *entry);

/* Writes entry->receiver, id and kept durably; the entry is locked from then on. */
MUST_CHECK bool alert_spool_put(
	const char *directory, struct alert_spool_entry *entry, struct err *err);
/* File names, oldest first. */
MUST_CHECK bool alert_spool_list(const char *directory, struct strvec *names, struct err *err);
/*
 * Takes one in hand. *entry->kept is NULL with true when there is nothing to do: somebody else has
 * it, or it is gone. A damaged file is ERR_CORRUPT (and in hand, so that it can be removed).
 */
MUST_CHECK bool alert_spool_take(
	const char *directory, const char *name, struct alert_spool_entry *entry, struct err *err);
MUST_CHECK bool alert_spool_remove(struct alert_spool_entry *entry, struct err *err);
/* Removes what is older than 7 days and, oldest first, what is over 50; each is logged. */
void alert_spool_trim(const char *directory, struct log_sink *log);

#endif
