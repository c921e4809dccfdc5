#include "backup/create_room.h"

#include <inttypes.h>

#include "backup/copy.h"
#include "backup/throttle.h"
#include "base/clock.h"
#include "maint/maint.h"
#include "store/store.h"

/* Everything that one run holds; released in the reverse order. */
struct create {
	const struct backup_settings *settings;
	struct keys *keys;
	struct create_dump *dump;
	bool dump_ended;
	char *id;
	int64_t started_ms;
	char *definitions; /* their fingerprint */
	struct create_locks locks;
	struct pack_manifest *manifest;
	struct store *store; /* NULL with settings->to */
	char *file; /* name in the store, or path */
	struct io_writer *io;
	struct pack_writer *writer;
	struct create_copy *copy;
	int64_t began; /* monotonic */
};

static void create_release(struct create *create)
{
	create_copy_free(create->copy);
	create_dump_free(create->dump);
	pack_writer_free(create->writer);
	io_writer_close(create->io);
	create_locks_release(&create->locks);
	pack_manifest_free(create->manifest);
	store_close(create->store);
	free(create->file);
	free(create->definitions);
	free(create->id);
	keys_release(create->keys);
}

void backup_result_release(struct backup_result *result)
{
	free(result->id);
	free(result->store);
	free(result->path);
	strvec_release(&result->revisions);
	strvec_release(&result->notes);
	*result = (struct backup_result){0};
}

static bool cancelled(const struct create *create)
{
	const struct backup_settings *settings = create->settings;
	return settings->cancelled && settings->cancelled(settings->ctx);
}

/* --- before the first lock -------------------------------------------------------------------- */

static bool take_keys(struct create *create, struct err *err)
{
	const struct backup_settings *settings = create->settings;
	struct keys_request request = {
		.target = settings->target,
		.mode = KEYS_BACKUP,
		.mig_run = settings->mig_run,
		.program = "mig-backup create",
		.lock_wait_ms = settings->lock_wait_ms,
		.log = settings->log,
	};
	return keys_take(&request, &create->keys, err);
}

/* The destination is opened first: a store that cannot be written to shall not cost a lock. */
static bool open_file(struct create *create, struct err *err)
{
	const struct backup_settings *settings = create->settings;
	if (settings->to) {
		create->file = xstrdup(settings->to);
		return io_file_create(create->file, &create->io, err);
	}
	const struct conf_store *first = &settings->env->stores[0];
	struct store_settings store = {first->name, first->url, settings->log};
	create->file = xstrfmt("%s" BACKUP_SUFFIX, create->id);
	return store_open(&store, &create->store, err) &&
	       create->store->ops->sweep(create->store, err) &&
	       create->store->ops->create(create->store, create->file, &create->io, err);
}

/* Every further store must be one that we know, before anything is begun. */
static bool check_stores(const struct backup_settings *settings, struct err *err)
{
	for (size_t i = 0; !settings->to && i < settings->env->store_count; i++) {
		const struct conf_store *one = &settings->env->stores[i];
		struct store_settings store = {one->name, one->url, settings->log};
		CLEANUP(store_close_auto) struct store *opened = NULL;
		if (!store_open(&store, &opened, err))
			return false;
	}
	return true;
}

static bool begin(struct create *create, struct err *err)
{
	const struct backup_settings *settings = create->settings;
	create->id = clock_new_id();
	create->started_ms = clock_now_ms();
	return check_stores(settings, err) && take_keys(create, err) &&
	       create_dump_find(settings, create->keys->session, &create->dump, err) &&
	       open_file(create, err);
}

/* --- the work --------------------------------------------------------------------------------- */

static struct pack_manifest *begin_manifest(const struct create *create)
{
	struct pack_manifest *manifest = pack_manifest_new();
	manifest->id = xstrdup(create->id);
	manifest->label = xstrdup_null(create->settings->label);
	manifest->tool = xstrdup(create->settings->tool);
	manifest->pg_dump = xstrdup(create_dump_version(create->dump));
	manifest->started_ms = create->started_ms;
	manifest->lsn = xstrdup_null(create->locks.lsn);
	return manifest;
}

