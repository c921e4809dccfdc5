/*
 * Readings in the hands of a test: `writes VERB PROOF ..` on the database of PG*.
 *
 *	begin PROOF [PID]         R0; PID: a backend that has to live until R1
 *	own PROOF SQL             a transaction of mig's own that reports before its commit
 *	undone PROOF SQL          one that fails, is rolled back to a savepoint, and reports
 *	silent PROOF SQL          one of mig's own that reports nothing
 *	unknown PROOF REASON      a reason why nothing can be proved
 *	end PROOF [TABLE ..]      R1; prints the answer and why; TABLEs are ignored
 *	moved PROOF SQL           R1, then SQL in a foreign session: do the totals show it?
 */
#include "maint/writes.h"
#include "base/clock.h"

#include <stdio.h>

static bool open_own(struct db **db, struct err *err)
{
	struct db_params params = {.application_name = "mig-apply test"};
	return db_open(&params, db, err);
}

static bool begin(const char *path, const char *pid, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	return open_own(&db, err) && writes_begin(db, (int)strtol(pid, NULL, 10), path, err);
}

static bool own(const char *path, const char *sql, bool report, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	AUTO_TX(tx);
	return open_own(&db, err) && db_begin(db, &tx, NULL, err) && db_exec(db, err, sql) &&
	       (!report || writes_report_own(db, path, err)) && db_commit(&tx, err);
}

static bool undone(const char *path, const char *sql, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	AUTO_TX(tx);
	AUTO_ERR(expected);
	if (!open_own(&db, err) || !db_begin(db, &tx, NULL, err) ||
		!db_exec(db, err, "savepoint mig"))
		return false;
	if (db_exec(db, &expected, sql))
		return err_set(err, ERR_FAILED, "the statement did not fail");
	return db_exec(db, err, "rollback to savepoint mig") && writes_report_own(db, path, err);
}

static bool end(const char *path, int count, char **tables, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	CLEANUP(writes_verdict_release) struct writes_verdict verdict = {0};
	AUTO_STRVEC(ignore);
	for (int i = 0; i < count; i++)
		strvec_push(&ignore, tables[i]);
	if (!open_own(&db, err) || !writes_end(db, path, &ignore, &verdict, err))
		return false;
	printf("%s: %s\n", writes_answer_word(verdict.answer), verdict.reason);
	return true;
}

/* As the swapper does: R1, its session ends, then the totals are read from elsewhere. */
static bool moved(const char *path, const char *sql, struct err *err)
{
	CLEANUP(writes_verdict_release) struct writes_verdict verdict = {0};
	CLEANUP(db_close_auto) struct db *elsewhere = NULL;
	CLEANUP(db_close_auto) struct db *reader = NULL;
	CLEANUP(db_close_auto) struct db *writer = NULL;
	AUTO_STRBUF(now);
	struct db_params params = {.dbname = "postgres"};
	if (!open_own(&reader, err) || !writes_end(reader, path, NULL, &verdict, err))
		return false;
	uint32_t oid = reader->db_oid;
	db_close(xtake(&reader));
	if (!open_own(&writer, err) || !db_exec(writer, err, sql))
		return false;
	db_close(xtake(&writer));
	clock_sleep_ms(300);
	if (!db_open(&params, &elsewhere, err) || !writes_totals(elsewhere, oid, &now, err))
		return false;
	puts(str_equal(now.buf, verdict.totals.buf) ? "equal" : "moved");
	return true;
}

static bool act(int argc, char **argv, struct err *err)
{
	const char *verb = argc > 1 ? argv[1] : "";
	const char *path = argc > 2 ? argv[2] : "";
	const char *text = argc > 3 ? argv[3] : "";
	if (strcmp(verb, "begin") == 0)
		return begin(path, text, err);
	if (strcmp(verb, "own") == 0)
		return own(path, text, true, err);
	if (strcmp(verb, "silent") == 0)
		return own(path, text, false, err);
	if (strcmp(verb, "undone") == 0)
		return undone(path, text, err);
	if (strcmp(verb, "end") == 0)
		return end(path, argc - 3, argv + 3, err);
	if (strcmp(verb, "moved") == 0)
		return moved(path, text, err);
	if (strcmp(verb, "unknown") != 0)
		return err_set(err, ERR_USAGE, "no verb %s", verb);
	writes_report_unknown(path, text);
	return true;
}

int main(int argc, char **argv)
{
	AUTO_ERR(err);
	if (act(argc, argv, &err))
		return 0;
	fprintf(stderr, "%s\n%s\n", err.msg, err.detail ? err.detail : "");
	return err_exit_status(&err);
}
