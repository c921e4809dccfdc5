/*
 * A snapshot of a part of the database: pg_dump's patterns, which pg_dump gets as they are, made
 * into conditions for our own lists of tables and sequences. That both mean the same tables is
 * looked at in the end.
 */
#ifndef BACKUP_CREATE_FILTER_H
#define BACKUP_CREATE_FILTER_H

#include "backup/create.h"
#include "db/db.h"

struct create_filter {
	bool partial; /* something was asked for; else all texts are "" or "false" */
	bool only; /* schemas or tables were named: what is in no schema is not in it */
	char *path; /* the role's search path, as an SQL literal; NULL when not partial */
	char *tables; /* " and (..)" over pg_class c and its namespace n */
	char *sequences; /* the same: also those that belong to chosen tables */
	char *emptied; /* condition over c and n: their rows are not held */
};
void create_filter_release(struct create_filter *filter);

/* ERR_USAGE: a pattern that cannot be meant, or options that exclude each other. Pure. */
MUST_CHECK bool create_filter_check(const struct backup_filter *asked, struct err *err);
/*
 * One pattern as regular expressions ("^(..)$"); *schema NULL: it names none. Caller owns both.
 * ERR_USAGE: more parts than schema.table. Pure.
 */
MUST_CHECK bool create_filter_regex(
	const char *pattern, char **schema, char **name, struct err *err);

/* Looks up the search path outside of any transaction, for tables that are named without schema. */
MUST_CHECK bool create_filter_make(const struct backup_filter *asked, struct db *db,
	struct create_filter *filter, struct err *err);
/* ERR_NOTFOUND names a pattern that nothing matches. */
MUST_CHECK bool create_filter_matches(const struct create_filter *filter,
	const struct backup_filter *asked, struct db *leader, struct err *err);
/* "table public.a", "rows of public.b", "large objects", ..: appended. */
MUST_CHECK bool create_filter_left_out(
	const struct create_filter *filter, struct db *leader, struct strvec *out, struct err *err);
/* ERR_LOCK when pg_dump's archive (as `pg_restore --list` tells it) defines other tables. */
MUST_CHECK bool create_filter_agrees(
	const struct create_filter *filter, struct db *leader, const char *list, struct err *err);
/* pg_dump's options, appended; as they were typed. */
void create_filter_options(const struct backup_filter *asked, struct strvec *argv);
/* Back from that, which is what `partial` of a manifest holds. */
void create_filter_read(const struct strvec *argv, struct backup_filter *asked);
void backup_filter_release(struct backup_filter *asked);

#endif
