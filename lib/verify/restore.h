/*
 * Proves a snapshot by restoring it: into a scratch database (safety 6) of the environment's
 * server, compared row by row, and dropped whatever comes of it. Nobody's way is blocked: it takes
 * no key, and touches no other database.
 */
#ifndef VERIFY_RESTORE_H
#define VERIFY_RESTORE_H

#include "db/db.h"
#include "pack/reader.h"

struct verify_restore {
	struct db_params target; /* the environment's database: its server is used */
	const char *state_dir;
	const char *live; /* raw name, from which the scratch database's is made */
	int workers; /* 0: one per core */
	bool (*cancelled)(void *ctx);
	void *cancel_ctx;
	struct log_sink *log;
};
struct verify_restored {
	int64_t ms; /* from nothing to a proved database: what a restore here takes */
	char *server; /* version that it was restored into */
};
void verify_restored_release(struct verify_restored *restored);

/*
 * What verifications that died have left is removed first. ERR_CORRUPT: damaged, or its rows come
 * out differently than they went in. Fails, too, when the scratch database could not be dropped.
 */
MUST_CHECK bool verify_restore_run(const struct verify_restore *settings,
	struct pack_reader *reader, struct verify_restored *restored, struct err *err);

#endif
