/*
 * Which snapshots an environment has, and which one is meant (SNAPSHOT of every program):
 *
 *	latest, latest~N     the newest, the Nth before it
 *	<id> or a prefix     as long as it is unique; ids begin with a digit
 *	label:X              the newest with that label
 *	@TIME                the newest at or before TIME
 *	ENV:SNAPSHOT         the same among another environment's
 *	PATH                 a file, when it has a "/" or ends in ".mig.tar"
 */
#ifndef BACKUP_CATALOG_H
#define BACKUP_CATALOG_H

#include "backup/grade.h"
#include "base/log.h"
#include "conf/config.h"
#include "pack/reader.h"

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
	char *revisions; /* "3f9c1a7be2d4, 91.." or "" */
	struct grade_record grade;
};
struct backup_list {
	struct backup_entry *items; /* oldest first */
	size_t count, alloc;
	struct strvec broken; /* "path: why": files that are no snapshots though named like one */
};

/* All stores of the environment. Broken files are no error. ERR_STORAGE: a store unreachable. */
MUST_CHECK bool backup_list(const struct conf_env *env, struct log_sink *log,
	struct backup_list *list, struct err *err);
void backup_list_release(struct backup_list *list);
/* From an opened snapshot; store and path are copied. */
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
/*
 * Opens the snapshot that `word` means. ERR_NOTFOUND lists near ones, ERR_USAGE for an ambiguous
 * prefix with its candidates, ERR_CORRUPT for a file that is none. entry may be NULL.
 */
MUST_CHECK bool backup_open(const struct backup_find *find, const char *word,
	struct pack_reader **reader, struct backup_entry *entry, struct err *err);
/* The same among entries, pure: index of the one meant. */
MUST_CHECK bool backup_choose(
	const struct backup_list *list, const char *word, size_t *index, struct err *err);

#endif
