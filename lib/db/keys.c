#include "db/internal.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	GRACE_MS = 500, /* a program that just ended gives its keys back a moment later */
	MOMENT_MS = 5000, /* for keys that others hold only for moments */
	DRAIN_MS = 30 * 1000, /* statements of dead programs may finish by themselves */
	ENDING_MS = 10 * 1000, /* for a terminated backend to leave */
	STOPPING_MS = 60 * 1000 /* for a backup that was asked to; it may wait for locks */
};

enum { STEP_BYTES = 12, NAME_BYTES = 63 };

/* "mig-run <id> <step> <UTC start> <host>": what has no room is cut from the host, which is last.
 */
static char *session_name(const char *program, const char *id, const char *step)
{
	char host[64] = "";
	gethostname(host, sizeof(host) - 1);
	AUTO_FREE char *now = clock_utc(clock_now_ms());
	AUTO_FREE char *words =
		xstrfmt("%s %s %.*s %s %s", program, id, STEP_BYTES, step, now + 11, host);
	return xstrndup(words, NAME_BYTES);
}

static bool is_backup(const struct keys_holder *holder)
{
	return holder->pid && str_starts(holder->application_name, "mig-backup");
}

static bool refuse_holder(
	struct db *session, const char *what, const char *kind, const char *dbname, struct err *err)
{
	struct keys_holder holder = {0};
	AUTO_ERR(unseen);
	if (!lock_holder(session, keys_number(kind, dbname), &holder, &unseen) || !holder.pid) {
		keys_holder_release(&holder);
		err_set(err, ERR_LOCK, "%s of database %s was held a moment ago", what, dbname);
		return err_hint(err, "run the command again");
	}
	err_set(err, ERR_LOCK, "%s of database %s is held by %s, since %s", what, dbname,
		*holder.application_name ? holder.application_name : "a session without a name",
		holder.since ? holder.since : "a time that this role may not see");
	err_detail(err, "backend %d, user %s, from %s", holder.pid,
		holder.user ? holder.user : "unknown", holder.client ? holder.client : "a socket");
	bool backup = is_backup(&holder) && strcmp(kind, "run") == 0;
	keys_holder_release(&holder);
	return err_hint(err, "wait for it with --lock-wait 10m, or %s",
		backup ? "let it stop: --preempt-backup" : "see what it does: mig status");
}

static bool want(struct keys *keys, const char *what, const char *kind, enum lock_mode mode,
	int64_t wait_ms, struct err *err)
{
	bool got = false;
	if (!lock_poll(keys->session, keys_number(kind, keys->dbname), mode, wait_ms, &got, err))
		return false;
	return got || refuse_holder(keys->session, what, kind, keys->dbname, err);
}

static bool is_refused_connect(const struct err *err)
{
	static const char *const states[] = {"3D000", "42501", "28000", "28P01"};
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (strcmp(err->sqlstate, states[i]) == 0)
			return true;
	return false;
}

/* Whoever undoes things after Ctrl-C still asks whether the keys are held. */
static bool never_interrupted(struct keys *keys)
{
	keys->session->uninterrupted = true;
	return true;
}

/* The session that holds keys: in `postgres`, which nobody renames, or where that is not allowed.
 */
static bool open_session(
	struct keys *keys, const struct db_params *target, const char *name, struct err *err)
{
	struct db_params params = *target;
	AUTO_ERR(why);
	params.application_name = name;
	params.dbname = "postgres";
	keys->in_target = strcmp(keys->dbname, "postgres") == 0;
	if (db_open(&params, &keys->session, &why))
		return never_interrupted(keys);
	if (!is_refused_connect(&why))
		return err_move(err, &why);
	log_warn(target->log, "keys_in_target", json_pack("{s:s}", "database", keys->dbname),
		"database postgres cannot be used (%s): keys are taken in %s, and swap is not "
		"possible",
		why.msg, keys->dbname);
	keys->in_target = true;
	params.dbname = keys->dbname;
	return db_open(&params, &keys->session, err) && never_interrupted(keys);
}

/* *session stays NULL when the target does not exist; its name is then the conninfo's. */
static bool open_target(
	const struct db_params *target, struct db **session, char **dbname, struct err *err)
{
	AUTO_ERR(why);
	if (db_open(target, session, &why)) {
		*dbname = xstrdup((*session)->dbname);
		return true;
	}
	*dbname = target->dbname ? xstrdup(target->dbname) : db_conninfo_dbname(target->conninfo);
	if (strcmp(why.sqlstate, "3D000") == 0 && *dbname)
		return true;
	return err_move(err, &why);
}

