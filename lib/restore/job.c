#include "restore/job.h"
#include "base/parallel.h"
#include "maint/maint.h"

void restore_job_release(struct restore_job *job)
{
	copies_list_release(&job->copies);
	db_close(job->server);
	keys_release(job->keys);
	*job = (struct restore_job){0};
}

void restore_answer_release(struct restore_answer *answer)
{
	strvec_release(&answer->lines);
	json_decref(answer->json);
	*answer = (struct restore_answer){0};
}

bool restore_job_open(struct restore_job *job, struct restore_job_settings *settings,
	const struct restore_ask *ask, struct err *err)
{
	struct db_params params = settings->target;
	params.dbname = "postgres";
	job->settings = settings;
	job->ask = ask;
	job->workers = parallel_workers(ask->jobs);
	if (!db_open(&params, &job->server, err))
		return err_context(err, "copies are looked after from database \"postgres\"");
	job->place = (struct copies_place){
		.server = job->server,
		.state_dir = settings->env->state_dir,
		.live = settings->live_name,
		.log = settings->log,
	};
	return copies_read(&job->place, &job->copies, err);
}

bool restore_job_keys(struct restore_job *job, struct err *err)
{
	const struct restore_job_settings *settings = job->settings;
	struct keys_request request = {
		.target = settings->target,
		.mode = KEYS_RUN,
		.mig_run = settings->mig_run,
		.program = "mig-restore",
		.lock_wait_ms = settings->lock_wait_ms,
		.preempt_backup = settings->preempt_backup,
		.log = settings->log,
	};
	if (!keys_take(&request, &job->keys, err))
		return false;
	job->place.run = job->keys->run_id;
	maint_tell_kept(settings->env, settings->live, settings->mig_run, settings->log);
	return true;
}

bool restore_job_cancelled(void *target)
{
	const struct db_params *params = target;
	return params->stop && params->stop(params->stop_ctx);
}
