/*
 * Inside room migrate: the parts of mig-apply doctor.
 */
#ifndef MIGRATE_DOCTOR_H
#define MIGRATE_DOCTOR_H

#include "migrate/internal.h"

struct doctor_match {
	struct graph_list rows; /* heads of what was replayed then; empty: base */
};
struct doctor_replay {
	struct doctor_match *matches; /* places at which the schema is that of the database */
	size_t count, alloc;
	struct graph_list nearest; /* without a match: where the fewest lines differ */
	struct strvec differences; /* those lines: "-" the database has, "+" the files make */
};
void doctor_replay_release(struct doctor_replay *replay);
/*
 * Applies every revision in a scratch database of the same server (safety 6), and compares the
 * schema before the first and behind each. The scratch database is gone afterwards.
 */
MUST_CHECK bool doctor_replay_run(
	const struct migrate_session *live, struct doctor_replay *replay, struct err *err);

/* Tables and columns that pending revisions make and that are there already. */
MUST_CHECK bool doctor_find_made(
	struct migrate_session *session, struct findings *findings, struct err *err);

#endif
