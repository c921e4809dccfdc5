#include "restore/alone.h"
#include "base/clock.h"
#include "db/copy_session.h"
#include "restore/load.h"
#include "restore/wal.h"

#define LOCK_TIMEOUT "set local lock_timeout = '10s'"
#define DOUBT_WAIT_MS 60000

static bool begin(struct restore_alone *alone, struct db *db, struct db_tx *tx, struct err *err)
{
	const struct restore_settings *settings = alone->settings;
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	return (!alone->keyed || !settings->keys || keys_work(settings->keys, db, err)) &&
	       db_copy_session_fast(db, manifest->database.encoding, err) &&
	       db_begin(db, tx, NULL, err) && db_exec(db, err, LOCK_TIMEOUT);
}

/* Only the server knows how a COMMIT ended whose answer was lost. */
static bool settle(struct restore_alone *alone, const char *xid, struct err *err)
{
	AUTO_FREE char *status = NULL;
	AUTO_ERR(why);
	struct db_params params = alone->settings->target;
	params.dbname = alone->database;
	params.stop = NULL;
	int64_t until = clock_monotonic_ms() + DOUBT_WAIT_MS;
	do {
		struct db *db = NULL;
		free(xtake(&status));
		bool asked = db_open(&params, &db, &why) &&
			     db_value(db, &status, &why,
				     "select pg_catalog.pg_xact_status($1::pg_catalog.xid8)", xid);
		db_close(db);
		if (asked && !str_equal(status, "in progress"))
			break;
		clock_sleep_ms(200);
	} while (clock_monotonic_ms() < until);
	if (str_equal(status, "committed")) {
		err_release(err);
		return true;
	}
	if (!str_equal(status, "aborted"))
		return false;
	err->code = ERR_DATABASE;
	return err_context(err, "rolled back");
}

static bool run(struct db_worker *worker, size_t job, struct err *err)
{
	struct restore_alone *alone = worker->pool->ctx;
	const struct restore_settings *settings = alone->settings;
	AUTO_FREE char *xid = NULL;
	AUTO_TX(tx);
	(void)job;
	if (!begin(alone, worker->db, &tx, err) || !alone->work(alone, worker, err) ||
		/* what is said to be done is on the disk */
		!db_exec(worker->db, err, "set local synchronous_commit = on") ||
		!db_value(worker->db, &xid, err, "select pg_catalog.pg_current_xact_id()") ||
		(settings->keys && !keys_check(settings->keys, err)))
		return false;
	return db_commit(&tx, err) || (err->code == ERR_DOUBT && settle(alone, xid, err));
}

static bool run_alone(struct restore_alone *alone, struct err *err)
{
	struct db_pool pool = {
		.params = alone->settings->target,
		.workers = 1,
		.jobs = 1,
		.run = run,
		.cancelled = alone->settings->cancelled,
		.cancel_ctx = alone->settings->cancel_ctx,
		.ctx = alone,
	};
	pool.params.dbname = alone->database;
	return db_pool_run(&pool, err);
}

bool restore_alone_run(struct restore_alone *alone, struct err *err)
{
	const struct restore_settings *settings = alone->settings;
	struct restore_settings watched = *settings;
	CLEANUP(restore_wal_free_auto) struct restore_wal *wal = NULL;
	if (!restore_wal_begin(&watched, &wal, err))
		return false;
	alone->settings = &watched;
	bool good = restore_wal_end(wal, run_alone(alone, err), err);
	alone->settings = settings;
	return good;
}

bool restore_alone_rows(struct restore_alone *alone, struct db_worker *worker,
	const struct pack_table *table, const char *target, bool freeze, struct err *err)
{
	return load_table_rows(worker, alone->settings->reader, table, target, freeze, NULL, err) ||
	       err_context(err, "table %s.%s", table->schema, table->name);
}
