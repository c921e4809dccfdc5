/*
 * The text of a dump, whatever its form: its file, or what pg_restore makes of an archive.
 */
#ifndef RESTORE_FOREIGN_SOURCE_H
#define RESTORE_FOREIGN_SOURCE_H

#include "restore/foreign.h"
#include "restore/foreign_read.h"

/* Errors as foreign_read(); what pg_restore says of an archive that it cannot read is in them. */
MUST_CHECK bool foreign_source_read(const struct restore_settings *settings,
	const struct foreign_dump *dump, const struct foreign_hands *hands, struct err *err);

#endif
