/*
 * Rows of configuration tables of extensions. Their constraints stand already, and the extensions'
 * scripts may have put rows there: these go first.
 */
#ifndef RESTORE_LOAD_EXTENSIONS_H
#define RESTORE_LOAD_EXTENSIONS_H

#include "db/pool.h"
#include "pack/reader.h"

/*
 * All of them, in the worker's open transaction. sent: see load_copy(); *rows: how many came in.
 * Where they refer to one another in a circle, the role has to own them.
 */
MUST_CHECK bool load_extension_tables(struct db_worker *worker, struct pack_reader *reader,
	void (*sent)(void *ctx, size_t bytes), int64_t *rows, struct err *err);

#endif
