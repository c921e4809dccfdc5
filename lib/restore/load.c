#include "restore/load.h"
#include "backup/create_room.h"
#include "db/copy_session.h"
#include "db/pool.h"
#include "restore/load_extensions.h"
#include "restore/load_steps.h"
#include "restore/text.h"
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#define CHUNK (256 << 10)

/* Processes of the server that help to build an index. */
#define HELPERS_NONE "set max_parallel_maintenance_workers = 0"
#define HELPERS_AGAIN "reset max_parallel_maintenance_workers"

struct loading {
	const struct load_settings *settings;
	const struct pack_manifest *manifest;
	struct load_steps steps; /* empty where no rows are loaded */
	const bool *analyzed; /* by index of the manifest's tables; NULL: none */
	int64_t total;
	atomic_llong done, rows;
	pthread_mutex_t keys; /* their session is one */
	pthread_mutex_t taking; /* pieces */
};

/*
 * COPY
 */

static bool send_stream(struct db_worker *worker, struct pack_stream *stream,
	void (*sent)(void *ctx, size_t bytes), struct err *err)
{
	PGconn *pg = worker->db->pg;
	AUTO_FREE char *chunk = xcalloc(1, CHUNK);
	size_t got = 0;
	do {
		if (!pack_stream_read(stream, chunk, CHUNK, &got, err) ||
			!db_worker_go_on(worker, err))
			return false;
		/* an early failure of the server shows here; its words come with the result */
		if (got && PQputCopyData(pg, chunk, (int)got) != 1)
			return true;
		if (sent)
			sent(worker->pool->ctx, got);
	} while (got);
	return true;
}

static bool count_tag(const PGresult *result, int64_t *rows)
{
	const char *tag = PQcmdTuples((PGresult *)result);
	char *end;
	errno = 0;
	*rows = strtoll(tag, &end, 10);
	return !errno && end != tag && !*end;
}

bool load_copy(struct db_worker *worker, const char *sql, struct pack_stream *stream, int64_t rows,
	void (*on_sent)(void *ctx, size_t bytes), struct err *err)
{
	int64_t came = 0;
	PGconn *pg = worker->db->pg;
	PGresult *result = PQexec(pg, sql);
	bool ok = PQresultStatus(result) == PGRES_COPY_IN;
	if (!ok)
		db_error(worker->db, result, err, "COPY");
	PQclear(result);
	if (!ok)
		return false;
	bool sent = send_stream(worker, stream, on_sent, err);
	PQputCopyEnd(pg, sent ? NULL : "the sender gave up");
	result = PQgetResult(pg);
	ok = sent && PQresultStatus(result) == PGRES_COMMAND_OK && count_tag(result, &came);
	if (sent && !ok)
		db_error(worker->db, result, err, "COPY");
	PQclear(result);
	while ((result = PQgetResult(pg)))
		PQclear(result);
	if (ok && came != rows)
		return err_set(err, ERR_CORRUPT,
			"%" PRId64 " row%s came in, the snapshot says %" PRId64, came,
			str_plural(came), rows);
	return ok;
}

/*
 * One table
 */

char *load_target(struct db *db, const struct pack_manifest *manifest,
	const struct pack_table *table, bool *routed)
{
	const struct pack_root *root = pack_manifest_router(manifest, table);
	*routed = root != NULL;
	return root ? db_qualified(db, root->schema, root->name)
		    : db_qualified(db, table->schema, table->name);
}

static char *copy_command(
	struct db *db, const struct pack_table *table, const char *target, bool freeze)
{
	AUTO_FREE char *columns = create_columns(db, &table->columns);
	return xstrfmt("copy %s %s%s%sfrom stdin%s", target, *columns ? "(" : "", columns,
		*columns ? ") " : "", freeze ? " with (freeze)" : "");
}

