/* A snapshot that was restored whole, and proved in full, has the grade for it (safety 19). */
#include "backup/verify.h"
#include "base/clock.h"
#include "restore/job.h"

/* What was put elsewhere, or gone on with, or left empty, is another thing than the snapshot. */
static bool is_whole(const struct restore_job *job, const struct restore_outcome *restored)
{
	const struct restore_ask *ask = job->ask;
	return restored->proved && !restored->unpopulated.count && !ask->resume &&
	       !ask->role_map.count && !ask->no_security_labels && !ask->schema_only &&
	       !ask->data_only && !ask->tables.count;
}

void restore_job_grade(struct restore_job *job, struct pack_reader *reader,
	const struct restore_outcome *restored, struct restore_answer *answer)
{
	int version = job->server->version;
	AUTO_FREE char *server = xstrfmt("%d.%d", version / 10000, version % 10000);
	struct grade_act act = {
		.grade = (char *)grade_word(GRADE_PROVED),
		.tool = (char *)job->settings->tool,
		.ms = restored->took_ms,
		.server = server,
	};
	/* damage may be in a member that no restore reads: only mig-verify takes that back */
	bool graded = is_whole(job, restored) && job->snapshot->grade.grade != GRADE_DAMAGED &&
		      backup_verify_note(job->snapshot, reader, &act, job->settings->log);
	json_object_set_new(answer->json, "graded", json_boolean(graded));
}
