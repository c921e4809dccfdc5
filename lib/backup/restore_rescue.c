/* Single tables beside the live ones: the job's part of it. */
#include "backup/copies_intent.h"
#include "backup/restore_job.h"
#include "backup/restore_tables.h"
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
		strvec_pushf(&answer->lines, "%s: %" PRId64 " rows%s %s.%s", ask->tables.items[i],
			some,
			done ? ", proved equal to the snapshot, are in" : " would be put into",
			ask->into_schema, restore_table_name(&items[i]));
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
