/*
 * Inside of a run: shared by the files of this room that carry it out, by nobody else.
 */
#ifndef PLAY_ENGINE_H
#define PLAY_ENGINE_H

#include "db/keys.h"
#include "play/end.h"
#include "play/journal.h"
#include "play/run.h"
#include "play/scope.h"

#define PLAY_STATES(X) \
	X(PLAY_PENDING, "pending") \
	X(PLAY_SKIPPED, "skipped") \
	X(PLAY_OK, "ok") \
	X(PLAY_FAILED, "failed") \
	X(PLAY_TIMED_OUT, "timed_out") \
	X(PLAY_CANCELLED, "cancelled") \
	X(PLAY_IN_DOUBT, "in_doubt") \
	X(PLAY_UNDONE, "undone") \
	X(PLAY_UNDO_FAILED, "undo_failed")

enum play_state {
#define X(name, word) name,
	PLAY_STATES(X)
#undef X
};
const char *play_state_word(enum play_state state);

/* What the runner knows about one of the book's steps. */
struct play_progress {
	enum play_state state;
	bool left; /* its effect stands */
	bool done; /* ... and is whole: what its undo takes back */
	json_t *heads; /* revisions before it, for kind database; NULL: unknown */
};

struct play_engine {
	const struct play_settings *set;
	const struct play_book *book;
	struct play_scope scope;
	struct keys *keys;
	struct play_journal journal;
	char *dir; /* NULL: a plan; nothing is journalled then */
	char *cwd; /* where children run: the folder of mig.yaml; NULL: ours */
	int log_count;
	int patience; /* signals that the present phase does not care about */
	int64_t started_ms, deadline_ms, key_checked_ms;
	int64_t lease_ms, renewed_ms; /* of maintenance that this run holds; 0: none */
	struct play_progress *progress; /* one per step of book->steps */
	struct play_facts facts;
	struct err first; /* the first error, reported first */
	char *failed_step;
	char *failed_log;
	json_t *lines; /* the timeline */
	char *snapshot; /* this run's restore point; NULL: none */
	bool clone; /* it is a clone, a database, instead of a snapshot */
	int64_t oid; /* of the database that bore the live name at the start */
};

/* One command that is about to be started. */
struct play_call {
	const char *id;
	const char *phase; /* gate step undo restore recovered always lift notify */
	enum play_kind kind;
	bool pivot;
	int attempt;
	const struct strvec *argv;
	const struct play_step *step; /* for its env; may be NULL */
	int64_t timeout_ms;
	const char *input; /* stdin; NULL: none */
	bool quiet; /* its output is not shown, only logged */
	json_t *before; /* borrowed, for the journal; may be NULL */
};

struct play_answer {
	enum play_state state;
	enum err_code code; /* class of its exit */
	bool by_itself; /* it exited; else signal, timeout, cancelled */
	int status;
	int64_t took_ms;
	json_t *out; /* its result; NULL: none */
	struct err why; /* when it failed */
	char *log; /* path of its log */
};
void play_answer_release(struct play_answer *answer);
#define AUTO_ANSWER(name) CLEANUP(play_answer_release) struct play_answer name = {0}

/* --- act.c: one command, announced and recorded --- */

/*
 * Intent, process, done. False when it could not even be announced or started (err); a command
 * that failed is true, with answer->state and answer->why.
 */
MUST_CHECK bool play_act(struct play_engine *engine, const struct play_call *call,
	struct play_answer *answer, struct err *err);
/* Its two halves, for what is done without a process. */
MUST_CHECK bool play_announce(
	struct play_engine *engine, const struct play_call *call, struct err *err);
void play_record(
	struct play_engine *engine, const struct play_call *call, const struct play_answer *answer);
/* Asks a program of the suite; no journal. NULL when it gave no result. New reference. */
json_t *play_ask(struct play_engine *engine, const char *id, const struct strvec *argv);
/* The checks as a command; checks written in place go to a file `<run dir>/<id>.checks.yaml`. */
MUST_CHECK bool play_checks_command(struct play_engine *engine, const char *id,
	const struct play_checks *checks, bool before_pivot, struct strvec *argv, struct err *err);
/* A line of the timeline. */
void play_line_add(struct play_engine *engine, const char *id, const char *phase,
	enum play_kind kind, enum play_state state, int64_t started_ms, int64_t took_ms,
	const struct err *why);
void play_note(struct play_engine *engine, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Another INT or TERM than the phase tolerates has come. */
bool play_stopped(struct play_engine *engine);
/* Pauses; false when stopped meanwhile. */
bool play_pause(struct play_engine *engine, int64_t ms);
/* How mig-* programs and plain commands are started; shared with child.c. */
int64_t play_time_left(const struct play_engine *engine);

/* --- child.c --- */
MUST_CHECK bool play_child(struct play_engine *engine, const struct play_call *call,
	struct play_answer *answer, struct err *err);

/* --- steps of a run: forward.c --- */
/* One gate, step or always-step with its retries; the answer is that of the last attempt. */
MUST_CHECK bool play_step_run(struct play_engine *engine, const struct play_step *step,
	const char *phase, struct play_answer *answer, struct err *err);
/* All gates; false with the error of the run when one did not pass. */
MUST_CHECK bool play_gates(struct play_engine *engine, struct err *err);
/* All steps up to the first failure. */
MUST_CHECK bool play_forward(struct play_engine *engine, struct err *err);
/* Revisions of the database now (new reference); NULL: could not be read. */
json_t *play_heads(struct play_engine *engine);
/* Begins the lease of maintenance anew when a third of it is over (safety 16). */
void play_renew_lease(struct play_engine *engine);
/* Does this run hold maintenance? Unknown counts as yes. */
bool play_holds_maintenance(struct play_engine *engine);
MUST_CHECK bool play_live_oid(struct play_engine *engine, int64_t *oid, struct err *err);
struct db_params play_target(const struct play_engine *engine);

/* --- ladder.c --- */
void play_ladder(struct play_engine *engine);
void play_always(struct play_engine *engine);
/* Runs `recovered`; without one true. */
bool play_recovered(struct play_engine *engine);
/* Switches every provider off; false when that failed. */
bool play_lift(struct play_engine *engine);
bool play_left(const struct play_engine *engine, bool database_only);
/* The downgrade that `undo: policy` comes to; false: nothing. */
bool play_policy_undo(const struct play_engine *engine, const json_t *heads, struct strvec *argv);

/* --- run.c --- */
/* The run key under scope.run_id, the database's name and OID. `what`: the step shown to others. */
MUST_CHECK bool play_hold(struct play_engine *engine, const char *what, struct err *err);

/* --- plan.c --- */
MUST_CHECK bool play_make_plan(struct play_engine *engine, json_t **plan, struct err *err);

/* --- tell.c --- */
void play_tell(struct play_engine *engine, enum play_event event, const char *level,
	const char *title, const char *body);
void play_tell_end(struct play_engine *engine, enum play_end end);
json_t *play_report(struct play_engine *engine, enum play_end end, bool kept);

#endif
