/*
 * What definitions ask of the role that makes them: objects are given to their owners by a member
 * of these alone, and some are for superusers. Looked at before anything is made: some of it comes
 * behind all rows.
 */
#ifndef RESTORE_RIGHTS_H
#define RESTORE_RIGHTS_H

#include "restore/restore.h"

struct restore_rights {
	struct strvec become; /* roles, as the definitions call them */
	struct strvec superuser; /* how the statements begin */
	struct strvec public; /* owner of schema public */
};
void restore_rights_release(struct restore_rights *rights);

MUST_CHECK bool restore_rights_add(struct restore_rights *rights, const char *sql, struct err *err);
/* Of a snapshot. */
enum restore_rights_of {
	RESTORE_RIGHTS_DEFINITIONS = 1,
	RESTORE_RIGHTS_LARGE_OBJECTS = 2,
};
MUST_CHECK bool restore_rights_read(struct pack_reader *reader, unsigned int of,
	struct restore_rights *rights, struct err *err);

/* Borrowed throughout. */
struct restore_needed {
	const struct restore_rights *rights;
	const struct strvec *extensions, *tablespaces; /* NULL: none */
	bool makes_database;
};
/* ERR_REFUSED: all that the session's role may not do, and what to type. */
MUST_CHECK bool restore_rights_check(const struct restore_settings *settings,
	const struct restore_needed *needed, struct db *server, struct err *err);

#endif
