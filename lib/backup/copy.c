#include "backup/copy.h"

#include <stdlib.h>

#include "backup/marks.h"
#include "backup/throttle.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/suggest.h"
#include "pack/copy.h"

void backup_copied_release(struct backup_copied *copied)
{
	free(copied->id);
	free(copied->store);
	free(copied->path);
	*copied = (struct backup_copied){0};
}

void backup_copied_lines(const struct backup_copied *copied, struct strvec *lines)
{
	strvec_pushf(lines, "snapshot %s %s", copied->id,
		copied->was_there ? "was there already" : "copied, every checksum right");
	strvec_push(lines, copied->path);
}

json_t *backup_copied_json(const struct backup_copied *copied)
{
	return json_pack("{s:s, s:s?, s:s, s:I, s:b, s:f}", "snapshot", copied->id, "store",
		copied->store, "path", copied->path, "bytes", (json_int_t)copied->bytes, "copied",
		!copied->was_there, "seconds", (double)copied->ms / 1000);
}

/* --- where from, where to --------------------------------------------------------------------- */

static bool open_source(const struct backup_found *found, struct log_sink *log,
	struct store **store, char **file, struct err *err)
{
	if (found->path)
		return grade_store_of_path(found->path, store, file, err);
	const struct backup_entry *entry = &found->list.items[found->index];
	*file = xstrdup(fs_basename(entry->path));
	return backup_store_open(found->env, entry->store, log, store, err);
}

static bool is_folder(const char *word)
{
	return strchr(word, '/') || strcmp(word, ".") == 0 || strcmp(word, "..") == 0;
}

static bool open_folder(
	const struct backup_copy_settings *settings, struct store **store, struct err *err)
{
	const char *to = settings->to;
	if (fs_exists(to) && !fs_is_dir(to)) {
		err_set(err, ERR_USAGE, "%s is not a folder", to);
		return err_hint(err, "the copy keeps its name: give the folder it shall be in");
	}
	if (!fs_mkdirs(to, err))
		return false;
	AUTO_FREE char *folder = realpath(to, NULL);
	if (!folder)
		return err_sys(err, ERR_STORAGE, "%s", to);
	struct store_settings there = {"folder", folder, settings->find.log};
	return store_open(&there, store, err);
}

static bool no_store(
	const struct backup_copy_settings *settings, const struct strvec *known, struct err *err)
{
	const char *near = suggest_in(settings->to, known);
	err_set(err, ERR_USAGE, "there is no store \"%s\"", settings->to);
	if (near)
		return err_hint(err, "did you mean \"%s\"? A folder is written with a \"/\"", near);
	return err_hint(err, "stores are named under stores: in mig.yaml; a folder is written with "
			     "a \"/\"");
}

static bool open_target(
	const struct backup_copy_settings *settings, struct store **store, struct err *err)
{
	const struct conf_env *env = settings->find.env;
	AUTO_STRVEC(known);
	if (is_folder(settings->to))
		return open_folder(settings, store, err);
	CLEANUP(conf_store_free_auto)
	struct conf_store *named = conf_store_named(env, settings->to, &known);
	if (named) {
		struct store_settings to = {named->name, named->url, settings->find.log};
		return store_open(&to, store, err) && (*store)->ops->sweep(*store, err);
	}
	for (size_t i = 0; i < env->store_count; i++)
		if (strcmp(env->stores[i].name, settings->to) == 0)
			return backup_store_open(
				       env, settings->to, settings->find.log, store, err) &&
			       (*store)->ops->sweep(*store, err);
	return no_store(settings, &known, err);
}

/* --- copying ---------------------------------------------------------------------------------- */

bool backup_copy_file(struct pack_reader *from, struct store *to, const char *file,
	const struct backup_copy_settings *settings, struct err *err)
{
	CLEANUP(io_writer_close_auto) struct io_writer *io = NULL;
	struct pack_copy how = {settings->cancelled, settings->ctx, settings->find.log};
	if (!to->ops->create(to, file, &io, err))
		return false;
	if (settings->rate)
		io = throttle_writer(io, settings->rate, settings->cancelled, settings->ctx);
	return pack_copy(from, io, &how, err) && io_commit(io, err);
}

/* A file of that name that is the same snapshot: then there is nothing to do. */
static bool look_there(
	struct pack_reader *from, struct store *to, const char *file, bool *there, struct err *err)
{
	struct io_reader *io = NULL;
	CLEANUP(pack_reader_close_auto) struct pack_reader *other = NULL;
	AUTO_ERR(why);
	*there = false;
	if (!to->ops->open(to, file, &io, &why))
		return why.code == ERR_NOTFOUND || err_move(err, &why);
	AUTO_FREE char *place = to->ops->place(to, file);
	if (pack_reader_open(io, &other, &why) && pack_reader_same(from, other)) {
		*there = true;
		return true;
	}
	err_set(err, ERR_REFUSED, "%s exists already, and is not this snapshot", place);
	if (why.msg)
		err_detail(err, "%s", why.msg);
	return err_hint(err, "look at it: mig-backup show %s", place);
}

static bool copy_between(const struct backup_copy_settings *settings,
	const struct backup_found *found, struct pack_reader *reader, struct backup_copied *copied,
	struct err *err)
{
	CLEANUP(store_close_auto) struct store *from = NULL;
	CLEANUP(store_close_auto) struct store *to = NULL;
	AUTO_FREE char *file = NULL;
	if (!open_source(found, settings->find.log, &from, &file, err) ||
		!open_target(settings, &to, err))
		return false;
	/* by path it may have any name; in a store it has its own */
	AUTO_FREE char *name = xstrfmt("%s" BACKUP_SUFFIX, pack_reader_manifest(reader)->id);
	if (!look_there(reader, to, name, &copied->was_there, err) ||
		(!copied->was_there && !backup_copy_file(reader, to, name, settings, err)) ||
		!backup_mark_copy(from, file, to, name, BACKUP_MARK_KEEP, err))
		return false;
	copied->store = is_folder(settings->to) ? NULL : xstrdup(to->name);
	copied->path = to->ops->place(to, name);
	return true;
}

bool backup_copy(
	const struct backup_copy_settings *settings, struct backup_copied *copied, struct err *err)
{
	int64_t began = clock_monotonic_ms();
	CLEANUP(backup_found_release) struct backup_found found = {0};
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	if (!backup_find(&settings->find, settings->word, &found, err) ||
		!backup_open_found(&found, settings->find.log, &reader, NULL, err) ||
		!copy_between(settings, &found, reader, copied, err))
		return false;
	copied->id = xstrdup(pack_reader_manifest(reader)->id);
	copied->bytes = pack_reader_size(reader);
	copied->ms = clock_monotonic_ms() - began;
	return true;
}
