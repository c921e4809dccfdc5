/*
 * Inside a restore: its stages, shared in this room only.
 */
#ifndef RESTORE_ROOM_H
#define RESTORE_ROOM_H

#include "restore/early.h"
#include "restore/restore.h"

/* Tells that work on this database comes to a new stage. */
void restore_stage(const struct restore_settings *settings, const char *database, const char *name);

/*
 * One section of schema.pgdump ("pre-data", "post-data") by pg_restore into `database`. list: only
 * these entries ("12;" per line); NULL: all.
 */
MUST_CHECK bool restore_ddl(const struct restore_settings *settings, struct db *server,
	const char *database, const char *section, const char *list, struct err *err);
/* What pg_restore says of it with these options (NULL at the end), line by line; no database. */
MUST_CHECK bool restore_ddl_read(const struct restore_settings *settings, const char *const *words,
	const char *list, void (*on_line)(void *ctx, const char *line), void *ctx, struct err *err);

/* Owners, privileges, comments and labels of large objects; lines of what differs are appended. */
MUST_CHECK bool restore_prove_large(const struct restore_settings *settings, struct db *db,
	struct strvec *different, struct err *err);

/* pg_restore itself; ERR_FAILED says how to get it. Caller owns. */
MUST_CHECK bool restore_ddl_program(char **program, struct err *err);
/*
 * An archive of pg_dump, by its absolute path; settings->reader is not used. words: options that
 * choose a part of it, NULL at the end; list: as above.
 */
MUST_CHECK bool restore_ddl_archive(const struct restore_settings *settings, struct db *server,
	const char *database, const char *archive, const char *const *words, const char *list,
	struct err *err);
/* Its table of contents, line by line. */
MUST_CHECK bool restore_ddl_archive_list(const struct restore_settings *settings,
	const char *archive, void (*on_line)(void *ctx, const char *line), void *ctx,
	struct err *err);

/* May the session's role make all of the snapshot? (rights.h) makes_database: and a database. */
MUST_CHECK bool restore_check_rights(const struct restore_settings *settings, struct db *server,
	bool makes_database, struct err *err);
/* And its rows alone? Large objects have owners. */
MUST_CHECK bool restore_check_rights_of_rows(
	const struct restore_settings *settings, struct db *db, struct err *err);
/* What of restore_check() a dump needs: a primary, a free name, roles, space (check.c). */
struct foreign_facts;
MUST_CHECK bool restore_check_dump(const struct restore_settings *settings,
	const struct foreign_facts *facts, struct db *server, struct err *err);

/*
 * Removes a copy that came to nothing, in a session of its own: the other may be broken, or asked
 * to stop. What cannot be removed is told.
 */
void restore_drop_copy(const struct restore_settings *settings, const struct copies_place *place,
	struct copies_item *copy);

/*
 * Reads every row back and compares counts and hashes with the manifest. early: what was read
 * already.
 */
MUST_CHECK bool restore_prove(const struct restore_settings *settings, const char *database,
	struct restore_early *early, struct err *err);
/* The same in one session, which may be in the midst of a transaction. */
MUST_CHECK bool restore_prove_session(
	const struct restore_settings *settings, struct db *db, struct err *err);

#endif
