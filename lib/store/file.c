#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

#define PARTIAL ".partial"

struct file_store {
	struct store base;
	char *folder;
};

static const char *folder_of(struct store *store)
{
	return ((struct file_store *)store)->folder;
}

static char *file_place(struct store *store, const char *name)
{
	return fs_join(folder_of(store), name);
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool file_create(
	struct store *store, const char *name, struct io_writer **w, struct err *err)
{
	AUTO_FREE char *path = file_place(store, name);
	if (fs_mkdirs(folder_of(store), err) && io_file_create(path, w, err))
		return true;
	return err_context(err, "store %s", store->name);
}

static bool file_put(
	struct store *store, const char *name, const void *bytes, size_t length, struct err *err)
{
	AUTO_FREE char *path = file_place(store, name);
	if (!fs_mkdirs(folder_of(store), err) || !fs_write_atomic(path, bytes, length, err))
		return err_context(err, "store %s", store->name);
	return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool file_open(struct store *store, const char *name, struct io_reader **r, struct err *err)
{
	AUTO_FREE char *path = file_place(store, name);
	return io_file_open(path, r, err);
}

static bool file_stat(
	struct store *store, const char *name, struct store_file *file, struct err *err)
{
	AUTO_FREE char *path = file_place(store, name);
	struct stat info;
	if (stat(path, &info) < 0)
		return err_sys(err, errno == ENOENT ? ERR_NOTFOUND : ERR_STORAGE,
			"cannot look at %s", path);
	if (!S_ISREG(info.st_mode))
		return err_set(err, ERR_NOTFOUND, "%s is no file", path);
	*file = (struct store_file){
		.name = xstrdup(name),
		.bytes = info.st_size,
		.modified_ms = (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000,
		.complete = !str_ends(name, PARTIAL),
	};
	return true;
}

static void add_file(struct store *store, const char *name, struct store_files *files)
{
	struct store_file file;
	AUTO_ERR(gone);
	if (!file_stat(store, name, &file, &gone))
		return;
	xgrow(files->items, files->count, files->alloc);
	files->items[files->count++] = file;
}

static bool file_list(struct store *store, struct store_files *files, struct err *err)
{
	AUTO_STRVEC(names);
	if (!fs_list(folder_of(store), &names, err)) {
		err->code = ERR_STORAGE;
		return err_context(err, "store %s", store->name);
	}
	STRVEC_EACH (&names, name)
		add_file(store, name, files);
	return true;
}

static bool file_is_there(struct store *store)
{
	return fs_exists(folder_of(store));
}

/* --- removing --------------------------------------------------------------------------------- */

static bool file_remove(struct store *store, const char *name, struct err *err)
{
	AUTO_FREE char *path = file_place(store, name);
	if (unlink(path) < 0)
		return err_sys(err, errno == ENOENT ? ERR_NOTFOUND : ERR_STORAGE,
			"cannot remove %s", path);
	return fs_fsync_dir(folder_of(store), err);
}

/* A writer at work holds the lock of its file. */
static bool writer_lives(const char *path)
{
	CLEANUP(fs_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

static bool file_sweep(struct store *store, struct err *err)
{
	AUTO_STRVEC(names);
	if (!fs_list(folder_of(store), &names, err))
		return err_context(err, "store %s", store->name);
	STRVEC_EACH (&names, name) {
		AUTO_FREE char *path = file_place(store, name);
		if (str_ends(name, PARTIAL) && !writer_lives(path) && unlink(path) < 0 &&
			errno != ENOENT)
			return err_sys(err, ERR_STORAGE, "cannot remove %s", path);
	}
	return true;
}

static int64_t file_room(struct store *store)
{
	return fs_free_bytes(folder_of(store));
}

static void file_close(struct store *store)
{
	struct file_store *file = (struct file_store *)store;
	free(file->base.name);
	free(file->folder);
	free(file);
}

static const struct store_ops file_ops = {
	.create = file_create,
	.open = file_open,
	.put = file_put,
	.stat = file_stat,
	.list = file_list,
	.is_there = file_is_there,
	.remove = file_remove,
	.sweep = file_sweep,
	.place = file_place,
	.room = file_room,
	.close = file_close,
};

bool store_file_open(const struct store_settings *settings, struct store **store, struct err *err)
{
	const char *folder = settings->url;
	if (str_starts(folder, "file://"))
		folder += strlen("file://");
	if (folder[0] != '/') {
		err_set(err, ERR_CONFIG, "store %s: %s is not an absolute path", settings->name,
			settings->url);
		return err_hint(err, "write it as /PATH or file:///PATH");
	}
	struct file_store *file = xcalloc(1, sizeof(*file));
	file->base.ops = &file_ops;
	file->base.name = xstrdup(settings->name);
	file->folder = xstrdup(folder);
	*store = &file->base;
	return true;
}
