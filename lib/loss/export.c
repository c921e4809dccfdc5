#include "loss/export.h"
#include "base/clock.h"
#include "base/fs.h"
#include "loss/script.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (128 << 10)
#define PARTIAL ".partial-"

struct loss_export {
	char *directory, *partial;
	bool committed;
	int lock; /* on the folder while we live */
	PACK_LIST(struct loss_script_table) tables; /* those with rows, and the one in hand */
	int fd;
	char *path; /* of fd */
	struct strbuf buffer;
};

/* "dir/" names the same folder as "dir", and only the latter can be written beside. */
static char *without_slash(const char *path)
{
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	return xstrndup(path, length);
}

static bool may_take(const char *directory, struct err *err)
{
	AUTO_STRVEC(names);
	if (!*directory)
		return err_set(err, ERR_USAGE, "--export-lost takes the name of a folder");
	if (!fs_exists(directory))
		return true;
	if (!fs_is_dir(directory))
		return err_set(err, ERR_REFUSED, "%s exists already and is no folder", directory);
	if (!fs_list(directory, &names, err))
		return false;
	if (!names.count)
		return true;
	err_set(err, ERR_REFUSED, "%s exists already and is not empty", directory);
	return err_hint(err, "give --export-lost the name of a new folder");
}

/* Whoever is at work in a folder holds its lock. */
static bool take_folder(const char *path, int *lock)
{
	*lock = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *lock >= 0 && flock(*lock, LOCK_EX | LOCK_NB) == 0;
}

/* What a killed program left under the same name: its rows are in the database still. */
static bool sweep(const char *directory, struct err *err)
{
	AUTO_FREE char *parent = fs_dirname(directory);
	AUTO_FREE char *begin = xstrfmt("%s" PARTIAL, fs_basename(directory));
	AUTO_STRVEC(names);
	if (!fs_is_dir(parent))
		return true;
	if (!fs_list(parent, &names, err))
		return false;
	STRVEC_EACH (&names, name) {
		CLEANUP(fs_close) int lock = -1;
		AUTO_FREE char *path = fs_join(parent, name);
		if (str_starts(name, begin) && take_folder(path, &lock) &&
			!fs_remove_tree(path, err))
			return false;
	}
	return true;
}

bool loss_export_open(const char *directory, struct loss_export **export, struct err *err)
{
	AUTO_FREE char *id = clock_new_id();
	AUTO_FREE char *name = without_slash(directory);
	AUTO_FREE char *partial = xstrfmt("%s" PARTIAL "%s", name, id);
	CLEANUP(fs_close) int lock = -1;
	if (!may_take(name, err) || !sweep(name, err))
		return false;
	if (mkdir(partial, 0700) < 0 || !take_folder(partial, &lock))
		return err_sys(err, ERR_STORAGE, "cannot make %s", partial);
	*export = xcalloc(1, sizeof(**export));
	(*export)->directory = xtake(&name);
	(*export)->partial = xtake(&partial);
	(*export)->buffer = (struct strbuf)STRBUF_INIT;
	(*export)->fd = -1;
	(*export)->lock = lock;
	lock = -1;
	return true;
}

void loss_export_free(struct loss_export *export)
{
	AUTO_ERR(ignored);
	if (!export)
		return;
	fs_close(&export->fd);
	/* what cannot be removed bears a name that says what it is */
	if (!export->committed && !fs_remove_tree(export->partial, &ignored))
		err_release(&ignored);
	fs_close(&export->lock);
	free(export->tables.items);
	free(export->directory);
	free(export->partial);
	free(export->path);
	strbuf_release(&export->buffer);
	free(export);
}

/*
 * Files
 */

static bool flush(struct loss_export *export, struct err *err)
{
	bool ok = fs_write_all(export->fd, export->buffer.buf, export->buffer.len, err) ||
		  err_context(err, "%s", export->path);
	strbuf_reset(&export->buffer);
	return ok;
}

static bool open_file(struct loss_export *export, const char *name, struct err *err)
{
	free(export->path);
	export->path = fs_join(export->partial, name);
	export->fd = open(export->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return export->fd >= 0 || err_sys(err, ERR_STORAGE, "cannot create %s", export->path);
}

static bool close_file(struct loss_export *export, struct err *err)
{
	if (export->fd < 0)
		return true;
	if (!flush(export, err))
		return false;
	if (fsync(export->fd) < 0)
		return err_sys(err, ERR_STORAGE, "cannot sync %s", export->path);
	fs_close(&export->fd);
	return true;
}

static bool write_file(
	struct loss_export *export, const char *name, const struct strbuf *text, struct err *err)
{
	if (!open_file(export, name, err))
		return false;
	strbuf_add(&export->buffer, text->buf, text->len);
	return close_file(export, err);
}

/*
 * Rows
 */

static struct loss_script_table *in_hand(struct loss_export *export)
{
	return &export->tables.items[export->tables.count - 1];
}

void loss_export_table(
	struct loss_export *export, const struct loss_unit *live, const struct loss_unit *other)
{
	struct loss_script_table *table = pack_list_add(&export->tables);
	table->number = (int)export->tables.count;
	table->live = live;
	table->other = other;
}

static bool add_row(struct loss_export *export, const char *name, const char *row, size_t length,
	struct err *err)
{
	if (export->fd < 0 && !open_file(export, name, err))
		return false;
	strbuf_add(&export->buffer, row, length);
	strbuf_addc(&export->buffer, '\n');
	return export->buffer.len < BUFFER || flush(export, err);
}

bool loss_export_row(void *ctx, const char *row, size_t length, struct err *err)
{
	struct loss_export *export = ctx;
	char name[LOSS_SCRIPT_NAME];
	loss_script_file(in_hand(export), name);
	in_hand(export)->rows++;
	return add_row(export, name, row, length, err);
}

bool loss_export_whole(void *ctx, const char *row, size_t length, struct err *err)
{
	struct loss_export *export = ctx;
	char name[LOSS_SCRIPT_NAME];
	loss_script_whole_file(in_hand(export), name);
	in_hand(export)->whole_rows++;
	return add_row(export, name, row, length, err);
}

bool loss_export_end(struct loss_export *export, struct err *err)
{
	return close_file(export, err);
}

void loss_export_totals(const struct loss_export *export, int64_t *tables, int64_t *rows)
{
	*tables = *rows = 0;
	for (size_t i = 0; i < export->tables.count; i++) {
		*tables += export->tables.items[i].rows > 0;
		*rows += export->tables.items[i].rows;
	}
}

/*
 * All of it
 */

bool loss_export_commit(struct loss_export *export, struct db *db, const char *live,
	const char *other, struct err *err)
{
	AUTO_STRBUF(script);
	AUTO_STRBUF(readme);
	AUTO_FREE char *parent = fs_dirname(export->directory);
	struct loss_script_table *tables = export->tables.items;
	size_t count = export->tables.count;
	if (!loss_script_text(db, tables, count, &script, err) ||
		!write_file(export, "load.sql", &script, err))
		return false;
	loss_script_readme(tables, count, live, other, &readme);
	if (!write_file(export, "README.md", &readme, err) || !fs_fsync_dir(export->partial, err))
		return false;
	/* onto an empty folder, or onto nothing; never onto what somebody put there meanwhile */
	if (rename(export->partial, export->directory) < 0)
		return err_sys(err, errno == ENOTEMPTY ? ERR_REFUSED : ERR_STORAGE,
			"cannot rename %s to %s", export->partial, export->directory);
	export->committed = true;
	return fs_fsync_dir(parent, err);
}
