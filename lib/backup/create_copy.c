/*
 * Rows: workers take parts, the largest first, read COPY text, hash and compress it, and append
 * complete members.
 */
#include "backup/create_room.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "backup/create_rows.h"
#include "backup/session.h"
#include "base/parallel.h"

struct create_copy {
	const struct backup_settings *settings;
	const struct create_locks *locks;
	struct pack_manifest *manifest;
	struct pack_writer *writer;
	struct db_params params; /* of the workers' sessions */
	pthread_t *threads;
	int thread_count;
	struct create_parts parts;
	atomic_bool stopped;
	atomic_llong done; /* bytes, for the progress */
	pthread_mutex_t lock; /* of what follows */
	size_t next;
	size_t *deferred; /* parts that no worker could lock */
	size_t deferred_count, deferred_alloc;
	struct err first; /* the first failure */
	int working;
	pthread_cond_t ended; /* a worker has */
};

static bool stop_asked(void *ctx)
{
	struct create_copy *copy = ctx;
	const struct backup_settings *settings = copy->settings;
	return copy->stopped || (settings->cancelled && settings->cancelled(settings->ctx));
}

static void fail(struct create_copy *copy, struct err *why)
{
	pthread_mutex_lock(&copy->lock);
	if (!copy->first.code)
		err_move(&copy->first, why);
	copy->stopped = true;
	pthread_mutex_unlock(&copy->lock);
}

/* --- one part --------------------------------------------------------------------------------- */

static void advance(void *ctx, int64_t bytes)
{
	struct create_copy *copy = ctx;
	int64_t done = atomic_fetch_add(&copy->done, bytes) + bytes;
	log_progress(copy->settings->log, "backup", "bytes", done, copy->parts.total);
}

static void note_part(struct create_copy *copy, const struct create_part *part,
	const struct pack_content *content)
{
	struct pack_content *sum =
		part->table ? &part->table->content : &copy->manifest->large_object_data;
	pthread_mutex_lock(&copy->lock);
	pack_content_add(sum, content);
	pthread_mutex_unlock(&copy->lock);
	if (part->table)
		log_debug(copy->settings->log, "part_copied",
			json_pack("{s:I, s:i, s:I, s:I}", "oid", (json_int_t)part->table->oid,
				"part", part->number, "rows", (json_int_t)content->rows, "bytes",
				(json_int_t)content->bytes),
			"copied %s.%s, part %d: %" PRId64 " rows", part->table->schema,
			part->table->name, part->number, content->rows);
}

static bool explain(const struct create_part *part, struct err *err)
{
	if (!part->table)
		return err_context(err, "large objects");
	err_context(err, "table %s.%s", part->table->schema, part->table->name);
	bool filtered = err->msg && strstr(err->msg, "row-level security");
	if (filtered)
		return err_hint(err, "its rows would be filtered for this role: back up as a role "
				     "with BYPASSRLS, or as the owner of the table");
	return false;
}

static bool read_part(struct create_copy *copy, struct db *db, struct create_rows *rows,
	const struct create_part *part, struct err *err)
{
	AUTO_FREE char *prefix = create_part_prefix(part);
	struct create_rows_of of = {
		.prefix = prefix,
		.oid = part->table ? part->table->oid : 0,
		.weight = part->weight,
		.advance = advance,
		.ctx = copy,
	};
	struct pack_content content = {0};
	if (!create_rows_read(rows, db, &of, &content, err))
		return explain(part, err);
	note_part(copy, part, &content);
	return true;
}

/* --- a worker --------------------------------------------------------------------------------- */

static const struct create_part *next_part(struct create_copy *copy)
{
	const struct create_part *part = NULL;
	pthread_mutex_lock(&copy->lock);
	if (!copy->stopped && copy->next < copy->parts.count)
		part = &copy->parts.items[copy->next++];
	pthread_mutex_unlock(&copy->lock);
	return part;
}

static void defer(struct create_copy *copy, const struct create_part *part)
{
	pthread_mutex_lock(&copy->lock);
	xgrow(copy->deferred, copy->deferred_count, copy->deferred_alloc);
	copy->deferred[copy->deferred_count++] = (size_t)(part - copy->parts.items);
	pthread_mutex_unlock(&copy->lock);
}

/*
 * NOWAIT: behind a queued ACCESS EXCLUSIVE we would wait for ever, as that one waits for the
 * keeper. *deferred: then the leader, who has the lock, copies this part in the end.
 */
static bool begin_part(struct create_copy *copy, struct db *db, struct create_rows *rows,
	const struct create_part *part, bool *deferred, struct err *err)
{
	AUTO_ERR(why);
	AUTO_FREE char *query = create_part_query(db, part);
	*deferred = false;
	if (!part->table)
		return create_rows_begin(rows, db, query, err) || explain(part, err);
	AUTO_FREE char *name = db_qualified(db, part->table->schema, part->table->name);
	AUTO_FREE char *sql =
		xstrfmt("lock table only %s in access share mode nowait; %s", name, query);
	if (create_rows_begin(rows, db, sql, &why))
		return true;
	if (why.code != ERR_LOCK) {
		err_move(err, &why);
		return explain(part, err);
	}
	*deferred = true;
	defer(copy, part);
	return db_exec(db, err, "rollback to savepoint parts");
}

