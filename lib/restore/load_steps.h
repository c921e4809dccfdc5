/*
 * A load as steps: each table, in pieces where it is larger than the rest, and what follows them.
 * Pure.
 */
#ifndef RESTORE_LOAD_STEPS_H
#define RESTORE_LOAD_STEPS_H

#include "restore/load_order.h"
#include "restore/load_pieces.h"

/* Numbers of jobs: first what follows, then the tables, then whatever the order needs for itself.
 */
struct load_steps {
	const struct load_settings *settings;
	const struct pack_manifest *manifest;
	const struct load_follow *follows; /* borrowed */
	size_t follow_count;
	const struct pack_table **tables; /* that are to be loaded, largest first */
	struct load_pieces *pieces; /* of each */
	size_t table_count;
	size_t *jobs; /* by place in the manifest: a table's job + 1, or 0 */
	size_t definitions; /* job + 1; 0: all are there */
	struct load_order order;
};

void load_steps_plan(struct load_steps *steps, const struct load_settings *settings,
	const struct load_follow *follows, size_t follow_count);
void load_steps_release(struct load_steps *steps);

/* NULL: the job is no table. */
const struct pack_table *load_steps_table(const struct load_steps *steps, size_t job);
/* Of a table's job. */
struct load_pieces *load_steps_pieces(struct load_steps *steps, size_t job);
/* Its rows are in: all are where no table is to be loaded. */
bool load_steps_loaded(const struct load_steps *steps, const struct pack_table *table);
/* How often any job is begun. */
size_t load_steps_begun(const struct load_steps *steps);

#endif
