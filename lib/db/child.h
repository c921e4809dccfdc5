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

/* Path of PostgreSQL's own program (NULL: not found): in PATH, else Debian's newest
 * /usr/lib/postgresql/N/bin. */
char *db_child_program(const char *name);

#endif
