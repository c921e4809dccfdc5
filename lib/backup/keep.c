#include "backup/keep.h"

#include "backup/marks.h"
#include "backup/report.h"
#include "base/clock.h"
#include "base/fs.h"

void backup_kept_release(struct backup_kept *kept)
{
	free(kept->id);
	strvec_release(&kept->places);
	*kept = (struct backup_kept){0};
}

void backup_kept_lines(const struct backup_kept *kept, struct strvec *lines)
{
	AUTO_FREE char *places = strvec_join(&kept->places, ", ");
	strvec_pushf(lines, "snapshot %s %s%s: %s", kept->id, kept->was_so ? "was already " : "is ",
		kept->off ? "not kept" : "kept", places);
}

json_t *backup_kept_json(const struct backup_kept *kept)
{
	return json_pack("{s:s, s:b, s:b, s:o}", "snapshot", kept->id, "keep", !kept->off,
		"changed", !kept->was_so, "places", backup_texts_json(&kept->places));
}

static json_t *fields_of(const struct backup_keep *settings)
{
	AUTO_FREE char *at = clock_utc(clock_now_ms());
	return json_pack(
		"{s:s, s:s?, s:s?}", "at", at, "who", settings->who, "reason", settings->reason);
}

/* A mark that stands already keeps its time and its reason, unless there is a new one. */
static bool mark_one(const struct backup_keep *settings, struct store *store, const char *file,
	struct backup_kept *kept, struct err *err)
{
	json_t *now;
	if (!backup_mark_get(store, file, BACKUP_MARK_KEEP, &now, err))
		return false;
	bool is = now != NULL;
	json_decref(now);
	if (is == !settings->off && (settings->off || !settings->reason))
		return true;
	kept->was_so = false;
	if (settings->off)
		return backup_mark_clear(store, file, BACKUP_MARK_KEEP, err);
	json_t *fields = fields_of(settings);
	bool ok = backup_mark_set(store, file, BACKUP_MARK_KEEP, fields, err);
	json_decref(fields);
	return ok;
}

static bool mark_path(const struct backup_keep *settings, const char *path,
	struct backup_kept *kept, struct err *err)
{
	CLEANUP(store_close_auto) struct store *store = NULL;
	AUTO_FREE char *file = NULL;
	if (!grade_store_of_path(path, &store, &file, err) ||
		!mark_one(settings, store, file, kept, err))
		return false;
	strvec_push(&kept->places, path);
	return true;
}

static bool mark_stores(const struct backup_keep *settings, const struct backup_found *found,
	struct backup_kept *kept, struct err *err)
{
	for (size_t i = 0; i < found->list.count; i++) {
		const struct backup_entry *entry = &found->list.items[i];
		CLEANUP(store_close_auto) struct store *store = NULL;
		if (strcmp(entry->id, kept->id) != 0)
			continue;
		if (!backup_store_open(found->env, entry->store, settings->find.log, &store, err) ||
			!mark_one(settings, store, fs_basename(entry->path), kept, err))
			return false;
		strvec_pushf(&kept->places, "store %s", entry->store);
	}
	return true;
}

bool backup_keep(const struct backup_keep *settings, struct backup_kept *kept, struct err *err)
{
	CLEANUP(backup_found_release) struct backup_found found = {0};
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	if (!backup_find(&settings->find, settings->word, &found, err) ||
		!backup_open_found(&found, settings->find.log, &reader, NULL, err))
		return false;
	kept->id = xstrdup(pack_reader_manifest(reader)->id);
	kept->was_so = true;
	kept->off = settings->off;
	return found.path ? mark_path(settings, found.path, kept, err)
			  : mark_stores(settings, &found, kept, err);
}
