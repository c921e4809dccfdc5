/*
 * The loss report: what would be different if a snapshot, or a copy, took the live database's
 * place: per table equal or different, by count and content hash; where different, how many rows
 * exactly, by key.
 */
#ifndef LOSS_LOSS_H
#define LOSS_LOSS_H

#include "db/db.h"
#include "pack/reader.h"

enum loss_kind {
	LOSS_EQUAL,
	LOSS_ROWS, /* other rows */
	LOSS_COLUMNS, /* other columns: rows are compared by those that both have */
	LOSS_ADDED, /* only in the live database: it would be gone */
	LOSS_REMOVED, /* only in the snapshot or copy: it would be back */
};
const char *loss_kind_word(enum loss_kind kind);

struct loss_line {
	char *table; /* schema.name */
	enum loss_kind kind;
	int64_t live_rows, other_rows; /* -1: not there */
	/* Rows only here, only there, and with the same key here and there; by_key: there is one.
	 */
	int64_t added, removed, changed;
	bool by_key;
};
struct loss_report {
	char *live, *other; /* what was compared, for people */
	int64_t age_ms; /* of the other, -1: unknown */
	struct loss_line *lines; /* every table, by name */
	size_t count, alloc;
	size_t different; /* lines that are not LOSS_EQUAL */
	char *export; /* the folder with lost rows; NULL: none was asked for */
	int64_t export_tables, export_rows;
	struct strvec kept; /* owner, settings.. that differ: the live ones are kept by a swap */
};
void loss_report_release(struct loss_report *report);

struct loss_settings {
	struct db_params target; /* the live database */
	struct pack_reader *reader; /* the snapshot; NULL: its rows are not counted */
	const char *export; /* write rows that would be lost into this new folder; NULL: no */
	int workers;
	bool (*cancelled)(void *ctx);
	void *cancel_ctx;
};
MUST_CHECK bool loss_of_snapshot(const struct loss_settings *settings,
	const struct pack_manifest *manifest, struct loss_report *report, struct err *err);
/* `copy`: another database of the same server. made_ms: when, -1: unknown. */
MUST_CHECK bool loss_of_copy(const struct loss_settings *settings, const char *copy,
	int64_t made_ms, struct loss_report *report, struct err *err);

/* For people, different tables only; appended. */
void loss_report_lines(const struct loss_report *report, struct strvec *lines);
/* {"different":N,"tables":[..]}; new reference. */
json_t *loss_report_json(const struct loss_report *report);

#endif
