/*
 * Writes stopped, proved by two readings (safety 12): R0 after the drain and before the restore
 * point, R1 just before the swap; R1 - R0 must equal what mig's own sessions report.
 *
 * The proof of a run is one file of JSON lines, proof.json in the run directory
 * (docs/maintenance.md has its form): one "reading" line (R0), then an "own" line per commit of
 * mig's sessions, "unknown" lines with a reason, and "fence" lines that say since when the fence
 * stands or that it was opened.
 *
 * What a reading holds: per table of the users OID, file node and n_tup_ins, n_tup_upd, n_tup_del;
 * per sequence its value; the same counters of the two catalogues of large objects. Schema mig,
 * temporary tables and materialized views are left out.
 */
#ifndef MAINT_WRITES_H
#define MAINT_WRITES_H

#include "db/db.h"
#include <jansson.h>

/*
 * Ends every session in the database that is not mig's own; waits until they are gone. ERR_REFUSED
 * names one that cannot be ended.
 */
MUST_CHECK bool writes_end_sessions(struct db *db, struct err *err);

/*
 * Takes R0 (ending foreign sessions first) and starts the file anew. key_pid: the run's key
 * backend, which must live until R1; 0: none. What makes a proof impossible (a session that cannot
 * be ended) is noted in the file and is no error here.
 */
MUST_CHECK bool writes_begin(struct db *db, int key_pid, const char *path, struct err *err);
/*
 * In the session that is about to commit: appends its row counters. No file at path, or NULL:
 * nothing. Before a rollback: after ROLLBACK TO SAVEPOINT the counters of what was undone are still
 * there (they count, since the server counts rows that were rolled back, too).
 */
MUST_CHECK bool writes_report_own(struct db *db, const char *path, struct err *err);
/*
 * For a session of another program: statements by name, each one value of JSON, which together are
 * what it reports (server 15: behind "select pg_stat_force_next_flush()"; older ones need a pause
 * of over half a second since the last report). New reference.
 */
json_t *writes_own_sql(void);
/* Appends what such a session reported. No file at path, or NULL: nothing. */
MUST_CHECK bool writes_report_child(const char *path, const json_t *own, struct err *err);
/* Something happened that makes the proof impossible: appends the reason. Best effort. */
void writes_report_unknown(const char *path, const char *reason);
/* The fence stands from now on, or is about to be opened. No file at path: nothing. */
MUST_CHECK bool writes_note_fence(const char *path, bool stands, struct err *err);

/*
 * What is known by now, for the record of a snapshot, without a reading: "fenced since TIME",
 * "first reading at TIME", "unknown: why"; caller owns. NULL: there is no proof at path (or it is
 * NULL).
 */
char *writes_known(const char *path);

enum writes_answer { WRITES_STOPPED, WRITES_SEEN, WRITES_UNKNOWN };
const char *writes_answer_word(enum writes_answer answer); /* "stopped", "seen", "unknown" */
struct writes_verdict {
	enum writes_answer answer;
	char *reason; /* one line: which table, how many, or why unknown */
	struct strbuf totals; /* totals of pg_stat_database at R1, for the check under the lock */
};
/*
 * Takes R1 (ending foreign sessions first) and compares. `ignore`: "schema.table" names, whose
 * counted rows are only reported. Where the readings cannot tell, but the fence stood from R0 until
 * now, the answer is WRITES_STOPPED, too. *verdict must be zeroed.
 */
MUST_CHECK bool writes_end(struct db *db, const char *path, const struct strvec *ignore,
	struct writes_verdict *verdict, struct err *err);
/*
 * pg_stat_database totals of a database OID, read from any database, as one text: rows inserted,
 * updated, deleted, and the time of the last reset.
 */
MUST_CHECK bool writes_totals(struct db *db, uint32_t db_oid, struct strbuf *out, struct err *err);
void writes_verdict_release(struct writes_verdict *verdict);

#endif
