/* The verbs that look after what mig-restore has made: copies, drop. */
#include "backup/copies_intent.h"
#include "backup/restore_job.h"

static bool always(const struct restore_ask *ask)
{
	(void)ask;
	return true;
}

static bool run_copies(struct restore_job *job, struct restore_answer *answer, struct err *err)
{
	(void)err;
	copies_list_lines(&job->copies, &answer->lines);
	answer->json = json_pack("{s:o}", "copies", copies_list_json(&job->copies));
	return true;
}

static bool run_drop(struct restore_job *job, struct restore_answer *answer, struct err *err)
{
	const struct copies_item *copy;
	bool for_real = job->ask->yes && !job->ask->dry_run;
	if (!copies_find(&job->copies, job->ask->operands->items[0], &copy, err) ||
		!copies_own(&job->place, copy, err))
		return false;
	AUTO_FREE char *line = copies_item_line(copy);
	strvec_pushf(&answer->lines, "%s: %s",
		for_real ? "dropped" : "with --yes this would be dropped", line);
	if (for_real && (!restore_job_keys(job, err) || !copies_drop(&job->place, copy, err))) {
		strvec_release(&answer->lines);
		return false;
	}
	answer->json = json_pack(
		"{s:o, s:b}", "database", copies_json_text(copy->name), "dropped", for_real);
	return true;
}

const struct restore_verb restore_verb_copies = {.may_be_gone = always, .run = run_copies};
const struct restore_verb restore_verb_drop = {.may_be_gone = always, .run = run_drop};