/* Anew in each attempt. */
static bool describe(struct create *create, struct err *err)
{
	struct db *leader = create->locks.leader;
	pack_manifest_free(create->manifest);
	struct pack_manifest *manifest = create->manifest = begin_manifest(create);
	free(xtake(&create->definitions));
	return create_fingerprint_take(leader, &create->definitions, err) &&
	       create_database_describe(leader, manifest, err) &&
	       create_maintenance_undo(create->settings->env, leader, manifest, err) &&
	       create_tables_describe(leader, manifest, err) &&
	       create_sequences_describe(leader, manifest, err) &&
	       create_revisions_describe(
		       leader, create->settings->env->migrations.version_table, manifest, err);
}

static bool add_texts(struct create *create, struct err *err)
{
	struct db *leader = create->locks.leader;
	return create_text_add(leader, create->manifest, create->writer, err) &&
	       create_globals_add(leader, create->manifest, create->writer, err) &&
	       create_large_add(leader, create->manifest, create->writer, err);
}

static bool interrupted(struct err *err)
{
	return err_set(err, ERR_SIGNAL, "interrupted; nothing was published");
}

/*
 * Until pg_dump has its locks: behind a request that is queued behind ours it would wait for ever,
 * so it gives up early, and then we let go, too, and begin anew. To look at many locks takes time
 * and keeps others from locking: it is done no more than a part of the time.
 */
static bool dump_has_locks(struct create *create, struct err *err)
{
	enum { PAUSE_MS = 20, PAUSES_PER_LOOK = 3 };
	bool shared = false;
	int64_t pause = 0;
	while (!shared && !create->dump_ended) {
		if (cancelled(create))
			return interrupted(err);
		if (!create_dump_read(create->dump, (int)pause, &create->dump_ended, err))
			return err_context(err, "definitions");
		int64_t began = clock_monotonic_ms();
		if (!create_locks_shared(
			    &create->locks, create_dump_session(create->dump), &shared, err))
			return err_context(err, "definitions");
		pause = PAUSE_MS + PAUSES_PER_LOOK * (clock_monotonic_ms() - began);
	}
	return true;
}

/* One attempt at locks, snapshot and pg_dump on it, which takes its locks while we describe. */
static bool begin_snapshot(struct create *create, int64_t until, struct err *err)
{
	create->dump_ended = false;
	return create_locks_take(create->settings, until, &create->locks, err) &&
	       create_dump_start(create->dump, &create->locks, create->settings, err) &&
	       describe(create, err) && dump_has_locks(create, err);
}

static bool take_snapshot(struct create *create, struct err *err)
{
	enum { DEFAULT_TIMEOUT_MS = 30000, PAUSE_MS = 200 };
	const struct backup_settings *settings = create->settings;
	int64_t until =
		clock_monotonic_ms() +
		(settings->lock_timeout_ms ? settings->lock_timeout_ms : DEFAULT_TIMEOUT_MS);
	for (;;) {
		AUTO_ERR(why);
		if (begin_snapshot(create, until, &why))
			return true;
		bool again = why.code == ERR_LOCK && clock_monotonic_ms() < until;
		if (!again) {
			create_locks_explain(&create->locks, &why);
			return err_move(err, &why);
		}
		log_debug(settings->log, "lock_retry", NULL, "%s: once more", why.msg);
		create_locks_release(&create->locks);
		clock_sleep_ms(clock_jitter(PAUSE_MS));
	}
}

/* pg_dump works beside the workers; a failed worker ends the wait. */
static bool take_dump(struct create *create, struct err *err)
{
	while (!create->dump_ended) {
		if (cancelled(create))
			return interrupted(err);
		if (create_copy_failed(create->copy))
			return true; /* create_copy_finish says why */
		if (!create_dump_read(create->dump, 200, &create->dump_ended, err))
			return err_context(err, "definitions");
	}
	return create_fingerprint_check(create->locks.keeper, create->definitions, err) &&
	       create_dump_add(create->dump, create->writer, err);
}

/* A lost keeper or leader means lost locks: what was copied since may be empty. */
static bool locks_held(struct create *create, struct err *err)
{
	AUTO_RESULT(row);
	if (!db_query(create->locks.keeper, &row, err, "select 1") ||
		!db_query(create->locks.leader, &row, err, "select 1"))
		return err_context(err, "the locks were lost");
	return keys_check(create->keys, err);
}

