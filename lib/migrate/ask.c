/* What the verbs share: what was typed, and what is answered. */
#include "migrate/internal.h"
#include "migrate/verbs.h"

void migrate_answer_release(struct migrate_answer *answer)
{
	strvec_release(&answer->lines);
	json_decref(answer->json);
	*answer = (struct migrate_answer){0};
}

void migrate_read_ahead(struct migrate_session *session, const struct conf_migrations *where)
{
	bool had = session->tree || migrate_tree_load(where, &session->tree, &session->unread);
	(void)had;
}

bool migrate_open_to_look(struct migrate_session *session, enum migrate_access access,
	enum migrate_rows rows, struct err *err)
{
	const struct conf_migrations *where = session->how.where;
	switch (access) {
	case MIGRATE_FILES:
		return migrate_tree_load(where, &session->tree, err);
	case MIGRATE_MENDED:
		return migrate_tree_mended(
			where, session->db, &session->tree, &session->findings, err);
	case MIGRATE_READ:
		return migrate_open(session, NULL, rows, err);
	default:
		return true;
	}
}

const char *migrate_ask_target(const struct migrate_ask *ask, const char *otherwise)
{
	return ask->operands->count ? ask->operands->items[0] : otherwise;
}

bool migrate_phase_fit(
	const struct migrate_ask *ask, const struct migrate_session *session, struct err *err)
{
	const struct migrate_tree *tree = session->tree;
	if (!ask->phase)
		return true;
	if (strcmp(ask->phase, "expand") != 0) {
		err_set(err, ERR_USAGE, "--phase %s: the only phase to stop behind is expand",
			ask->phase);
		return err_hint(err, "all of them: mig-apply upgrade");
	}
	if (tree->format->phases)
		return true;
	err_set(err, ERR_USAGE, "files of format %s have no phases: all of %s would run",
		tree->format->name, tree->dir);
	return err_hint(err, session->how.env->other_count
				     ? "name a tree that has some: -t NAME"
				     : "stop behind a revision: mig-apply upgrade REV");
}

bool migrate_keep_phase(const struct migrate_ask *ask, struct migrate_session *session,
	struct migrate_answer *answer, struct err *err)
{
	size_t rest = 0;
	if (!ask->phase)
		return true;
	if (!migrate_phase_fit(ask, session, err) ||
		!migrate_plan_expand_only(&session->plan, &rest, err))
		return false;
	if (rest)
		strvec_pushf(&answer->lines,
			"%s%zu revision%s left for later, from the first of phase contract on",
			ask->dry_run || ask->sql ? "-- " : "", rest, rest == 1 ? " is" : "s are");
	return true;
}
