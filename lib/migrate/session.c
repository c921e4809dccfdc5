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

static bool begin(
	struct migrate_session *session, const struct keys_request *request, struct err *err)
{
	if (!request)
		return db_exec(session->db, err, "begin read only");
	if (!keys_take(request, &session->keys, err) || !keys_work(session->keys, session->db, err))
		return false;
	find_proof(session);
	return true;
}

bool migrate_open(struct migrate_session *session, const struct keys_request *request,
	enum migrate_rows rows, struct err *err)
{
	const struct conf_migrations *where = &session->how.env->migrations;
	return migrate_tree_load(where, &session->tree, err) && begin(session, request, err) &&
	       migrate_state_read(session->db, session->tree, where->version_table, rows,
		       &session->state, err);
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
	*session = (struct migrate_session){0};
}

bool migrate_plan(struct migrate_session *session, enum migrate_direction direction,
	const char *target, struct err *err)
{
	struct migrate_plan *plan = &session->plan;
	if (!migrate_plan_make(session->tree, &session->state, direction, target, plan, err))
		return false;
	AUTO_LIST(steps);
	for (size_t i = 0; i < plan->count; i++)
		graph_list_push(&steps, plan->steps[i].index);
	/* On the way down only what is taken back is bound: the way out stays open. */
	return migrate_check_unedited(session->db, session->tree, &session->state,
		direction == MIGRATE_DOWN ? &steps : NULL, err);
}
