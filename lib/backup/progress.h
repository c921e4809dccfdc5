/*
 * A backup that runs, told to others: one small JSON file per backup in the state directory,
 * `backups/<id>.json`, replaced while it works and removed when it ends. What a killed one left is
 * known by its process, which is not there any more.
 */
#ifndef BACKUP_PROGRESS_H
#define BACKUP_PROGRESS_H

#include "base/log.h"
#include "conf/config.h"

/* --- telling ---------------------------------------------------------------------------------- */

struct progress;

/* Also removes what dead ones left. The file is there from now on; what fails is only told. */
struct progress *progress_begin(
	const struct conf_env *env, const char *id, const char *mig_run, struct log_sink *log);
/* "locking", "definitions", "rows", ..: from now on. */
void progress_phase(struct progress *progress, const char *phase);
/* Writes it anew, if that was not done in the last second. */
void progress_tick(struct progress *progress);
/* Hand it down in place of the log: everything goes on to that one, and figures are kept. */
struct log_sink *progress_sink(struct progress *progress);
/* Removes the file. */
void progress_end(struct progress *progress);
DEFINE_AUTO(struct progress, progress_end)

/* --- looking ---------------------------------------------------------------------------------- */

enum progress_life { PROGRESS_LIVES, PROGRESS_DEAD, PROGRESS_ELSEWHERE /* on another host */ };
const char *progress_life_word(enum progress_life life);

struct progress_item {
	enum progress_life life;
	json_t *fields; /* as in the file, see docs/events.md */
};
struct progress_list {
	struct progress_item *items;
	size_t count, alloc;
};
/* A file that cannot be read is passed over: it may just have been removed. */
MUST_CHECK bool progress_read(
	const struct conf_env *env, struct progress_list *list, struct err *err);
void progress_list_release(struct progress_list *list);
/* "backup 2026.. pid 123: rows, 1.2 GiB of 3 GiB (40 %), since ..."; caller owns. */
char *progress_line(const struct progress_item *item);

#endif
