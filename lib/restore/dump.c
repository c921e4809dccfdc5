/* The verb SNAPSHOT with the path of a dump. */
#include "base/clock.h"
#include "base/fs.h"
#include "copies/intent.h"
#include "restore/foreign.h"
#include "restore/job.h"
#include "restore/room.h"
#include "schema/minors.h"
#include <inttypes.h>

/* mig runs no command of psql; whoever gives the same file to psql does. */
static void warn_of_minor(
	const struct foreign_dump *dump, const struct foreign_facts *facts, struct log_sink *log)
{
	const char *fixed = facts->pg_dump && dump->form == FOREIGN_PLAIN
				    ? schema_minors_fixed(facts->pg_dump)
				    : NULL;
	if (fixed)
		log_warn(log, "pg_dump_unpatched",
			json_pack("{s:s, s:s}", "pg_dump", facts->pg_dump, "fixed", fixed),
			"the dump was written by pg_dump %s, without the fix of CVE-2025-8714 "
			"(%s): a malicious server could have brought commands of psql into it. "
			"There are none outside of rows; its SQL is code all the same",
			facts->pg_dump, fixed);
}

static bool look(struct restore_job *job, const struct foreign_dump *dump,
	const struct restore_settings *settings, struct foreign_facts *facts, struct err *err)
{
	log_info(settings->log, "stage", json_pack("{s:s}", "stage", "reading"),
		"reading %s to its end: %s", dump->path, foreign_form_text(dump->form));
	if (!foreign_look(settings, dump, facts, err) ||
		!restore_check_dump(settings, facts, job->server, err))
		return false;
	warn_of_minor(dump, facts, settings->log);
	STRVEC_EACH (&facts->left_out, what)
		log_warn(settings->log, "left_out", json_pack("{s:s}", "statement", what),
			"left out of the dump: %s", what);
	return true;
}

static void answer_would(const struct foreign_dump *dump, const struct foreign_facts *facts,
	struct restore_answer *answer)
{
	AUTO_FREE char *rows = foreign_facts_rows(facts);
	strvec_pushf(&answer->lines, "%s is %s, of PostgreSQL %s, whole, with %s", dump->path,
		foreign_form_text(dump->form), facts->server ? facts->server : "(not said)", rows);
	strvec_push(&answer->lines,
		"it would be loaded, and not proved; what would be lost can be said when it is "
		"loaded: mig-restore swap COPY -n");
}

static void answer_loaded(const struct restore_outcome *loaded, const struct foreign_dump *dump,
	const struct foreign_facts *facts, struct restore_answer *answer)
{
	AUTO_FREE char *took = clock_duration_text(loaded->took_ms);
	strvec_pushf(&answer->lines,
		"loaded into %s in %s: %" PRId64 " tables, %" PRId64
		" rows, from %s of PostgreSQL %s",
		loaded->database, took, loaded->tables, loaded->rows, foreign_form_text(dump->form),
		facts->server ? facts->server : "(not said)");
	strvec_push(
		&answer->lines, "NOT PROVED: a dump carries no hashes to compare the rows with");
	answer->json = json_pack("{s:o, s:b, s:I, s:I, s:{s:o, s:s, s:o}}", "copy",
		copies_json_text(loaded->database), "proved", false, "tables",
		(json_int_t)loaded->tables, "rows", (json_int_t)loaded->rows, "dump", "path",
		copies_json_text(dump->path), "form", foreign_form_word(dump->form), "server",
		copies_json_text(facts->server));
}

static bool swap(struct restore_job *job, const struct restore_outcome *loaded,
	const struct foreign_dump *dump, struct restore_answer *answer, struct err *err)
{
	const struct copies_item copy = {
		.name = loaded->database,
		.oid = loaded->oid,
		.purpose = DB_RESTORED,
		.marked = true,
		.mark = {.dump = (char *)fs_basename(dump->path)},
	};
	return restore_job_swap_dump(job, &copy, answer, err);
}

static bool load(struct restore_job *job, const struct foreign_dump *dump,
	const struct foreign_facts *facts, struct restore_answer *answer, struct err *err)
{
	CLEANUP(restore_outcome_release) struct restore_outcome loaded = {0};
	struct restore_settings settings = restore_job_settings_of(job, NULL);
	if (!foreign_restore(&settings, dump, facts, &loaded, err))
		return false;
	answer_loaded(&loaded, dump, facts, answer);
	if (job->ask->swap)
		return swap(job, &loaded, dump, answer, err);
	if (!job->ask->to_db)
		strvec_pushf(&answer->lines,
			"what is different there: mig-restore swap %s -n; to put it in place: "
			"mig-restore swap %s --accept-loss",
			loaded.database, loaded.database);
	return true;
}

bool restore_job_foreign(struct restore_job *job, const struct foreign_dump *dump,
	struct restore_answer *answer, struct err *err)
{
	CLEANUP(foreign_facts_release) struct foreign_facts facts = {0};
	struct restore_settings settings = restore_job_settings_of(job, NULL);
	if (!restore_ask_check_dump(job->ask, err))
		return false;
	if (!job->ask->dry_run)
		return restore_job_keys(job, err) &&
		       (!job->ask->swap || restore_job_may_swap_dump(job, err)) &&
		       look(job, dump, &settings, &facts, err) &&
		       load(job, dump, &facts, answer, err);
	if (!look(job, dump, &settings, &facts, err))
		return false;
	answer_would(dump, &facts, answer);
	return true;
}
