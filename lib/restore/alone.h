/*
 * Work of one session in one transaction: it is committed whole, or the database is as it was. The
 * connection that is lost, the process that dies, the disk that is full: the server rolls back.
 */
#ifndef RESTORE_ALONE_H
#define RESTORE_ALONE_H

#include "db/pool.h"
#include "restore/restore.h"

struct restore_alone {
	const struct restore_settings *settings;
	const char *database;
	bool keyed; /* it is the live database: the work key is held in it */
	/* Between BEGIN and COMMIT, in a session with the settings of db/copy_session.h. */
	bool (*work)(struct restore_alone *alone, struct db_worker *worker, struct err *err);
	void *ctx;
};
/* ERR_DOUBT: the connection was lost at COMMIT, and the server could not be asked. */
MUST_CHECK bool restore_alone_run(struct restore_alone *alone, struct err *err);

/*
 * The rows of a table of the snapshot into `target` (quoted, with schema), which has its columns.
 * *rows: how many came in, as many as the snapshot says. freeze: it was made in this transaction.
 */
MUST_CHECK bool restore_alone_rows(struct restore_alone *alone, struct db_worker *worker,
	const struct pack_table *table, const char *target, bool freeze, struct err *err);
/* All rows, those of extensions first, each table into the one of its name; made just now. */
MUST_CHECK bool restore_alone_all_rows(struct restore_alone *alone, struct db_worker *worker,
	bool freeze, int64_t *rows, struct err *err);
/* Values of sequences; large objects with owner, privileges, comment and content. */
MUST_CHECK bool restore_alone_sequences(
	struct restore_alone *alone, struct db_worker *worker, struct err *err);
MUST_CHECK bool restore_alone_large_objects(
	struct restore_alone *alone, struct db_worker *worker, struct err *err);

#endif
