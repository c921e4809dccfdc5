#include "migrate/tree.h"

#include "base/fs.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "migrate/formats.h"

#include <sys/stat.h>

void migrate_file_release(struct migrate_file *file)
{
	free(file->phase);
	free(file->batches.options);
	free(file->batches.table);
	free(file->batches.key);
	strvec_release(&file->up_losses);
	strvec_release(&file->down_losses);
	err_release(&file->trouble);
	*file = (struct migrate_file){0};
}

void migrate_tree_free(struct migrate_tree *tree)
{
	if (!tree)
		return;
	graph_free(tree->graph);
	for (size_t i = 0; i < tree->count; i++)
		migrate_file_release(&tree->files[i]);
	free(tree->files);
	arena_release(&tree->room);
	strvec_release(&tree->texts);
	free(tree->dir);
	strvec_release(&tree->folders);
	free(tree);
}

/* What is shown of a path is mostly its end, and lies there. */
static const char *name_of(struct migrate_tree *tree, const char *path, const char *dir,
	const char *shown, const char *file_name)
{
	size_t before = strlen(dir) - strlen(shown);
	bool is_end = *shown && str_ends(dir, shown) && (!before || dir[before - 1] == '/');
	return is_end ? path + before : fs_join_in(&tree->room, shown, file_name);
}

struct migrate_file *migrate_tree_add_in(
	struct migrate_tree *tree, const char *dir, const char *shown, const char *file_name)
{
	xgrow(tree->files, tree->count, tree->alloc);
	struct migrate_file *file = &tree->files[tree->count++];
	const char *path = fs_join_in(&tree->room, dir, file_name);
	*file = (struct migrate_file){.room = &tree->room,
		.path = path,
		.name = name_of(tree, path, dir, shown, file_name)};
	return file;
}

struct migrate_file *migrate_tree_add(struct migrate_tree *tree, const char *file_name)
{
	const char *shown = tree->where->shown ? tree->where->shown : fs_basename(tree->dir);
	return migrate_tree_add_in(tree, tree->dir, shown, file_name);
}

const char *migrate_tree_keep(struct migrate_tree *tree, char *text)
{
	strvec_push_take(&tree->texts, text);
	return text;
}

static bool study_range(void *ctx, size_t from, size_t to, struct err *err)
{
	const struct migrate_tree *tree = ctx;
	(void)err;
	for (struct migrate_file *file = &tree->files[from]; file < &tree->files[to]; file++) {
		if (!file->studied)
			tree->format->study(file);
		file->studied = true;
	}
	return true;
}

void migrate_tree_study(const struct migrate_tree *tree)
{
	enum { FILES_OF_A_RANGE = 200 };
	AUTO_ERR(none);
	bool done = !tree->format->study || parallel_ranges(tree->count, FILES_OF_A_RANGE,
						    study_range, (void *)tree, &none);
	(void)done;
}

void migrate_file_take_checksum(struct migrate_file *file)
{
	AUTO_STRBUF(text);
	for (size_t i = file->up.start; file->up.present && i < file->up.end; i++)
		if (file->source[i] != '\r' || file->source[i + 1] != '\n')
			strbuf_addc(&text, file->source[i]);
	strbuf_trim(&text);
	sha256_text(text.buf, text.len, file->checksum);
}

bool migrate_file_check_regular(const struct migrate_file *file, struct err *err)
{
	struct stat about;
	if (stat(file->path, &about) < 0 || S_ISREG(about.st_mode))
		return true;
	return err_set(err, ERR_CONFIG, "%s is no regular file", file->name);
}

bool migrate_file_read(
	struct migrate_tree *tree, struct migrate_file *file, bool odd, struct err *err)
{
	AUTO_STRBUF(text);
	if ((odd && !migrate_file_check_regular(file, err)) || !fs_read(file->path, 0, &text, err))
		return false;
	file->length = text.len;
	file->source = migrate_tree_keep(tree, strbuf_take(&text));
	return true;
}

