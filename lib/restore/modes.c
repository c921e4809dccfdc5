/* The verb SNAPSHOT: the ways to restore one, a row each. */
#include "base/clock.h"
#include "copies/intent.h"
#include "restore/data.h"
#include "restore/foreign.h"
#include "restore/job.h"
#include "restore/resume.h"
#include <inttypes.h>

/*
 * Side by side, or into a database of another name
 */

static void answer_restored(const struct restore_job *job, const struct restore_outcome *restored,
	struct restore_answer *answer)
{
	const struct restore_ask *ask = job->ask;
	AUTO_FREE char *swap = swap_permit_command(job->settings->env, "swap", restored->database);
	AUTO_FREE char *took = clock_duration_text(restored->took_ms);
	if (ask->schema_only)
		strvec_pushf(&answer->lines,
			"definitions of %" PRId64 " table%s are in %s (%s): no rows, NOT PROVED",
			restored->tables, str_plural(restored->tables), restored->database, took);
	else
		strvec_pushf(&answer->lines,
			"restored into %s in %s: %" PRId64 " table%s, %" PRId64 " row%s, %s",
			restored->database, took, restored->tables, str_plural(restored->tables),
			restored->rows, str_plural(restored->rows),
			restored->proved ? "proved equal to the snapshot"
					 : "NOT PROVED: nobody compared them with the "
					   "snapshot (--no-proof)");
	STRVEC_EACH (&restored->unpopulated, view)
		strvec_pushf(&answer->lines, "NOT FILLED: materialized view %s", view);
	if (restored->proved && !ask->swap && !ask->to_db && swap)
		strvec_pushf(
			&answer->lines, "to put it in place, after mig-maintenance on: %s", swap);
	answer->json = json_pack("{s:o, s:b, s:I, s:I, s:o}", "copy",
		copies_json_text(restored->database), "proved", restored->proved, "tables",
		(json_int_t)restored->tables, "rows", (json_int_t)restored->rows, "unpopulated",
		copies_json_texts(&restored->unpopulated));
}

struct restore_settings restore_job_settings_of(
	const struct restore_job *job, struct pack_reader *reader)
{
	const struct restore_job_settings *settings = job->settings;
	const struct restore_ask *ask = job->ask;
	return (struct restore_settings){
		.reader = reader,
		.target = settings->target,
		.keys = job->keys,
		.state_dir = settings->env->state_dir,
		.live = settings->live_name,
		.to_db = ask->to_db,
		.run = job->keys ? job->keys->run_id : NULL,
		.workers = job->workers,
		.max_wal = ask->max_wal,
		.role_map = &ask->role_map,
		.no_tablespaces = ask->no_tablespaces,
		.no_security_labels = ask->no_security_labels,
		.schema_only = ask->schema_only,
		.keep_failed = ask->keep_failed,
		.no_proof = ask->no_proof,
		.allow_unpopulated = ask->allow_unpopulated,
		.cancelled = restore_job_cancelled,
		.cancel_ctx = (void *)&settings->target,
		.log = settings->log,
	};
}

/* Somebody may not know that there is no need to begin anew. */
static void tell_half_made(const struct restore_job *job, const char *snapshot)
{
	for (size_t i = 0; i < job->copies.count; i++) {
		const struct copies_item *copy = &job->copies.items[i];
		if (copy->marked && copy->mark.defined && !copy->mark.proved &&
			str_equal(copy->mark.snapshot, snapshot) &&
			str_equal(copy->mark.of, job->place.live))
			log_info(job->settings->log, "half_made", NULL,
				"%s is a half-made copy of this snapshot; --resume %s would go on "
				"with it",
				copy->name, copy->name);
	}
}

static bool restore(struct restore_job *job, struct pack_reader *reader,
	struct restore_outcome *outcome, struct err *err)
{
	struct restore_settings settings = restore_job_settings_of(job, reader);
	if (job->ask->resume &&
		(!copies_find(&job->copies, job->ask->resume, &settings.resume, err) ||
			!copies_own(&job->place, settings.resume, err) ||
			!restore_resume_check(&settings, settings.resume, err)))
		return false;
	if (!job->ask->resume)
		tell_half_made(job, pack_reader_manifest(reader)->id);
	return restore_run(&settings, outcome, err);
}