bool load_table_rows(struct db_worker *worker, struct pack_reader *reader,
	const struct pack_table *table, const char *target, bool freeze,
	void (*sent)(void *ctx, size_t bytes), struct err *err)
{
	AUTO_FREE char *sql = copy_command(worker->db, table, target, freeze);
	if (!table->members.count)
		return true;
	CLEANUP(pack_stream_free_auto)
	struct pack_stream *stream = pack_stream_table(reader, table);
	return load_copy(worker, sql, stream, table->content.rows, sent, err);
}

static void count_sent(void *ctx, size_t bytes)
{
	struct loading *loading = ctx;
	long long done = atomic_fetch_add(&loading->done, (long long)bytes) + (long long)bytes;
	log_progress(loading->settings->log, "rows", "bytes", done, loading->total);
}

static bool keys_hold(struct loading *loading, struct err *err)
{
	if (!loading->settings->keys)
		return true;
	pthread_mutex_lock(&loading->keys);
	bool held = keys_check(loading->settings->keys, err);
	pthread_mutex_unlock(&loading->keys);
	return held;
}

/*
 * COPY FREEZE wants the table new or emptied in the same transaction. Emptying gives it new files,
 * which costs more than a small table gains.
 */
#define FREEZE_FROM (1 << 20)

static bool load_table(struct db_worker *worker, const struct pack_table *table, struct err *err)
{
	struct loading *loading = worker->pool->ctx;
	bool routed;
	AUTO_FREE char *target = load_target(worker->db, loading->manifest, table, &routed);
	bool freeze = !routed && table->content.bytes >= FREEZE_FROM;
	AUTO_TX(tx);
	if (!db_begin(worker->db, &tx, NULL, err) ||
		(freeze && !db_execf(worker->db, err, "truncate only %s", target)) ||
		!load_table_rows(
			worker, loading->settings->reader, table, target, freeze, count_sent, err))
		return false;
	atomic_fetch_add(&loading->rows, table->content.rows);
	return keys_hold(loading, err) && db_commit(&tx, err);
}

static bool load_piece(struct db_worker *worker, const struct pack_table *table,
	const struct load_piece *piece, struct err *err)
{
	struct loading *loading = worker->pool->ctx;
	AUTO_FREE char *target = db_qualified(worker->db, table->schema, table->name);
	AUTO_FREE char *sql = copy_command(worker->db, table, target, false);
	CLEANUP(pack_stream_free_auto)
	struct pack_stream *stream =
		pack_stream_members(loading->settings->reader, table, piece->from, piece->to);
	AUTO_TX(tx);
	if (!db_begin(worker->db, &tx, NULL, err) ||
		!load_copy(worker, sql, stream, piece->rows, count_sent, err))
		return false;
	atomic_fetch_add(&loading->rows, piece->rows);
	return keys_hold(loading, err) && db_commit(&tx, err);
}

/* The whole table, or its next piece: this job comes once for each. */
static bool load_job(struct db_worker *worker, size_t job, struct err *err)
{
	struct loading *loading = worker->pool->ctx;
	const struct pack_table *table = load_steps_table(&loading->steps, job);
	struct load_pieces *pieces = load_steps_pieces(&loading->steps, job);
	if (!pieces->count)
		return load_table(worker, table, err);
	pthread_mutex_lock(&loading->taking);
	const struct load_piece *piece = &pieces->items[pieces->begun++];
	pthread_mutex_unlock(&loading->taking);
	return load_piece(worker, table, piece, err);
}

static bool run_definition(struct db_worker *worker, const char *sql, struct err *err)
{
	if (keys_hold(worker->pool->ctx, err) && db_exec(worker->db, err, sql))
		return true;
	restore_text_blame(err, sql);
	return err_context(err, "the post-data of the snapshot");
}

/* Jobs behind all steps are the leisure's. */
static bool run_leisure(struct db_worker *worker, size_t job, struct err *err)
{
	struct loading *loading = worker->pool->ctx;
	struct load_leisure *leisure = loading->settings->leisure;
	return leisure->run(leisure->ctx, worker, job - loading->steps.order.count, err);
}

