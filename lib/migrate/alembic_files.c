/*
 * Alembic's revision files: which there are, in its order, and their texts. Opening and reading
 * thousands of them is most of the time that a list of revisions takes: other threads do it while
 * this one goes on listing.
 */
#include "migrate/alembic.h"

#include "base/arena.h"
#include "base/fs.h"
#include "base/parallel.h"

#include <sys/stat.h>

enum { FILES_OF_A_BATCH = 128, USUAL_LENGTH = 2048 };

struct source {
	const char *name; /* in its folder */
	bool odd; /* as of fs_each() */
	const char *text; /* NULL: it could not be read */
	size_t length;
};

/* Files of one folder that one thread reads. */
struct batch {
	const char *dir;
	struct source *sources[FILES_OF_A_BATCH];
	size_t count;
	char *texts; /* where theirs lie */
};

struct sources {
	struct source **items;
	size_t count, alloc;
};

struct listing {
	struct migrate_tree *tree; /* gets the files */
	const struct alembic_place *place;
	struct strvec folders; /* real paths of those before */
	struct strvec links; /* real paths of what symbolic links led to */
	struct arena room; /* names, sources, batches */
	struct parallel_queue *queue; /* of batches */
	struct batch *batch; /* the last, that still grows */
	struct {
		struct batch **items;
		size_t count, alloc;
	} batches;
	struct sources chosen; /* of the tree's files */
};

/* --- reading -----------------------------------------------------------------------------------
 */

/* All into one text, which may move as it grows; what fails is read once more for its error. */
static void read_batch(void *piece)
{
	struct batch *batch = piece;
	size_t at[FILES_OF_A_BATCH];
	AUTO_ERR(untold);
	AUTO_STRBUF(texts);
	CLEANUP(fs_folder_release) struct fs_folder folder;
	strbuf_reserve(&texts, batch->count * USUAL_LENGTH);
	if (!fs_folder_open(&folder, batch->dir, &untold))
		return;
	for (size_t i = 0; i < batch->count; i++) {
		at[i] = texts.len;
		if (!fs_folder_read(&folder, batch->sources[i]->name, &texts, &untold)) {
			batch->count = i;
			break;
		}
		batch->sources[i]->length = texts.len - at[i];
		strbuf_addc(&texts, '\0');
	}
	batch->texts = strbuf_take(&texts);
	for (size_t i = 0; i < batch->count; i++)
		batch->sources[i]->text = batch->texts + at[i];
}

static void send_batch(struct listing *listing)
{
	if (listing->batch)
		parallel_queue_add(listing->queue, listing->batch);
	listing->batch = NULL;
}

static void read_later(struct listing *listing, const char *dir, struct source *source)
{
	struct batch *batch = listing->batch;
	if (!batch) {
		batch = listing->batch = arena_room(&listing->room, sizeof(*batch));
		batch->dir = dir;
		batch->count = 0;
		batch->texts = NULL;
		xgrow(listing->batches.items, listing->batches.count, listing->batches.alloc);
		listing->batches.items[listing->batches.count++] = batch;
	}
	batch->sources[batch->count++] = source;
	if (batch->count == FILES_OF_A_BATCH)
		send_batch(listing);
}

static void end_reading(struct listing *listing)
{
	if (!listing->queue)
		return;
	send_batch(listing);
	parallel_queue_end(listing->queue);
	listing->queue = NULL;
	for (size_t i = 0; i < listing->batches.count; i++)
		migrate_tree_keep(listing->tree, listing->batches.items[i]->texts);
}

static bool take_texts(struct listing *listing, struct err *err)
{
	end_reading(listing);
	for (size_t i = 0; i < listing->tree->count; i++) {
		struct migrate_file *file = &listing->tree->files[i];
		file->source = listing->chosen.items[i]->text;
		file->length = listing->chosen.items[i]->length;
		if (!file->source && !migrate_file_read(listing->tree, file, false, err))
			return false;
	}
	return true;
}

/* --- which files -------------------------------------------------------------------------------
 */

static bool is_revision_file(const char *name)
{
	return str_ends(name, ".py") && !str_starts(name, ".#") && !str_starts(name, "__init__");
}

/* A link counts where it stands; what it leads to is not listed again. */
static bool is_new_link(struct listing *listing, const char *folder, const char *name, char *real)
{
	AUTO_FREE char *target = real;
	if (!target || strvec_has(&listing->links, target))
		return false;
	AUTO_FREE char *parent = fs_dirname(target);
	bool before = strvec_has(&listing->folders, parent) ||
		      (!strcmp(parent, folder) && strcmp(fs_basename(target), name) < 0);
	if (!before)
		strvec_push(&listing->links, target);
	return !before;
}

/* `folder` is the real path of `dir`. */
static bool is_new(
	struct listing *listing, const char *folder, const char *dir, const char *name, bool odd)
{
	if (!odd && !listing->links.count)
		return true;
	struct stat about;
	AUTO_FREE char *path = fs_join(dir, name);
	if (lstat(path, &about) < 0 || S_ISDIR(about.st_mode))
		return false;
	if (S_ISLNK(about.st_mode))
		return !fs_is_dir(path) && is_new_link(listing, folder, name, realpath(path, NULL));
	AUTO_FREE char *real = fs_join(folder, name);
	return !strvec_has(&listing->links, real);
}

