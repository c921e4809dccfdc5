#include "backup/grade.h"

#include <limits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "pack/json.h"

#define SNAPSHOT_SUFFIX ".mig.tar"
#define GRADE_SUFFIX ".grade.json"
#define GRADE_FILE_MAX (64 << 10)

/* The file as a struct. */
struct grade_file {
	char *mig; /* "grade" */
	int64_t format;
	int64_t bytes; /* of the snapshot's file */
	int64_t modified_ms;
	char *manifest_sha256;
	PACK_LIST(struct grade_act) acts;
};

#define FIELD(type, struct_name, member, optional) \
	{ \
#member, PACK_JSON_##type, offsetof(struct struct_name, member), optional \
	}
static const struct pack_json_field act_fields[] = {
	FIELD(TEXT, grade_act, grade, false),
	{"at", PACK_JSON_TIME, offsetof(struct grade_act, at_ms), false},
	FIELD(TEXT, grade_act, host, false),
	FIELD(TEXT, grade_act, tool, false),
	FIELD(INT, grade_act, ms, false),
	FIELD(TEXT, grade_act, server, true),
	FIELD(TEXT, grade_act, why, true),
	{0},
};
static const struct pack_json_field file_fields[] = {
	FIELD(TEXT, grade_file, mig, false),
	FIELD(INT, grade_file, format, false),
	FIELD(INT, grade_file, bytes, false),
	{"modified", PACK_JSON_TIME, offsetof(struct grade_file, modified_ms), false},
	FIELD(TEXT, grade_file, manifest_sha256, false),
	{"acts", PACK_JSON_LIST, offsetof(struct grade_file, acts), false, sizeof(struct grade_act),
		act_fields},
	{0},
};

const char *grade_word(enum grade grade)
{
	static const char *const words[] = {
		[GRADE_DAMAGED] = "damaged",
		[GRADE_SEALED] = "sealed",
		[GRADE_VERIFIED] = "verified",
		[GRADE_PROVED] = "proved",
	};
	return words[grade];
}

void grade_act_release(struct grade_act *act)
{
	pack_json_release(act_fields, act);
	*act = (struct grade_act){0};
}

void grade_record_release(struct grade_record *record)
{
	for (size_t i = 0; i < record->acts.count; i++)
		grade_act_release(&record->acts.items[i]);
	free(record->acts.items);
	*record = (struct grade_record){0};
}

const struct grade_act *grade_record_act(const struct grade_record *record, enum grade grade)
{
	for (size_t i = 0; i < record->acts.count; i++)
		if (str_equal(record->acts.items[i].grade, grade_word(grade)))
			return &record->acts.items[i];
	return NULL;
}

/* --- telling ---------------------------------------------------------------------------------- */

char *grade_record_text(const struct grade_record *record)
{
	const struct grade_act *damaged = grade_record_act(record, GRADE_DAMAGED);
	const struct grade_act *proved = grade_record_act(record, GRADE_PROVED);
	if (damaged)
		return xstrfmt("DAMAGED: %s", damaged->why ? damaged->why : "?");
	if (!proved)
		return xstrdup(grade_word(record->grade));
	AUTO_FREE char *took = clock_duration_text(proved->ms);
	return xstrfmt("proved (restored in %s)", took);
}

static void add_time(json_t *fields, const char *key, const struct grade_act *act)
{
	if (!act)
		return;
	AUTO_FREE char *at = clock_utc(act->at_ms);
	json_object_set_new(fields, key, json_string(at));
}

void grade_record_json(const struct grade_record *record, json_t *fields)
{
	const struct grade_act *damaged = grade_record_act(record, GRADE_DAMAGED);
	const struct grade_act *proved = grade_record_act(record, GRADE_PROVED);
	json_object_set_new(fields, "grade", json_string(grade_word(record->grade)));
	add_time(fields, "verified_at", grade_record_act(record, GRADE_VERIFIED));
	add_time(fields, "proved_at", proved);
	add_time(fields, "damaged_at", damaged);
	if (proved)
		json_object_set_new(
			fields, "restore_seconds", json_real((double)proved->ms / 1000));
	if (damaged)
		json_object_set_new(fields, "damage", json_string(damaged->why));
}

static void file_release(struct grade_file *file)
{
	pack_json_release(file_fields, file);
}

/* --- where ------------------------------------------------------------------------------------ */

bool grade_store_of_path(const char *path, struct store **store, char **name, struct err *err)
{
	char resolved[PATH_MAX];
	if (!realpath(path, resolved))
		return err_sys(err, ERR_NOTFOUND, "%s", path);
	AUTO_FREE char *folder = fs_dirname(resolved);
	struct store_settings settings = {.name = folder, .url = folder};
	if (!store_open(&settings, store, err))
		return false;
	*name = xstrdup(fs_basename(resolved));
	return true;
}