static bool analyze(struct db_worker *worker, const char *schema, const char *name, struct err *err)
{
	AUTO_FREE char *table = db_qualified(worker->db, schema, name);
	return keys_hold(worker->pool->ctx, err) && db_execf(worker->db, err, "analyze %s", table);
}

/*
 * With a worker per core the server's helpers for one index would only take their time from other
 * work. They help where there is none.
 */
static bool run_follow(struct db_worker *worker, size_t job, struct err *err)
{
	struct loading *loading = worker->pool->ctx;
	const struct load_follow *follow = &loading->steps.follows[job];
	if (!follow->sql) {
		const struct pack_table *table =
			pack_manifest_table_oid(loading->manifest, follow->table);
		return analyze(worker, table->schema, table->name, err);
	}
	const struct load_leisure *leisure = loading->settings->leisure;
	if (worker->pool->workers == 1 || !loading->steps.order.steps[job].alone ||
		(leisure && leisure->count))
		return run_definition(worker, follow->sql, err);
	return db_exec(worker->db, err, HELPERS_AGAIN) &&
	       run_definition(worker, follow->sql, err) && db_exec(worker->db, err, HELPERS_NONE);
}

static bool run_definitions(struct db_worker *worker, struct err *err)
{
	struct loading *loading = worker->pool->ctx;
	const struct load_definitions *definitions = loading->settings->definitions;
	return keys_hold(loading, err) && definitions->run(definitions->ctx, worker, err);
}

static bool run_step(struct db_worker *worker, size_t job, struct err *err)
{
	struct loading *loading = worker->pool->ctx;
	if (job >= loading->steps.order.count)
		return run_leisure(worker, job, err);
	if (job + 1 == loading->steps.definitions)
		return run_definitions(worker, err);
	const struct pack_table *table = load_steps_table(&loading->steps, job);
	if (!table)
		return run_follow(worker, job, err);
	return load_job(worker, job, err) ||
	       err_context(err, "table %s.%s", table->schema, table->name);
}

static bool run_extension_tables(struct db_worker *worker, size_t job, struct err *err)
{
	struct loading *loading = worker->pool->ctx;
	AUTO_TX(tx);
	int64_t rows = 0;
	(void)job;
	if (!db_begin(worker->db, &tx, NULL, err) ||
		!load_extension_tables(worker, loading->settings->reader, count_sent, &rows, err) ||
		!keys_hold(loading, err))
		return false;
	atomic_fetch_add(&loading->rows, rows);
	return db_commit(&tx, err);
}

/*
 * All of them
 */

static bool set_session(struct db_worker *worker, struct err *err)
{
	struct loading *loading = worker->pool->ctx;
	return db_copy_session_fast(worker->db, loading->manifest->database.encoding, err) &&
	       (worker->pool->workers == 1 || db_exec(worker->db, err, HELPERS_NONE));
}

static struct db_pool loading_pool(struct loading *loading, size_t jobs,
	bool (*run)(struct db_worker *worker, size_t job, struct err *err))
{
	const struct load_settings *settings = loading->settings;
	return (struct db_pool){
		.params = settings->params,
		.workers = settings->workers,
		.jobs = jobs,
		.setup = set_session,
		.run = run,
		.cancelled = settings->cancelled,
		.cancel_ctx = settings->cancel_ctx,
		.ctx = loading,
	};
}

static void loading_init(struct loading *loading, const struct load_settings *settings)
{
	*loading = (struct loading){
		.settings = settings,
		.manifest = pack_reader_manifest(settings->reader),
	};
	for (size_t i = 0; i < loading->manifest->tables.count; i++)
		loading->total += loading->manifest->tables.items[i].content.bytes;
	pthread_mutex_init(&loading->keys, NULL);
	pthread_mutex_init(&loading->taking, NULL);
}

