/* Single tables beside the live ones, and their missing rows back: the job's part of it. */
#include "copies/intent.h"
#include "restore/job.h"
#include "restore/rows.h"
#include "restore/tables.h"
#include <inttypes.h>

static bool choose(const struct restore_ask *ask, const struct pack_manifest *manifest,
	struct restore_table *items, struct err *err)
{
	for (size_t i = 0; i < ask->tables.count; i++)
		if (!restore_table_find(manifest, ask->tables.items[i], &items[i], err))
			return false;
	return true;
}

static void answer_tables(const struct restore_ask *ask, const struct restore_table *items,
	bool done, struct restore_answer *answer)
{
	int64_t rows = 0;
	for (size_t i = 0; i < ask->tables.count; i++) {
		int64_t some = restore_table_content(&items[i])->rows;
		const char *where = !done       ? " would be put into"
				    : some == 1 ? ", proved equal to the snapshot, is in"
						: ", proved equal to the snapshot, are in";
		strvec_pushf(&answer->lines, "%s: %" PRId64 " row%s%s %s.%s", ask->tables.items[i],
			some, str_plural(some), where, ask->into_schema,
			restore_table_name(&items[i]));
		rows += some;
	}
	if (done)
		strvec_pushf(&answer->lines,
			"to bring back missing rows: mig-restore rows %s --from-schema %s "
			"--missing "
			"-n; to remove the schema: mig-restore drop %s --yes",
			ask->tables.items[0], ask->into_schema, ask->into_schema);
	answer->json = json_pack("{s:o, s:b, s:I, s:I}", "schema",
		copies_json_text(ask->into_schema), "proved", done, "tables",
		(json_int_t)ask->tables.count, "rows", (json_int_t)rows);
}

bool restore_job_tables(struct restore_job *job, struct pack_reader *reader,
	struct restore_answer *answer, struct err *err)
{
	const struct restore_ask *ask = job->ask;
	AUTO_FREE struct restore_table *items = xcalloc(ask->tables.count, sizeof(items[0]));
	struct restore_tables tables = {items, ask->tables.count, ask->into_schema};
	if (!choose(ask, pack_reader_manifest(reader), items, err))
		return false;
	if (!ask->dry_run) {
		if (!restore_job_keys(job, err))
			return false;
		struct restore_settings settings = restore_job_settings_of(job, reader);
		if (!restore_tables_run(&settings, &tables, err))
			return false;
	}
	answer_tables(ask, items, !ask->dry_run, answer);
	return true;
}

/*
 * The verb rows
 */

static bool check_rows(const struct restore_ask *ask, struct err *err)
{
	if (!ask->from_schema)
		return err_set(err, ERR_USAGE, "--from-schema is missing: where the rows are");
	if (ask->missing)
		return true;
	err_set(err, ERR_USAGE, "say which rows: --missing");
	return err_hint(err, "rows that are there are never changed; look at both with SQL");
}

static bool agree(void *ctx, int64_t missing, struct err *err)
{
	const struct restore_job *job = ctx;
	const struct restore_job_settings *settings = job->settings;
	AUTO_FREE char *question = xstrfmt("Bring %" PRId64 " row%s back into %s of %s?", missing,
		str_plural(missing), job->ask->operands->items[0], settings->live_name);
	return settings->confirm(settings->ctx, SWAP_ASK_PLAIN, settings->live_name, question, err);
}

static void answer_rows(const struct restore_ask *ask, const struct rows_outcome *outcome,
	struct restore_answer *answer)
{
	const char *table = ask->operands->items[0];
	struct strvec *lines = &answer->lines;
	if (ask->dry_run)
		strvec_pushf(lines, "%s: %" PRId64 " row%s %s missing and would be brought back",
			table, outcome->missing, str_plural(outcome->missing),
			outcome->missing == 1 ? "is" : "are");
	else
		strvec_pushf(lines, "%s: %" PRId64 " row%s %s missing, %" PRId64 " %s brought back",
			table, outcome->missing, str_plural(outcome->missing),
			outcome->missing == 1 ? "was" : "were", outcome->inserted,
			outcome->inserted == 1 ? "was" : "were");
	if (outcome->altered)
		strvec_pushf(lines,
			"%" PRId64 " of them are not as they were: triggers fired "
			"(--no-triggers keeps them quiet)",
			outcome->altered);
	if (outcome->unkeyed)
		strvec_pushf(lines, "%" PRId64 " row%s without a whole key %s in %s",
			outcome->unkeyed, str_plural(outcome->unkeyed),
			outcome->unkeyed == 1 ? "stays" : "stay", ask->from_schema);
	STRVEC_EACH (&outcome->left, column)
		strvec_pushf(lines, "column %s is not in the live table: it stays behind", column);
	STRVEC_EACH (&outcome->moved, sequence)
		strvec_pushf(lines, "sequence moved up: %s", sequence);
	answer->json = json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:o}", "table",
		copies_json_text(table), "missing", (json_int_t)outcome->missing, "inserted",
		(json_int_t)outcome->inserted, "altered", (json_int_t)outcome->altered, "unkeyed",
		(json_int_t)outcome->unkeyed, "columns_left", copies_json_texts(&outcome->left),
		"sequences", copies_json_texts(&outcome->moved));
}

static bool run_rows(struct restore_job *job, struct restore_answer *answer, struct err *err)
{
	CLEANUP(rows_outcome_release) struct rows_outcome outcome = {0};
	const struct restore_ask *ask = job->ask;
	if (!ask->dry_run && !restore_job_keys(job, err))
		return false;
	struct rows_settings settings = {
		.target = job->settings->target,
		.keys = job->keys,
		.table = ask->operands->items[0],
		.schema = ask->from_schema,
		.key = &ask->key,
		.no_triggers = ask->no_triggers,
		.agree = agree,
		.ctx = job,
	};
	if (!rows_bring_back(&settings, &outcome, err))
		return false;
	answer_rows(ask, &outcome, answer);
	return true;
}

const struct restore_verb restore_verb_rows = {.check = check_rows, .run = run_rows};
