/*
 * An archive of pg_dump into an empty database, by pg_restore with several sessions.
 *
 * pg_dump orders the rows of extensions' configuration tables by their foreign keys, which stand as
 * soon as the extension is made. Several sessions of pg_restore do not keep to that order: such
 * rows come first, in one.
 */
#ifndef RESTORE_FOREIGN_ARCHIVE_H
#define RESTORE_FOREIGN_ARCHIVE_H

#include "restore/foreign.h"

MUST_CHECK bool foreign_archive_load(const struct restore_settings *settings,
	const struct foreign_dump *dump, const struct foreign_facts *facts, struct db *server,
	const char *database, struct err *err);

#endif
