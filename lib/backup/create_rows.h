/*
 * One COPY ... TO STDOUT into members of a snapshot: counted, hashed, compressed, cut at rows.
 */
#ifndef BACKUP_CREATE_ROWS_H
#define BACKUP_CREATE_ROWS_H

#include "db/db.h"
#include "pack/writer.h"

/* Buffers that are used from part to part; one per thread. */
struct create_rows;

struct create_rows *create_rows_new(
	struct pack_writer *writer, int level, bool (*stop)(void *ctx), void *ctx);
void create_rows_free(struct create_rows *rows);
DEFINE_AUTO(struct create_rows, create_rows_free)

/* Once for a session: rows come through it faster then. */
MUST_CHECK bool create_rows_prepare(struct db *db, struct err *err);
/*
 * Sends SQL whose last statement is a COPY ... TO STDOUT, in one round trip; what comes before it
 * gives no rows. After a failure no row has been read, and the session is free again.
 */
MUST_CHECK bool create_rows_begin(
	struct create_rows *rows, struct db *db, const char *sql, struct err *err);

struct create_rows_of {
	const char *prefix; /* of the members: "data/16384/0000" */
	uint32_t oid; /* of the table, 0: none */
	int64_t weight; /* progress is told up to this sum */
	void (*advance)(void *ctx, int64_t bytes);
	void *ctx;
};
/* All rows of the COPY that was begun. ERR_SIGNAL when stopped. */
MUST_CHECK bool create_rows_read(struct create_rows *rows, struct db *db,
	const struct create_rows_of *of, struct pack_content *content, struct err *err);

#endif
