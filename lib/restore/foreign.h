/*
 * Dumps of pg_dump become databases: a copy beside the live one, or a database of another name.
 *
 * A dump carries no hashes, so that nothing can prove what came out of it: the mark of the copy
 * says so. Before anything is made the dump is read once to its end; what is cut short, or would
 * reach outside of the copy, is refused then.
 */
#ifndef RESTORE_FOREIGN_H
#define RESTORE_FOREIGN_H

#include "foreign/probe.h"
#include "restore/restore.h"
#include "restore/rights.h"

/* What the first reading finds in a dump. */
struct foreign_facts {
	char *server; /* "15.18": of which it was made; NULL: it does not say */
	char *pg_dump; /* by which; NULL: it does not say */
	int64_t rows, bytes; /* in COPY */
	int64_t inserts; /* statements of pg_dump --inserts */
	struct strvec roles, tablespaces, extensions; /* that it names */
	struct restore_rights rights;
	bool event_triggers;
	struct strvec left_out; /* kinds of statements that are not run (foreign_fate.h) */
};
void foreign_facts_release(struct foreign_facts *facts);
/* "10 rows", "10 INSERTs": what the first reading counted; caller owns. */
char *foreign_facts_rows(const struct foreign_facts *facts);

/*
 * Reads all of it, without a server; of the settings, only `cancelled`, `no_tablespaces` and `log`
 * count. ERR_CORRUPT: cut short or unreadable; ERR_REFUSED: commands of psql, statements that reach
 * outside of the database; ERR_CONFIG: made by a newer pg_dump.
 */
MUST_CHECK bool foreign_look(const struct restore_settings *settings,
	const struct foreign_dump *dump, struct foreign_facts *facts, struct err *err);
/* After restore_check_dump() (room.h); settings->reader is NULL. */
MUST_CHECK bool foreign_restore(const struct restore_settings *settings,
	const struct foreign_dump *dump, const struct foreign_facts *facts,
	struct restore_outcome *outcome, struct err *err);

#endif
