/*
 * The verbs of mig-apply. Each takes what was typed, opens what it needs, and answers with lines
 * for people and one object for --json; none prints. A new verb is one function here and one row in
 * cmd/mig-apply.c.
 */
#ifndef MIGRATE_VERBS_H
#define MIGRATE_VERBS_H

#include "migrate/migrate.h"

#include <jansson.h>

enum migrate_access {
	MIGRATE_NOTHING, /* session->how alone: the verb loads the tree itself */
	MIGRATE_REACH, /* and a session with the database */
	MIGRATE_FILES, /* the tree, without database */
	MIGRATE_MENDED, /* the tree as far as it goes; session->findings */
	MIGRATE_READ, /* the tree and the state of the database, in a READ ONLY transaction */
	MIGRATE_CHANGE, /* the same with the keys, to change something */
};

/* What was typed, of all verbs together; texts and lists are borrowed. */
struct migrate_ask {
	const char *command; /* "mig-apply upgrade", for advice */
	const struct strvec *operands;
	const char *tree; /* -t; while a verb runs: the tree it works on; NULL: the only one */
	const struct strvec *trees; /* names in mig.yaml, one at least */
	bool dry_run, verbose;
	bool json; /* the object is wanted; what is large is made only then */
	int64_t lock_timeout_ms, lock_retries;
	bool check, splice, purge, indicate, autogenerate, sql, applied, markdown, from_history,
		replay, resolve;
	const char *message, *rev_id, *branch_label, *range, *tag, *onto, *phase, *version_path;
	struct strvec heads, depends_on, skip_envs, x;
	bool one_of_many; /* of several trees that were chosen */

	/*
	 * Fills a zeroed session as far as `access` says. One that was opened with MIGRATE_REACH
	 * may be opened again with any access, one with MIGRATE_READ with MIGRATE_CHANGE.
	 */
	bool (*open)(const struct migrate_ask *ask, enum migrate_access access,
		enum migrate_rows rows, struct migrate_session *session, struct err *err);
	/* The same to read another environment, by its name in mig.yaml. */
	const struct strvec *envs; /* all of them, for a verb with every_env */
	bool (*open_env)(const struct migrate_ask *ask, const char *env,
		struct migrate_session *session, struct err *err);
	void *ctx; /* of open and open_env */
};

/* Also a verb that fails may have answered: "4, no" comes with what there is. */
struct migrate_answer {
	struct strvec lines;
	json_t *json; /* owned; NULL: none */
	bool sql; /* the lines may be fed to psql */
	bool advice; /* they name commands to be typed */
};
void migrate_answer_release(struct migrate_answer *answer);
/*
 * For ask->open: the tree while the server answers (why it cannot be read is told when the session
 * is opened), and all that is opened without keys.
 */
void migrate_read_ahead(struct migrate_session *session, const struct conf_migrations *where);
MUST_CHECK bool migrate_open_to_look(struct migrate_session *session, enum migrate_access access,
	enum migrate_rows rows, struct err *err);
/* The first operand; `otherwise` when there is none. */
const char *migrate_ask_target(const struct migrate_ask *ask, const char *otherwise);

struct migrate_verb {
	bool one_tree; /* never runs over several trees */
	bool every_env; /* asks all environments */
	/*
	 * Which way it goes from where the database stands. A target that is counted from there
	 * ("-1") means one step, so that it is a usage error where several trees could make it.
	 */
	bool goes_up, goes_down;
	bool (*run)(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err);
};

/*
 * Runs it on the tree that was asked for, on the trees that know the revisions that were typed, or
 * on all. With several the answer has their names, and "trees" with what each answers.
 */
MUST_CHECK bool migrate_verb_run(const struct migrate_verb *verb, struct migrate_ask *ask,
	struct migrate_answer *answer, struct err *err);

extern const struct migrate_verb migrate_verb_upgrade, migrate_verb_downgrade, migrate_verb_plan;
extern const struct migrate_verb migrate_verb_current, migrate_verb_history, migrate_verb_heads,
	migrate_verb_branches, migrate_verb_show, migrate_verb_status, migrate_verb_doctor;
extern const struct migrate_verb migrate_verb_script;
extern const struct migrate_verb migrate_verb_stamp, migrate_verb_revision, migrate_verb_merge,
	migrate_verb_rebase, migrate_verb_check;

/* What the verbs share (report.h has the texts). */
/* --phase: ERR_USAGE for another one than expand, and for a tree whose files have none. */
MUST_CHECK bool migrate_phase_fit(
	const struct migrate_ask *ask, const struct migrate_session *session, struct err *err);
/* --phase expand: contract revisions wait until the old code is gone; how many is answered. */
MUST_CHECK bool migrate_keep_phase(const struct migrate_ask *ask, struct migrate_session *session,
	struct migrate_answer *answer, struct err *err);
/* --sql of a verb that goes one way alone: ERR_USAGE when the range leads the other way. */
MUST_CHECK bool migrate_script_one_way(const struct migrate_ask *ask, const char *range,
	enum migrate_direction way, struct migrate_answer *answer, struct err *err);
/* stamp --sql */
MUST_CHECK bool migrate_script_stamp(
	const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err);
/* history --applied */
MUST_CHECK bool migrate_history_applied(
	const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err);

#endif
