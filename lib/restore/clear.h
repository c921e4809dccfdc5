/*
 * Everything that a role owns in a database, out of the way (mig-restore --in-place). Extensions
 * that the snapshot has stay with their members, their schema and schema public; privileges of
 * these schemas and default privileges go back to what a new database has.
 *
 * What pg_restore --clean fails on is what this is for: members of extensions are never dropped one
 * by one, and what the snapshot does not know goes as well.
 */
#ifndef RESTORE_CLEAR_H
#define RESTORE_CLEAR_H

#include "db/db.h"
#include "pack/manifest.h"

/*
 * What stands in the way, appended: objects of other roles, subscriptions, event triggers of
 * others, prepared transactions. *objects: how many locks dropping all of it takes.
 */
MUST_CHECK bool clear_obstacles(
	struct db *db, struct strvec *lines, int64_t *objects, struct err *err);
/* In a transaction: drops it all. */
MUST_CHECK bool clear_database(
	struct db *db, const struct pack_manifest *manifest, struct log_sink *log, struct err *err);

#endif
