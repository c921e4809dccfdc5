#include "restore/wal.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "copies/space.h"

enum {
	EVERY_MS = 100,
	FREE_SHARE = 4, /* of what was free at first */
	GROWTH_FACTOR = 3, /* of max_wal_size */
};
#define FREE_MOST ((int64_t)1 << 30)
#define GROWTH_LEAST ((int64_t)4 << 30)

struct restore_wal {
	struct db *db; /* in `postgres`; of the thread, once it runs */
	struct log_sink *log;
	char *path; /* of pg_wal; NULL: it cannot be seen from here */
	const char *size_sql; /* how large it is, or how much is kept in it */
	int64_t asked; /* its size may be; 0: no limit was asked for */
	int64_t limit; /* where its disk cannot be seen */
	int64_t reserve; /* stays free on its disk */
	bool (*cancelled)(void *ctx); /* what the settings had */
	void *cancel_ctx;
	bool (*stop)(void *ctx);
	void *stop_ctx;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t ending;
	bool running, ends;
	atomic_bool over;
	struct err why; /* of over */
};

/*
 * What the server says
 */

static const char listed_sql[] =
	"select coalesce(pg_catalog.sum(size), 0)::pg_catalog.int8 from pg_catalog.pg_ls_waldir()";

/* The name of a segment is its timeline, its number divided by those in 4 GiB, and the rest. */
static const char kept_sql[] =
	"select greatest(0,"
	" (select pg_catalog.max(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(),"
	"   restart_lsn)) from pg_catalog.pg_replication_slots),"
	" (select pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')"
	"   - ('x' || pg_catalog.substr(last_archived_wal, 9, 8))::bit(32)::int8 * 4294967296"
	"   - ('x' || pg_catalog.substr(last_archived_wal, 17, 8))::bit(32)::int8"
	"    * pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size'))"
	"  from pg_catalog.pg_stat_archiver where pg_catalog.length(last_archived_wal) = 24"
	"   and pg_catalog.current_setting('archive_mode') <> 'off'))::pg_catalog.int8";

static const char limit_sql[] =
	"select pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_wal_size'))";

static const char may_list_sql[] =
	"select pg_catalog.has_function_privilege('pg_catalog.pg_ls_waldir()', 'execute')";

static const char keepers_sql[] =
	"select pg_catalog.string_agg(what, '; ') from ("
	"select pg_catalog.format('replication slot %s, %s, keeps %s', slot_name,"
	" case when active then 'in use' else 'not in use' end, pg_catalog.pg_size_pretty("
	" pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn)))"
	" from pg_catalog.pg_replication_slots where restart_lsn is not null and (not active"
	" or pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn) >"
	"  pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_wal_size')))"
	" union all"
	" select pg_catalog.format('archiving has failed since %s', pg_catalog.date_trunc("
	"  'second', coalesce(last_archived_time, stats_reset)))"
	" from pg_catalog.pg_stat_archiver where pg_catalog.current_setting('archive_mode') <> "
	"'off'"
	" and last_failed_time > coalesce(last_archived_time, '-infinity')) k(what)";

/*
 * The next checkpoint takes it, and to remove what was restored makes one: so it is asked well
 * before. A slot that nobody uses may be lost: that is what max_slot_wal_keep_size is for.
 */
static const char losing_sql[] =
	"select pg_catalog.string_agg(slot_name, ', ') from pg_catalog.pg_replication_slots"
	" where active and safe_wal_size < least(134217728, pg_catalog.pg_size_bytes("
	"pg_catalog.current_setting('max_slot_wal_keep_size')) / 2)";

static bool ask_number(struct db *db, const char *sql, int64_t *number, struct err *err)
{
	AUTO_RESULT(row);
	if (!db_query(db, &row, err, sql))
		return false;
	*number = db_rows(&row) ? db_get_int(&row, 0, 0) : 0;
	return true;
}

/*
 * Judging
 */