static bool work(struct create_copy *copy, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	AUTO_TX(tx);
	if (!backup_session_open(&copy->params, &db, err) ||
		!backup_session_import(db, copy->locks->snapshot, &tx, err) ||
		!create_rows_prepare(db, err) || !db_exec(db, err, "savepoint parts"))
		return false;
	CLEANUP(create_rows_free_auto)
	struct create_rows *rows =
		create_rows_new(copy->writer, (int)copy->settings->level, stop_asked, copy);
	const struct create_part *part;
	while ((part = next_part(copy))) {
		bool deferred;
		if (!begin_part(copy, db, rows, part, &deferred, err) ||
			(!deferred && !read_part(copy, db, rows, part, err)))
			return false;
	}
	return true;
}

static void *worker_main(void *arg)
{
	struct create_copy *copy = arg;
	AUTO_ERR(err);
	if (!work(copy, &err))
		fail(copy, &err);
	pthread_mutex_lock(&copy->lock);
	copy->working--;
	pthread_cond_signal(&copy->ended);
	pthread_mutex_unlock(&copy->lock);
	return NULL;
}

/* --- all of them ------------------------------------------------------------------------------ */

static bool plan_parts(struct create_copy *copy, struct err *err)
{
	AUTO_FREE struct create_size *sizes = NULL;
	if (!create_tables_sizes(
		    copy->locks->leader, &copy->locks->filter, copy->manifest, &sizes, err))
		return false;
	create_parts_plan(
		copy->manifest, sizes, parallel_workers(copy->settings->jobs), &copy->parts);
	return true;
}

static bool start_workers(struct create_copy *copy, struct err *err)
{
	int wanted = parallel_workers(copy->settings->jobs);
	if ((size_t)wanted > copy->parts.count)
		wanted = (int)copy->parts.count;
	copy->threads = xcalloc((size_t)wanted + 1, sizeof(*copy->threads));
	copy->working = wanted;
	for (; copy->thread_count < wanted; copy->thread_count++)
		if (pthread_create(&copy->threads[copy->thread_count], NULL, worker_main, copy))
			return err_set(err, ERR_FAILED, "cannot start a worker thread");
	return true;
}

bool create_copy_start(const struct backup_settings *settings, const struct create_locks *locks,
	struct pack_manifest *manifest, struct pack_writer *writer, struct create_copy **started,
	struct err *err)
{
	CLEANUP(create_copy_free_auto) struct create_copy *copy = xcalloc(1, sizeof(*copy));
	copy->settings = settings;
	copy->locks = locks;
	copy->manifest = manifest;
	copy->writer = writer;
	copy->params = settings->target;
	copy->params.stop = stop_asked;
	copy->params.stop_ctx = copy;
	pthread_mutex_init(&copy->lock, NULL);
	pthread_cond_init(&copy->ended, NULL);
	if (!plan_parts(copy, err))
		return false;
	*started = xtake(&copy); /* before there are threads that may ask for it */
	return start_workers(*started, err);
}

bool create_copy_failed(struct create_copy *copy)
{
	return copy->stopped;
}

bool create_copy_ended(struct create_copy *copy, int wait_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += wait_ms / 1000;
	pthread_mutex_lock(&copy->lock);
	while (copy->working && !pthread_cond_timedwait(&copy->ended, &copy->lock, &until))
		;
	bool ended = copy->working == 0;
	pthread_mutex_unlock(&copy->lock);
	return ended;
}

static void join(struct create_copy *copy)
{
	while (copy->thread_count > 0)
		pthread_join(copy->threads[--copy->thread_count], NULL);
}

static bool copy_deferred(struct create_copy *copy, struct err *err)
{
	struct db *leader = copy->locks->leader;
	CLEANUP(create_rows_free_auto)
	struct create_rows *rows =
		create_rows_new(copy->writer, (int)copy->settings->level, stop_asked, copy);
	for (size_t i = 0; i < copy->deferred_count; i++) {
		const struct create_part *part = &copy->parts.items[copy->deferred[i]];
		AUTO_FREE char *query = create_part_query(leader, part);
		if (!create_rows_begin(rows, leader, query, err))
			return explain(part, err);
		if (!read_part(copy, leader, rows, part, err))
			return false;
	}
	return true;
}

static void sum_roots(struct pack_manifest *manifest)
{
	for (size_t i = 0; i < manifest->roots.count; i++) {
		struct pack_root *root = &manifest->roots.items[i];
		for (size_t k = 0; k < manifest->tables.count; k++)
			if (manifest->tables.items[k].root == root->oid)
				pack_content_add(
					&root->content, &manifest->tables.items[k].content);
	}
}

bool create_copy_finish(struct create_copy *copy, struct err *err)
{
	join(copy);
	if (copy->first.code)
		return err_move(err, &copy->first);
	if (!copy_deferred(copy, err))
		return false;
	sum_roots(copy->manifest);
	return true;
}

void create_copy_free(struct create_copy *copy)
{
	if (!copy)
		return;
	copy->stopped = true;
	join(copy);
	pthread_mutex_destroy(&copy->lock);
	pthread_cond_destroy(&copy->ended);
	err_release(&copy->first);
	free(copy->threads);
	create_parts_release(&copy->parts);
	free(copy->deferred);
	free(copy);
}
