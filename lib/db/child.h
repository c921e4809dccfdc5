/*
 * The way to a database for a child process (pg_dump, pg_restore, psql): all in its environment, so
 * that no password and no address stands in argv.
 */
#ifndef DB_CHILD_H
#define DB_CHILD_H

#include "db/db.h"

/*
 * Appends "PGHOST=..", "PGPASSWORD=.." and so on, as the open session `db` was reached, and unsets
 * what would change the child (PGOPTIONS, PGSERVICE ..). `dbname` may be another database of the
 * same server.
 */
void db_child_env(struct db *db, const char *dbname, struct strvec *env);

/*
 * "psql -h HOST -d shop -c '..'" (sql NULL: psql alone), to be typed as it stands where `db` was
 * opened: of the way there it says what psql would not take by itself. `same_role`: else any other,
 * as the owner of something. Caller owns.
 */
char *db_psql_command(const struct db *db, const char *sql, bool same_role);

/* Path of PostgreSQL's own program (NULL: not found): in PATH, else Debian's newest
 * /usr/lib/postgresql/N/bin. */
char *db_child_program(const char *name);

#endif
