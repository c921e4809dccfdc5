#include "backup/catalog.h"

#include <inttypes.h>

#include "backup/marks.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/utf8.h"
#include "db/db.h"
#include "foreign/probe.h"

void backup_entry_release(struct backup_entry *entry)
{
	free(entry->id);
	free(entry->label);
	free(entry->store);
	free(entry->store_url);
	free(entry->path);
	free(entry->database);
	strvec_release(&entry->revisions);
	grade_record_release(&entry->grade);
	free(entry->keep);
	*entry = (struct backup_entry){0};
}

void backup_list_release(struct backup_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		backup_entry_release(&list->items[i]);
	free(list->items);
	strvec_release(&list->broken);
	free(list->database);
	*list = (struct backup_list){0};
}

void backup_entry_fill(
	struct backup_entry *entry, struct pack_reader *reader, const char *store, const char *path)
{
	const struct pack_manifest *manifest = pack_reader_manifest(reader);
	struct pack_content total;
	pack_manifest_total(manifest, &total);
	*entry = (struct backup_entry){
		.id = xstrdup(manifest->id),
		.label = xstrdup_null(manifest->label),
		.store = xstrdup_null(store),
		.path = xstrdup(path),
		.bytes = pack_reader_size(reader),
		.started_ms = manifest->started_ms,
		.seconds = (manifest->finished_ms - manifest->started_ms + 999) / 1000,
		.tables = (int64_t)manifest->tables.count,
		.rows = total.rows,
		.plain_bytes = total.bytes,
		.database = xstrdup(manifest->database.name),
		.partial = manifest->partial.count > 0,
	};
	for (size_t i = 0; i < manifest->revisions.count; i++)
		strvec_push_all(&entry->revisions, &manifest->revisions.items[i].revisions);
}

/* --- what is kept beside it ------------------------------------------------------------------- */

/* Why it is never removed, if that was said. */
static bool read_keep(
	struct store *store, const char *file, struct backup_entry *entry, struct err *err)
{
	json_t *fields;
	if (!backup_mark_get(store, file, BACKUP_MARK_KEEP, &fields, err))
		return false;
	const char *reason = json_string_value(json_object_get(fields, "reason"));
	entry->keep = fields ? xstrdup(reason ? reason : "") : NULL;
	json_decref(fields);
	return true;
}

/* Grade and marks. */
static bool learn(struct backup_entry *entry, struct store *store, const char *file,
	struct pack_reader *reader, struct err *err)
{
	struct grade_site site = {store, file, reader};
	return grade_read(&site, &entry->grade, err) && read_keep(store, file, entry, err);
}

bool backup_grade(const struct backup_entry *entry, struct pack_reader *reader,
	const struct grade_act *act, struct err *err)
{
	struct store_settings settings = {.name = entry->store, .url = entry->store_url};
	CLEANUP(store_close_auto) struct store *store = NULL;
	AUTO_FREE char *name = NULL;
	if (!entry->store_url) {
		if (!grade_store_of_path(entry->path, &store, &name, err))
			return false;
	} else {
		name = xstrdup(fs_basename(entry->path));
		if (!store_open(&settings, &store, err))
			return false;
	}
	struct grade_site site = {store, name, reader};
	return grade_write(&site, act, err);
}

/* --- listing ---------------------------------------------------------------------------------- */

static bool add_entry(struct backup_list *list, const struct conf_store *in, struct store *store,
	const char *name, struct pack_reader *reader, struct err *err)
{
	AUTO_FREE char *path = store->ops->place(store, name);
	xgrow(list->items, list->count, list->alloc);
	struct backup_entry *entry = &list->items[list->count++];
	backup_entry_fill(entry, reader, store->name, path);
	entry->store_url = xstrdup(in->url);
	return learn(entry, store, name, reader, err);
}

