/* A tree whose files contradict each other, read as far as it goes: for history and doctor. */
#include "base/clock.h"
#include "base/fs.h"
#include "migrate/internal.h"

enum { ID_BYTES = 6 };

/* Where the id is in the file's name: its other number is the last. */
static char *rename_command(const struct migrate_tree *tree, const struct migrate_file *file)
{
	AUTO_FREE char *id = tree->format->new_id();
	AUTO_FREE char *name = xstrfmt("%s%s", id, fs_basename(file->path) + strlen(file->id));
	AUTO_FREE char *path = fs_join(tree->dir, name);
	AUTO_STRVEC(argv);
	const char *const words[] = {"mv", file->path, path};
	strvec_push_words(&argv, words, ARRAY_SIZE(words));
	return strvec_shell(&argv);
}

/* The id alone, in a pattern of sed's. */
static char *as_pattern(const char *id)
{
	AUTO_STRBUF(pattern);
	for (; *id; id++) {
		if (strchr("/.*[]^$", *id))
			strbuf_addc(&pattern, '\\');
		strbuf_addc(&pattern, *id);
	}
	return strbuf_take(&pattern);
}

/* Another id for one of two files, as a command: only its header changes. */
static char *new_id_command(const struct migrate_tree *tree, const struct migrate_file *file)
{
	if (tree->format->new_id)
		return rename_command(tree, file);
	AUTO_FREE char *id = clock_random_hex(ID_BYTES);
	bool python = tree->format->apply != NULL;
	AUTO_FREE char *pattern = as_pattern(file->id);
	AUTO_FREE char *edit = xstrfmt(
		python ? "/^revision\\b/s/%s/%s/" : "/^-- *revision:/s/%s/%s/", pattern, id);
	AUTO_STRVEC(argv);
	const char *const words[] = {"sed", "-i", edit, file->path};
	strvec_push_words(&argv, words, ARRAY_SIZE(words));
	return strvec_shell(&argv);
}

static const struct migrate_file *earlier(const struct migrate_tree *tree, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (!strcmp(tree->files[i].id, tree->files[index].id))
			return &tree->files[i];
	return NULL;
}

static void remove_file(struct migrate_tree *tree, size_t index)
{
	migrate_file_release(&tree->files[index]);
	memmove(&tree->files[index], &tree->files[index + 1],
		(tree->count - index - 1) * sizeof(tree->files[0]));
	tree->count--;
}

/* The checksum of what the database has applied under this id; NULL: nobody knows. Caller owns. */
static char *applied_checksum(struct db *db, const struct migrate_tree *tree, const char *id)
{
	AUTO_ERR(ignored);
	char *checksum = NULL;
	if (!db || !db_value(db, &checksum, &ignored,
			   "select checksum from mig.history where revision = $1 and tree = $2"
			   " and direction = 'up' order by id desc limit 1",
			   id, tree->where->name))
		return NULL;
	return checksum;
}

/* What was applied keeps its id, else the older one does: is that the second of the two? */
static bool second_keeps(struct db *db, const struct migrate_tree *tree,
	const struct migrate_file *first, const struct migrate_file *second)
{
	AUTO_FREE char *applied = applied_checksum(db, tree, first->id);
	if (applied && strcmp(first->checksum, second->checksum) != 0) {
		if (!strcmp(applied, first->checksum))
			return false;
		if (!strcmp(applied, second->checksum))
			return true;
	}
	return first->created && second->created && strcmp(second->created, first->created) < 0;
}

static void drop_doubled(struct migrate_tree *tree, struct db *db, struct findings *findings)
{
	for (size_t i = 0; i < tree->count;) {
		const struct migrate_file *first = earlier(tree, i), *second = &tree->files[i];
		if (!first) {
			i++;
			continue;
		}
		migrate_tree_study(tree);
		bool swapped = second_keeps(db, tree, first, second);
		struct migrate_file *kept =
			&tree->files[swapped ? i : (size_t)(first - tree->files)];
		const struct migrate_file *other = swapped ? first : second;
		findings_add(findings, "doubled id", true,
			xstrfmt("revision %s is in %s (%s) and in %s (%s)", kept->id, kept->name,
				kept->message ? kept->message : "", other->name,
				other->message ? other->message : ""),
			new_id_command(tree, other));
		if (strvec_has(&kept->down, kept->id)) /* files in a row: it stood on the other */
			kept->down = other->down;
		remove_file(tree, (size_t)(other - tree->files));
	}
}

static bool is_known(const struct migrate_tree *tree, const char *name)
{
	for (size_t i = 0; i < tree->count; i++)
		if (!strcmp(tree->files[i].id, name) || strvec_has(&tree->files[i].labels, name))
			return true;
	return false;
}

/* The names that some file has; the others are said, and left out. */
static void drop_unknown(struct migrate_tree *tree, const struct migrate_file *file,
	struct strvec *names, const char *what, struct findings *findings)
{
	struct strvec kept = STRVEC_INIT;
	STRVEC_EACH (names, name) {
		if (is_known(tree, name)) {
			arena_push(file->room, &kept, name, strlen(name));
			continue;
		}
		findings_add(findings, "missing file", true,
			xstrfmt("%s: %s %s is in no file", file->name, what, name),
			git_way_back(tree, name));
	}
	*names = kept;
}

bool migrate_tree_mended(const struct conf_migrations *where, struct db *db,
	struct migrate_tree **result, struct findings *findings, struct err *err)
{
	CLEANUP(migrate_tree_free_auto) struct migrate_tree *tree = NULL;
	AUTO_ERR(why);
	if (!migrate_tree_read(where, &tree, err))
		return false;
	if (!migrate_tree_link(tree, &why)) {
		drop_doubled(tree, db, findings);
		for (size_t i = 0; i < tree->count; i++) {
			struct migrate_file *file = &tree->files[i];
			drop_unknown(tree, file, &file->down, "down_revision", findings);
			drop_unknown(tree, file, &file->depends, "depends_on", findings);
		}
		if (!migrate_tree_link(tree, err))
			return false;
	}
	*result = xtake(&tree);
	return true;
}
