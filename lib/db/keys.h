/*
 * Keys (safety 1-3): advisory locks that exclude runs, dead runs' statements, and swaps.
 *
 * Numbers: first 8 bytes, big-endian, of SHA-256 of "mig:run:<raw database name>" (work, swap,
 * backup, preempt likewise). All but the work key live in database `postgres` of the same server,
 * in dedicated autocommit sessions that poll; the work key lives in the target.
 *
 * Order in every program: swap key, work key, then run key or kinship; keys_check() again before
 * each statement that changes something and before each commit.
 */
#ifndef DB_KEYS_H
#define DB_KEYS_H

#include "db/db.h"

int64_t keys_number(
	const char *kind, const char *dbname); /* "run", "work", "swap", "backup", "preempt" */

enum keys_mode {
	KEYS_RUN, /* run key exclusively, or kinship with the run named in mig_run */
	KEYS_BACKUP, /* run key shared (or kinship), and the backup key exclusively */
};

struct keys_request {
	struct db_params target; /* the live database */
	struct db *open; /* an idle session with it, if there is one: saves opening another */
	enum keys_mode mode;
	const char *mig_run; /* value of MIG_RUN ("<id>:<backend pid>"), NULL: started alone */
	const char *program; /* "mig-apply upgrade": into application_name */
	int64_t lock_wait_ms; /* how long to wait for the run key */
	bool preempt_backup; /* a backup that has it is asked to stop, and waited for (safety 4) */
	struct log_sink *log;
};

struct keys {
	struct db
		*session; /* in `postgres` (or the target, see in_target): swap, run, backup keys */
	bool kin; /* a child of a run: the run key is the parent's */
	bool shared; /* KEYS_BACKUP started alone: the run key is held shared */
	char *run_id; /* the run's id, or one made for this program alone */
	int run_pid; /* backend that holds the run key */
	bool in_target; /* `postgres` could not be reached: no swap */
	char *program; /* "mig-apply": first word of application_name */
	char *dbname;
};

/*
 * Takes swap key (shared) and run key or kinship, and, in KEYS_RUN and alone, drains the work key:
 * the program is then a run of its own. ERR_LOCK names the holder and since when. ERR_USAGE for a
 * malformed mig_run. A target that does not exist (yet) has keys, too: by the name in its conninfo.
 */
MUST_CHECK bool keys_take(const struct keys_request *request, struct keys **keys, struct err *err);
/* Gives all keys back at once; NULL is fine. */
void keys_release(struct keys *keys);
DEFINE_AUTO(struct keys, keys_release)
/*
 * The work key, shared, in `db`, an idle session on the target that is about to change something;
 * then keys_check(). Held until `db` is closed.
 */
MUST_CHECK bool keys_work(struct keys *keys, struct db *db, struct err *err);
/*
 * Still ours (key session alive, kinship holds, and nobody asks a backup to stop)? Else ERR_LOCK:
 * cancel, roll back, stop. One round trip, two for a backup; from one thread at a time.
 */
MUST_CHECK bool keys_check(struct keys *keys, struct err *err);

/*
 * The same question as a call for db_pipeline(), put to the server by a session that changes
 * something, behind what it did: pg_locks shows the locks of all databases. Not for children of a
 * run (keys->kin), whose own key session has to be asked, too.
 */
struct keys_question {
	char high[16], low[16], backend[16];
	const char *params[3];
};
struct db_call keys_question(const struct keys *keys, struct keys_question *values);
/* Does anybody hold the run key of the session's database? Takes nothing, waits for nothing. */
struct db_call keys_taken_question(const struct db *db, struct keys_question *values);
bool keys_taken(const struct db_call *call); /* as answered; false for NULL */
/* What came back. Else ERR_LOCK, as keys_check(). */
MUST_CHECK bool keys_answer(const struct keys *keys, const struct db_call *call, struct err *err);

/*
 * The runner's side: holds the run key for a whole run and drains the work key; application_name
 * names run and step. Of the request mode, mig_run and open do not matter.
 */
MUST_CHECK bool keys_run_hold(const struct keys_request *request, const char *run_id,
	const char *step, struct keys **keys, struct err *err);
MUST_CHECK bool keys_run_step(struct keys *keys, const char *step, struct err *err);
/* "<id>:<pid>" for the children's MIG_RUN; caller owns. */
char *keys_mig_run(const struct keys *keys);

/*
 * The work key exclusively (safety 2): waits up to 30 s, then terminates the backends that hold it,
 * then ERR_LOCK. Proves that no statement of a dead program is still running. Released at once.
 * Only for who holds the run key: all holders are then dead programs'.
 */
MUST_CHECK bool keys_drain_work(
	const struct db_params *target, struct log_sink *log, struct err *err);
/* The same with another time to wait. */
MUST_CHECK bool keys_drain_work_within(
	const struct db_params *target, int64_t wait_ms, struct log_sink *log, struct err *err);
/*
 * The swap key exclusively, for the swapper (safety 7), on the keys' own session. ERR_REFUSED when
 * the keys had to be taken in the target, ERR_LOCK when other programs of mig are at work.
 */
MUST_CHECK bool keys_swap_exclusive(struct keys *keys, int64_t wait_ms, struct err *err);

/* Who holds the run key of a database; all NULL/0 when nobody. Release with keys_holder_release. */
struct keys_holder {
	char *application_name;
	char *since; /* UTC start of the backend, or of the run as its name tells */
	char *client; /* address; NULL: a socket, or not permitted to know */
	char *user;
	int pid;
};
MUST_CHECK bool keys_who(
	const struct db_params *target, struct keys_holder *holder, struct err *err);
void keys_holder_release(struct keys_holder *holder);

#endif
