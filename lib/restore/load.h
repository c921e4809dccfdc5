/*
 * Rows of a snapshot into a database that has its tables and nothing else yet: no index, no
 * constraint, no trigger. Sessions of their own, several at once; each table in one transaction.
 */
#ifndef RESTORE_LOAD_H
#define RESTORE_LOAD_H

#include "db/db.h"
#include "db/keys.h"
#include "pack/reader.h"

/* Locks that a step takes, weakest first; which of them conflict, load_order.c knows. */
enum load_lock {
	LOAD_READ, /* ACCESS SHARE, ROW SHARE */
	LOAD_CHECK, /* SHARE UPDATE EXCLUSIVE: ANALYZE, VALIDATE CONSTRAINT */
	LOAD_BUILD, /* SHARE: CREATE INDEX */
	LOAD_LINK, /* SHARE ROW EXCLUSIVE: ADD FOREIGN KEY, of both tables */
	LOAD_ALTER, /* ACCESS EXCLUSIVE */
};
struct load_claim {
	uint32_t table; /* its OID in the manifest; 0: none */
	enum load_lock lock;
};
#define LOAD_CLAIMS 2

/* A statement for when rows are in: an index, a constraint; a table's statistics. */
#define LOAD_NEEDS 2
struct load_follow {
	uint32_t table; /* after the rows of this table; 0: of all tables */
	int64_t weight; /* bytes of rows that it reads; heavier ones are begun first */
	const char *sql; /* borrowed; NULL: ANALYZE of the table, behind all that it should see */
	bool seen; /* ANALYZE of the table comes behind it */
	size_t needs[LOAD_NEEDS]; /* place of another that comes before, + 1; 0: none */
	struct load_claim claims[LOAD_CLAIMS];
};

/*
 * Tables to look at while a worker would have to wait for others: one is begun only when its rows
 * are in and other work runs. What was not begun is left to the caller, or to the next call.
 */
struct db_worker;
struct load_leisure {
	struct load_leisure_item {
		const struct pack_table *table; /* of the reader's manifest */
		bool begun;
	} * items; /* in the order of their turn */
	size_t count;
	bool (*run)(void *ctx, struct db_worker *worker, size_t item, struct err *err);
	void *ctx;
};

/* Definitions before the rows that are still to be made: by one session, before all other steps. */
struct load_definitions {
	bool (*run)(void *ctx, struct db_worker *worker, struct err *err);
	void *ctx;
	const bool *early; /* by index of the manifest's tables: need not wait for it */
};

struct load_settings {
	struct pack_reader *reader;
	struct db_params params; /* the database to load into */
	struct keys *keys; /* looked at before each commit; NULL: none */
	int workers;
	const bool *loaded; /* by index of the manifest's tables: not to be loaded; NULL: none */
	const struct strvec *role_map; /* of large objects' owners; NULL: none */
	bool no_security_labels; /* for large objects */
	struct load_leisure *leisure; /* NULL: none */
	const struct load_definitions *definitions; /* for load_rows(); NULL: all are there */
	bool (*cancelled)(void *ctx);
	void *cancel_ctx;
	struct log_sink *log;
};

/*
 * Extension tables first, one by one; then the others, largest first, and what follows them as soon
 * as it can. *rows: how many came in.
 */
MUST_CHECK bool load_rows(const struct load_settings *settings, const struct load_follow *follows,
	size_t follow_count, int64_t *rows, struct err *err);
/* What nobody had the leisure for, in all workers. */
MUST_CHECK bool load_leisure_rest(const struct load_settings *settings, struct err *err);
/*
 * Lists of statements, each list in its order, several lists at once. Goes on behind a statement
 * that the server refuses: *refused gets "sql: why".
 */
MUST_CHECK bool load_statements_each(const struct load_settings *settings,
	const struct strvec *lists, size_t count, struct strvec *refused, struct err *err);
/* Values of all sequences, in batches. */
MUST_CHECK bool load_sequences(const struct load_settings *settings, struct err *err);
/* Large objects: made with owner, privileges and comment, then filled. */
MUST_CHECK bool load_large_objects(const struct load_settings *settings, struct err *err);
/* For load_object_member(): once in its session. */
#define LOAD_OBJECT_BYTES \
	"create temporary table mig_large_object_bytes" \
	" (object pg_catalog.oid, start pg_catalog.int8, bytes pg_catalog.bytea)"
/* One member of their contents, in the caller's transaction. */
MUST_CHECK bool load_object_member(struct db_worker *worker, struct pack_reader *reader,
	const struct pack_member *member, struct err *err);
/* Statistics of every table and partitioned table. done: by index of the manifest's tables; or
 * NULL. */
MUST_CHECK bool load_analyze(
	const struct load_settings *settings, const bool *done, struct err *err);

/*
 * Sends a stream as COPY data; `sql` is the COPY command. `sent` (may be NULL) is told about each
 * chunk, with the pool's ctx. rows: so many must come in, else ERR_CORRUPT.
 */
MUST_CHECK bool load_copy(struct db_worker *worker, const char *sql, struct pack_stream *stream,
	int64_t rows, void (*sent)(void *ctx, size_t bytes), struct err *err);
/*
 * All rows of a table into `target` (quoted, with schema), which has its columns. freeze: it was
 * made or emptied in this transaction.
 */
MUST_CHECK bool load_table_rows(struct db_worker *worker, struct pack_reader *reader,
	const struct pack_table *table, const char *target, bool freeze,
	void (*sent)(void *ctx, size_t bytes), struct err *err);
/*
 * The table of its name; or *routed: the root, through which rows of enum partitions may find
 * their way to others than they came from. Quoted; caller owns.
 */
char *load_target(struct db *db, const struct pack_manifest *manifest,
	const struct pack_table *table, bool *routed);

#endif