static void loading_release(struct loading *loading)
{
	pthread_mutex_destroy(&loading->keys);
	pthread_mutex_destroy(&loading->taking);
	load_steps_release(&loading->steps);
}

/*
 * Steps
 */

static bool next_leisure(struct loading *loading, size_t *job)
{
	struct load_leisure *leisure = loading->settings->leisure;
	for (size_t i = 0; leisure && i < leisure->count; i++) {
		struct load_leisure_item *item = &leisure->items[i];
		const struct load_claim claim = {item->table->oid, LOAD_READ};
		size_t aside = loading->steps.order.count + i;
		if (item->begun || !load_steps_loaded(&loading->steps, item->table) ||
			!load_order_begin_aside(&loading->steps.order, aside, &claim))
			continue;
		item->begun = true;
		*job = aside;
		return true;
	}
	return false;
}

static enum db_next next_step(void *ctx, size_t *job)
{
	struct loading *loading = ctx;
	enum db_next next = load_order_next(&loading->steps.order, job);
	if (next != DB_NEXT_JOB && loading->steps.order.working && next_leisure(loading, job))
		return DB_NEXT_JOB;
	return next;
}

static void end_step(void *ctx, size_t job)
{
	struct loading *loading = ctx;
	if (job < loading->steps.order.count)
		load_order_ended(&loading->steps.order, job);
	else
		load_order_ended_aside(&loading->steps.order, job);
}

static bool has_extension_rows(const struct pack_manifest *manifest)
{
	for (size_t i = 0; i < manifest->tables.count; i++)
		if (manifest->tables.items[i].extension && !manifest->tables.items[i].emptied)
			return true;
	return false;
}

bool load_rows(const struct load_settings *settings, const struct load_follow *follows,
	size_t follow_count, int64_t *rows, struct err *err)
{
	CLEANUP(loading_release) struct loading loading;
	loading_init(&loading, settings);
	load_steps_plan(&loading.steps, settings, follows, follow_count);
	struct db_pool extensions =
		loading_pool(&loading, has_extension_rows(loading.manifest), run_extension_tables);
	struct db_pool steps = loading_pool(&loading, load_steps_begun(&loading.steps), run_step);
	steps.next = next_step;
	steps.ended = end_step;
	/* beside definitions that are still made, there are no rows of extensions' tables */
	bool ok = (settings->definitions || db_pool_run(&extensions, err)) &&
		  db_pool_run(&steps, err);
	*rows = (int64_t)atomic_load(&loading.rows);
	return ok;
}

static enum db_next next_rest(void *ctx, size_t *job)
{
	return next_leisure(ctx, job) ? DB_NEXT_JOB : DB_NEXT_NONE;
}

bool load_leisure_rest(const struct load_settings *settings, struct err *err)
{
	CLEANUP(loading_release) struct loading loading;
	loading_init(&loading, settings);
	struct db_pool pool = loading_pool(&loading, settings->leisure->count, run_leisure);
	pool.next = next_rest;
	pool.ended = end_step;
	return db_pool_run(&pool, err);
}

struct listed {
	struct loading loading; /* first: set_session() finds it */
	const struct strvec *lists;
	struct strvec *refused;
	pthread_mutex_t mutex; /* of refused */
};

/* Only what is wrong with the statement itself; not a lost session, a full disk, an interruption.
 */
static bool pass_over(struct listed *listed, const char *sql, const struct err *why)
{
	if (why->code != ERR_SQL)
		return false;
	pthread_mutex_lock(&listed->mutex);
	strvec_pushf(listed->refused, "%s: %s", sql, why->msg);
	pthread_mutex_unlock(&listed->mutex);
	return true;
}

static bool run_list(struct db_worker *worker, size_t job, struct err *err)
{
	struct listed *listed = worker->pool->ctx;
	if (job >= listed->loading.steps.order.count)
		return run_leisure(worker, job, err);
	const struct strvec *list = &listed->lists[job];
	for (size_t i = 0; i < list->count; i++) {
		AUTO_ERR(why);
		if (!db_worker_go_on(worker, err))
			return false;
		if (!run_definition(worker, list->items[i], &why) &&
			!pass_over(listed, list->items[i], &why))
			return err_move(err, &why);
	}
	return true;
}

