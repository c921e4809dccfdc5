/*
 * The section post-data, divided: plain indexes, primary keys, unique constraints and foreign keys
 * are mig's, beside the rows and beside each other; so are, later, the contents of materialized
 * views and subscriptions; the rest is pg_restore's.
 */
#ifndef RESTORE_POST_H
#define RESTORE_POST_H

#include "restore/late.h"
#include "restore/load.h"
#include "restore/restore.h"

struct restore_post {
	struct toc toc;
	struct load_follow *follows;
	size_t follow_count, follow_alloc;
	struct strvec texts; /* of the follows, where they are not the archive's */
	bool *analyzed; /* by place in the manifest: its statistics are one of the follows */
	struct restore_late late;
	char *rest; /* for pg_restore: its list; NULL: nothing is left */
	char *last; /* the same, for the end: event triggers would see all the rest */
};

MUST_CHECK bool restore_post_plan(
	const struct restore_settings *settings, struct restore_post *post, struct err *err);
void restore_post_release(struct restore_post *post);

#endif