static bool end_holders(struct db *db, int64_t number, struct log_sink *log, struct err *err)
{
	AUTO_FREE char *high = xstrfmt("%u", (uint32_t)((uint64_t)number >> 32));
	AUTO_FREE char *low = xstrfmt("%u", (uint32_t)number);
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select pid, pg_terminate_backend(pid) from pg_locks where locktype = "
		    "'advisory'"
		    " and granted and objsubid = 1 and classid = $1::oid and objid = $2::oid"
		    " and database = (select oid from pg_database where datname = "
		    "current_database())"
		    " and pid <> pg_backend_pid()",
		    high, low))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		log_warn(log, "work_ended",
			json_pack("{s:s, s:I}", "database", db->dbname, "pid",
				(json_int_t)db_get_int(&rows, i, 0)),
			"ended backend %s: a statement of a program that died was still running",
			db_get(&rows, i, 0));
	return true;
}

/* The wait is over: backends that still hold the key are ended. */
static bool drain_by_force(struct db *db, struct log_sink *log, struct err *err)
{
	int64_t number = keys_number("work", db->dbname);
	AUTO_ERR(why);
	bool got = false;
	if (end_holders(db, number, log, &why) &&
		!lock_poll(db, number, LOCK_EXCLUSIVE, ENDING_MS, &got, &why))
		return err_move(err, &why);
	if (got)
		return lock_give_back(db, number, LOCK_EXCLUSIVE, err);
	refuse_holder(db, "the work key", "work", db->dbname, err);
	return why.msg ? err_detail(err, "it cannot be ended: %s", why.msg) : false;
}

static bool drain(struct db *db, int64_t wait_ms, struct log_sink *log, struct err *err)
{
	int64_t number = keys_number("work", db->dbname);
	bool got = false;
	if (!lock_poll(db, number, LOCK_EXCLUSIVE, GRACE_MS, &got, err))
		return false;
	if (!got) {
		log_info(log, "work_wait", json_pack("{s:s}", "database", db->dbname),
			"waiting for statements of a program that died in %s", db->dbname);
		if (!lock_poll(db, number, LOCK_EXCLUSIVE, wait_ms, &got, err))
			return false;
	}
	return got ? lock_give_back(db, number, LOCK_EXCLUSIVE, err) : drain_by_force(db, log, err);
}

bool keys_drain_work_within(
	const struct db_params *target, int64_t wait_ms, struct log_sink *log, struct err *err)
{
	CLEANUP(db_close_auto) struct db *db = NULL;
	return db_open(target, &db, err) && drain(db, wait_ms, log, err);
}

bool keys_drain_work(const struct db_params *target, struct log_sink *log, struct err *err)
{
	return keys_drain_work_within(target, DRAIN_MS, log, err);
}

/* The first statement of whoever comes alone must not meet one of a dead program (safety 2). */
static bool drain_first(struct db *target_session, struct log_sink *log, struct err *err)
{
	return !target_session || drain(target_session, DRAIN_MS, log, err);
}

static bool parse_kinship(const char *mig_run, struct keys *keys, struct err *err)
{
	const char *colon = strrchr(mig_run, ':');
	char *end = NULL;
	long pid = colon ? strtol(colon + 1, &end, 10) : 0;
	if (!colon || colon == mig_run || *end || pid <= 0 || pid > INT32_MAX) {
		err_set(err, ERR_USAGE, "MIG_RUN is not \"<run id>:<backend pid>\": %s", mig_run);
		return err_hint(err, "unset MIG_RUN: it is set by mig-run for its own children");
	}
	free(keys->run_id);
	keys->run_id = xstrndup(mig_run, (size_t)(colon - mig_run));
	keys->run_pid = (int)pid;
	keys->kin = true;
	return true;
}

static bool lost(const struct keys *keys, struct err *err)
{
	if (keys->kin)
		err_set(err, ERR_LOCK,
			"run %s does not hold database %s (backend %d): it has ended", keys->run_id,
			keys->dbname, keys->run_pid);
	else
		err_set(err, ERR_LOCK, "the session that held the run key of database %s is gone",
			keys->dbname);
	return err_hint(err, "see what is left: mig status, mig-run recover");
}

