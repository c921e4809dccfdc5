/*
 * Definitions of a snapshot as SQL text, for one session: where everything has to be in one
 * transaction, or where names in it are exchanged, pg_restore's own session will not do.
 */
#ifndef RESTORE_TEXT_H
#define RESTORE_TEXT_H

#include "restore/restore.h"

/*
 * What pg_restore says with these words (options, NULL at the end) and this list of entries (NULL:
 * all), appended; without psql's commands.
 */
MUST_CHECK bool restore_text_read(const struct restore_settings *settings, const char *const *words,
	const char *list, struct strbuf *text, struct err *err);
/* One section, with the settings' choice of tablespaces, roles and subscriptions. */
MUST_CHECK bool restore_text_section(const struct restore_settings *settings, const char *section,
	const char *list, struct strbuf *text, struct err *err);

/*
 * Runs it, statement by statement, with the roles of settings->role_map exchanged; the statement
 * that the server refuses is in the error's detail.
 */
MUST_CHECK bool restore_text_run(
	const struct restore_settings *settings, struct db *db, const char *text, struct err *err);
MUST_CHECK bool restore_text_statement(
	const struct restore_settings *settings, struct db *db, const char *sql, struct err *err);
/* They are without their semicolons. */
MUST_CHECK bool restore_text_statements(const struct restore_settings *settings, struct db *db,
	const struct strvec *statements, struct err *err);
/*
 * Does it give schema public away? Until PostgreSQL 14 that of a new database belongs to the first
 * superuser of the server: for others than superusers it is left out there.
 */
bool restore_text_gives_public(const char *sql);
/* The words of a statement that the server refused belong to its report. */
bool restore_text_blame(struct err *err, const char *sql);
/* The whole text with roles exchanged, or without security labels, in its place. */
MUST_CHECK bool restore_text_map(
	const struct strvec *map, bool no_labels, struct strbuf *text, struct err *err);
/* Calls each statement, without its semicolon, until one fails. */
MUST_CHECK bool restore_text_each(const char *text,
	bool (*each)(void *ctx, const char *sql, struct err *err), void *ctx, struct err *err);

#endif