static void listed_release(struct listed *listed)
{
	pthread_mutex_destroy(&listed->mutex);
	loading_release(&listed->loading);
}

bool load_statements_each(const struct load_settings *settings, const struct strvec *lists,
	size_t count, struct strvec *refused, struct err *err)
{
	CLEANUP(listed_release) struct listed listed = {.lists = lists, .refused = refused};
	pthread_mutex_init(&listed.mutex, NULL);
	loading_init(&listed.loading, settings);
	for (size_t i = 0; i < count; i++)
		load_order_add(&listed.loading.steps.order);
	load_order_start(&listed.loading.steps.order);
	struct db_pool pool = loading_pool(&listed.loading, count, run_list);
	pool.next = next_step;
	pool.ended = end_step;
	/* one list alone leaves the other workers leisure */
	if (count && settings->leisure)
		pool.jobs += settings->leisure->count;
	return db_pool_run(&pool, err);
}

/*
 * Sequences and statistics
 */

#define SEQUENCE_BATCH 500 /* each holds a lock until its commit */

static bool run_sequences(struct db_worker *worker, size_t job, struct err *err)
{
	struct loading *loading = worker->pool->ctx;
	const struct pack_manifest *manifest = loading->manifest;
	AUTO_STRBUF(sql);
	size_t from = job * SEQUENCE_BATCH;
	for (size_t i = from; i < manifest->sequences.count && i < from + SEQUENCE_BATCH; i++) {
		const struct pack_sequence *sequence = &manifest->sequences.items[i];
		AUTO_FREE char *name = db_qualified(worker->db, sequence->schema, sequence->name);
		AUTO_FREE char *literal = db_literal(worker->db, name);
		strbuf_addf(&sql, "select pg_catalog.setval(%s, %" PRId64 ", %s);\n", literal,
			sequence->last_value, sequence->is_called ? "true" : "false");
	}
	return db_exec(worker->db, err, sql.buf) || err_context(err, "sequences");
}

bool load_sequences(const struct load_settings *settings, struct err *err)
{
	CLEANUP(loading_release) struct loading loading;
	loading_init(&loading, settings);
	size_t count = loading.manifest->sequences.count;
	struct db_pool pool = loading_pool(
		&loading, (count + SEQUENCE_BATCH - 1) / SEQUENCE_BATCH, run_sequences);
	pool.workers = 1;
	return db_pool_run(&pool, err);
}

static bool run_analyze(struct db_worker *worker, size_t job, struct err *err)
{
	struct loading *loading = worker->pool->ctx;
	const struct pack_manifest *manifest = loading->manifest;
	if (job < manifest->tables.count) {
		const struct pack_table *table = &manifest->tables.items[job];
		return (loading->analyzed && loading->analyzed[job]) ||
		       analyze(worker, table->schema, table->name, err);
	}
	const struct pack_root *root = &manifest->roots.items[job - manifest->tables.count];
	return analyze(worker, root->schema, root->name, err);
}

static bool is_all_done(const struct pack_manifest *manifest, const bool *done)
{
	for (size_t i = 0; i < manifest->tables.count; i++)
		if (!done || !done[i])
			return false;
	return !manifest->roots.count;
}

bool load_analyze(const struct load_settings *settings, const bool *done, struct err *err)
{
	CLEANUP(loading_release) struct loading loading;
	loading_init(&loading, settings);
	loading.analyzed = done;
	const struct pack_manifest *manifest = loading.manifest;
	if (is_all_done(manifest, done))
		return true;
	struct db_pool pool =
		loading_pool(&loading, manifest->tables.count + manifest->roots.count, run_analyze);
	return db_pool_run(&pool, err);
}
