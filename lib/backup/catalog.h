/*
 * Which snapshots an environment has, and which one is meant (SNAPSHOT of every program):
 *
 *	latest, latest~N     the newest, the Nth before it
 *	<id> or a prefix     as long as it is unique; ids begin with a digit
 *	label:X              the newest with that label
 *	@TIME                the newest at or before TIME
 *	ENV:SNAPSHOT         the same among another environment's
 *	PATH                 when it has a "/" or ends in ".mig.tar", or has a "." and is there;
 *	                     also file:///PATH
 *
 * A snapshot of a part of the database is never meant by latest or @TIME. One of another database,
 * made with -d or left in the store, is meant by those and by labels only when the environment's
 *own has none and all are of that one; then that is said.
 */
#ifndef BACKUP_CATALOG_H
#define BACKUP_CATALOG_H

#include "backup/grade.h"
#include "base/log.h"
#include "conf/config.h"
#include "pack/reader.h"
#include "store/store.h"

#define BACKUP_SUFFIX ".mig.tar"

struct backup_entry {
	char *id;
	char *label; /* NULL: none */
	char *store; /* name of the store; NULL: given by path */
	char *store_url; /* NULL: given by path */
	char *path; /* or URL */
	int64_t bytes;
	int64_t started_ms;
	int64_t seconds; /* that it took */
	int64_t tables, rows, plain_bytes;
	char *database;
	struct strvec revisions;
	struct grade_record grade;
	char *keep; /* why it is never removed, "" without a reason; NULL: it is not kept */
	bool partial; /* holds a part of the database, because it was asked for so */
	bool foreign; /* of another database than the environment's */
};
struct backup_list {
	struct backup_entry *items; /* oldest first */
	size_t count, alloc;
	struct strvec broken; /* "path: why": files that are no snapshots though named like one */
	char *database; /* the environment's; NULL: not known, then nothing is foreign */
};

/* All stores of the environment. Broken files are no error. ERR_STORAGE: a store unreachable. */
MUST_CHECK bool backup_list(const struct conf_env *env, struct log_sink *log,
	struct backup_list *list, struct err *err);
void backup_list_release(struct backup_list *list);
/*
 * The newest of the environment's whole database, not damaged, not of the future; NULL: none.
 * Points into list.
 */
const struct backup_entry *backup_newest(const struct backup_list *list, int64_t now_ms);
/* How long ago it was taken; -1: there is none. */
MUST_CHECK bool backup_newest_age(
	const struct conf_env *env, struct log_sink *log, int64_t *age_ms, struct err *err);
/* From an opened snapshot; store and path are copied. Marks are not looked at. */
void backup_entry_fill(struct backup_entry *entry, struct pack_reader *reader, const char *store,
	const char *path);
void backup_entry_release(struct backup_entry *entry);

/* Keeps what was found out about an opened snapshot (safety 19). */
MUST_CHECK bool backup_grade(const struct backup_entry *entry, struct pack_reader *reader,
	const struct grade_act *act, struct err *err);

struct backup_find {
	const struct conf_env *env;
	const char *(*getenv)(const char *name); /* for ENV:SNAPSHOT; NULL: refused */
	struct log_sink *log;
};
/* The file or folder that a word means; NULL: a snapshot of a store. Caller owns. */
char *backup_find_path(const char *word);
/* The snapshot that a word means, not opened yet. */
struct backup_found {
	char *path; /* given by path: all else is empty */
	struct conf_env *other; /* ENV:SNAPSHOT */
	const struct conf_env *env; /* whose it is; borrowed, or `other` */
	struct backup_list list; /* all of that environment */
	size_t index; /* of the one meant */
};
/*
 * ERR_NOTFOUND lists near ones, ERR_USAGE for an ambiguous prefix with its candidates. A TIME is
 * told back to find->log in UTC and local time. Whether a path leads to a snapshot is not looked
 * at.
 */
MUST_CHECK bool backup_find(const struct backup_find *find, const char *word,
	struct backup_found *found, struct err *err);
void backup_found_release(struct backup_found *found);
/* Opens what was found. entry may be NULL. ERR_CORRUPT for a file that is none. */
MUST_CHECK bool backup_open_found(const struct backup_found *found, struct log_sink *log,
	struct pack_reader **reader, struct backup_entry *entry, struct err *err);
/* Both at once. */
MUST_CHECK bool backup_open(const struct backup_find *find, const char *word,
	struct pack_reader **reader, struct backup_entry *entry, struct err *err);
/* The same among entries, pure: index of the one meant. */
MUST_CHECK bool backup_choose(
	const struct backup_list *list, const char *word, size_t *index, struct err *err);
/* The store of that name in an environment. */
MUST_CHECK bool backup_store_open(const struct conf_env *env, const char *name,
	struct log_sink *log, struct store **store, struct err *err);

#endif
