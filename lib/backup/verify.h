/*
 * Proves a snapshot file without a database: layout, every header, padding, SHA-256 and zstd frame,
 * and row counts and content hashes of every table computed anew from the members.
 */
#ifndef BACKUP_VERIFY_H
#define BACKUP_VERIFY_H

#include "backup/catalog.h"

struct backup_verify {
	bool (*cancelled)(void *ctx); /* may be NULL */
	void *ctx;
	struct log_sink *log;
};

struct backup_verified {
	int64_t members, bytes; /* of the file */
	int64_t tables, rows, plain_bytes;
	int64_t ms;
};

/*
 * Keeps a grade beside the snapshot. What cannot be kept is warned of, and false: the answer of a
 * verification does not depend on it.
 */
bool backup_verify_note(const struct backup_entry *entry, struct pack_reader *reader,
	const struct grade_act *act, struct log_sink *log);

/* ERR_CORRUPT names the member or table. */
MUST_CHECK bool backup_verify(struct pack_reader *reader, const struct backup_verify *settings,
	struct backup_verified *verified, struct err *err);

#endif
