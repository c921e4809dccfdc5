/*
 * After a run died: what is true of the target, and may maintenance be lifted?
 *
 * The journal says what was begun, the database what was committed. Keys come first: run key, then
 * the work key exclusively, so that no statement of the dead run is still running.
 */
#ifndef PLAY_RECOVER_H
#define PLAY_RECOVER_H

#include "play/run.h"
#include "play/runs.h"

/* What journal and database say together. */
struct play_found {
	bool effect; /* something was begun that may change the target */
	bool data; /* ... and it may have changed data */
	bool unknown; /* an effect on data was begun, and whether it happened cannot be told */
	bool before; /* the database is provably where it was before the run */
	bool passed_pivot; /* the pivot's intent is journalled */
	bool pivot_done; /* ... and its step was done */
	bool undo_failed; /* the run had recorded an undo that failed */
	bool declared; /* the playbook has `recovered` */
	bool recovered; /* ... and it passed just now */
	bool closed; /* maintenance is on for this run, or it is unknown */
};

struct play_verdict {
	bool lift;
	enum err_code code; /* ERR_NONE, ERR_UNDONE, ERR_PAGE */
	const char *reason; /* one sentence */
};

/* Pure: every combination is tested. */
struct play_verdict play_recover_decide(const struct play_found *found);

/*
 * Recovers one run. *report: {"run", "state", "sentence", "maintenance", "live_oid", "swapped",
 * "heads", "pending", "next"}. False with ERR_UNDONE or ERR_PAGE as in a run's end; the settings'
 * book and inputs are not used.
 */
MUST_CHECK bool play_recover(const struct play_settings *settings, const struct play_run_row *row,
	json_t **report, struct err *err);

#endif
