/*
 * How a run ends: what is known about it -> its end state, and whether maintenance may be lifted.
 *
 * Pure, so that every combination can be tested (safety 13, 14, 15).
 */
#ifndef PLAY_END_H
#define PLAY_END_H

#include "base/err.h"

/* state, word, exit code (ERR_NONE with STOPPED: the code of the first error), sentence */
#define PLAY_ENDS(X) \
	X(PLAY_END_OK, "ok", ERR_NONE, "everything was done") \
	X(PLAY_END_STOPPED, "stopped", ERR_NONE, "failed before anything was changed") \
	X(PLAY_END_UNDONE, "undone", ERR_UNDONE, "failed and undone: the target is as before") \
	X(PLAY_END_PAGE, "page", ERR_PAGE, "failed and not undone: a person is needed") \
	X(PLAY_END_DOUBT, "in_doubt", ERR_DOUBT, "it is unknown whether an effect happened")

enum play_end {
#define X(name, word, code, sentence) name,
	PLAY_ENDS(X)
#undef X
};

struct play_facts {
	bool ok; /* every step was done */
	bool effect; /* the target was changed, or may have been */
	bool key_lost; /* the session that held the run key died */
	bool pivot; /* the pivot's intent is journalled: users may have written */
	bool undo_failed; /* an undo, or a rung, failed */
	bool recovered; /* `recovered` passed last; without one: nothing that was done is left */
	bool dirty; /* the database is not where it was before the run */
	bool doubt; /* unknown whether some effect happened */
	bool data_doubt; /* ... and it may have been one on data */
	bool closed; /* this run holds maintenance */
};

struct play_decision {
	enum play_end end;
	bool lift; /* maintenance may be lifted */
};

struct play_decision play_end_decide(const struct play_facts *facts);
const char *play_end_word(enum play_end end);
const char *play_end_sentence(enum play_end end);
/* ERR_NONE for PLAY_END_OK, and for PLAY_END_STOPPED, whose code is the first error's. */
enum err_code play_end_code(enum play_end end);

#endif