/* A backup gives way to whoever holds the preempt key (safety 4). */
static bool may_go_on(struct keys *keys, struct err *err)
{
	struct keys_holder asking = {0};
	bool asked = lock_holder(keys->session, keys_number("preempt", keys->dbname), &asking, err);
	if (asking.pid) {
		err_set(err, ERR_LOCK, "the backup of database %s is asked to stop by %s",
			keys->dbname, asking.application_name);
		err_hint(err, "take it again when that has ended");
	}
	bool alone = asked && !asking.pid;
	keys_holder_release(&asking);
	return alone;
}

bool keys_check(struct keys *keys, struct err *err)
{
	AUTO_ERR(why);
	bool held = false;
	enum lock_mode mode = keys->shared ? LOCK_SHARED : LOCK_EXCLUSIVE;
	if (!lock_held_by(keys->session, keys_number("run", keys->dbname), keys->run_pid, mode,
		    keys->kin ? keys->run_id : NULL, &held, &why)) {
		if (why.code == ERR_SIGNAL)
			return err_move(err, &why);
		lost(keys, err);
		return err_detail(err, "%s", why.msg);
	}
	return held ? !keys->shared || may_go_on(keys, err) : lost(keys, err);
}

struct db_call keys_question(const struct keys *keys, struct keys_question *values)
{
	return lock_question(keys_number("run", keys->dbname), keys->run_pid, values);
}

bool keys_answer(const struct keys *keys, const struct db_call *call, struct err *err)
{
	return (db_call_worked(call) && db_rows(&call->result) > 0) || lost(keys, err);
}

/* Is it a backup that has the run key? */
static bool backup_in_the_way(
	struct keys *keys, bool *backup, struct log_sink *log, struct err *err)
{
	struct keys_holder holder = {0};
	if (!lock_holder(keys->session, keys_number("run", keys->dbname), &holder, err))
		return false;
	*backup = is_backup(&holder);
	if (*backup)
		log_info(log, "preempt_backup", json_pack("{s:s}", "database", keys->dbname),
			"asking %s to stop", holder.application_name);
	keys_holder_release(&holder);
	return true;
}

/* The run key for who may ask a backup to stop: as long as the preempt key is held, it is asked. */
static bool take_from_backup(
	struct keys *keys, int64_t wait_ms, struct log_sink *log, struct err *err)
{
	int64_t run = keys_number("run", keys->dbname), ask = keys_number("preempt", keys->dbname);
	bool got = false, backup = false;
	if (!lock_poll(keys->session, run, LOCK_EXCLUSIVE, GRACE_MS, &got, err))
		return false;
	if (!got && !backup_in_the_way(keys, &backup, log, err))
		return false;
	if (!backup)
		return got || want(keys, "the run key", "run", LOCK_EXCLUSIVE, wait_ms, err);
	return want(keys, "the preempt key", "preempt", LOCK_SHARED, MOMENT_MS, err) &&
	       want(keys, "the run key", "run", LOCK_EXCLUSIVE,
		       wait_ms > STOPPING_MS ? wait_ms : STOPPING_MS, err) &&
	       lock_give_back(keys->session, ask, LOCK_SHARED, err);
}

static bool take_run_key(struct keys *keys, const struct keys_request *request, struct err *err)
{
	if (keys->kin)
		return keys_check(keys, err);
	int64_t wait_ms = request->lock_wait_ms > GRACE_MS ? request->lock_wait_ms : GRACE_MS;
	keys->run_pid = keys->session->pid;
	keys->shared = request->mode == KEYS_BACKUP;
	if (keys->shared)
		return want(keys, "the run key", "run", LOCK_SHARED, wait_ms, err);
	return request->preempt_backup
		       ? take_from_backup(keys, wait_ms, request->log, err)
		       : want(keys, "the run key", "run", LOCK_EXCLUSIVE, wait_ms, err);
}

static bool take_all(struct keys *keys, const struct keys_request *request,
	struct db *target_session, struct err *err)
{
	if (!want(keys, "the swap key", "swap", LOCK_SHARED, MOMENT_MS, err) ||
		!take_run_key(keys, request, err))
		return false;
	if (request->mode == KEYS_BACKUP)
		return want(keys, "the backup key", "backup", LOCK_EXCLUSIVE,
			request->lock_wait_ms > GRACE_MS ? request->lock_wait_ms : GRACE_MS, err);
	return keys->kin || drain_first(target_session, request->log, err);
}

