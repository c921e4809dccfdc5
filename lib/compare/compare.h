/*
 * Is a database still what a snapshot says? Every table, partitioned table and sequence, and the
 * large objects, by count and content hash, in one snapshot of the database that all sessions share
 * (safety 18). Nothing is changed: every transaction is READ ONLY.
 */
#ifndef COMPARE_COMPARE_H
#define COMPARE_COMPARE_H

#include "db/db.h"
#include "pack/reader.h"

/* How many differing rows are shown of a table that is not provable. */
#define COMPARE_ROWS_ACROSS_MAJORS 3

enum compare_state {
	COMPARE_EQUAL,
	COMPARE_ROWS, /* other rows */
	COMPARE_COLUMNS, /* other columns: the rows were not compared */
	COMPARE_MISSING, /* only in the snapshot */
	COMPARE_EXTRA, /* only in the database */
	COMPARE_VALUE, /* a sequence with another value */
	/* as many rows, another hash, and another major version: their text may differ alone */
	COMPARE_NOT_PROVABLE,
	COMPARE_NOT_HELD, /* the snapshot does not have the rows on purpose */
};
/* Is it an answer "no"? */
bool compare_state_differs(enum compare_state state);

enum compare_kind { COMPARE_TABLE, COMPARE_ROOT, COMPARE_SEQUENCE, COMPARE_LARGE_OBJECTS };

struct compare_line {
	enum compare_kind kind;
	char *name; /* schema.name, as in the database */
	enum compare_state state;
	int64_t snapshot_rows, live_rows; /* -1: not there, or not counted; sequences: the value */
	struct strvec only_snapshot, only_live; /* first differing rows as COPY text, cut */
	bool too_many; /* rows to look for those */
	const struct pack_table *table; /* internal */
};
struct compare_report {
	char *snapshot, *database; /* id, name */
	int snapshot_major, live_major; /* 15 */
	/* options of create that chose a part, and nothing else was compared; empty: all */
	struct strvec partial;
	PACK_LIST(struct compare_line) lines; /* tables by name, then sequences, large objects */
	size_t different, not_provable;
};
void compare_report_release(struct compare_report *report);

struct compare_settings {
	struct db_params target;
	const struct strvec *tables; /* "schema.table" or "table"; empty: everything */
	int64_t rows; /* how many differing rows of a table to find; -1: 3 across majors, else 0 */
	int workers; /* 0: one per core */
	bool (*cancelled)(void *ctx);
	void *cancel_ctx;
};

/* ERR_NOTFOUND: a table that is in neither. Differences are no error here. */
MUST_CHECK bool compare_run(const struct compare_settings *settings, struct pack_reader *reader,
	struct compare_report *report, struct err *err);

/*
 * The first `limit` rows of line->table that are on one side only, as only_snapshot and only_live,
 * or too_many. db: a session with the settings of db/copy_session.h, in the snapshot's encoding.
 */
MUST_CHECK bool compare_rows_find(struct db *db, struct pack_reader *reader,
	struct compare_line *line, int64_t limit, struct err *err);
/* Those rows for people; appended. */
void compare_rows_lines(const struct compare_line *line, struct strvec *lines);
void compare_line_release(struct compare_line *line);

/* For people: what is not equal, and the sum; appended. */
void compare_report_lines(const struct compare_report *report, struct strvec *lines);
/* New reference. */
json_t *compare_report_json(const struct compare_report *report);
/* ERR_NO when something differs, ERR_FAILED when only "not provable" is left; true: equal. */
MUST_CHECK bool compare_report_verdict(const struct compare_report *report, struct err *err);

#endif
