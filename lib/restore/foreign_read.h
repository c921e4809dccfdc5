/*
 * The text of a dump, cut into statements and rows: what psql would do with it, without psql. No
 * more of it is in memory than one statement or one row.
 */
#ifndef RESTORE_FOREIGN_READ_H
#define RESTORE_FOREIGN_READ_H

#include "foreign/text.h"

/* Errors that bear no place get that of the statement. */
struct foreign_hands {
	/* Without its semicolon. rows: it is COPY .. FROM stdin, and its rows follow. */
	bool (*statement)(void *ctx, const char *sql, bool rows, struct err *err);
	/* With its newline; without one the text ended there, and foreign_read will refuse it. */
	bool (*row)(void *ctx, const char *line, size_t length, struct err *err);
	bool (*rows_end)(void *ctx, struct err *err);
	void (*comment)(void *ctx, const char *line); /* between statements; may be NULL */
	void *ctx;
};
/*
 * ERR_CORRUPT: it ends before pg_dump's closing line. ERR_REFUSED names the line: a command of
 * psql. Stepped over are \restrict and \unrestrict, and behind CREATE DATABASE \connect to one
 * database, as pg_dump --create writes it.
 */
MUST_CHECK bool foreign_read(
	struct foreign_text *text, const struct foreign_hands *hands, struct err *err);

#endif