static bool list_file(const struct conf_store *in, struct store *store, const char *name,
	struct backup_list *list, struct err *err)
{
	AUTO_FREE char *path = store->ops->place(store, name);
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	struct io_reader *io = NULL;
	AUTO_ERR(why);
	if (store->ops->open(store, name, &io, &why) && pack_reader_open(io, &reader, &why) &&
		add_entry(list, in, store, name, reader, &why))
		return true;
	if (why.code == ERR_NOTFOUND) /* removed meanwhile */
		return true;
	if (why.code == ERR_STORAGE)
		return err_move(err, &why);
	strvec_pushf(&list->broken, "%s%s%s", str_starts(why.msg, path) ? "" : path,
		str_starts(why.msg, path) ? "" : ": ", why.msg);
	return true;
}

/* A default store comes with its first snapshot; one that is named may be on a disk of its own. */
static void tell_absent(const struct conf_store *in, struct store *store, struct log_sink *log)
{
	if (in->node && !store->ops->is_there(store))
		log_warn(log, "store_absent",
			json_pack("{s:s, s:s}", "store", in->name, "url", in->url),
			"store %s: there is no %s: nothing was backed up into it yet, or its disk "
			"is not "
			"mounted",
			in->name, in->url);
}

static bool list_store(
	const struct conf_store *in, struct store *store, struct backup_list *list, struct err *err)
{
	CLEANUP(store_files_release) struct store_files files = {0};
	if (!store->ops->list(store, &files, err))
		return false;
	for (size_t i = 0; i < files.count; i++)
		if (files.items[i].complete && str_ends(files.items[i].name, BACKUP_SUFFIX) &&
			!list_file(in, store, files.items[i].name, list, err))
			return false;
	return true;
}

static int by_age(const void *a, const void *b)
{
	const struct backup_entry *x = a, *y = b;
	if (x->started_ms != y->started_ms)
		return x->started_ms < y->started_ms ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* A secret that nobody was asked for, or that is no connection, leaves the pin. */
static char *own_database(const struct conf_env *env)
{
	char *name = env->conninfo_known ? db_conninfo_dbname(env->conninfo) : NULL;
	return name || !env->pin ? name : xstrdup(env->pin->dbname);
}

bool backup_list(
	const struct conf_env *env, struct log_sink *log, struct backup_list *list, struct err *err)
{
	for (size_t i = 0; i < env->store_count; i++) {
		struct store_settings settings = {env->stores[i].name, env->stores[i].url, log};
		CLEANUP(store_close_auto) struct store *store = NULL;
		if (!store_open(&settings, &store, err))
			return false;
		tell_absent(&env->stores[i], store, log);
		if (!list_store(&env->stores[i], store, list, err))
			return false;
	}
	if (list->count)
		qsort(list->items, list->count, sizeof(list->items[0]), by_age);
	list->database = own_database(env);
	for (size_t i = 0; list->database && i < list->count; i++)
		list->items[i].foreign = !str_equal(list->items[i].database, list->database);
	return true;
}

const struct backup_entry *backup_newest(const struct backup_list *list, int64_t now_ms)
{
	enum { CLOCKS_DIFFER_MS = 60000 };
	for (size_t i = list->count; i-- > 0;) {
		const struct backup_entry *entry = &list->items[i];
		if (!entry->partial && !entry->foreign && entry->grade.grade != GRADE_DAMAGED &&
			entry->started_ms <= now_ms + CLOCKS_DIFFER_MS)
			return entry;
	}
	return NULL;
}

bool backup_newest_age(
	const struct conf_env *env, struct log_sink *log, int64_t *age_ms, struct err *err)
{
	CLEANUP(backup_list_release) struct backup_list list = {0};
	if (!backup_list(env, log, &list, err))
		return false;
	int64_t now = clock_now_ms();
	const struct backup_entry *newest = backup_newest(&list, now);
	*age_ms = newest ? now - newest->started_ms : -1;
	return true;
}

/* --- choosing --------------------------------------------------------------------------------- */

static bool same_snapshot(const struct backup_list *list, size_t a, size_t b)
{
	return strcmp(list->items[a].id, list->items[b].id) == 0;
}

/*
 * Which entries words other than an id choose among: the environment's own. Where those are none,
 * and all others are of one database, that one: a copy is compared with the snapshot it was made
 * of.
 */
static bool foreign_ones_count(const struct backup_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!list->items[i].foreign ||
			!str_equal(list->items[i].database, list->items[0].database))
			return false;
	return true;
}

