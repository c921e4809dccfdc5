/*
 * Proves a snapshot file without a database: layout, every header, padding, SHA-256 and zstd frame,
 * and row counts and content hashes of every table computed anew from the members.
 */
#ifndef BACKUP_VERIFY_H
#define BACKUP_VERIFY_H

#include "base/log.h"
#include "pack/reader.h"

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

/* ERR_CORRUPT names the member or table. */
MUST_CHECK bool backup_verify(struct pack_reader *reader, const struct backup_verify *settings,
	struct backup_verified *verified, struct err *err);

#endif
