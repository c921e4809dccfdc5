#include "compare/measure.h"
#include "backup/create_room.h"
#include "db/copy_session.h"
#include "db/pool.h"
#include <stdatomic.h>

struct measuring {
	const struct compare_measure *measure;
	struct compare_table *tables;
	const char *snapshot;
	int64_t total;
	atomic_llong done;
};

static bool begin_shared(struct db_worker *worker, struct err *err)
{
	struct measuring *m = worker->pool->ctx;
	AUTO_FREE char *snapshot = db_literal(worker->db, m->snapshot);
	return db_copy_session_guest(worker->db, m->measure->encoding, err) &&
	       db_exec(worker->db, err, "begin isolation level repeatable read read only") &&
	       db_execf(worker->db, err, "set transaction snapshot %s", snapshot);
}

/* A table alone, without its children; the plain form goes past planner and executor. */
char *compare_measure_sql(struct db *db, const struct compare_table *table)
{
	AUTO_FREE char *columns = create_columns(db, table->columns);
	AUTO_FREE char *name = db_qualified(db, table->schema, table->name);
	if (table->condition)
		return xstrfmt("copy (select %s from only %s %s) to stdout", columns, name,
			table->condition);
	return *columns ? xstrfmt("copy %s (%s) to stdout", name, columns)
			: xstrfmt("copy %s to stdout", name);
}

/* Told about rows as they come: false ends the reading. */
typedef bool (*on_bytes)(void *ctx, int64_t bytes, struct err *err);

struct counting {
	struct pack_rows rows;
	on_bytes seen; /* NULL: nobody is told */
	void *ctx;
	int64_t unseen;
};

static bool tell_seen(struct counting *counting, struct err *err)
{
	int64_t bytes = counting->unseen;
	counting->unseen = 0;
	return !counting->seen || counting->seen(counting->ctx, bytes, err);
}

static bool count_row(void *ctx, const char *row, size_t length, struct err *err)
{
	struct counting *counting = ctx;
	pack_rows_feed(&counting->rows, row, length + 1);
	counting->unseen += (int64_t)length + 1;
	return counting->unseen < 1 << 20 || tell_seen(counting, err);
}

static void counting_release(struct counting *counting)
{
	pack_rows_release(&counting->rows);
}

static bool read_query(struct db *db, const char *sql, struct pack_content *content, on_bytes seen,
	void *ctx, struct err *err)
{
	CLEANUP(counting_release) struct counting counting = {.seen = seen, .ctx = ctx};
	if (!db_copy_out(db, sql, count_row, &counting, err) || !tell_seen(&counting, err))
		return false;
	*content = counting.rows.content;
	return true;
}

bool compare_measure_query(
	struct db *db, const char *copy_sql, struct pack_content *content, struct err *err)
{
	return read_query(db, copy_sql, content, NULL, NULL, err);
}

bool compare_measure_session(
	struct db *db, struct compare_table *tables, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *sql = compare_measure_sql(db, &tables[i]);
		if (!db_go_on(db, err) || !compare_measure_query(db, sql, &tables[i].content, err))
			return err_context(err, "table %s.%s", tables[i].schema, tables[i].name);
	}
	return true;
}

static bool only_go_on(void *ctx, int64_t bytes, struct err *err)
{
	(void)bytes;
	return db_worker_go_on(ctx, err);
}

bool compare_measure_worker(struct db_worker *worker, struct compare_table *table, struct err *err)
{
	AUTO_FREE char *sql = compare_measure_sql(worker->db, table);
	return read_query(worker->db, sql, &table->content, only_go_on, worker, err) ||
	       err_context(err, "table %s.%s", table->schema, table->name);
}

static bool count_bytes(void *ctx, int64_t bytes, struct err *err)
{
	struct db_worker *worker = ctx;
	struct measuring *m = worker->pool->ctx;
	long long done = atomic_fetch_add(&m->done, bytes) + bytes;
	log_progress(worker->pool->params.log, m->measure->what, "bytes", done, m->total);
	return db_worker_go_on(worker, err);
}

static bool measure_one(struct db_worker *worker, size_t job, struct err *err)
{
	struct measuring *m = worker->pool->ctx;
	struct compare_table *table = &m->tables[job];
	AUTO_FREE char *sql = compare_measure_sql(worker->db, table);
	return read_query(worker->db, sql, &table->content, count_bytes, worker, err) ||
	       err_context(err, "table %s.%s", table->schema, table->name);
}

static int heavier_first(const void *left, const void *right)
{
	const struct compare_table *a = left, *b = right;
	return (a->weight < b->weight) - (a->weight > b->weight);
}

/* *leader keeps the snapshot as long as it is open. */
static bool export_snapshot(
	const struct compare_measure *measure, struct db **leader, char **snapshot, struct err *err)
{
	return db_open(&measure->params, leader, err) &&
	       db_exec(*leader, err, "begin isolation level repeatable read read only") &&
	       db_exec(*leader, err, "set local idle_in_transaction_session_timeout = 0") &&
	       db_value(*leader, snapshot, err, "select pg_catalog.pg_export_snapshot()");
}

bool compare_measure_tables(const struct compare_measure *measure, struct compare_table *tables,
	size_t count, struct err *err)
{
	CLEANUP(db_close_auto) struct db *leader = NULL;
	AUTO_FREE char *snapshot = NULL;
	if (!count)
		return true;
	qsort(tables, count, sizeof(tables[0]), heavier_first);
	struct measuring m = {.measure = measure, .tables = tables};
	for (size_t i = 0; i < count; i++)
		m.total += tables[i].weight;
	m.snapshot = measure->snapshot;
	if (!m.snapshot && !export_snapshot(measure, &leader, &snapshot, err))
		return false;
	if (!m.snapshot)
		m.snapshot = snapshot;
	struct db_pool pool = {
		.params = measure->params,
		.workers = measure->workers,
		.jobs = count,
		.setup = begin_shared,
		.run = measure_one,
		.cancelled = measure->cancelled,
		.cancel_ctx = measure->cancel_ctx,
		.ctx = &m,
	};
	return db_pool_run(&pool, err);
}