static bool counts(const struct backup_list *list, size_t i)
{
	return !list->items[i].foreign || foreign_ones_count(list);
}

static bool all_of_others(const struct backup_list *list, struct err *err)
{
	err_context(err, "database %s", list->database);
	return err_hint(err, "there are those of other databases, chosen by their id: "
			     "mig-backup list");
}

static bool none_such(const struct backup_list *list, const char *word, struct err *err)
{
	err_set(err, ERR_NOTFOUND, "no snapshot %s", word);
	if (!list->count)
		return err_hint(err, "there is none yet: make one with mig-backup create");
	for (size_t i = list->count; i-- > 0;)
		if (counts(list, i))
			return err_hint(err, "the newest is %s; list all: mig-backup list",
				list->items[i].id);
	return all_of_others(list, err);
}

/* "latest~3": the same snapshot in several stores counts once, one of a part not at all. */
static bool choose_latest(
	const struct backup_list *list, const char *word, size_t *index, struct err *err)
{
	const char *back = word + strlen("latest");
	int64_t steps = 0;
	if (*back == '~') {
		char *end;
		steps = strtoll(back + 1, &end, 10);
		if (end == back + 1 || *end || steps < 0 || back[1] < '0' || back[1] > '9')
			return err_set(err, ERR_USAGE, "%s: a number must follow \"~\"", word);
	}
	for (size_t i = list->count; i-- > 0;) {
		bool again = i + 1 < list->count && same_snapshot(list, i, i + 1);
		if (!again && !list->items[i].partial && counts(list, i) && steps-- == 0) {
			*index = i;
			return true;
		}
	}
	return none_such(list, word, err);
}

static bool choose_label(
	const struct backup_list *list, const char *word, size_t *index, struct err *err)
{
	const char *label = word + strlen("label:");
	for (size_t i = list->count; i-- > 0;) {
		if (str_equal(list->items[i].label, label) && counts(list, i)) {
			*index = i;
			return true;
		}
	}
	return none_such(list, word, err);
}

/* "2026-11-20T00:00:00Z (2026-11-20 01:00:00 CET)" */
static char *both_times(int64_t ms)
{
	AUTO_FREE char *utc = clock_utc(ms);
	AUTO_FREE char *local = clock_local(ms);
	return xstrfmt("%s (%s)", utc, local);
}

/* Never a newer one than asked for: an older state was wanted. */
static bool choose_time(
	const struct backup_list *list, const char *word, size_t *index, struct err *err)
{
	int64_t ms;
	if (!clock_parse_time(word + 1, &ms, err))
		return false;
	for (size_t i = list->count; i-- > 0;) {
		if (list->items[i].started_ms <= ms && !list->items[i].partial && counts(list, i)) {
			*index = i;
			return true;
		}
	}
	AUTO_FREE char *asked = both_times(ms);
	err_set(err, ERR_NOTFOUND, "no snapshot at or before %s", asked);
	if (!list->count)
		return err_hint(err, "there is none yet: make one with mig-backup create");
	size_t first = 0;
	while (first < list->count && !counts(list, first))
		first++;
	if (first == list->count)
		return all_of_others(list, err);
	AUTO_FREE char *oldest = both_times(list->items[first].started_ms);
	return err_hint(err, "the oldest is %s of %s", list->items[first].id, oldest);
}