/* With a proof nobody is there to read the report. */
static bool prepare_swap(struct restore_job *job, struct pack_reader *reader, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(reader);
	return restore_job_part_is_meant(job, manifest->partial.count > 0, err) &&
	       restore_job_may_swap(job, NULL, manifest->started_ms, err) &&
	       ((job->ask->proof && !job->ask->export_lost) ||
		       restore_job_report(job, reader, err)) &&
	       restore_job_consent(job, err);
}

static bool beside(struct restore_job *job, struct pack_reader *reader,
	struct restore_answer *answer, struct err *err)
{
	CLEANUP(restore_outcome_release) struct restore_outcome restored = {0};
	bool swap = job->ask->swap;
	if (job->ask->dry_run)
		return restore_job_report(job, reader, err);
	if (!restore_job_keys(job, err) || (swap && !prepare_swap(job, reader, err)) ||
		!restore(job, reader, &restored, err))
		return false;
	answer_restored(job, &restored, answer);
	restore_job_grade(job, reader, &restored, answer);
	return !swap || restore_job_swap_restored(job, &restored, answer, err);
}

static bool data_only(struct restore_job *job, struct pack_reader *reader,
	struct restore_answer *answer, struct err *err)
{
	CLEANUP(restore_outcome_release) struct restore_outcome restored = {0};
	struct restore_settings settings = restore_job_settings_of(job, reader);
	if (job->ask->dry_run) {
		strvec_pushf(&answer->lines, "the rows of %s would be put into %s",
			pack_reader_manifest(reader)->id, job->ask->to_db);
		return restore_data_check(&settings, err);
	}
	if (!restore_job_keys(job, err))
		return false;
	settings = restore_job_settings_of(job, reader); /* with the keys */
	if (!restore_data(&settings, &restored, err))
		return false;
	answer_restored(job, &restored, answer);
	return true;
}

/*
 * Which way
 */

static bool is_of_tables(const struct restore_ask *ask)
{
	return ask->tables.count > 0;
}

static bool is_data_only(const struct restore_ask *ask)
{
	return ask->data_only;
}

static bool is_in_place(const struct restore_ask *ask)
{
	return ask->in_place;
}

static bool is_always(const struct restore_ask *ask)
{
	(void)ask;
	return true;
}

struct mode {
	bool (*is_asked)(const struct restore_ask *ask);
	/* With ask->dry_run it tells what would happen. */
	bool (*run)(struct restore_job *job, struct pack_reader *reader,
		struct restore_answer *answer, struct err *err);
};
/* The first that is asked for. */
static const struct mode modes[] = {
	{is_of_tables, restore_job_tables},
	{is_in_place, restore_job_in_place},
	{is_data_only, data_only},
	{is_always, beside},
};

static bool run_found(struct restore_job *job, const struct backup_found *found,
	struct restore_answer *answer, struct err *err)
{
	CLEANUP(backup_entry_release) struct backup_entry entry = {0};
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	const struct mode *mode = modes;
	if (!backup_open_found(found, job->settings->log, &reader, &entry, err))
		return false;
	job->snapshot = &entry;
	while (!mode->is_asked(job->ask))
		mode++;
	bool good = mode->run(job, reader, answer, err);
	job->snapshot = NULL;
	return good;
}

static bool run_snapshot(struct restore_job *job, struct restore_answer *answer, struct err *err)
{
	CLEANUP(backup_found_release) struct backup_found found = {0};
	CLEANUP(foreign_dump_release) struct foreign_dump dump = {0};
	const struct restore_job_settings *settings = job->settings;
	struct backup_find find = {
		.env = settings->env, .getenv = settings->getenv, .log = settings->log};
	if (!backup_find(&find, job->ask->operands->items[0], &found, err) ||
		(found.path && !foreign_probe(found.path, &dump, err)))
		return false;
	return dump.form ? restore_job_foreign(job, &dump, answer, err)
			 : run_found(job, &found, answer, err);
}

static bool into_another(const struct restore_ask *ask)
{
	return ask->to_db != NULL;
}

const struct restore_verb restore_verb_snapshot = {restore_ask_check, into_another, run_snapshot};
