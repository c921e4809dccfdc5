/*
 * What is remembered of a closing (safety 11), in two places and before anything is changed: the
 * row in mig.maintenance of the target, which counts, and <state_dir>/maintenance.json, which
 * answers while the database is unreachable and knows how each provider was configured.
 *
 * The row never holds a command to be run: what a database says is not executed.
 */
#ifndef MAINT_RECORD_H
#define MAINT_RECORD_H

#include "conf/config.h"
#include "db/db.h"

enum maint_holding {
	MAINT_NOBODY, /* maintenance is not held */
	MAINT_HELD, /* by record.owner */
	MAINT_FOREIGN /* a record that is not this database's, or an outdated one: stay closed */
};

struct maint_record {
	int64_t generation; /* the highest seen; grows with each closing and each swap */
	uint32_t oid; /* of the database that was closed */
	char *owner; /* "run:<id>" or "hand" */
	char *since; /* UTC, the server's clock */
	char *lease_ends; /* UTC, the server's clock */
	char *why_foreign; /* with MAINT_FOREIGN */
	bool lease_over;
	bool in_row; /* false: only the state file knows */
	/* [{"name", "item", "directory", "before"}]; item and directory only from the state file */
	json_t *providers;
};

/* db NULL: the state file alone. *record must be zeroed or loaded before. */
MUST_CHECK bool maint_record_load(const struct conf_env *env, struct db *db,
	enum maint_holding *holding, struct maint_record *record, struct err *err);
void maint_record_release(struct maint_record *record);

/* The entry of a provider, by its name; NULL. Borrowed. */
json_t *maint_record_entry(const struct maint_record *record, const char *name);

/* Table mig.maintenance in this database: made when absent, schema checked. */
MUST_CHECK bool maint_record_table(struct db *db, struct err *err);
/* State file, then row: a new closing, of the given lease. Fills since and lease_ends. */
MUST_CHECK bool maint_record_begin(const struct conf_env *env, struct db *db, int64_t lease_ms,
	struct maint_record *record, struct err *err);
/* State file, then row: owner, providers; the lease begins anew. */
MUST_CHECK bool maint_record_update(const struct conf_env *env, struct db *db, int64_t lease_ms,
	struct maint_record *record, struct err *err);
/* Row, then state file: lifted. */
MUST_CHECK bool maint_record_end(
	const struct conf_env *env, struct db *db, struct maint_record *record, struct err *err);

#endif
