#include "backup/restore_job.h"
#include "backup/copies_intent.h"
#include "base/clock.h"
#include <inttypes.h>
#include <unistd.h>

void restore_job_release(struct restore_job *job)
{
	copies_list_release(&job->copies);
	db_close(job->server);
	keys_release(job->keys);
	*job = (struct restore_job){0};
}

void restore_job_outcome_release(struct restore_job_outcome *outcome)
{
	restore_outcome_release(&outcome->restored);
	swap_outcome_release(&outcome->swapped);
}

static void restored_lines(const struct restore_outcome *restored,
	const struct restore_job_settings *settings, struct strvec *lines)
{
	AUTO_FREE char *took = clock_duration_text(restored->took_ms);
	strvec_pushf(lines, "restored into %s in %s: %" PRId64 " tables, %" PRId64 " rows, %s",
		restored->database, took, restored->tables, restored->rows,
		restored->proved
			? "proved equal to the snapshot"
			: "NOT PROVED: nobody compared them with the snapshot (--no-proof)");
	if (restored->proved && !settings->swap && !settings->to_db)
		strvec_pushf(lines, "to put it in place: mig-restore swap %s --accept-loss",
			restored->database);
}

static void swapped_lines(
	const struct swap_outcome *swapped, const char *live_name, struct strvec *lines)
{
	AUTO_FREE char *took = clock_duration_text(swapped->took_ms);
	strvec_pushf(lines, "swapped in %s: %s is live; what was live is %s", took, live_name,
		swapped->displaced);
	strvec_pushf(lines,
		"to go back: mig-restore undo --accept-loss; to remove what was live: "
		"mig-restore drop %s --yes",
		swapped->displaced);
}

void restore_job_outcome_lines(const struct restore_job_outcome *outcome,
	const struct restore_job_settings *settings, struct strvec *lines)
{
	if (outcome->restored.database)
		restored_lines(&outcome->restored, settings, lines);
	if (outcome->swapped.displaced)
		swapped_lines(&outcome->swapped, settings->live_name, lines);
}

json_t *restore_job_outcome_json(const struct restore_job_outcome *outcome, const char *live_name)
{
	const struct restore_outcome *restored = &outcome->restored;
	const struct swap_outcome *swapped = &outcome->swapped;
	json_t *fields = json_object();
	if (restored->database) {
		json_object_set_new(fields, "copy", copies_json_text(restored->database));
		json_object_set_new(fields, "proved", json_boolean(restored->proved));
		json_object_set_new(fields, "tables", json_integer(restored->tables));
		json_object_set_new(fields, "rows", json_integer(restored->rows));
	}
	if (swapped->displaced) {
		json_object_set_new(fields, "swapped", json_true());
		json_object_set_new(fields, "database", copies_json_text(live_name));
		json_object_set_new(fields, "displaced", copies_json_text(swapped->displaced));
		json_object_set_new(fields, "swap_ms", json_integer(swapped->took_ms));
	}
	return fields;
}

static int default_workers(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores > 0 && cores < 64 ? (int)cores : 2;
}

