/*
 * The contents of a dump into an empty database.
 */
#ifndef RESTORE_FOREIGN_LOAD_H
#define RESTORE_FOREIGN_LOAD_H

#include "restore/foreign.h"

/*
 * Archives by pg_restore with several sessions; text, and archives whose roles have other names
 * here or whose event triggers have to wait, statement by statement in one. server: an open
 * session, for its address.
 */
MUST_CHECK bool foreign_load(const struct restore_settings *settings,
	const struct foreign_dump *dump, const struct foreign_facts *facts, struct db *server,
	const char *database, struct err *err);

#endif
