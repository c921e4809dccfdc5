/*
 * A snapshot as one stream of SQL for psql: definitions, rows, sequences, large objects, then
 * indexes, constraints and privileges; what restore.sh does with the parts. No database is needed.
 *
 * All of it is one transaction: a stream that ends early, because the snapshot is damaged or the
 * disk is gone, changes nothing.
 */
#ifndef RESTORE_CAT_H
#define RESTORE_CAT_H

#include "backup/answers.h"
#include "base/log.h"
#include "pack/reader.h"

struct restore_cat {
	struct pack_reader *reader;
	/* patterns: these tables, with what they need and what is theirs; empty: everything */
	const struct strvec *tables;
	bool data_only; /* with tables: their rows alone */
	bool (*write)(void *ctx, const void *bytes, size_t length, struct err *err);
	void *ctx;
	bool (*cancelled)(void *unused); /* may be NULL */
	struct log_sink *log;
};

/* ERR_NOTFOUND: no table matches a pattern; ERR_CORRUPT names the damaged member. */
MUST_CHECK bool restore_cat(const struct restore_cat *settings, struct err *err);

/* The same for mig-backup cat. */
MUST_CHECK bool restore_cat_answer(const struct backup_ask *ask, struct err *err);

#endif