static bool too_much(struct restore_wal *wal, const char *what, struct err *err)
{
	AUTO_FREE char *keepers = NULL;
	AUTO_ERR(ignored);
	if (!db_value(wal->db, &keepers, &ignored, keepers_sql))
		keepers = NULL;
	err_set(err, ERR_STORAGE, "%s: the restore is stopped before the server's disk is full",
		what);
	if (keepers)
		err_detail(err, "what is written stays in pg_wal: %s", keepers);
	return err_hint(err,
		"let it be removed (mend archive_command, bring the replica back, or "
		"select pg_drop_replication_slot(..)), then begin again; to allow more, "
		"where the disk has it: --max-wal SIZE");
}

static bool judge_disk(struct restore_wal *wal, struct err *err)
{
	int64_t left = wal->path ? fs_free_bytes(wal->path) : -1;
	if (left < 0 || left >= wal->reserve)
		return true;
	AUTO_FREE char *text = clock_size_text(left);
	AUTO_FREE char *what = xstrfmt("%s has only %s free", wal->path, text);
	return too_much(wal, what, err);
}

static bool judge_size(struct restore_wal *wal, struct err *err)
{
	int64_t size, limit = wal->asked ? wal->asked : wal->limit;
	if (wal->path && !wal->asked)
		return true;
	if (!ask_number(wal->db, wal->size_sql, &size, err))
		return false;
	if (size <= limit)
		return true;
	AUTO_FREE char *size_text = clock_size_text(size);
	AUTO_FREE char *limit_text = clock_size_text(limit);
	AUTO_FREE char *what = xstrfmt(
		"the server's pg_wal has grown to %s, its limit is %s", size_text, limit_text);
	return too_much(wal, what, err);
}

static bool judge_slots(struct restore_wal *wal, struct err *err)
{
	AUTO_FREE char *losing = NULL;
	if (!db_value(wal->db, &losing, err, losing_sql))
		return false;
	if (!losing)
		return true;
	AUTO_FREE char *what = xstrfmt("replication slot %s, which is in use, is about to lose "
				       "what it needs (max_slot_wal_keep_size)",
		losing);
	return too_much(wal, what, err);
}

static bool judge(struct restore_wal *wal, struct err *err)
{
	return judge_disk(wal, err) && judge_size(wal, err) && judge_slots(wal, err);
}

/*
 * Watching
 */

static bool pause_or_end(struct restore_wal *wal)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += EVERY_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&wal->mutex);
	if (!wal->ends)
		pthread_cond_timedwait(&wal->ending, &wal->mutex, &until);
	bool ends = wal->ends;
	pthread_mutex_unlock(&wal->mutex);
	return ends;
}

static void say_unwatched(struct log_sink *log, const struct err *why)
{
	log_warn(log, "wal_unwatched", json_pack("{s:s}", "error", why->msg),
		"the growth of the server's pg_wal is not watched: %s", why->msg);
}

static void *thread_main(void *argument)
{
	struct restore_wal *wal = argument;
	AUTO_ERR(why);
	while (!pause_or_end(wal)) {
		if (judge(wal, &why))
			continue;
		if (why.code == ERR_STORAGE) {
			err_move(&wal->why, &why);
			atomic_store(&wal->over, true);
		} else if (why.code != ERR_SIGNAL) {
			say_unwatched(wal->log, &why);
		}
		break;
	}
	return NULL;
}

static bool is_cancelled(void *ctx)
{
	struct restore_wal *wal = ctx;
	return atomic_load(&wal->over) || (wal->cancelled && wal->cancelled(wal->cancel_ctx));
}

static bool is_stopped(void *ctx)
{
	struct restore_wal *wal = ctx;
	return atomic_load(&wal->over) || (wal->stop && wal->stop(wal->stop_ctx));
}

