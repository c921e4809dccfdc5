#include "base/clock.h"
#include "copies/intent.h"
#include "restore/job.h"

/* Long before the swap, too: nobody shall wait for a restore in vain. */
static bool proof_holds(struct restore_job *job, const struct swap_settings *swap, struct err *err)
{
	if (!swap_permit_age(&job->request, job->settings->live, err))
		return false;
	/* the reading ends every session that holds no key */
	db_close(xtake(&job->settings->live));
	return swap_prove(swap, err);
}

static struct swap_settings swap_settings(
	const struct restore_job *job, const char *copy, uint32_t copy_oid)
{
	const struct restore_job_settings *settings = job->settings;
	return (struct swap_settings){
		.target = settings->target,
		.keys = job->keys,
		.state_dir = settings->env->state_dir,
		.live = settings->live_name,
		.copy = copy,
		.copy_oid = copy_oid,
		.run = job->keys->run_id,
		.proof = job->ask->proof,
		.ignore = &job->ask->proof_ignore,
		.log = settings->log,
	};
}

bool restore_job_may_swap(
	struct restore_job *job, const struct copies_item *copy, int64_t made_ms, struct err *err)
{
	struct swap_settings check =
		swap_settings(job, copy ? copy->name : NULL, copy ? copy->oid : 0);
	return restore_job_policy(job, made_ms, err) && swap_check(&check, err) &&
	       (job->ask->proof ? proof_holds(job, &check, err)
				: swap_permit_maintenance(&job->request, job->settings->live, err));
}

static void answer_swapped(const struct restore_job *job, const struct swap_outcome *swapped,
	struct restore_answer *answer)
{
	const char *live_name = job->settings->live_name;
	AUTO_FREE char *took = clock_duration_text(swapped->took_ms);
	AUTO_FREE char *undo = swap_permit_command(job->settings->env, "undo", NULL);
	strvec_pushf(&answer->lines, "swapped in %s: %s is live; what was live is %s", took,
		live_name, swapped->displaced);
	if (undo)
		strvec_pushf(&answer->lines, "to go back: %s", undo);
	strvec_pushf(&answer->lines, "to remove what was live: mig-restore drop %s --yes",
		swapped->displaced);
	if (!job->request.run)
		strvec_push(
			&answer->lines, "maintenance is still on; to open: mig-maintenance off");
	if (!answer->json)
		answer->json = json_object();
	json_object_set_new(answer->json, "swapped", json_true());
	json_object_set_new(answer->json, "database", copies_json_text(live_name));
	json_object_set_new(answer->json, "displaced", copies_json_text(swapped->displaced));
	json_object_set_new(answer->json, "swap_ms", json_integer(swapped->took_ms));
}

bool restore_job_swap_in(struct restore_job *job, const char *copy, uint32_t copy_oid,
	struct restore_answer *answer, struct err *err)
{
	CLEANUP(swap_outcome_release) struct swap_outcome outcome = {0};
	struct swap_settings swap = swap_settings(job, copy, copy_oid);
	db_close(xtake(&job->settings->live));
	if (!swap_databases(&swap, &outcome, err))
		return false;
	answer_swapped(job, &outcome, answer);
	return true;
}

/*
 * The verbs
 */

bool restore_job_part_is_meant(const struct restore_job *job, bool partial, struct err *err)
{
	const char *reason = job->settings->reason;
	if (!partial || (reason && *reason))
		return true;
	err_set(err, ERR_REFUSED,
		"that is a part of the database, and would take the place of all of it");
	return err_hint(err, "bring tables back beside the others: mig-restore SNAPSHOT --table T "
			     "--into-schema S; if all else shall go: --reason \"...\"");
}

static bool may_become_live(const struct copies_item *copy, struct err *err)
{
	const struct copies_mark *mark = &copy->mark;
	if (!copy->half_made &&
		(copy->purpose == DB_DISPLACED || copy->purpose == DB_CLONE ||
			(copy->purpose == DB_RESTORED && (mark->proved || mark->dump))))
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
	int64_t age_ms;
	*made_ms = 0;
	if (!job->ask->proof)
		return true;
	if (copy->purpose != DB_CLONE) {
		err_set(err, ERR_REFUSED, "--proof does not vouch for %s: it is no clone",
			copy->name);
		return err_hint(err, "by hand: mig-restore swap %s --accept-loss", copy->name);
	}
	if (!copies_age(job->server, copy->mark.made, &age_ms, err))
		return false;
	*made_ms = clock_now_ms() - age_ms;
	return true;
}

