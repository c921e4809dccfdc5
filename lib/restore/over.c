/* --in-place: the job's part of it. */
#include "base/clock.h"
#include "copies/intent.h"
#include "maint/maint.h"
#include "restore/in_place.h"
#include "restore/job.h"
#include <inttypes.h>

static bool closed_for(struct restore_job *job, int64_t *age_ms, struct err *err)
{
	CLEANUP(maint_status_release) struct maint_status status = {0};
	struct db *live = job->settings->live;
	return maint_status(job->settings->env, live, &status, err) &&
	       copies_age(live, status.since, age_ms, err);
}

/* The newest that was taken since becomes the one meant. Times are kept to the second. */
static bool find_taken_since(
	const struct restore_job *job, struct backup_found *found, int64_t closed_ms)
{
	for (size_t i = found->list.count; i > 0; i--) {
		const struct backup_entry *entry = &found->list.items[i - 1];
		found->index = i - 1;
		if (!entry->partial && entry->grade.grade != GRADE_DAMAGED &&
			str_equal(entry->database, job->settings->live_name) &&
			clock_now_ms() - entry->started_ms <= closed_ms)
			return true;
	}
	return false;
}

/* Somebody may have written in spite of maintenance: the rows themselves say whether it is there.
 */
static bool is_present_state(
	struct restore_job *job, const struct backup_found *found, bool *is, struct err *err)
{
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	CLEANUP(loss_report_release) struct loss_report report = {0};
	struct loss_settings settings = restore_job_loss_settings(job);
	if (!backup_open_found(found, job->settings->log, &reader, NULL, err) ||
		!loss_of_snapshot(&settings, pack_reader_manifest(reader), &report, err))
		return false;
	*is = report.different == 0;
	return true;
}

/* What the restore takes away can be brought back: another snapshot has it. */
static bool present_state_is_safe(
	struct restore_job *job, const struct pack_reader *reader, struct err *err)
{
	const struct restore_job_settings *settings = job->settings;
	CLEANUP(backup_found_release) struct backup_found found = {.env = settings->env};
	int64_t closed_ms;
	bool safe = false;
	if (!closed_for(job, &closed_ms, err) ||
		!backup_list(settings->env, settings->log, &found.list, err))
		return false;
	bool taken = find_taken_since(job, &found, closed_ms);
	if (taken && !is_present_state(job, &found, &safe, err))
		return false;
	if (safe)
		return true;
	err_set(err, ERR_REFUSED,
		"--in-place needs a snapshot of the present state of \"%s\", taken since "
		"maintenance began",
		settings->live_name);
	if (taken)
		err_detail(err, "snapshot %s has other rows than the database now",
			found.list.items[found.index].id);
	return err_hint(err,
		"take one: mig-backup create --label before-restore; \"latest\" is that one then, "
		"so "
		"go on with mig-restore %s --in-place",
		pack_reader_manifest(reader)->id);
}

static void answer_over(const struct restore_outcome *outcome, struct restore_answer *answer)
{
	AUTO_FREE char *took = clock_duration_text(outcome->took_ms);
	strvec_pushf(&answer->lines,
		"restored over %s in %s: %" PRId64 " table%s, %" PRId64
		" row%s, proved equal to the snapshot",
		outcome->database, took, outcome->tables, str_plural(outcome->tables),
		outcome->rows, str_plural(outcome->rows));
	strvec_push(&answer->lines, "maintenance is still on; to open: mig-maintenance off");
	answer->json = json_pack("{s:o, s:b, s:b, s:I, s:I}", "database",
		copies_json_text(outcome->database), "in_place", true, "proved", true, "tables",
		(json_int_t)outcome->tables, "rows", (json_int_t)outcome->rows);
}

bool restore_job_in_place(struct restore_job *job, struct pack_reader *reader,
	struct restore_answer *answer, struct err *err)
{
	CLEANUP(restore_outcome_release) struct restore_outcome outcome = {0};
	struct restore_job_settings *settings = job->settings;
	struct restore_settings restore = restore_job_settings_of(job, reader);
	if (job->ask->dry_run)
		return restore_in_place_check(&restore, settings->live, err) &&
		       restore_job_report(job, reader, err);
	if (!restore_job_keys(job, err))
		return false;
	restore = restore_job_settings_of(job, reader); /* with the keys */
	if (!restore_job_policy(job, 0, err) ||
		!restore_in_place_check(&restore, settings->live, err) ||
		!swap_permit_maintenance(&job->request, settings->live, err) ||
		!present_state_is_safe(job, reader, err) || !restore_job_report(job, reader, err) ||
		!restore_job_consent(job, err))
		return false;
	/* its locks would be in the way of our own */
	db_close(xtake(&settings->live));
	if (!restore_in_place(&restore, &outcome, err))
		return false;
	answer_over(&outcome, answer);
	restore_job_grade(job, reader, &outcome, answer);
	return true;
}