bool restore_job_open(
	struct restore_job *job, struct restore_job_settings *settings, struct err *err)
{
	struct db_params params = settings->target;
	params.dbname = "postgres";
	job->settings = settings;
	if (settings->workers < 1)
		settings->workers = default_workers();
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

static bool take_keys(struct restore_job *job, struct err *err)
{
	struct keys_request request = {
		.target = job->settings->target,
		.mode = KEYS_RUN,
		.mig_run = job->settings->mig_run,
		.program = "mig-restore",
		.lock_wait_ms = job->settings->lock_wait_ms,
		.log = job->settings->log,
	};
	if (!keys_take(&request, &job->keys, err))
		return false;
	job->place.run = job->keys->run_id;
	return true;
}

/*
 * What would be lost
 */

static bool is_cancelled(void *ctx)
{
	const struct db_params *params = ctx;
	return params->stop && params->stop(params->stop_ctx);
}

static struct loss_settings loss_settings(struct restore_job *job)
{
	return (struct loss_settings){
		.target = job->settings->target,
		.workers = job->settings->workers,
		.cancelled = is_cancelled,
		.cancel_ctx = &job->settings->target,
		.log = job->settings->log,
	};
}

bool restore_job_report(
	struct restore_job *job, const struct pack_manifest *manifest, struct err *err)
{
	CLEANUP(loss_report_release) struct loss_report report = {0};
	struct loss_settings settings = loss_settings(job);
	if (!loss_of_snapshot(&settings, manifest, &report, err))
		return false;
	job->settings->show(job->settings->ctx, &report);
	return true;
}

bool restore_job_report_copy(
	struct restore_job *job, const struct copies_item *copy, struct err *err)
{
	CLEANUP(loss_report_release) struct loss_report report = {0};
	struct loss_settings settings = loss_settings(job);
	AUTO_ERR(ignored);
	int64_t made_ms;
	if (!copy->mark.made || !clock_parse_time(copy->mark.made, &made_ms, &ignored))
		made_ms = -1;
	if (!loss_of_copy(&settings, copy->name, made_ms, &report, err))
		return false;
	job->settings->show(job->settings->ctx, &report);
	return true;
}

/*
 * Swapping
 */

/* Long before the swap, too: nobody shall wait for a restore in vain. */
static bool proof_holds(struct restore_job *job, const struct swap_settings *swap, struct err *err)
{
	if (!swap_permit_age(&job->request, job->settings->live, err))
		return false;
	/* the reading ends every session that holds no key */
	db_close(xtake(&job->settings->live));
	return swap_prove(swap, err);
}

/* Everything that can refuse, before anything is made or asked. */
static bool may_swap(
	struct restore_job *job, const struct copies_item *copy, int64_t made_ms, struct err *err)
{
	const struct restore_job_settings *settings = job->settings;
	job->request = (struct swap_request){
		.env = settings->env,
		.run = job->keys->kin ? job->keys->run_id : NULL,
		.proof = settings->proof,
		.reason = settings->reason,
		.accept_loss = settings->accept_loss,
		.made_ms = made_ms,
	};
	struct swap_settings check = {
		.target = settings->target,
		.keys = job->keys,
		.live = settings->live_name,
		.copy = copy ? copy->name : NULL,
		.copy_oid = copy ? copy->oid : 0,
		.proof = settings->proof,
		.ignore = settings->proof_ignore,
	};
	return swap_permit_policy(&job->request, &job->ask, err) && swap_check(&check, err) &&
	       (settings->proof ? proof_holds(job, &check, err)
				: swap_permit_maintenance(&job->request, settings->live, err));
}

static bool consent(struct restore_job *job, struct err *err)
{
	const struct restore_job_settings *settings = job->settings;
	AUTO_FREE char *question = xstrfmt(
		"Put an older state in place of the live database %s?", settings->live_name);
	return swap_permit_loss(&job->request, err) &&
	       (job->ask == SWAP_ASK_NOTHING || settings->confirm(settings->ctx, job->ask,
							settings->live_name, question, err));
}

static bool swap_in(struct restore_job *job, const char *copy, uint32_t copy_oid,
	struct swap_outcome *outcome, struct err *err)
{
	struct restore_job_settings *settings = job->settings;
	struct swap_settings swap = {
		.target = settings->target,
		.keys = job->keys,
		.state_dir = settings->env->state_dir,
		.live = settings->live_name,
		.copy = copy,
		.copy_oid = copy_oid,
		.run = job->keys->run_id,
		.proof = settings->proof,
		.ignore = settings->proof_ignore,
		.log = settings->log,
	};
	db_close(xtake(&settings->live));
	return swap_databases(&swap, outcome, err);
}

static bool may_become_live(const struct copies_item *copy, struct err *err)
{
	if (!copy->half_made && (copy->purpose == DB_DISPLACED || copy->purpose == DB_CLONE ||
					(copy->purpose == DB_RESTORED && copy->mark.proved)))
		return true;
	err_set(err, ERR_REFUSED, "database \"%s\" is not complete and proved", copy->name);
	return err_hint(err,
		"restore again: mig-restore SNAPSHOT; remove it: mig-restore drop %s --yes",
		copy->name);
}

/*
 * A proof vouches for a clone alone: it was made at the time that its mark says. A displaced
 * database and a restored copy hold an older state than that.
 */
static bool made_when(
	struct restore_job *job, const struct copies_item *copy, int64_t *made_ms, struct err *err)
{
	AUTO_RESULT(age);
	*made_ms = 0;
	if (!job->settings->proof)
		return true;
	if (copy->purpose != DB_CLONE) {
		err_set(err, ERR_REFUSED, "--proof does not vouch for %s: it is no clone",
			copy->name);
		return err_hint(err, "by hand: mig-restore swap %s --accept-loss", copy->name);
	}
	if (!db_query(job->server, &age, err,
		    "select (1000 * extract(epoch from clock_timestamp() - $1::timestamptz))"
		    "::bigint",
		    copy->mark.made))
		return false;
	*made_ms = clock_now_ms() - db_get_int(&age, 0, 0);
	return true;
}

bool restore_job_swap(struct restore_job *job, const struct copies_item *copy,
	struct restore_job_outcome *outcome, struct err *err)
{
	int64_t made_ms;
	return copies_own(&job->place, copy, err) && may_become_live(copy, err) &&
	       made_when(job, copy, &made_ms, err) && take_keys(job, err) &&
	       may_swap(job, copy, made_ms, err) &&
	       (job->settings->proof || restore_job_report_copy(job, copy, err)) &&
	       consent(job, err) && swap_in(job, copy->name, copy->oid, &outcome->swapped, err);
}

/*
 * Restoring
 */

static bool restore(struct restore_job *job, struct pack_reader *reader,
	struct restore_outcome *outcome, struct err *err)
{
	struct restore_job_settings *settings = job->settings;
	struct restore_settings restore = {
		.reader = reader,
		.target = settings->target,
		.keys = job->keys,
		.state_dir = settings->env->state_dir,
		.live = settings->live_name,
		.to_db = settings->to_db,
		.run = job->keys->run_id,
		.workers = settings->workers,
		.keep_failed = settings->keep_failed,
		.no_proof = settings->no_proof,
		.cancelled = is_cancelled,
		.cancel_ctx = &settings->target,
		.log = settings->log,
	};
	return restore_run(&restore, outcome, err);
}

/* With a proof nobody is there to read the report. */
static bool prepare_swap(struct restore_job *job, struct pack_reader *reader, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(reader);
	return may_swap(job, NULL, manifest->started_ms, err) &&
	       (job->settings->proof || restore_job_report(job, manifest, err)) &&
	       consent(job, err);
}

bool restore_job_snapshot(struct restore_job *job, struct pack_reader *reader,
	struct restore_job_outcome *outcome, struct err *err)
{
	bool swap = job->settings->swap;
	struct restore_outcome *restored = &outcome->restored;
	return take_keys(job, err) && (!swap || prepare_swap(job, reader, err)) &&
	       restore(job, reader, restored, err) &&
	       (!swap || swap_in(job, restored->database, restored->oid, &outcome->swapped, err));
}

bool restore_job_drop(struct restore_job *job, const struct copies_item *copy, struct err *err)
{
	return take_keys(job, err) && copies_drop(&job->place, copy, err);
}
