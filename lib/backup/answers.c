#include "backup/answers.h"

#include "backup/copy.h"
#include "backup/keep.h"
#include "backup/report.h"
#include "backup/status.h"
#include "base/clock.h"

static void say(const struct backup_ask *ask, const struct strvec *lines)
{
	STRVEC_EACH (lines, line)
		ask->line(ask->ctx, line);
}

static void say_done(const struct backup_ask *ask, const struct strvec *lines)
{
	if (!ask->quiet)
		say(ask, lines);
}

static void say_broken(const struct backup_ask *ask, const struct backup_list *list)
{
	STRVEC_EACH (&list->broken, file)
		log_warn(ask->find.log, "no_snapshot", NULL, "not a snapshot: %s", file);
}

/* --- looking ---------------------------------------------------------------------------------- */

bool backup_answer_list(const struct backup_ask *ask, struct err *err)
{
	CLEANUP(backup_list_release) struct backup_list list = {0};
	if (!backup_list(ask->find.env, ask->find.log, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		AUTO_STRVEC(lines);
		backup_entry_lines(&list.items[i], &lines);
		say(ask, &lines);
		ask->event(ask->ctx, "snapshot", backup_entry_json(&list.items[i]));
	}
	say_broken(ask, &list);
	if (!list.count)
		log_info(ask->find.log, "no_snapshots", NULL,
			"environment %s has no snapshots in %s: make one with mig-backup create",
			ask->find.env->name, ask->find.env->stores[0].url);
	ask->result(ask->ctx, json_pack("{s:I, s:o}", "count", (json_int_t)list.count, "broken",
				      backup_texts_json(&list.broken)));
	return true;
}

static void say_tables(const struct backup_ask *ask, const struct pack_manifest *manifest)
{
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		AUTO_FREE char *line = backup_table_line(table);
		ask->line(ask->ctx, line);
		ask->event(ask->ctx, "table", backup_table_json(table));
	}
}

bool backup_answer_show(const struct backup_ask *ask, struct err *err)
{
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	CLEANUP(backup_entry_release) struct backup_entry entry = {0};
	AUTO_STRVEC(lines);
	if (!backup_open(&ask->find, ask->word, &reader, &entry, err))
		return false;
	const struct pack_manifest *manifest = pack_reader_manifest(reader);
	backup_show_lines(&entry, manifest, &lines);
	if (ask->every_table)
		say_tables(ask, manifest);
	else
		say(ask, &lines);
	ask->result(ask->ctx, backup_entry_json(&entry));
	return true;
}

bool backup_answer_status(const struct backup_ask *ask, struct err *err)
{
	CLEANUP(backup_status_release) struct backup_status status = {0};
	AUTO_STRVEC(lines);
	int64_t max_age = -1;
	if (ask->max_age && !clock_parse_duration(ask->max_age, &max_age, err))
		return err_context(err, "--max-age");
	if (!backup_status_read(ask->find.env, ask->find.log, &status, err))
		return false;
	backup_status_lines(&status, &lines);
	say_done(ask, &lines);
	say_broken(ask, &status.list);
	ask->result(ask->ctx, backup_status_json(&status, max_age));
	return !ask->max_age || backup_status_young(&status, max_age, err);
}

/* --- doing ------------------------------------------------------------------------------------ */

bool backup_answer_copy(const struct backup_ask *ask, struct err *err)
{
	CLEANUP(backup_copied_release) struct backup_copied copied = {0};
	AUTO_STRVEC(lines);
	struct backup_copy_settings how = {
		.find = ask->find,
		.word = ask->word,
		.to = ask->to,
		.rate = ask->rate,
		.cancelled = ask->cancelled,
	};
	if (!backup_copy(&how, &copied, err))
		return false;
	backup_copied_lines(&copied, &lines);
	say_done(ask, &lines);
	ask->result(ask->ctx, backup_copied_json(&copied));
	return true;
}

bool backup_answer_keep(const struct backup_ask *ask, struct err *err)
{
	CLEANUP(backup_kept_release) struct backup_kept kept = {0};
	AUTO_STRVEC(lines);
	struct backup_keep how = {
		.find = ask->find,
		.word = ask->word,
		.off = ask->off,
		.reason = ask->reason,
		.who = ask->who,
	};
	if (!backup_keep(&how, &kept, err))
		return false;
	backup_kept_lines(&kept, &lines);
	say_done(ask, &lines);
	ask->result(ask->ctx, backup_kept_json(&kept));
	return true;
}
