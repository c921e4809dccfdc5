/* What the files of room db share among themselves. */
#ifndef DB_INTERNAL_H
#define DB_INTERNAL_H

#include "db/db.h"

/* Why PQconnect failed: ERR_DATABASE with a hint, and a SQLSTATE where it can be told. */
bool db_connect_error(PGconn *pg, struct err *err);

#endif
