#include "migrate/internal.h"

#include "base/fs.h"

/* A child of a run reports its writes into the run's proof. */
static void find_proof(struct migrate_session *session)
{
	if (!session->keys->kin)
		return;
	AUTO_FREE char *dir = conf_run_dir(session->how.env, session->keys->run_id);
	session->proof = fs_join(dir, "proof.json");
}

static bool take_keys(
	struct migrate_session *session, const struct keys_request *request, struct err *err)
{
	struct keys_request with_session = *request;
	with_session.open = session->db;
	if (!keys_take(&with_session, &session->keys, err) ||
		!keys_work(session->keys, session->db, err))
		return false;
	find_proof(session);
	return true;
}

bool migrate_open(struct migrate_session *session, const struct keys_request *request,
	enum migrate_rows rows, struct err *err)
{
	const struct conf_migrations *where = session->how.where;
	bool again = PQtransactionStatus(session->db->pg) != PQTRANS_IDLE;
	if (session->unread.code != ERR_NONE)
		return err_move(err, &session->unread);
	if (!session->tree && !migrate_tree_load(where, &session->tree, err))
		return false;
	session->tree->env = session->how.env;
	return (!again || db_exec(session->db, err, "rollback")) &&
	       (!request || take_keys(session, request, err)) &&
	       (again || !session->how.from_history || recall_missing(session, err)) &&
	       migrate_state_read(session, request ? NULL : "begin read only", rows, err);
}

void migrate_close(struct migrate_session *session)
{
	migrate_plan_release(&session->plan);
	migrate_state_release(&session->state);
	migrate_tree_free(session->tree);
	db_close(session->db);
	keys_release(session->keys);
	free(session->proof);
	strvec_release(&session->own_settings);
	conf_env_free(session->own_env);
	findings_release(&session->findings);
	err_release(&session->unread);
	*session = (struct migrate_session){0};
}

/* What is half done comes first: nothing may be built on it. */
static bool check_half(const struct migrate_session *session, struct err *err)
{
	const struct migrate_plan *plan = &session->plan;
	for (size_t i = 0; i < session->state.half_count; i++) {
		const struct migrate_half *half = &session->state.half[i];
		bool planned = false;
		for (size_t n = 0; n < plan->count; n++)
			planned |= !strcmp(plan->steps[n].file->id, half->revision);
		if (planned && half->direction == plan->direction && !half->split)
			continue;
		AUTO_FREE char *way = migrate_half_way(session, half);
		AUTO_FREE char *what = migrate_half_what(session, half);
		AUTO_STRVEC(seen);
		migrate_half_seen(half, &seen);
		AUTO_FREE char *lines = strvec_join(&seen, "\n");
		err_set(err, ERR_REFUSED, "%s", what);
		if (seen.count)
			err_detail(err, "%s", lines);
		return err_hint(err, "%s", way);
	}
	return true;
}

/* What a backfill works on must not be taken away under it. */
static bool check_open(const struct migrate_session *session, struct err *err)
{
	for (size_t i = 0; i < session->state.open_count; i++) {
		const char *open = session->state.open[i].revision;
		for (size_t n = 0; n < session->plan.count; n++) {
			if (strcmp(session->plan.steps[n].file->id, open) != 0)
				continue;
			err_set(err, ERR_REFUSED, "the backfill of %s is open", open);
			return err_hint(err,
				"let it end first: mig-apply upgrade %s; or give it up: "
				"mig-apply stamp %s",
				open, open);
		}
	}
	return true;
}

/* Who only reads need not have the rights to write; the tree's own tool may do it as another role.
 */
static bool check_table(const struct migrate_session *session, struct err *err)
{
	const struct migrate_format *format = session->tree->format;
	return !session->plan.count || !session->state.versions.exists ||
	       schema_versions_writable(session->db, format->books->kind, &session->state.versions,
		       session->keys && !format->apply, err);
}

bool migrate_plan(struct migrate_session *session, enum migrate_direction direction,
	const char *target, struct err *err)
{
	struct migrate_plan *plan = &session->plan;
	if (!migrate_plan_make(session->tree, &session->state, direction, target, plan, err) ||
		!shared_check(session, err) || !check_half(session, err) ||
		!check_open(session, err) || !check_table(session, err))
		return false;
	plan->args = session->how.args;
	plan->lock_timeout_ms = session->how.lock_timeout_ms;
	AUTO_LIST(steps);
	for (size_t i = 0; i < plan->count; i++)
		graph_list_push(&steps, plan->steps[i].index);
	/* On the way down only what is taken back is bound: the way out stays open. */
	return migrate_check_unedited(session->db, session->tree, &session->state,
		direction == MIGRATE_DOWN ? &steps : NULL, err);
}