bool migrate_file_check_text(const struct migrate_file *file, struct err *err)
{
	for (size_t at = 0; at < file->length;) {
		bool ascii = (unsigned char)file->source[at] < 0x80;
		size_t size = ascii ? 1 : utf8_char_length(file->source + at, file->length - at);
		if (file->source[at] && size) {
			at += size;
			continue;
		}
		struct sql_place place = sql_place_of(file->source, at);
		if (!file->source[at])
			err_set(err, ERR_CONFIG, "%s:%d: a NUL byte: not a text file", file->name,
				place.line);
		else
			err_set(err, ERR_CONFIG, "%s:%d: the byte 0x%02x is not UTF-8", file->name,
				place.line, (unsigned char)file->source[at]);
		err_hint(err, "save the file as UTF-8");
		return err_where(err, "%s:%d:%d", file->name, place.line, place.column);
	}
	return true;
}

static bool choose_format(
	const struct conf_migrations *where, const struct migrate_format **format, struct err *err)
{
	size_t count;
	const struct migrate_format *rows = migrate_formats(&count);
	AUTO_STRVEC(names);
	for (size_t i = 0; i < count; i++) {
		bool automatic = !where->format || !strcmp(where->format, "auto");
		strvec_push(&names, rows[i].name);
		if (automatic ? rows[i].detect(where->dir) : !strcmp(where->format, rows[i].name)) {
			*format = &rows[i];
			return true;
		}
	}
	AUTO_FREE char *known = strvec_join(&names, ", ");
	err_set(err, ERR_CONFIG, "%s: no format of migrations that is known here", where->dir);
	err_detail(err, "known: %s", known);
	return err_hint(err, "write a first revision: mig-apply revision -m \"First tables\"");
}

struct graph_header migrate_file_header(const struct migrate_file *file)
{
	return (struct graph_header){.id = file->id,
		.message = file->message,
		.origin = file->name,
		.down = file->down,
		.depends = file->depends,
		.labels = file->labels};
}

bool migrate_tree_link(struct migrate_tree *tree, struct err *err)
{
	graph_free(tree->graph);
	tree->graph = graph_new();
	for (size_t i = 0; i < tree->count; i++) {
		struct graph_header header = migrate_file_header(&tree->files[i]);
		graph_add(tree->graph, &header);
	}
	return graph_link(tree->graph, err);
}

bool migrate_tree_read(
	const struct conf_migrations *where, struct migrate_tree **result, struct err *err)
{
	if (!fs_is_dir(where->dir)) {
		err_set(err, ERR_NOTFOUND, "no folder of migrations: %s", where->dir);
		return err_hint(err,
			"write a first revision: mig-apply revision -m \"First tables\", "
			"or name the folder: migrations: {dir: ...} in mig.yaml");
	}
	CLEANUP(migrate_tree_free_auto) struct migrate_tree *tree = xcalloc(1, sizeof(*tree));
	tree->dir = xstrdup(where->dir);
	tree->where = where;
	if (!choose_format(where, &tree->format, err))
		return false;
	if (!tree->format->load(tree, err))
		return err->hint ? false
				 : err_hint(err, "correct that file, or move it out of %s",
					   tree->dir);
	*result = xtake(&tree);
	return true;
}

bool migrate_tree_load(
	const struct conf_migrations *where, struct migrate_tree **result, struct err *err)
{
	CLEANUP(migrate_tree_free_auto) struct migrate_tree *tree = NULL;
	if (!migrate_tree_read(where, &tree, err) || !migrate_tree_link(tree, err))
		return false;
	*result = xtake(&tree);
	return true;
}

bool migrate_args_fit(
	const struct migrate_args *args, const struct migrate_tree *tree, struct err *err)
{
	bool x = args->x && args->x->count;
	if ((!args->tag && !x) || tree->format->apply)
		return true;
	err_set(err, ERR_USAGE, "%s is handed to env.py, and %s has none (format %s)",
		x ? "-x" : "--tag", tree->dir, tree->format->name);
	return err_hint(
		err, x ? "leave -x out; what SQL files take from the configuration: migrations: "
			 "{placeholders: {NAME: value}}"
		       : "leave --tag out; mig.history keeps who, when and which run");
}
