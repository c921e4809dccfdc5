#include "copies/clone.h"

#include "base/clock.h"
#include "base/fs.h"
#include "copies/copies.h"
#include "copies/intent.h"
#include "copies/space.h"
#include "db/keys.h"
#include "maint/maint.h"
#include "maint/providers.h"
#include "maint/writes.h"

/* What a slow disk copies, and what a copy takes beside the bytes: checkpoints, the catalogues. */
#define SLOW_BYTES_PER_S (50 << 20)
#define FIXED_MS 1000
#define CENTURY_MS ((int64_t)100 * 365 * 86400 * 1000)
/* A smaller clone says nothing about the speed of the disk. */
#define TELLING_BYTES ((int64_t)64 << 20)
/* Beside the copy itself the server writes WAL and a few catalogues. */
#define ROOM_FACTOR 1.1
#define RATE_FILE "clone-rate.json"

struct cloning {
	const struct clone_settings *settings;
	struct keys *keys;
	struct db *server; /* in `postgres` */
	char *live; /* raw name */
	int64_t bytes, limit_ms;
};

static void cloning_release(struct cloning *cloning)
{
	db_close(cloning->server);
	keys_release(cloning->keys);
	free(cloning->live);
}

void clone_result_release(struct clone_result *result)
{
	free(result->database);
	free(result->of);
	*result = (struct clone_result){0};
}

void clone_result_lines(const struct clone_result *result, struct strvec *lines)
{
	AUTO_FREE char *size = clock_size_text(result->bytes);
	AUTO_FREE char *took = clock_duration_text(result->offline_ms);
	strvec_pushf(lines, "clone %s of %s: %s, offline for %s", result->database, result->of,
		size, took);
	strvec_push(lines, "a restore point on the same disk, not a snapshot: no backup");
	strvec_pushf(lines,
		"to go back: mig-restore swap %s --accept-loss; to remove it: mig-restore drop %s "
		"--yes",
		result->database, result->database);
}

json_t *clone_result_json(const struct clone_result *result)
{
	return json_pack("{s:o, s:o, s:I, s:f}", "clone", copies_json_text(result->database),
		"database", copies_json_text(result->of), "bytes", (json_int_t)result->bytes,
		"offline_seconds", (double)result->offline_ms / 1000);
}

/*
 * The fence
 */

static bool fence_stands(const struct conf_env *env, struct db *live, bool *stands, struct err *err)
{
	CLEANUP(maint_providers_release) struct maint_providers providers = {0};
	struct maint_site site = {.db = live};
	*stands = false;
	if (!maint_providers_load(env, &providers, err))
		return false;
	for (size_t i = 0; i < providers.count; i++) {
		const struct maint_provider *provider = providers.items[i];
		AUTO_FREE char *why = NULL;
		*stands |= provider->row->gives == MAINT_FENCE &&
			   maint_provider_status(provider, &site, &why) == MAINT_IS_ON;
	}
	return true;
}

static bool check_fence(const struct cloning *cloning, struct db *live, struct err *err)
{
	CLEANUP(maint_status_release) struct maint_status status = {0};
	const struct conf_env *env = cloning->settings->env;
	AUTO_FREE char *owner =
		cloning->keys->kin ? xstrfmt("run:%s", cloning->keys->run_id) : xstrdup("hand");
	bool stands = false;
	if (!maint_status(env, live, &status, err) || !fence_stands(env, live, &stands, err))
		return false;
	if (status.state == MAINT_CLOSED && !status.foreign && stands && !status.lease_over &&
		str_equal(status.owner, owner))
		return true;
	err_set(err, ERR_REFUSED, "a clone needs the fence, and %s",
		!stands                           ? "it does not stand"
		: !str_equal(status.owner, owner) ? "maintenance is held by somebody else"
		: status.lease_over               ? "the lease of maintenance has ended"
						  : "maintenance is not closed");
	err_detail(err, "nobody can connect to \"%s\" while the server copies it", cloning->live);
	return err_hint(err, "maintenance: [{database: no-connections, roles: [..]}] in mig.yaml, "
			     "then mig-maintenance on; without it: mig-backup create");
}

