#include "verify/job.h"
#include "base/clock.h"
#include "copies/intent.h"
#include <inttypes.h>

void verify_job_release(struct verify_job *job)
{
	pack_reader_close(job->reader);
	backup_entry_release(&job->entry);
	verify_restored_release(&job->restored);
	foreign_dump_release(&job->dump);
	foreign_facts_release(&job->facts);
	free(job->tool);
}

static void note(
	struct verify_job *job, struct grade_act *act, enum grade grade, struct log_sink *log)
{
	act->grade = (char *)grade_word(grade);
	act->tool = job->tool;
	job->kept = !job->forget && backup_verify_note(&job->entry, job->reader, act, log);
}

static bool read_members(struct verify_job *job, const struct backup_verify *how, struct err *err)
{
	struct grade_act act = {0};
	if (backup_verify(job->reader, how, &job->verified, err)) {
		act.ms = job->verified.ms;
		note(job, &act, GRADE_VERIFIED, how->log);
		return true;
	}
	act.why = err->msg;
	if (err->code == ERR_CORRUPT)
		note(job, &act, GRADE_DAMAGED, how->log);
	return false;
}

static bool read_dump(struct verify_job *job, const struct backup_verify *how, struct err *err)
{
	const struct restore_settings settings = {
		.cancelled = how->cancelled, .cancel_ctx = how->ctx, .log = how->log};
	int64_t began = clock_monotonic_ms();
	if (!foreign_look(&settings, &job->dump, &job->facts, err))
		return false;
	job->verified.ms = clock_monotonic_ms() - began;
	return true;
}

bool verify_job_read(struct verify_job *job, const struct backup_find *find, const char *word,
	const struct backup_verify *how, struct err *err)
{
	CLEANUP(backup_found_release) struct backup_found found = {0};
	if (!backup_find(find, word, &found, err) ||
		(found.path && !foreign_probe(found.path, &job->dump, err)))
		return false;
	if (job->dump.form)
		return read_dump(job, how, err);
	return backup_open_found(&found, find->log, &job->reader, &job->entry, err) &&
	       read_members(job, how, err);
}

bool verify_job_restore(struct verify_job *job, const struct verify_restore *how, struct err *err)
{
	if (job->dump.form) {
		err_set(err, ERR_USAGE, "--restore compares rows, and a dump has no hashes");
		return err_hint(err, "load it beside the live database, and look: mig-restore %s",
			job->dump.path);
	}
	bool gone = verify_restore_run(how, job->reader, &job->restored, err);
	struct grade_act act = {.ms = job->restored.ms, .server = job->restored.server};
	/* it is proved even when the scratch database could not be dropped, which is an error */
	if (job->restored.server)
		note(job, &act, GRADE_PROVED, how->log);
	return gone;
}

static void dump_lines(const struct verify_job *job, struct strvec *lines)
{
	const struct foreign_facts *facts = &job->facts;
	AUTO_FREE char *took = clock_duration_text(job->verified.ms);
	AUTO_FREE char *rows = foreign_facts_rows(facts);
	strvec_pushf(lines, "%s is whole: %s, of PostgreSQL %s, %s, read to its end, %s",
		job->dump.path, foreign_form_text(job->dump.form),
		facts->server ? facts->server : "(not said)", rows, took);
	strvec_push(lines,
		"NOT PROVED: a dump carries no hashes; a changed byte that reads well is "
		"not seen");
}

static json_t *dump_json(const struct verify_job *job)
{
	const struct foreign_facts *facts = &job->facts;
	return json_pack("{s:o, s:s, s:s?, s:b, s:I, s:f}", "dump",
		copies_json_text(job->dump.path), "form", foreign_form_word(job->dump.form),
		"server", facts->server, "proved", false, "rows", (json_int_t)facts->rows,
		"seconds", (double)job->verified.ms / 1000);
}

void verify_job_lines(const struct verify_job *job, struct strvec *lines)
{
	if (job->dump.form) {
		dump_lines(job, lines);
		return;
	}
	const struct backup_verified *found = &job->verified;
	AUTO_FREE char *size = clock_size_text(found->bytes);
	AUTO_FREE char *took = clock_duration_text(found->ms);
	AUTO_FREE char *rto = clock_duration_text(job->restored.ms);
	strvec_pushf(lines,
		"snapshot %s is sound: %s, %" PRId64 " members, %" PRId64 " table%s, %" PRId64
		" row%s, hashes equal, %s",
		job->entry.id, size, found->members, found->tables, str_plural(found->tables),
		found->rows, str_plural(found->rows), took);
	if (job->restored.server)
		strvec_pushf(lines,
			"restored and proved equal in %s, server %s; the scratch database is gone",
			rto, job->restored.server);
}

json_t *verify_job_json(const struct verify_job *job)
{
	if (job->dump.form)
		return dump_json(job);
	const struct backup_verified *found = &job->verified;
	enum grade grade = job->restored.server ? GRADE_PROVED : GRADE_VERIFIED;
	json_t *fields = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:s, s:b}", "snapshot",
		job->entry.id, "path", job->entry.path, "bytes", (json_int_t)found->bytes,
		"members", (json_int_t)found->members, "tables", (json_int_t)found->tables, "rows",
		(json_int_t)found->rows, "seconds", (double)found->ms / 1000, "grade",
		grade_word(grade), "grade_kept", job->kept);
	if (job->restored.server)
		json_object_set_new(
			fields, "restore_seconds", json_real((double)job->restored.ms / 1000));
	return fields;
}