/* The report compares what is in it; nobody knows what should be. */
static void tell_unproved(const struct restore_job *job, const struct copies_item *copy)
{
	if (copy->mark.dump && !copy->mark.proved)
		log_warn(job->settings->log, "not_proved",
			json_pack("{s:o}", "dump", copies_json_text(copy->mark.dump)),
			"%s came out of the dump %s: nothing proves that it holds what was dumped, "
			"nor says when that was",
			copy->name, copy->mark.dump);
}

/* Safety 18: a person may. */
static bool no_run_may(
	const struct restore_job *job, const struct copies_item *copy, struct err *err)
{
	if (!copy->mark.dump || copy->mark.proved || !job->keys->kin)
		return true;
	err_set(err, ERR_REFUSED, "no run puts the copy of a dump in place: nothing proves it");
	return err_hint(err, "a person may: mig-restore swap %s --accept-loss",
		copy->name ? copy->name : "COPY");
}

static bool may_swap_copy(
	struct restore_job *job, const struct copies_item *copy, int64_t made_ms, struct err *err)
{
	return no_run_may(job, copy, err) && restore_job_may_swap(job, copy, made_ms, err);
}

bool restore_job_may_swap_dump(struct restore_job *job, struct err *err)
{
	const struct copies_item dump = {.mark = {.dump = (char *)"dump"}};
	if (!no_run_may(job, &dump, err) || !restore_job_may_swap(job, NULL, 0, err))
		return false;
	if (job->ask->accept_loss)
		return true;
	err_set(err, ERR_REFUSED,
		"what would be lost is known when the dump is loaded, not before");
	return err_hint(err,
		"load it and look: mig-restore %s, then mig-restore swap COPY -n; or accept it "
		"unseen: --accept-loss",
		job->ask->operands->items[0]);
}

static bool swap_dump(struct restore_job *job, const struct copies_item *copy,
	struct restore_answer *answer, struct err *err)
{
	return may_swap_copy(job, copy, 0, err) && restore_job_report_copy(job, copy, err) &&
	       restore_job_consent(job, err) &&
	       restore_job_swap_in(job, copy->name, copy->oid, answer, err);
}

/* What was loaded is not loaded in vain. */
static bool hint_copy(const struct restore_job *job, const char *copy, struct err *err)
{
	AUTO_FREE char *command = swap_permit_command(job->settings->env, "swap", copy);
	AUTO_FREE char *hint = err->hint ? xstrfmt("%s; ", err->hint) : xstrdup("");
	return err_hint(
		err, "%sthe copy is complete and stays: %s", hint, command ? command : copy);
}

bool restore_job_swap_dump(struct restore_job *job, const struct copies_item *copy,
	struct restore_answer *answer, struct err *err)
{
	tell_unproved(job, copy);
	return swap_dump(job, copy, answer, err) || hint_copy(job, copy->name, err);
}

/* A proof looks after itself: its second reading comes with the swap. */
bool restore_job_swap_restored(struct restore_job *job, const struct restore_outcome *restored,
	struct restore_answer *answer, struct err *err)
{
	if (!job->ask->proof && !swap_permit_maintenance(&job->request, job->settings->live, err))
		return hint_copy(job, restored->database, err);
	return restore_job_swap_in(job, restored->database, restored->oid, answer, err);
}

static bool swap_or_report(struct restore_job *job, const struct copies_item *copy,
	struct restore_answer *answer, struct err *err)
{
	int64_t made_ms;
	tell_unproved(job, copy);
	if (job->ask->dry_run)
		return restore_job_report_copy(job, copy, err);
	return copies_own(&job->place, copy, err) && may_become_live(copy, err) &&
	       restore_job_part_is_meant(job, copy->mark.partial, err) &&
	       made_when(job, copy, &made_ms, err) && restore_job_keys(job, err) &&
	       may_swap_copy(job, copy, made_ms, err) &&
	       ((job->ask->proof && !job->ask->export_lost) ||
		       restore_job_report_copy(job, copy, err)) &&
	       restore_job_consent(job, err) &&
	       restore_job_swap_in(job, copy->name, copy->oid, answer, err);
}

static bool run_swap(struct restore_job *job, struct restore_answer *answer, struct err *err)
{
	const struct copies_item *copy;
	return copies_find(&job->copies, job->ask->operands->items[0], &copy, err) &&
	       swap_or_report(job, copy, answer, err);
}

static bool run_undo(struct restore_job *job, struct restore_answer *answer, struct err *err)
{
	const struct copies_item *copy;
	return copies_newest_displaced(&job->place, &job->copies, &copy, err) &&
	       swap_or_report(job, copy, answer, err);
}

const struct restore_verb restore_verb_swap = {.run = run_swap};
const struct restore_verb restore_verb_undo = {.run = run_undo};