/*
 * Time and room
 */

int64_t clone_estimate_ms(int64_t bytes, int64_t measured_bytes, int64_t measured_ms)
{
	double per_s = SLOW_BYTES_PER_S;
	/* what was measured may have been in memory: two thirds of it are counted on */
	if (measured_bytes >= TELLING_BYTES && measured_ms > 0)
		per_s = (double)measured_bytes * 2 / 3 * 1000 / (double)measured_ms;
	double ms = FIXED_MS + (double)bytes * 1000 / per_s;
	return ms < (double)CENTURY_MS ? (int64_t)ms : CENTURY_MS;
}

static int64_t estimate(const struct cloning *cloning)
{
	AUTO_FREE char *path = fs_join(cloning->settings->env->state_dir, RATE_FILE);
	json_t *rate = json_load_file(path, 0, NULL);
	int64_t ms = clone_estimate_ms(cloning->bytes,
		json_integer_value(json_object_get(rate, "bytes")),
		json_integer_value(json_object_get(rate, "ms")));
	json_decref(rate);
	return ms;
}

/* The next clone's estimate; without it that one is made more carefully. */
static void keep_rate(const struct cloning *cloning, int64_t ms)
{
	AUTO_ERR(ignored);
	const char *state_dir = cloning->settings->env->state_dir;
	AUTO_FREE char *path = fs_join(state_dir, RATE_FILE);
	AUTO_FREE char *text = xstrfmt(
		"{\"bytes\": %lld, \"ms\": %lld}\n", (long long)cloning->bytes, (long long)ms);
	if (cloning->bytes >= TELLING_BYTES && fs_mkdirs(state_dir, &ignored) &&
		!fs_write_atomic(path, text, strlen(text), &ignored))
		log_debug(cloning->settings->log, "rate_not_kept", NULL, "%s", ignored.msg);
}

static bool check_time(const struct cloning *cloning, struct err *err)
{
	int64_t ms = estimate(cloning);
	AUTO_FREE char *size = clock_size_text(cloning->bytes);
	AUTO_FREE char *needed = clock_duration_text(ms);
	AUTO_FREE char *limit = clock_duration_text(cloning->limit_ms);
	log_info(cloning->settings->log, "clone_estimate",
		json_pack("{s:I, s:I}", "bytes", (json_int_t)cloning->bytes, "ms", (json_int_t)ms),
		"%s to copy: about %s offline", size, needed);
	if (ms <= cloning->limit_ms)
		return true;
	err_set(err, ERR_REFUSED, "a clone of %s would keep everybody out for about %s", size,
		needed);
	return err_hint(err,
		"allowed are %s: --max-offline T allows more; mig-backup create keeps nobody out",
		limit);
}

static bool check_room(const struct cloning *cloning, struct err *err)
{
	AUTO_FREE char *path = NULL;
	int64_t room, needed = (int64_t)((double)cloning->bytes * ROOM_FACTOR);
	if (!space_free(cloning->server, cloning->live, &path, &room, err))
		return false;
	if (room < 0 || room >= needed)
		return true;
	AUTO_FREE char *room_text = clock_size_text(room);
	AUTO_FREE char *needed_text = clock_size_text(needed);
	err_set(err, ERR_STORAGE, "%s has %s free, a clone needs about %s", path, room_text,
		needed_text);
	return err_hint(
		err, "remove old copies: mig-restore copies, then mig-restore drop COPY --yes");
}

/*
 * Copying
 */

