#include "migrate/alembic.h"

#include "base/fs.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "migrate/formats.h"
#include "migrate/python.h"
#include "migrate/report.h"

enum { REVISION, DOWN, LABELS, DEPENDS, NAMES };
static const char *const header_names[NAMES] = {
	"revision", "down_revision", "branch_labels", "depends_on"};

/* --- what a file says --------------------------------------------------------------------------
 */

/* Alembic's legacy: the file's name is the id. */
static const char *id_of_name(const struct migrate_file *file)
{
	const char *name = fs_basename(file->path);
	size_t length = strspn(name, "0123456789abcdef");
	return length && !strcmp(name + length, ".py") ? arena_text(file->room, name, length)
						       : NULL;
}

static const char *first_line(struct arena *room, const char *text, const char *end)
{
	size_t length = (size_t)(end - text);
	text = str_trimmed(text, &length);
	size_t line = strcspn(text, "\r\n");
	if (line < length)
		length = line;
	text = str_trimmed(text, &length);
	return arena_text(room, text, length);
}

static void take_docstring(struct migrate_file *file, const struct python_header *header)
{
	static const char title[] = "\nCreate Date:";
	const char *text = header->docstring ? header->docstring : "", *end = header->docstring_end;
	size_t length = header->docstring ? (size_t)(end - text) : 0;
	const char *date = memmem(text, length, title, strlen(title));
	file->message = first_line(file->room, text, text + length);
	file->created = date ? first_line(file->room, date + strlen(title), end) : NULL;
}

/* The values become the file's. False: Python has to be asked. */
static bool take_names(struct migrate_file *file, const struct python_header *header)
{
	struct python_value *id = &header->names[REVISION].value;
	struct strvec *lists[NAMES] = {
		[DOWN] = &file->down, [LABELS] = &file->labels, [DEPENDS] = &file->depends};
	if (id->kind != PYTHON_TEXT || header->names[DOWN].value.kind == PYTHON_ABSENT)
		return false;
	for (size_t i = DOWN; i < NAMES; i++)
		if (header->names[i].value.kind == PYTHON_OTHER)
			return false;
	file->id = id->items.items[0];
	for (size_t i = DOWN; i < NAMES; i++)
		*lists[i] = header->names[i].value.items;
	return true;
}

static bool check_text(const struct migrate_file *file, struct err *err)
{
	/* other encodings than UTF-8 are Python's business */
	if (!memchr(file->source, '\0', file->length))
		return true;
	return err_set(err, ERR_CONFIG, "%s: a NUL byte: not a text file", file->name);
}

struct names {
	struct python_name names[NAMES];
	struct python_header header;
};

static void names_init(struct names *names, struct arena *room, bool code)
{
	*names = (struct names){
		.header = {.names = names->names, .count = NAMES, .room = room, .code = code}};
	for (size_t i = 0; i < NAMES; i++)
		names->names[i].name = header_names[i];
}

static void names_release(struct names *names)
{
	python_header_release(&names->header);
}

static bool read_header(struct migrate_file *file, bool *unsure, struct err *err)
{
	CLEANUP(names_release) struct names names;
	names_init(&names, file->room, false);
	if (!check_text(file, err))
		return false;
	python_header_read(&names.header, file->source, file->length);
	take_docstring(file, &names.header);
	file->up = (struct migrate_section){.present = true, .end = file->length, .line = 1};
	file->down_section.present = true;
	*unsure = !take_names(file, &names.header);
	return true;
}

void alembic_study(struct migrate_file *file)
{
	AUTO_ARENA(values); /* which are known already */
	CLEANUP(names_release) struct names names;
	names_init(&names, &values, true);
	python_header_read(&names.header, file->source, file->length);
	sha256_text(names.header.rest.buf, names.header.rest.len, file->checksum);
	strvec_push_all(&file->up_losses, &names.header.up_losses);
	strvec_push_all(&file->down_losses, &names.header.down_losses);
}

enum { FILES_OF_A_RANGE = 200 };

struct reading {
	struct migrate_tree *tree;
	bool *unsure; /* of each file: Python has to be asked */
	struct arena *rooms; /* of each range of files */
};

static bool read_range(void *ctx, size_t from, size_t to, struct err *err)
{
	struct reading *reading = ctx;
	struct arena *room = &reading->rooms[from / FILES_OF_A_RANGE];
	bool good = true;
	for (size_t i = from; good && i < to; i++) {
		struct migrate_file *file = &reading->tree->files[i];
		file->room = room;
		good = read_header(file, &reading->unsure[i], err);
		file->room = &reading->tree->room;
	}
	return good;
}

