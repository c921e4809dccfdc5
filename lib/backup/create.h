/*
 * Takes a snapshot (docs/snapshot-format.md): locks first, then one exported database snapshot that
 * pg_dump and all workers share; members are appended to one file while they come; nothing is kept
 * on disk beside it. Interrupted, failed or killed, it publishes nothing.
 */
#ifndef BACKUP_CREATE_H
#define BACKUP_CREATE_H

#include "conf/config.h"
#include "db/keys.h"
#include "pack/manifest.h"

/* Which part of the database: patterns of pg_dump. All empty: the whole. */
struct backup_filter {
	struct strvec schemas, exclude_schemas, tables, exclude_tables;
	struct strvec exclude_data; /* definitions without rows */
};

struct backup_settings {
	const struct conf_env *env;
	struct db_params target;
	const char *mig_run; /* MIG_RUN, NULL: started alone */
	int64_t lock_wait_ms; /* for the run and backup keys */
	int64_t lock_timeout_ms; /* for all table locks together; 0: 30 s */
	const char *label; /* NULL: none */
	const char *to; /* a path instead of the environment's store; NULL: the store */
	const char *pg_bin; /* folder of pg_dump and pg_restore; NULL: searched */
	int64_t level; /* of zstd; 0: the default */
	int64_t jobs; /* 0: one per processor */
	int64_t rate; /* bytes a second that are written; 0: as fast as it goes */
	struct backup_filter filter;
	bool yield_to_ddl; /* end (ERR_LOCK) when somebody waits for us to change a table */
	int64_t max_duration_ms; /* ERR_TIMEOUT when it takes longer; 0: no limit */
	const char *tool; /* "mig 0.1.0" */
	bool (*cancelled)(void *ctx); /* may be NULL */
	void *ctx;
	struct log_sink *log;
};

struct backup_result {
	char *id;
	char *store; /* NULL with `to` */
	char *path;
	int64_t bytes; /* of the file */
	int64_t tables, rows, plain_bytes;
	int64_t ms;
	struct strvec revisions;
	struct strvec notes; /* what is not covered */
	bool partial; /* a part of the database, as it was asked for */
};

/* ERR_USAGE: an option that cannot be meant. Looks at nothing but the settings and the path. */
MUST_CHECK bool backup_settings_check(const struct backup_settings *settings, struct err *err);
/*
 * ERR_LOCK: keys or table locks are not to be had (who holds them is said). ERR_REFUSED: the server
 * cannot hold that many locks. ERR_SQL: privileges, row security. ERR_STORAGE: the store, or full.
 */
MUST_CHECK bool backup_create(
	const struct backup_settings *settings, struct backup_result *result, struct err *err);
void backup_result_release(struct backup_result *result);

#endif