/* The last session of ours in the live database ends here: one would be in the way. */
static bool leave_live(struct cloning *cloning, struct err *err)
{
	CLEANUP(db_close_auto) struct db *live = NULL;
	AUTO_RESULT(size);
	if (!db_open(&cloning->settings->target, &live, err))
		return false;
	cloning->live = xstrdup(live->dbname);
	if (!check_fence(cloning, live, err) ||
		!db_query(live, &size, err, "select pg_database_size(current_database())"))
		return false;
	cloning->bytes = db_get_int(&size, 0, 0);
	return check_time(cloning, err) && writes_end_sessions(live, err);
}

static bool begin(struct cloning *cloning, struct err *err)
{
	const struct clone_settings *settings = cloning->settings;
	struct keys_request request = {
		.target = settings->target,
		.mode = KEYS_RUN,
		.mig_run = settings->mig_run,
		.program = "mig-backup",
		.lock_wait_ms = settings->lock_wait_ms,
		.log = settings->log,
	};
	struct db_params params = settings->target;
	params.dbname = "postgres";
	if (!keys_take(&request, &cloning->keys, err))
		return false;
	if (cloning->keys->in_target)
		return err_set(err, ERR_REFUSED,
			"a clone is made from database \"postgres\" of the same server");
	return db_open(&params, &cloning->server, err) && leave_live(cloning, err) &&
	       check_room(cloning, err) && keys_check(cloning->keys, err);
}

/* What is written now need not be written while everybody waits. */
static void write_ahead(struct cloning *cloning)
{
	AUTO_ERR(ignored);
	if (cloning->server->superuser && !db_exec(cloning->server, &ignored, "checkpoint"))
		log_debug(cloning->settings->log, "no_checkpoint", NULL, "%s", ignored.msg);
}

static bool explain(const struct cloning *cloning, struct err *err)
{
	AUTO_FREE char *limit = clock_duration_text(cloning->limit_ms);
	if (err->code == ERR_TIMEOUT)
		return err_hint(err,
			"it took longer than the %s that are allowed, and nothing is left of it: "
			"--max-offline T",
			limit);
	if (strcmp(err->sqlstate, "55006") == 0) {
		err->code = ERR_REFUSED;
		return err_hint(err, "end the sessions in \"%s\": a superuser passes the fence",
			cloning->live);
	}
	return false;
}

static bool copy(struct cloning *cloning, struct copies_item *clone, int64_t *ms, struct err *err)
{
	struct copies_place place = {
		.server = cloning->server,
		.state_dir = cloning->settings->env->state_dir,
		.live = cloning->live,
		.run = cloning->keys->run_id,
		.log = cloning->settings->log,
	};
	AUTO_FREE char *made = NULL;
	struct copies_spec spec = {.purpose = DB_CLONE, .source = cloning->live};
	if (!copies_now(cloning->server, &made, err) ||
		!db_execf(cloning->server, err, "set statement_timeout = %lld",
			(long long)cloning->limit_ms))
		return false;
	/* the state is that of the beginning: nobody writes, but nothing later is claimed */
	spec.made = made;
	int64_t began = clock_monotonic_ms();
	bool copied = copies_create(&place, &spec, clone, err) || explain(cloning, err);
	*ms = clock_monotonic_ms() - began;
	return copied;
}

bool clone_create(
	const struct clone_settings *settings, struct clone_result *result, struct err *err)
{
	CLEANUP(cloning_release)
	struct cloning cloning = {
		.settings = settings,
		.limit_ms = settings->max_offline_ms ? settings->max_offline_ms : CLONE_OFFLINE_MS,
	};
	CLEANUP(copies_item_release) struct copies_item clone = {0};
	int64_t ms;
	if (!begin(&cloning, err))
		return false;
	write_ahead(&cloning);
	if (!copy(&cloning, &clone, &ms, err))
		return false;
	keep_rate(&cloning, ms);
	*result = (struct clone_result){
		.database = xstrdup(clone.name),
		.of = xstrdup(cloning.live),
		.bytes = cloning.bytes,
		.offline_ms = ms,
	};
	return true;
}
