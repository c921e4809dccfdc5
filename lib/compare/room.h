/*
 * Inside a comparison: its parts, shared in this room only.
 */
#ifndef COMPARE_ROOM_H
#define COMPARE_ROOM_H

#include "backup/create_filter.h"
#include "compare/compare.h"

struct comparing {
	const struct compare_settings *settings;
	struct pack_reader *reader;
	const struct pack_manifest *snapshot;
	struct pack_manifest *live; /* described like a snapshot; contents come while measuring */
	struct create_filter filter; /* of a partial snapshot: it is compared with as much */
	struct db *leader; /* its transaction is the shared snapshot */
	char *shared; /* pg_export_snapshot() */
	struct compare_report *report;
};

#endif
