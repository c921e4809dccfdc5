#include "migrate/advice.h"
#include "migrate/report.h"
#include "migrate/verbs.h"

/* Alembic, too, takes a range for SQL alone. */
static bool is_no_range(const char *target, struct err *err)
{
	const char *colon = strchr(target, ':');
	if (!colon)
		return true;
	err_set(err, ERR_USAGE, "stamp writes over what the table says: \"%s\" is a range", target);
	return err_hint(err, "its SQL: mig-apply stamp --sql %s; to stamp: mig-apply stamp %s",
		target, colon[1] ? colon + 1 : "head");
}

static bool stamp(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	bool dry = ask->dry_run;
	if (ask->sql && ask->purge) {
		err_set(err, ERR_USAGE,
			"--purge takes out what the table says, which --sql does not know");
		return err_hint(
			err, "leave --purge out, and name where it stands: stamp --sql FROM:TO");
	}
	if (ask->sql)
		return migrate_script_stamp(ask, answer, err);
	STRVEC_EACH (ask->operands, target)
		if (!is_no_range(target, err))
			return false;
	AUTO_SESSION(session);
	size_t changes = 0;
	if (!ask->open(ask, dry ? MIGRATE_READ : MIGRATE_CHANGE,
		    ask->purge ? MIGRATE_ROWS_ANY : MIGRATE_ROWS_KNOWN, &session, err) ||
		!(dry ? migrate_stamp_plan : migrate_stamp)(
			&session, ask->operands, ask->purge, &changes, err))
		return false;
	AUTO_FREE char *now = migrate_report_where(&session);
	strvec_pushf(&answer->lines, "%s %s at %s; no SQL of any revision %s run",
		session.how.env->name,
		dry       ? "would be"
		: changes ? "is now"
			  : "is already",
		now, dry ? "would be" : "was");
	answer->json = json_pack(
		"{s:o}", "heads", migrate_report_ids(session.tree, &session.state.current));
	return true;
}

/*
 * Whether env.py runs for a new revision only its Alembic can tell (revision_environment): then it
 * is done again with the database, which else nobody has to reach.
 */
static bool write_revision(const struct migrate_ask *ask, const struct migrate_session *session,
	struct migrate_new *request, char **path, char **id, struct err *err)
{
	AUTO_SESSION(reached);
	AUTO_ERR(why);
	bool wants_db = false;
	request->args = session->how.args;
	request->db = session->db;
	if (migrate_new_revision(session->how.where, request, path, id, &wants_db, &why))
		return true;
	if (!wants_db)
		return err_move(err, &why);
	if (!ask->open(ask, MIGRATE_REACH, MIGRATE_ROWS_ANY, &reached, err))
		return err_context(err, "env.py runs for a new revision (revision_environment)");
	request->db = reached.db;
	return migrate_new_revision(reached.how.where, request, path, id, &wants_db, err);
}

static bool revision(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	if (!ask->message) {
		err_set(err, ERR_USAGE, "revision needs a message");
		return err_hint(err, "mig-apply revision -m \"Add user preferences\"");
	}
	AUTO_SESSION(session);
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *id = NULL;
	struct migrate_new request = {
		.message = ask->message,
		.id = ask->rev_id,
		.branch_label = ask->branch_label,
		.heads = &ask->heads,
		.depends_on = &ask->depends_on,
		.splice = ask->splice,
		.autogenerate = ask->autogenerate,
		.folder = ask->version_path,
	};
	if (!ask->open(ask, ask->autogenerate ? MIGRATE_REACH : MIGRATE_NOTHING, MIGRATE_ROWS_ANY,
		    &session, err) ||
		!write_revision(ask, &session, &request, &path, &id, err))
		return false;
	strvec_push(&answer->lines, path);
	answer->json = json_pack("{s:s, s:s}", "revision", id, "path", path);
	return true;
}

/* --- merge ------------------------------------------------------------------------------------ */

static bool too_few_heads(
	const struct migrate_session *session, const struct strvec *ids, struct err *err)
{
	AUTO_LIST(heads);
	graph_heads(session->tree->graph, false, &heads);
	AUTO_FREE char *names = graph_names(session->tree->graph, &heads);
	err_set(err, ERR_USAGE, "a merge stands on two revisions or more, this would be %zu",
		ids->count);
	if (heads.count)
		err_detail(err, "heads: %s", names);
	AUTO_FREE char *merge = advice_merge(session);
	return heads.count > 1 ? err_hint(err, "all of them: %s", merge)
	       : heads.count
		       ? err_hint(err, "there is one head: nothing has to be merged")
		       : err_hint(err, "there is no revision yet: mig-apply revision -m \"...\"");
}

static bool find_merged(const struct migrate_ask *ask, const struct migrate_session *session,
	struct strvec *ids, struct err *err)
{
	const struct graph *graph = session->tree->graph;
	STRVEC_EACH (ask->operands, operand) {
		AUTO_LIST(found);
		if (!graph_resolve(graph, operand, &found, err))
			return false;
		for (size_t i = 0; i < found.count; i++) {
			const char *id = graph->revisions[found.items[i]].id;
			if (!strvec_has(ids, id))
				strvec_push(ids, id);
		}
	}
	return ids->count > 1 || too_few_heads(session, ids, err);
}

static bool merge(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	AUTO_STRVEC(ids);
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *id = NULL;
	if (!ask->open(ask, MIGRATE_FILES, MIGRATE_ROWS_ANY, &session, err) ||
		!find_merged(ask, &session, &ids, err))
		return false;
	AUTO_FREE char *names = strvec_join(&ids, " and ");
	AUTO_FREE char *message = ask->message ? xstrdup(ask->message) : xstrfmt("Merge %s", names);
	struct migrate_new request = {
		.message = message,
		.id = ask->rev_id,
		.branch_label = ask->branch_label,
		.heads = &ids,
		.merge = true,
		.depends_on = &ask->depends_on,
	};
	if (!write_revision(ask, &session, &request, &path, &id, err))
		return false;
	strvec_push(&answer->lines, path);
	answer->json = json_pack("{s:s, s:s, s:o}", "revision", id, "path", path, "merges",
		migrate_report_names(&ids));
	return true;
}

static bool check(const struct migrate_ask *ask, struct migrate_answer *answer, struct err *err)
{
	AUTO_SESSION(session);
	if (!ask->open(ask, MIGRATE_REACH, MIGRATE_ROWS_ANY, &session, err) ||
		!migrate_check_models(session.how.where, session.db, &session.how.args, err))
		return false;
	strvec_pushf(&answer->lines, "the models and %s agree", session.how.env->name);
	answer->json = json_pack("{s:b}", "agree", true);
	return true;
}

const struct migrate_verb migrate_verb_stamp = {.goes_up = true, .goes_down = true, .run = stamp};
const struct migrate_verb migrate_verb_revision = {.one_tree = true, .run = revision};
const struct migrate_verb migrate_verb_check = {.run = check};
const struct migrate_verb migrate_verb_merge = {.one_tree = true, .run = merge};