static bool read_headers(struct reading *reading, struct err *err)
{
	struct migrate_tree *tree = reading->tree;
	size_t ranges = tree->count / FILES_OF_A_RANGE + 1;
	AUTO_FREE struct arena *rooms = reading->rooms = xcalloc(ranges, sizeof(*rooms));
	bool good = parallel_ranges(tree->count, FILES_OF_A_RANGE, read_range, reading, err);
	for (size_t i = 0; i < ranges; i++)
		arena_join(&tree->room, &rooms[i]);
	return good;
}

/* --- what only Python can tell -----------------------------------------------------------------
 */

/* The files are imported: what one of them waits for may never come. */
enum { HEADERS_LIMIT_MS = 60000 };

static void on_header(void *ctx, const char *event, const json_t *fields)
{
	struct reading *reading = ctx;
	size_t index = (size_t)json_integer_value(json_object_get(fields, "index"));
	const char *id = json_string_value(json_object_get(fields, "revision"));
	if (strcmp(event, "header") || index >= reading->tree->count)
		return;
	reading->unsure[index] = false;
	struct migrate_file *file = &reading->tree->files[index];
	file->id = id ? arena_text(file->room, id, strlen(id)) : NULL;
	migrate_names_of_json(file->room, &file->down, json_object_get(fields, "down_revision"));
	migrate_names_of_json(file->room, &file->labels, json_object_get(fields, "branch_labels"));
	migrate_names_of_json(file->room, &file->depends, json_object_get(fields, "depends_on"));
}

static json_t *questions_of(const struct reading *reading)
{
	const struct migrate_tree *tree = reading->tree;
	json_t *questions = json_array();
	for (size_t i = 0; i < tree->count; i++)
		if (reading->unsure[i])
			json_array_append_new(
				questions, json_pack("{s:I, s:s}", "index", (json_int_t)i, "path",
						   tree->files[i].path));
	return questions;
}

static bool explain_waiting(const struct reading *reading, struct err *err)
{
	size_t i = 0;
	while (i + 1 < reading->tree->count && !reading->unsure[i])
		i++;
	err->code = ERR_TIMEOUT;
	err_context(err, "%s: not imported within %d seconds", reading->tree->files[i].name,
		HEADERS_LIMIT_MS / 1000);
	return err_hint(err, "move what waits there into upgrade(), or give its header literals: "
			     "then no Python is asked");
}

/* Once, for all files whose header is computed; not at all when there is none. */
static bool ask_python(struct reading *reading, const struct alembic_place *place, struct err *err)
{
	json_t *questions = questions_of(reading);
	if (!json_array_size(questions)) {
		json_decref(questions);
		return true;
	}
	struct migrate_tree *tree = reading->tree;
	CLEANUP(alembic_child_release)
	struct alembic_child child = {.where = tree->where,
		.place = place,
		.on_event = on_header,
		.limit_ms = HEADERS_LIMIT_MS,
		.ctx = reading};
	child.request = json_pack("{s:s, s:o}", "do", "headers", "files", questions);
	if (alembic_child_run(&child, err))
		return true;
	if (child.timed_out)
		return explain_waiting(reading, err);
	bool unavailable = err->code == ERR_CONFIG; /* Python itself, or Alembic */
	alembic_error_class(&child, err);
	if (!unavailable)
		err->code = ERR_CONFIG;
	return err_context(err, "a header that only Python can read");
}

static bool check_ids(const struct migrate_tree *tree, struct err *err)
{
	for (size_t i = 0; i < tree->count; i++) {
		struct migrate_file *file = &tree->files[i];
		if (!file->id)
			file->id = id_of_name(file);
		if (file->id)
			continue;
		err_set(err, ERR_CONFIG, "%s: no line \"revision = ...\"", file->name);
		return err_hint(err, "every .py file there is a revision: give it a header "
				     "(mig-apply revision writes one), or move it elsewhere");
	}
	return true;
}

bool alembic_load(struct migrate_tree *tree, struct err *err)
{
	CLEANUP(alembic_place_release) struct alembic_place place = {0};
	if (!alembic_place_find(tree->where, &place, err))
		return false;
	strvec_push_all(&tree->folders, &place.versions);
	if (!alembic_files_read(tree, &place, err))
		return false;
	AUTO_FREE bool *unsure = xcalloc(tree->count + 1, sizeof(*unsure));
	struct reading reading = {.tree = tree, .unsure = unsure};
	return read_headers(&reading, err) && ask_python(&reading, &place, err) &&
	       check_ids(tree, err);
}