static bool choose_id(
	const struct backup_list *list, const char *word, size_t *index, struct err *err)
{
	AUTO_STRVEC(found);
	for (size_t i = 0; i < list->count; i++) {
		const char *id = list->items[i].id;
		if (!str_starts(id, word) || strvec_has(&found, id))
			continue;
		strvec_push(&found, id);
		*index = i;
	}
	if (found.count == 1)
		return true;
	if (!found.count)
		return none_such(list, word, err);
	err_set(err, ERR_USAGE, "%s is the beginning of %zu snapshots", word, found.count);
	AUTO_FREE char *ids = strvec_join(&found, "\n");
	err_detail(err, "%s", ids);
	return err_hint(err, "give more of the id");
}

bool backup_choose(const struct backup_list *list, const char *word, size_t *index, struct err *err)
{
	if (strcmp(word, "latest") == 0 || str_starts(word, "latest~"))
		return choose_latest(list, word, index, err);
	if (str_starts(word, "label:"))
		return choose_label(list, word, index, err);
	if (word[0] == '@')
		return choose_time(list, word, index, err);
	if (word[0] >= '0' && word[0] <= '9')
		return choose_id(list, word, index, err);
	err_set(err, ERR_USAGE, "\"%s\" is not the name of a snapshot", word);
	return err_hint(err, "latest, latest~2, an id, label:X, @TIME, ENV:SNAPSHOT or a path");
}

/* --- finding ---------------------------------------------------------------------------------- */

static bool is_path(const char *word)
{
	return strchr(word, '/') || str_ends(word, BACKUP_SUFFIX) ||
	       (strchr(word, '.') && fs_exists(word));
}

void backup_found_release(struct backup_found *found)
{
	free(found->path);
	backup_list_release(&found->list);
	conf_env_free(found->other);
	*found = (struct backup_found){0};
}

/* A local time, or "2h ago", may not be what was meant: it is said which moment that is. */
static void tell_time(
	const struct backup_find *find, const char *word, const struct backup_entry *entry)
{
	AUTO_ERR(ignored);
	int64_t ms;
	if (word[0] != '@' || !clock_parse_time(word + 1, &ms, &ignored))
		return;
	AUTO_FREE char *asked = both_times(ms);
	AUTO_FREE char *taken = both_times(entry->started_ms);
	AUTO_FREE char *utc = clock_utc(ms);
	log_info(find->log, "time", json_pack("{s:s, s:s}", "asked", utc, "snapshot", entry->id),
		"%s is %s: snapshot %s of %s", word, asked, entry->id, taken);
}

static void tell_foreign(
	const struct backup_find *find, const char *word, const struct backup_found *found)
{
	const struct backup_entry *entry = &found->list.items[found->index];
	AUTO_FREE char *of = utf8_one_line(entry->database);
	AUTO_FREE char *own = utf8_one_line(found->list.database ? found->list.database : "");
	if (entry->foreign && !str_starts(entry->id, word))
		log_warn(find->log, "other_database",
			json_pack("{s:s, s:s, s:s}", "snapshot", entry->id, "database", of, "own",
				own),
			"%s is snapshot %s of database %s: there is none of %s", word, entry->id,
			of, own);
}

static bool find_among(const struct backup_find *find, const char *word, struct backup_found *found,
	struct err *err)
{
	if (!backup_list(found->env, find->log, &found->list, err) ||
		!backup_choose(&found->list, word, &found->index, err))
		return false;
	tell_time(find, word, &found->list.items[found->index]);
	tell_foreign(find, word, found);
	return true;
}

static bool find_of_other(const struct backup_find *find, const char *word, const char *colon,
	struct backup_found *found, struct err *err)
{
	AUTO_FREE char *name = xstrndup(word, (size_t)(colon - word));
	struct conf_request request = {.config_path = find->env->config_path,
		.env_name = name,
		.getenv = find->getenv,
		.no_database = true};
	if (!conf_env_load(&request, &found->other, err))
		return false;
	found->env = found->other;
	return find_among(find, colon + 1, found, err);
}

