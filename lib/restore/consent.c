#include "base/clock.h"
#include "restore/job.h"

struct loss_settings restore_job_loss_settings(struct restore_job *job)
{
	return (struct loss_settings){
		.target = job->settings->target,
		.workers = job->workers,
		.cancelled = restore_job_cancelled,
		.cancel_ctx = &job->settings->target,
	};
}

bool restore_job_report(struct restore_job *job, struct pack_reader *reader, struct err *err)
{
	CLEANUP(loss_report_release) struct loss_report report = {0};
	struct loss_settings settings = restore_job_loss_settings(job);
	settings.reader = reader;
	settings.export = job->ask->export_lost;
	if (!loss_of_snapshot(&settings, pack_reader_manifest(reader), &report, err))
		return false;
	job->settings->show(job->settings->ctx, &report);
	return true;
}

bool restore_job_report_copy(
	struct restore_job *job, const struct copies_item *copy, struct err *err)
{
	CLEANUP(loss_report_release) struct loss_report report = {0};
	struct loss_settings settings = restore_job_loss_settings(job);
	settings.export = job->ask->export_lost;
	AUTO_ERR(ignored);
	int64_t made_ms;
	/* how old the rows of a dump are is not known */
	if (copy->mark.dump || !copy->mark.made ||
		!clock_parse_time(copy->mark.made, &made_ms, &ignored))
		made_ms = -1;
	if (!loss_of_copy(&settings, copy->name, made_ms, &report, err))
		return false;
	job->settings->show(job->settings->ctx, &report);
	return true;
}

bool restore_job_policy(struct restore_job *job, int64_t made_ms, struct err *err)
{
	job->request = (struct swap_request){
		.env = job->settings->env,
		.run = job->keys->kin ? job->keys->run_id : NULL,
		.proof = job->ask->proof,
		.reason = job->settings->reason,
		.accept_loss = job->ask->accept_loss,
		.made_ms = made_ms,
	};
	return swap_permit_policy(&job->request, &job->consent, err);
}

bool restore_job_consent(struct restore_job *job, struct err *err)
{
	const struct restore_job_settings *settings = job->settings;
	AUTO_FREE char *question = xstrfmt(
		"Put an older state in place of the live database %s?", settings->live_name);
	return swap_permit_loss(&job->request, err) &&
	       (job->consent == SWAP_ASK_NOTHING || settings->confirm(settings->ctx, job->consent,
							    settings->live_name, question, err));
}
