/* The verbs that look after what mig-restore has made: copies, drop. */
#include "copies/intent.h"
#include "copies/schemas.h"
#include "restore/job.h"

static bool always(const struct restore_ask *ask)
{
	(void)ask;
	return true;
}

/* Schemas of rescued tables are in the live database; without it there are none. */
static bool read_schemas(struct restore_job *job, struct schemas_list *list, struct err *err)
{
	return !job->settings->live || schemas_read(job->settings->live, list, err);
}

static bool run_copies(struct restore_job *job, struct restore_answer *answer, struct err *err)
{
	CLEANUP(schemas_list_release) struct schemas_list schemas = {0};
	if (!read_schemas(job, &schemas, err))
		return false;
	copies_list_lines(&job->copies, &answer->lines);
	for (size_t i = 0; i < schemas.count; i++)
		strvec_push_take(&answer->lines, schemas_item_line(&schemas.items[i]));
	answer->json = json_pack("{s:o, s:o}", "copies", copies_list_json(&job->copies), "schemas",
		schemas_list_json(&schemas));
	return true;
}

static void answer_drop(const struct restore_job *job, const char *what, const char *name,
	const char *line, struct restore_answer *answer)
{
	bool for_real = job->ask->yes && !job->ask->dry_run;
	strvec_pushf(&answer->lines, "%s: %s",
		for_real ? "dropped" : "with --yes this would be dropped", line);
	answer->json = json_pack("{s:o, s:b}", what, copies_json_text(name), "dropped", for_real);
}

static bool drop_schema(struct restore_job *job, const struct schemas_item *schema,
	struct restore_answer *answer, struct err *err)
{
	AUTO_FREE char *line = schemas_item_line(schema);
	if (job->ask->yes && !job->ask->dry_run &&
		(!restore_job_keys(job, err) || !keys_work(job->keys, job->settings->live, err) ||
			!schemas_drop(job->settings->live, schema, err)))
		return false;
	answer_drop(job, "schema", schema->name, line, answer);
	return true;
}

static bool drop_copy(struct restore_job *job, const struct copies_item *copy,
	struct restore_answer *answer, struct err *err)
{
	AUTO_FREE char *line = copies_item_line(copy);
	if (!copies_own(&job->place, copy, err))
		return false;
	if (job->ask->yes && !job->ask->dry_run &&
		(!restore_job_keys(job, err) || !copies_drop(&job->place, copy, err)))
		return false;
	answer_drop(job, "database", copy->name, line, answer);
	return true;
}

static bool run_drop(struct restore_job *job, struct restore_answer *answer, struct err *err)
{
	const char *name = job->ask->operands->items[0];
	CLEANUP(schemas_list_release) struct schemas_list schemas = {0};
	const struct copies_item *copy;
	if (!read_schemas(job, &schemas, err))
		return false;
	const struct schemas_item *schema = schemas_find(&schemas, name);
	if (schema)
		return drop_schema(job, schema, answer, err);
	return copies_find(&job->copies, name, &copy, err) && drop_copy(job, copy, answer, err);
}

const struct restore_verb restore_verb_copies = {.may_be_gone = always, .run = run_copies};
const struct restore_verb restore_verb_drop = {.may_be_gone = always, .run = run_drop};