char *backup_find_path(const char *word)
{
	if (!is_path(word))
		return NULL;
	return xstrdup(str_starts(word, "file://") ? word + strlen("file://") : word);
}

bool backup_find(const struct backup_find *find, const char *word, struct backup_found *found,
	struct err *err)
{
	*found = (struct backup_found){.env = find->env, .path = backup_find_path(word)};
	if (found->path)
		return true;
	const char *colon = strchr(word, ':');
	if (colon && word[0] != '@' && !str_starts(word, "label:") && find->getenv)
		return find_of_other(find, word, colon, found, err);
	return find_among(find, word, found, err);
}

/* --- opening ---------------------------------------------------------------------------------- */

bool backup_store_open(const struct conf_env *env, const char *name, struct log_sink *log,
	struct store **store, struct err *err)
{
	for (size_t i = 0; i < env->store_count; i++) {
		struct store_settings settings = {env->stores[i].name, env->stores[i].url, log};
		if (strcmp(settings.name, name) == 0)
			return store_open(&settings, store, err);
	}
	return err_set(err, ERR_BUG, "store %s has gone", name);
}

static bool hint_dump(const char *path, struct err *err)
{
	CLEANUP(foreign_dump_release) struct foreign_dump dump = {0};
	AUTO_ERR(ignored);
	if (foreign_probe(path, &dump, &ignored) && dump.form)
		err_hint(err, "it is %s: mig-restore loads it, mig-verify backup reads it",
			foreign_form_text(dump.form));
	return false;
}

static bool open_file(const char *path, struct io_reader **io, struct err *err)
{
	if (io_file_open(path, io, err))
		return true;
	if (err->code == ERR_NOTFOUND && strstr(path, "://"))
		return err_hint(
			err, "only files of this machine can be read: a path, or file:///PATH");
	if (err->code == ERR_NOTFOUND)
		return err_hint(err, "snapshots of the environment: mig-backup list");
	return false;
}

static bool open_path(
	const char *path, struct pack_reader **reader, struct backup_entry *entry, struct err *err)
{
	struct io_reader *io = NULL;
	if (!open_file(path, &io, err))
		return false;
	if (!pack_reader_open(io, reader, err))
		return hint_dump(path, err);
	if (!entry)
		return true;
	CLEANUP(store_close_auto) struct store *store = NULL;
	AUTO_FREE char *file = NULL;
	backup_entry_fill(entry, *reader, NULL, path);
	return grade_store_of_path(path, &store, &file, err) &&
	       learn(entry, store, file, *reader, err);
}

static bool open_in_store(const struct conf_env *env, const struct backup_entry *chosen,
	struct log_sink *log, struct pack_reader **reader, struct backup_entry *entry,
	struct err *err)
{
	CLEANUP(store_close_auto) struct store *store = NULL;
	const char *file = fs_basename(chosen->path);
	struct io_reader *io = NULL;
	if (!backup_store_open(env, chosen->store, log, &store, err) ||
		!store->ops->open(store, file, &io, err) || !pack_reader_open(io, reader, err))
		return false;
	if (!entry)
		return true;
	backup_entry_fill(entry, *reader, chosen->store, chosen->path);
	entry->store_url = xstrdup(chosen->store_url);
	return learn(entry, store, file, *reader, err);
}

bool backup_open_found(const struct backup_found *found, struct log_sink *log,
	struct pack_reader **reader, struct backup_entry *entry, struct err *err)
{
	if (found->path)
		return open_path(found->path, reader, entry, err);
	return open_in_store(found->env, &found->list.items[found->index], log, reader, entry, err);
}

bool backup_open(const struct backup_find *find, const char *word, struct pack_reader **reader,
	struct backup_entry *entry, struct err *err)
{
	CLEANUP(backup_found_release) struct backup_found found = {0};
	return backup_find(find, word, &found, err) &&
	       backup_open_found(&found, find->log, reader, entry, err);
}
