/*
 * Counts and content hashes of tables in a database, read once, in parallel, in one shared
 * snapshot: what proves a restore, and what tells a live database from a snapshot.
 */
#ifndef COMPARE_MEASURE_H
#define COMPARE_MEASURE_H

#include "db/db.h"
#include "pack/manifest.h"

struct db_worker;

struct compare_table {
	const char *schema, *name; /* borrowed */
	const struct strvec *columns; /* in the order that is hashed */
	const char *condition; /* "WHERE ...", NULL: all rows */
	int64_t weight; /* heavier ones are begun first; 0: unknown */
	void *owner; /* the caller's own: tables are reordered */
	struct pack_content content; /* the answer */
};

struct compare_measure {
	struct db_params params; /* the database to read */
	const char *encoding; /* client encoding for the rows; NULL: the database's own */
	const char *snapshot; /* exported by the caller, who keeps it; NULL: one of its own */
	int workers;
	bool (*cancelled)(void *ctx);
	void *cancel_ctx;
	const char *what; /* for the progress line */
};

/* COPY .. TO STDOUT of a table's rows; caller owns. */
char *compare_measure_sql(struct db *db, const struct compare_table *table);
/* Fills content of all tables, which may be reordered. */
MUST_CHECK bool compare_measure_tables(const struct compare_measure *measure,
	struct compare_table *tables, size_t count, struct err *err);

/* The same in one session, which may be in the midst of a transaction. */
MUST_CHECK bool compare_measure_session(
	struct db *db, struct compare_table *tables, size_t count, struct err *err);

/* One table in the session of a worker, which ends when others failed or on cancel. */
MUST_CHECK bool compare_measure_worker(
	struct db_worker *worker, struct compare_table *table, struct err *err);

/* What one COPY .. TO STDOUT gives, in a session with the settings of db/copy_session.h. */
MUST_CHECK bool compare_measure_query(
	struct db *db, const char *copy_sql, struct pack_content *content, struct err *err);

#endif
