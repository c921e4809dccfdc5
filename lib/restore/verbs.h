/*
 * The verbs of mig-restore. Each takes what was typed, and answers with lines for people and one
 * object for --json; none prints. A new verb is one function here and one row in
 * cmd/mig-restore.c; a new way to restore a snapshot is one row in modes.c.
 */
#ifndef RESTORE_VERBS_H
#define RESTORE_VERBS_H

#include "base/err.h"
#include "base/strvec.h"
#include <jansson.h>

/* What was typed, of all verbs together; texts and lists are borrowed. */
struct restore_ask {
	const struct strvec *operands;
	bool dry_run, yes;
	const char *to_db; /* NULL: side by side */
	const char *resume; /* name of a half-made copy to go on with; NULL: a new one */
	bool swap, in_place;
	bool schema_only, data_only, no_tablespaces, no_security_labels;
	struct strvec role_map; /* "OLD=NEW" */
	const char *proof; /* NULL: a person decides */
	struct strvec proof_ignore;
	bool accept_loss, keep_failed, no_proof, allow_unpopulated;
	const char *export_lost; /* new folder for rows that would be lost; NULL: none */
	struct strvec tables; /* "schema.table", into into_schema of the live database */
	const char *into_schema;
	const char *from_schema; /* rows: where the rescued table is */
	bool missing, no_triggers;
	struct strvec key; /* empty: the primary key */
	int64_t jobs; /* 0: one per core */
	int64_t max_wal; /* 0: by the room on the disk */
};
struct restore_answer {
	struct strvec lines;
	json_t *json; /* owned; NULL: none */
};
void restore_answer_release(struct restore_answer *answer);

struct restore_job;
struct restore_verb {
	/* Before anything is opened; NULL: there is nothing that excludes each other. */
	bool (*check)(const struct restore_ask *ask, struct err *err);
	/* The live database may be what was lost: the verb works without it, too. */
	bool (*may_be_gone)(const struct restore_ask *ask);
	bool (*run)(struct restore_job *job, struct restore_answer *answer, struct err *err);
};

/*
 * Of the verb SNAPSHOT. ERR_USAGE: what cannot be asked together. A file that was named is looked
 * at, too: that it is missing or no dump is found out where there is no server.
 */
MUST_CHECK bool restore_ask_check(const struct restore_ask *ask, struct err *err);

/* The same for a dump of pg_dump, which has no manifest and no hashes. */
MUST_CHECK bool restore_ask_check_dump(const struct restore_ask *ask, struct err *err);

extern const struct restore_verb restore_verb_snapshot, restore_verb_swap, restore_verb_undo,
	restore_verb_copies, restore_verb_drop, restore_verb_rows;

#endif