static bool copy_all(struct create *create, struct err *err)
{
	const struct backup_settings *settings = create->settings;
	if (!add_texts(create, err) ||
		!create_copy_start(settings, &create->locks, create->manifest, create->writer,
			&create->copy, err))
		return false;
	if (!take_dump(create, err))
		return false;
	while (!create_copy_ended(create->copy, 1000))
		if (!locks_held(create, err) ||
			!create_locks_watch(&create->locks, settings->log, err))
			return false;
	return create_copy_finish(create->copy, err) && locks_held(create, err);
}

static bool publish(struct create *create, struct err *err)
{
	create->manifest->finished_ms = clock_now_ms();
	if (!pack_writer_finish(create->writer, err))
		return false;
	if (cancelled(create))
		return interrupted(err);
	return io_commit(create->io, err);
}

/* --- further stores --------------------------------------------------------------------------- */

static bool copy_to(struct create *create, const struct conf_store *to, struct err *err)
{
	struct log_sink *log = create->settings->log;
	struct store_settings settings = {to->name, to->url, log};
	struct backup_copy_settings how = {
		.find = {.log = log},
		.rate = create->settings->rate,
		.cancelled = create->settings->cancelled,
		.ctx = create->settings->ctx,
	};
	CLEANUP(store_close_auto) struct store *store = NULL;
	struct io_reader *io = NULL;
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	if (!store_open(&settings, &store, err) || !store->ops->sweep(store, err) ||
		!create->store->ops->open(create->store, create->file, &io, err) ||
		!pack_reader_open(io, &reader, err) ||
		!backup_copy_file(reader, store, create->file, &how, err))
		return err_context(err, "snapshot %s is in %s, but not in %s", create->manifest->id,
			create->store->name, to->name);
	log_info(log, "snapshot_copied", json_pack("{s:s}", "store", to->name),
		"copied to store %s", to->name);
	return true;
}

static bool copy_to_others(struct create *create, struct err *err)
{
	const struct conf_env *env = create->settings->env;
	for (size_t i = 1; create->store && i < env->store_count; i++)
		if (!copy_to(create, &env->stores[i], err))
			return false;
	return true;
}

/* --- all of it -------------------------------------------------------------------------------- */

static void fill_result(struct create *create, struct backup_result *result)
{
	const struct pack_manifest *manifest = create->manifest;
	struct pack_content total;
	pack_manifest_total(manifest, &total);
	*result = (struct backup_result){
		.id = xstrdup(manifest->id),
		.store = create->store ? xstrdup(create->store->name) : NULL,
		.path = create->store ? create->store->ops->place(create->store, create->file)
				      : xstrdup(create->file),
		.bytes = pack_writer_bytes(create->writer),
		.tables = (int64_t)manifest->tables.count,
		.rows = total.rows,
		.plain_bytes = total.bytes,
		.ms = clock_monotonic_ms() - create->began,
	};
	for (size_t i = 0; i < manifest->revisions.count; i++)
		strvec_push_all(&result->revisions, &manifest->revisions.items[i].revisions);
	strvec_push_all(&result->notes, &manifest->notes);
}

bool backup_create(
	const struct backup_settings *settings, struct backup_result *result, struct err *err)
{
	struct backup_settings mine = *settings;
	mine.target.stop = settings->cancelled;
	mine.target.stop_ctx = settings->ctx;
	CLEANUP(create_release)
	struct create create = {.settings = &mine, .began = clock_monotonic_ms()};
	if (!begin(&create, err) || !take_snapshot(&create, err))
		return false;
	log_info(settings->log, "backup_started",
		json_pack("{s:s}", "snapshot", create.manifest->id), "snapshot %s of %s",
		create.manifest->id, create.locks.leader->dbname);
	maint_tell_kept(settings->env, create.locks.leader, settings->mig_run, settings->log);
	create.writer = pack_writer_new(create.io, create.manifest);
	if (!copy_all(&create, err) || !publish(&create, err))
		return false;
	fill_result(&create, result);
	return copy_to_others(&create, err);
}