/* Of where->dir: the folder below which mig.yaml names it; 0: it does not. */
static size_t project_length(const struct conf_migrations *where)
{
	size_t length = strlen(where->dir), shown = where->shown ? strlen(where->shown) : 0;
	bool named = shown && shown < length && !strcmp(where->dir + length - shown, where->shown);
	return named && where->dir[length - shown - 1] == '/' ? length - shown - 1 : 0;
}

/* What stands behind the first `length` bytes of a folder's path; NULL: it is not below that. */
static const char *below(const char *path, const char *folder, size_t length)
{
	if (strncmp(path, folder, length) != 0)
		return NULL;
	return path[length] == '/' ? path + length + 1 : path[length] ? NULL : "";
}

/* As a person would name it: below the project, else below the folder in which Alembic is run. */
static const char *shown_folder(const struct listing *listing, const char *dir)
{
	const char *project = listing->tree->where->dir, *home = listing->place->home;
	size_t length = project_length(listing->tree->where);
	const char *shown = length ? below(dir, project, length) : NULL;
	if (!shown)
		shown = below(dir, home, strlen(home));
	return shown ? shown : dir;
}

/* What is surely a file is read at once, whatever its place will be. */
struct found {
	struct listing *listing;
	const char *dir;
	struct sources all;
};

static void sources_add(struct sources *sources, struct source *source)
{
	xgrow(sources->items, sources->count, sources->alloc);
	sources->items[sources->count++] = source;
}

static void on_entry(void *ctx, const char *name, bool odd)
{
	struct found *found = ctx;
	if (!odd && !is_revision_file(name))
		return;
	struct arena *room = &found->listing->room;
	struct source *source = arena_room(room, sizeof(*source));
	*source = (struct source){.name = arena_text(room, name, strlen(name)), .odd = odd};
	sources_add(&found->all, source);
	if (!odd)
		read_later(found->listing, found->dir, source);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct source *const *)a)->name, (*(struct source *const *)b)->name);
}

/* The folder's files, in the order of their names. Names one file twice: once. */
static bool choose_files(
	struct listing *listing, const struct found *found, const char *folder, struct err *err)
{
	const char *shown = shown_folder(listing, found->dir);
	for (size_t i = 0; i < found->all.count; i++) {
		struct source *source = found->all.items[i];
		if (!is_revision_file(source->name) ||
			!is_new(listing, folder, found->dir, source->name, source->odd))
			continue;
		struct migrate_file *file =
			migrate_tree_add_in(listing->tree, found->dir, shown, source->name);
		sources_add(&listing->chosen, source);
		if (!source->odd)
			continue;
		if (!migrate_file_check_regular(file, err))
			return false;
		read_later(listing, found->dir, source);
	}
	return true;
}

static bool list_files(struct listing *listing, const char *dir, struct err *err);

/* After the files; so are theirs. */
static bool list_folders(struct listing *listing, const struct found *found, struct err *err)
{
	for (size_t i = 0; listing->place->recursive && i < found->all.count; i++) {
		const struct source *source = found->all.items[i];
		if (!source->odd || !strcmp(source->name, "__pycache__"))
			continue;
		AUTO_FREE char *path = fs_join(found->dir, source->name);
		if (fs_is_dir(path) && !list_files(listing, path, err))
			return false;
	}
	return true;
}

static void found_release(struct found *found)
{
	free(found->all.items);
}

static bool list_files(struct listing *listing, const char *dir, struct err *err)
{
	CLEANUP(found_release)
	struct found found = {
		.listing = listing, .dir = arena_text(&listing->room, dir, strlen(dir))};
	AUTO_FREE char *folder = realpath(dir, NULL);
	if (folder && strvec_has(&listing->folders, folder))
		return true;
	if (!fs_each(dir, on_entry, &found, err))
		return false;
	send_batch(listing);
	if (found.all.count)
		qsort(found.all.items, found.all.count, sizeof(found.all.items[0]), by_name);
	if (folder && !choose_files(listing, &found, folder, err))
		return false;
	send_batch(listing);
	if (folder)
		strvec_push(&listing->folders, folder);
	return list_folders(listing, &found, err);
}

static void listing_release(struct listing *listing)
{
	end_reading(listing);
	strvec_release(&listing->folders);
	strvec_release(&listing->links);
	arena_release(&listing->room);
	free(listing->batches.items);
	free(listing->chosen.items);
}

bool alembic_files_read(
	struct migrate_tree *tree, const struct alembic_place *place, struct err *err)
{
	CLEANUP(listing_release)
	struct listing listing = {
		.tree = tree, .place = place, .queue = parallel_queue_new(read_batch)};
	STRVEC_EACH (&place->versions, dir)
		if (!list_files(&listing, dir, err))
			return false;
	return take_texts(&listing, err);
}