static void take_callbacks(struct restore_wal *wal, struct restore_settings *settings)
{
	wal->cancelled = settings->cancelled;
	wal->cancel_ctx = settings->cancel_ctx;
	wal->stop = settings->target.stop;
	wal->stop_ctx = settings->target.stop_ctx;
	settings->cancelled = is_cancelled;
	settings->cancel_ctx = wal;
	settings->target.stop = is_stopped;
	settings->target.stop_ctx = wal;
}

static bool measure(struct restore_wal *wal, struct err *err)
{
	AUTO_FREE char *may_list = NULL;
	int64_t size, most;
	if (!space_wal(wal->db, &wal->path, err) ||
		!db_value(wal->db, &may_list, err, may_list_sql))
		return false;
	wal->size_sql = str_equal(may_list, "t") ? listed_sql : kept_sql;
	if (!ask_number(wal->db, wal->size_sql, &size, err) ||
		!ask_number(wal->db, limit_sql, &most, err))
		return false;
	wal->limit = most * GROWTH_FACTOR > GROWTH_LEAST ? most * GROWTH_FACTOR : GROWTH_LEAST;
	wal->limit += size;
	wal->reserve = wal->path ? fs_free_bytes(wal->path) / FREE_SHARE : 0;
	if (wal->reserve > FREE_MOST)
		wal->reserve = FREE_MOST;
	return true;
}

static bool tell_keepers(struct restore_wal *wal, struct err *err)
{
	AUTO_FREE char *keepers = NULL;
	if (!db_value(wal->db, &keepers, err, keepers_sql))
		return false;
	if (keepers)
		log_warn(wal->log, "wal_kept", json_pack("{s:s}", "kept_by", keepers),
			"all that this restore writes stays in the server's pg_wal: %s", keepers);
	return true;
}

/* Not every service has a database `postgres`, or lets us ask. */
static bool go_unwatched(const struct restore_settings *settings, struct err *err)
{
	if (settings->max_wal || err->code == ERR_SIGNAL)
		return err_context(err, "pg_wal cannot be watched");
	say_unwatched(settings->log, err);
	err_release(err);
	return true;
}

bool restore_wal_begin(struct restore_settings *settings, struct restore_wal **wal, struct err *err)
{
	CLEANUP(restore_wal_free_auto) struct restore_wal *watch = xcalloc(1, sizeof(*watch));
	struct db_params params = settings->target;
	params.dbname = "postgres";
	watch->log = settings->log;
	watch->asked = settings->max_wal;
	pthread_mutex_init(&watch->mutex, NULL);
	pthread_cond_init(&watch->ending, NULL);
	if (!db_open(&params, &watch->db, err) || !measure(watch, err) || !tell_keepers(watch, err))
		return go_unwatched(settings, err);
	if (!judge(watch, err))
		return false;
	if (pthread_create(&watch->thread, NULL, thread_main, watch))
		return err_set(err, ERR_FAILED, "no thread to watch pg_wal");
	watch->running = true;
	take_callbacks(watch, settings);
	*wal = xtake(&watch);
	return true;
}

bool restore_wal_end(struct restore_wal *wal, bool good, struct err *err)
{
	if (wal && wal->running) {
		pthread_mutex_lock(&wal->mutex);
		wal->ends = true;
		pthread_cond_signal(&wal->ending);
		pthread_mutex_unlock(&wal->mutex);
		pthread_join(wal->thread, NULL);
		wal->running = false;
	}
	/* what ended otherwise, a commit in doubt above all, stays what it is */
	if (good || !wal || err->code != ERR_SIGNAL || !atomic_exchange(&wal->over, false))
		return good;
	err_release(err);
	return err_move(err, &wal->why);
}

void restore_wal_free(struct restore_wal *wal)
{
	AUTO_ERR(ignored);
	if (!wal)
		return;
	restore_wal_end(wal, true, &ignored);
	db_close(wal->db);
	pthread_cond_destroy(&wal->ending);
	pthread_mutex_destroy(&wal->mutex);
	err_release(&wal->why);
	free(wal->path);
	free(wal);
}
