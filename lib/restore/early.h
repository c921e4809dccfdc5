/*
 * Larger tables are read back for the proof in parts, by workers who would have to wait, while the
 * restore still goes on. What was read counts only if nobody wrote to the table from then on: at
 * the end its counters must name the rows of the load and nothing else, and its file must be the
 * same.
 */
#ifndef RESTORE_EARLY_H
#define RESTORE_EARLY_H

#include "restore/load.h"

struct restore_early;

/*
 * server_version: before 15 counters come late and may be lost, so nothing is read early. Borrows
 * the manifest.
 */
struct restore_early *restore_early_new(const struct pack_manifest *manifest, int server_version);
void restore_early_free(struct restore_early *early);
DEFINE_AUTO(struct restore_early, restore_early_free)

/* For struct load_settings; borrowed. */
struct load_leisure *restore_early_leisure(struct restore_early *early);

/*
 * When all is read and all that writes has ended: forgets the tables that were written to in
 * between. A session with the settings of the proof; *kept: how many tables are left.
 */
MUST_CHECK bool restore_early_settle(
	struct restore_early *early, struct db *db, size_t *kept, struct err *err);
/* What was read of a table; NULL: it must be read (again). */
const struct pack_content *restore_early_content(
	const struct restore_early *early, const struct pack_table *table);

#endif