/* "20261120T010203Z-1a2b3c.mig.tar" has its grades in "20261120T010203Z-1a2b3c.grade.json". */
static char *grade_name(const struct grade_site *site)
{
	size_t length = strlen(site->name);
	if (str_ends(site->name, SNAPSHOT_SUFFIX))
		length -= strlen(SNAPSHOT_SUFFIX);
	return xstrfmt("%.*s" GRADE_SUFFIX, (int)length, site->name);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_text(const struct grade_site *site, struct strbuf *text, struct err *err)
{
	AUTO_FREE char *name = grade_name(site);
	CLEANUP(io_reader_close_auto) struct io_reader *io = NULL;
	if (!site->store->ops->open(site->store, name, &io, err))
		return false;
	int64_t size = io_size(io);
	if (size > GRADE_FILE_MAX)
		return err_set(err, ERR_CORRUPT, "%s: too long for grades", name);
	strbuf_reserve(text, (size_t)size);
	if (!io_read_at(io, 0, text->buf, (size_t)size, err))
		return false;
	text->len = (size_t)size;
	text->buf[size] = 0;
	return true;
}

static bool parse(const struct strbuf *text, struct grade_file *file, struct err *err)
{
	json_t *object = json_loadb(text->buf, text->len, 0, NULL);
	bool read = pack_json_read(file_fields, object, "", file, err);
	json_decref(object);
	return read && (str_equal(file->mig, "grade") || err_set(err, ERR_CORRUPT, "no grades"));
}

/* False: there are no grades to be read. A snapshot is never hidden because of them. */
static bool read_file(const struct grade_site *site, struct grade_file *file)
{
	AUTO_STRBUF(text);
	AUTO_ERR(ignored);
	if (read_text(site, &text, &ignored) && parse(&text, file, &ignored))
		return true;
	file_release(file);
	*file = (struct grade_file){0};
	return false;
}

static bool same_file(
	const struct grade_site *site, const struct grade_file *file, bool *same, struct err *err)
{
	CLEANUP(store_file_release) struct store_file now = {0};
	if (!site->store->ops->stat(site->store, site->name, &now, err))
		return false;
	*same = file->bytes == now.bytes && file->modified_ms == now.modified_ms &&
		str_equal(file->manifest_sha256, pack_reader_manifest_sha256(site->reader));
	return true;
}

static enum grade best_grade(const struct grade_record *record)
{
	static const enum grade order[] = {GRADE_DAMAGED, GRADE_PROVED, GRADE_VERIFIED};
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (grade_record_act(record, order[i]))
			return order[i];
	return GRADE_SEALED;
}

bool grade_read(const struct grade_site *site, struct grade_record *record, struct err *err)
{
	CLEANUP(file_release) struct grade_file file = {0};
	bool same = true;
	*record = (struct grade_record){.grade = GRADE_SEALED};
	if (read_file(site, &file) && !same_file(site, &file, &same, err))
		return false;
	record->stale = !same;
	if (same) {
		memcpy(&record->acts, &file.acts, sizeof(record->acts));
		memset(&file.acts, 0, sizeof(file.acts));
	}
	record->grade = best_grade(record);
	return true;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void act_copy(struct grade_act *to, const struct grade_act *from)
{
	char host[65] = "unknown";
	if (!from->host)
		gethostname(host, sizeof(host) - 1);
	*to = (struct grade_act){
		.grade = xstrdup(from->grade),
		.at_ms = from->at_ms ? from->at_ms : clock_now_ms(),
		.host = xstrdup(from->host ? from->host : host),
		.tool = xstrdup(from->tool),
		.ms = from->ms,
		.server = xstrdup_null(from->server),
		.why = xstrdup_null(from->why),
	};
}

/* An act of the same grade, and whatever it contradicts. */
static bool overtaken(const struct grade_act *old, const struct grade_act *act)
{
	const char *damaged = grade_word(GRADE_DAMAGED);
	return str_equal(old->grade, act->grade) || str_equal(old->grade, damaged) ||
	       str_equal(act->grade, damaged);
}

static bool describe(const struct grade_site *site, struct grade_file *file, struct err *err)
{
	CLEANUP(store_file_release) struct store_file now = {0};
	if (!site->store->ops->stat(site->store, site->name, &now, err))
		return false;
	file->mig = xstrdup("grade");
	file->format = 1;
	file->bytes = now.bytes;
	file->modified_ms = now.modified_ms;
	file->manifest_sha256 = xstrdup(pack_reader_manifest_sha256(site->reader));
	return true;
}

bool grade_write(const struct grade_site *site, const struct grade_act *act, struct err *err)
{
	CLEANUP(file_release) struct grade_file file = {0};
	CLEANUP(grade_record_release) struct grade_record before = {0};
	AUTO_FREE char *name = grade_name(site);
	AUTO_STRBUF(text);
	if (!describe(site, &file, err) || !grade_read(site, &before, err))
		return false;
	for (size_t i = 0; i < before.acts.count; i++)
		if (!overtaken(&before.acts.items[i], act))
			act_copy(pack_list_add(&file.acts), &before.acts.items[i]);
	act_copy(pack_list_add(&file.acts), act);
	pack_json_write(file_fields, &file, &text);
	return site->store->ops->put(site->store, name, text.buf, text.len, err);
}
