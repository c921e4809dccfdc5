/*
 * A snapshot becomes a database: side by side with the live one, or under a name of its own.
 *
 * Nothing existing is touched. The new database bears a name and a mark of mig (copies/copies.h)
 * until it is complete and its rows are proved; a failure drops it, a kill leaves it listed.
 */
#ifndef RESTORE_RESTORE_H
#define RESTORE_RESTORE_H

#include "copies/copies.h"
#include "db/keys.h"
#include "pack/reader.h"

struct restore_settings {
	struct pack_reader *reader;
	struct db_params target; /* the server; other databases are reached by dbname */
	struct keys *keys; /* KEYS_RUN */
	const char *state_dir;
	const char *live; /* raw name of the environment's database */
	const char *to_db; /* a database of this name, with the recorded owner, privileges,
			      settings and comment; NULL: a copy of `live`, side by side */
	bool scratch; /* a scratch database, which can never become live */
	const char *run;
	int workers;
	int64_t max_wal; /* bytes that the server's pg_wal may grow to; 0: see wal.h */
	const struct strvec *role_map; /* "OLD=NEW" (schema/roles.h); NULL: none */
	bool no_tablespaces; /* everything goes where the database is */
	bool no_security_labels; /* nothing gets one */
	const struct copies_item *resume; /* a half-made copy to go on with; NULL: a new one */
	bool schema_only; /* definitions alone: never proved */
	bool keep_failed;
	bool allow_unpopulated; /* views that cannot be filled are only told of */
	bool no_proof; /* rows are not read back: the copy cannot be swapped in */
	bool (*cancelled)(void *ctx);
	void *cancel_ctx;
	struct log_sink *log;
};

struct restore_outcome {
	char *database; /* the copy, or to_db */
	uint32_t oid;
	int64_t tables, rows;
	bool proved;
	struct strvec unpopulated; /* materialized views that could not be filled: "s.v: why" */
	int64_t took_ms;
};
void restore_outcome_release(struct restore_outcome *outcome);

/*
 * Is there everything that the snapshot needs? Roles, tablespaces, extensions, disk space, a free
 * name. ERR_REFUSED lists all that is missing; ERR_STORAGE when the disk is too small.
 */
MUST_CHECK bool restore_check(
	const struct restore_settings *settings, struct db *server, struct err *err);

/*
 * ERR_CORRUPT: the snapshot is damaged, or rows came out differently than they went in (the
 * detail names the tables).
 */
MUST_CHECK bool restore_run(
	const struct restore_settings *settings, struct restore_outcome *outcome, struct err *err);

#endif
