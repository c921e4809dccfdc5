#include "backup/create_room.h"

#include <inttypes.h>

#include <pthread.h>
#include <stdatomic.h>

#include "backup/copy.h"
#include "backup/progress.h"
#include "backup/throttle.h"
#include "base/clock.h"
#include "base/fs.h"
#include "maint/maint.h"
#include "maint/writes.h"
#include "store/store.h"

/* Who else may stop it: the caller, and the clock. */
struct guard {
	const struct backup_settings *settings;
	int64_t until; /* monotonic; 0: no limit */
	atomic_bool expired; /* several threads look */
};

static bool guard_stops(void *ctx)
{
	struct guard *guard = ctx;
	const struct backup_settings *settings = guard->settings;
	if (settings->cancelled && settings->cancelled(settings->ctx))
		return true;
	if (guard->until && clock_monotonic_ms() >= guard->until)
		guard->expired = true;
	return guard->expired;
}

/* Whatever was interrupted by the clock says so. */
static bool guard_explain(const struct guard *guard, struct err *err)
{
	if (!guard->expired || err->code != ERR_SIGNAL)
		return false;
	AUTO_FREE char *limit = clock_duration_text(guard->settings->max_duration_ms);
	err_set(err, ERR_TIMEOUT, "not done within %s; nothing was published", limit);
	return err_hint(err, "allow more with --max-duration, or less work with -j and --level");
}