bool keys_take(const struct keys_request *request, struct keys **keys, struct err *err)
{
	CLEANUP(keys_release_auto) struct keys *taken = xcalloc(1, sizeof(*taken));
	CLEANUP(db_close_auto) struct db *target = NULL;
	size_t word = strcspn(request->program, " ");
	const char *rest = request->program + word;
	taken->program = xstrndup(request->program, word);
	taken->run_id = clock_new_id();
	if (request->mig_run && !parse_kinship(request->mig_run, taken, err))
		return false;
	AUTO_FREE char *name = session_name(taken->program, taken->run_id, *rest ? rest + 1 : "-");
	if (request->open)
		taken->dbname = xstrdup(request->open->dbname);
	else if (!open_target(&request->target, &target, &taken->dbname, err))
		return false;
	if (!open_session(taken, &request->target, name, err) ||
		!take_all(taken, request, request->open ? request->open : target, err))
		return false;
	*keys = xtake(&taken);
	return true;
}

struct db_call keys_taken_question(const struct db *db, struct keys_question *values)
{
	return lock_holders(keys_number("run", db->dbname), values);
}

bool keys_taken(const struct db_call *call)
{
	return call && db_rows(&call->result) > 0;
}

/* Said, not only hung up: the next program must not find the keys still held. */
void keys_release(struct keys *keys)
{
	if (!keys)
		return;
	if (keys->session && PQstatus(keys->session->pg) == CONNECTION_OK) {
		AUTO_ERR(ignored);
		if (!db_exec(keys->session, &ignored, "select pg_advisory_unlock_all()"))
			log_debug(keys->session->log, "keys", NULL, "%s", ignored.msg);
	}
	db_close(keys->session);
	free(keys->run_id);
	free(keys->program);
	free(keys->dbname);
	free(keys);
}

bool keys_work(struct keys *keys, struct db *db, struct err *err)
{
	bool got = false;
	if (PQtransactionStatus(db->pg) != PQTRANS_IDLE)
		return err_set(err, ERR_BUG, "the work key was asked for inside a transaction");
	if (!lock_poll(db, keys_number("work", keys->dbname), LOCK_SHARED, MOMENT_MS, &got, err))
		return false;
	if (!got)
		return refuse_holder(db, "the work key", "work", keys->dbname, err);
	return keys_check(keys, err);
}

bool keys_run_hold(const struct keys_request *request, const char *run_id, const char *step,
	struct keys **keys, struct err *err)
{
	CLEANUP(keys_release_auto) struct keys *held = xcalloc(1, sizeof(*held));
	CLEANUP(db_close_auto) struct db *session = NULL;
	AUTO_FREE char *name = session_name(request->program, run_id, step);
	held->program = xstrdup(request->program);
	held->run_id = xstrdup(run_id);
	if (!open_target(&request->target, &session, &held->dbname, err) ||
		!open_session(held, &request->target, name, err) ||
		!take_run_key(held, request, err) || !drain_first(session, request->log, err))
		return false;
	*keys = xtake(&held);
	return true;
}

bool keys_run_step(struct keys *keys, const char *step, struct err *err)
{
	AUTO_FREE char *name = session_name(keys->program, keys->run_id, step);
	AUTO_RESULT(row);
	return db_query(
		keys->session, &row, err, "select set_config('application_name', $1, false)", name);
}

char *keys_mig_run(const struct keys *keys)
{
	return xstrfmt("%s:%d", keys->run_id, keys->run_pid);
}

bool keys_swap_exclusive(struct keys *keys, int64_t wait_ms, struct err *err)
{
	if (!keys->in_target)
		return want(keys, "the swap key", "swap", LOCK_EXCLUSIVE, wait_ms, err);
	err_set(err, ERR_REFUSED,
		"the keys of database %s had to be taken inside it: it cannot be renamed",
		keys->dbname);
	return err_hint(err, "let this role connect to database postgres: "
			     "GRANT CONNECT ON DATABASE postgres TO ...");
}

bool keys_who(const struct db_params *target, struct keys_holder *holder, struct err *err)
{
	CLEANUP(db_close_auto) struct db *session = NULL;
	AUTO_FREE char *dbname = NULL;
	if (!open_target(target, &session, &dbname, err))
		return false;
	if (!session) {
		struct db_params params = *target;
		params.dbname = "postgres";
		if (!db_open(&params, &session, err))
			return false;
	}
	return lock_holder(session, keys_number("run", dbname), holder, err);
}
