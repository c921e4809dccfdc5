/*
 * Counts and content hashes of tables in a database, read once, in parallel, in one shared
 * snapshot: what proves a restore, and what tells a live database from a snapshot.
 */
#ifndef BACKUP_LOSS_MEASURE_H
#define BACKUP_LOSS_MEASURE_H

#include "db/db.h"
#include "pack/manifest.h"

struct load_worker;

struct loss_table {
	const char *schema, *name; /* borrowed */
	const struct strvec *columns; /* in the order that is hashed */
	const char *condition; /* "WHERE ...", NULL: all rows */
	int64_t weight; /* heavier ones are begun first; 0: unknown */
	void *owner; /* the caller's own: tables are reordered */
	struct pack_content content; /* the answer */
};

struct loss_measure {
	struct db_params params; /* the database to read */
	const char *encoding; /* client encoding for the rows; NULL: the database's own */
	const char *snapshot; /* exported by the caller, who keeps it; NULL: one of its own */
	int workers;
	bool (*cancelled)(void *ctx);
	void *cancel_ctx;
	const char *what; /* for the progress line */
};

/* COPY .. TO STDOUT of a table's rows; caller owns. */
char *loss_measure_sql(struct db *db, const struct loss_table *table);
/* Fills content of all tables, which may be reordered. */
MUST_CHECK bool loss_measure_tables(const struct loss_measure *measure, struct loss_table *tables,
	size_t count, struct err *err);

/* The same in one session, which may be in the midst of a transaction. */
MUST_CHECK bool loss_measure_session(
	struct db *db, struct loss_table *tables, size_t count, struct err *err);

/* One table in the session of a worker, which ends when others failed or on cancel. */
MUST_CHECK bool loss_measure_worker(
	struct load_worker *worker, struct loss_table *table, struct err *err);

/* What one COPY .. TO STDOUT gives, in a session with the settings of load_session.h. */
MUST_CHECK bool loss_measure_query(
	struct db *db, const char *copy_sql, struct pack_content *content, struct err *err);

#endif