/* Everything that one run holds; released in the reverse order. */
struct create {
	const struct backup_settings *settings;
	const struct backup_settings *asked; /* as the caller gave them */
	struct progress *progress;
	pthread_t main; /* who looks around */
	int64_t next_look; /* monotonic */
	struct throttle throttle; /* with settings->rate */
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
	progress_end(create->progress);
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

static void warn_of_standby(const struct create *create)
{
	if (create->keys->session->standby)
		log_warn(create->settings->log, "standby", NULL,
			"this server is a standby: its backup keeps no run away from the primary, "
			"and has no rows of unlogged tables");
}

static bool begin(struct create *create, struct err *err)
{
	const struct backup_settings *settings = create->settings;
	if (!check_stores(settings, err) || !take_keys(create, err))
		return false;
	warn_of_standby(create);
	return create_dump_find(settings, create->keys->session, &create->dump, err) &&
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
	create_filter_options(&create->settings->filter, &manifest->partial);
	return manifest;
}

/* Anew in each attempt. */
static bool describe(struct create *create, struct err *err)
{
	struct db *leader = create->locks.leader;
	const struct create_filter *filter = &create->locks.filter;
	pack_manifest_free(create->manifest);
	struct pack_manifest *manifest = create->manifest = begin_manifest(create);
	free(xtake(&create->definitions));
	return create_fingerprint_take(leader, &create->definitions, err) &&
	       create_database_describe(leader, manifest, err) &&
	       create_maintenance_undo(create->settings->env, leader, manifest, err) &&
	       create_filter_matches(filter, &create->settings->filter, leader, err) &&
	       create_filter_left_out(filter, leader, &manifest->left_out, err) &&
	       create_tables_describe(leader, filter, manifest, err) &&
	       create_turns_describe(leader, manifest, err) &&
	       create_sequences_describe(leader, filter, manifest, err) &&
	       create_revisions_describe(leader, create->settings->env, manifest, err);
}

static bool add_texts(struct create *create, struct err *err)
{
	struct db *leader = create->locks.leader;
	return create_text_add(leader, create->manifest, create->writer, err) &&
	       create_globals_add(leader, create->manifest, create->writer, err) &&
	       create_large_add(
		       leader, &create->locks.filter, create->manifest, create->writer, err);
}

static bool interrupted(struct err *err)
{
	return err_set(err, ERR_SIGNAL, "interrupted; nothing was published");
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

/* What takes the server away takes pg_dump with it, which may be the first to say so. */
static bool read_dump(struct create *create, int wait_ms, struct err *err)
{
	AUTO_ERR(lost);
	if (create_dump_read(create->dump, wait_ms, &create->dump_ended, err))
		return true;
	return locks_held(create, &lost) ? err_context(err, "definitions") : err_move(err, &lost);
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
		progress_tick(create->progress);
		if (cancelled(create))
			return interrupted(err);
		if (!read_dump(create, (int)pause, err))
			return false;
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

/* Now and then while others work, or while the rate makes us wait. */
static bool look_around(struct create *create, struct err *err)
{
	enum { LOOK_MS = 500 };
	if (cancelled(create))
		return interrupted(err);
	progress_tick(create->progress);
	if (clock_monotonic_ms() < create->next_look)
		return true;
	create->next_look = clock_monotonic_ms() + LOOK_MS;
	return locks_held(create, err) && create_locks_watch(&create->locks, create->settings, err);
}

/* Before each member, in whichever thread it is added. */
static bool pace(void *ctx, size_t bytes, struct err *err)
{
	enum { PAUSE_MS = 100 };
	struct create *create = ctx;
	bool looks = pthread_equal(pthread_self(), create->main);
	int64_t at_ms;
	throttle_take(&create->throttle, bytes, &at_ms);
	for (;;) {
		int64_t left = at_ms - clock_monotonic_ms();
		if (left <= 0)
			return true;
		if (looks ? !look_around(create, err) : cancelled(create) && !interrupted(err))
			return false;
		if (create->copy && create_copy_failed(create->copy))
			return err_set(err, ERR_SIGNAL, "stopped");
		clock_sleep_ms(left < PAUSE_MS ? left : PAUSE_MS);
	}
}

/* With a filter: do we mean the same tables? */
static bool check_dump(struct create *create, struct err *err)
{
	AUTO_STRBUF(list);
	const struct create_filter *filter = &create->locks.filter;
	return !filter->partial ||
	       (create_dump_list(create->dump, &list, err) &&
		       create_filter_agrees(filter, create->locks.leader, list.buf, err));
}

/* pg_dump works beside the workers; a failed worker ends the wait. */
static bool take_dump(struct create *create, struct err *err)
{
	while (!create->dump_ended) {
		if (!look_around(create, err))
			return false;
		if (create_copy_failed(create->copy))
			return true; /* create_copy_finish says why */
		if (!read_dump(create, 200, err))
			return false;
	}
	return create_fingerprint_check(create->locks.keeper, create->definitions, err) &&
	       check_dump(create, err) && create_dump_add(create->dump, create->writer, err);
}

static bool copy_all(struct create *create, struct err *err)
{
	const struct backup_settings *settings = create->settings;
	progress_phase(create->progress, "rows");
	if (!add_texts(create, err) ||
		!create_copy_start(settings, &create->locks, create->manifest, create->writer,
			&create->copy, err))
		return false;
	/* a failed worker has the better reason */
	if (!take_dump(create, err) && !create_copy_failed(create->copy))
		return false;
	while (!create_copy_ended(create->copy, 1000))
		if (!look_around(create, err))
			return false;
	return create_copy_finish(create->copy, err) && locks_held(create, err);
}

/* In a run, at the end: a fence that stands now has stood while rows were read. */
static char *known_of_writes(const struct create *create)
{
	if (!create->keys->kin)
		return NULL;
	AUTO_FREE char *run = conf_run_dir(create->settings->env, create->keys->run_id);
	AUTO_FREE char *proof = fs_join(run, "proof.json");
	return writes_known(proof);
}

static bool publish(struct create *create, struct err *err)
{
	create->manifest->writes = known_of_writes(create);
	create->manifest->finished_ms = clock_now_ms();
	progress_phase(create->progress, "publishing");
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
		.rate = create->asked->rate,
		.cancelled = create->asked->cancelled,
		.ctx = create->asked->ctx,
	};
	CLEANUP(store_close_auto) struct store *store = NULL;
	struct io_reader *io = NULL;
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	if (!store_open(&settings, &store, err) || !store->ops->sweep(store, err) ||
		!create->store->ops->open(create->store, create->file, &io, err) ||
		!pack_reader_open(io, &reader, err) ||
		!backup_copy_file(reader, store, create->file, &how, err)) {
		err_context(err, "snapshot %s is in %s, but not in %s", create->manifest->id,
			create->store->name, to->name);
		return err_hint(err, "when that is mended: mig-backup copy %s %s",
			create->manifest->id, to->name);
	}
	log_info(log, "snapshot_copied", json_pack("{s:s}", "store", to->name),
		"copied to store %s", to->name);
	return true;
}

static bool copy_to_others(struct create *create, struct err *err)
{
	const struct conf_env *env = create->settings->env;
	if (create->store && env->store_count > 1)
		progress_phase(create->progress, "further stores");
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
		.partial = manifest->partial.count > 0,
	};
	for (size_t i = 0; i < manifest->revisions.count; i++)
		strvec_push_all(&result->revisions, &manifest->revisions.items[i].revisions);
	strvec_push_all(&result->notes, &manifest->notes);
}

/* Until it is published: after that, no time limit takes it back. */
static bool make_snapshot(struct create *create, struct err *err)
{
	const struct backup_settings *settings = create->settings;
	if (!begin(create, err) || !take_snapshot(create, err))
		return false;
	log_info(settings->log, "backup_started",
		json_pack("{s:s}", "snapshot", create->manifest->id), "snapshot %s of %s",
		create->manifest->id, create->locks.leader->dbname);
	maint_tell_kept(settings->env, create->locks.leader, settings->mig_run, settings->log);
	create->writer = pack_writer_new(create->io, create->manifest);
	if (settings->rate)
		pack_writer_pace(create->writer, pace, create);
	return copy_all(create, err) && publish(create, err);
}

bool backup_create(
	const struct backup_settings *settings, struct backup_result *result, struct err *err)
{
	struct guard guard = {.settings = settings};
	struct backup_settings mine = *settings;
	if (settings->max_duration_ms)
		guard.until = clock_monotonic_ms() + settings->max_duration_ms;
	mine.cancelled = mine.target.stop = guard_stops;
	mine.ctx = mine.target.stop_ctx = &guard;
	CLEANUP(create_release)
	struct create create = {.settings = &mine,
		.asked = settings,
		.main = pthread_self(),
		.began = clock_monotonic_ms(),
		.id = clock_new_id(),
		.started_ms = clock_now_ms()};
	throttle_init(&create.throttle, settings->rate);
	create.progress =
		progress_begin(settings->env, create.id, settings->mig_run, settings->log);
	mine.log = progress_sink(create.progress);
	if (!make_snapshot(&create, err))
		return guard_explain(&guard, err);
	fill_result(&create, result);
	return copy_to_others(&create, err);
}
