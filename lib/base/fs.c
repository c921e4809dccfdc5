#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"

#define AUTO_FD CLEANUP(fs_close)
#define READ_LIMIT ((size_t)64 << 20)

void fs_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Into what has room for both, a slash and the NUL. */
static char *join_into(char *path, const char *directory, const char *name)
{
	size_t lead = directory && *name != '/' ? strlen(directory) : 0;
	if (lead)
		memcpy(path, directory, lead);
	if (lead && path[lead - 1] != '/')
		path[lead++] = '/';
	memcpy(path + lead, name, strlen(name) + 1);
	return path;
}

static size_t join_room(const char *directory, const char *name)
{
	return (directory ? strlen(directory) : 0) + strlen(name) + 2;
}

char *fs_join(const char *directory, const char *name)
{
	return join_into(xrealloc(NULL, join_room(directory, name)), directory, name);
}

char *fs_join_in(struct arena *arena, const char *directory, const char *name)
{
	return join_into(arena_bytes(arena, join_room(directory, name)), directory, name);
}

char *fs_dirname(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

const char *fs_basename(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

bool fs_exists(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0;
}

bool fs_is_dir(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

enum { READ_PIECE = 65536 };

/* Behind what is in `out` already. */
static bool read_all(
	int fd, const char *path, size_t limit, size_t room, struct strbuf *out, struct err *err)
{
	size_t before = out->len;
	for (;;) {
		strbuf_reserve(out, room);
		ssize_t got = read(fd, out->buf + out->len, room);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, ERR_FAILED, "cannot read %s", path);
		if (got == 0)
			return true;
		out->len += (size_t)got;
		out->buf[out->len] = '\0';
		if (out->len - before > limit)
			return err_set(err, ERR_FAILED, "%s is larger than %zu bytes", path, limit);
		room = (size_t)got < room ? room - (size_t)got : READ_PIECE;
	}
}

bool fs_read(const char *path, size_t limit, struct strbuf *out, struct err *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno == ENOENT ? ERR_NOTFOUND : ERR_FAILED, "%s", path);
	struct stat about;
	size_t room = READ_PIECE;
	if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_size < READ_PIECE)
		room = (size_t)about.st_size + 1; /* thousands of small files need no more */
	strbuf_reset(out);
	return read_all(fd, path, limit ? limit : READ_LIMIT, room, out, err);
}

bool fs_folder_open(struct fs_folder *folder, const char *path, struct err *err)
{
	*folder = (struct fs_folder){path, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	return folder->fd >= 0 ||
	       err_sys(err, errno == ENOENT ? ERR_NOTFOUND : ERR_FAILED, "%s", path);
}

bool fs_folder_read(
	const struct fs_folder *folder, const char *name, struct strbuf *out, struct err *err)
{
	AUTO_FD int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno == ENOENT ? ERR_NOTFOUND : ERR_FAILED, "%s/%s",
			folder->path, name);
	return read_all(fd, name, READ_LIMIT, READ_PIECE, out, err) ||
	       err_context(err, "%s", folder->path);
}

void fs_folder_release(struct fs_folder *folder)
{
	fs_close(&folder->fd);
}

bool fs_write_all(int fd, const void *bytes, size_t length, struct err *err)
{
	const char *next = bytes;
	while (length) {
		ssize_t put = write(fd, next, length);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_sys(err, ERR_STORAGE, "cannot write");
		next += put;
		length -= (size_t)put;
	}
	return true;
}

bool fs_fsync_dir(const char *directory, struct err *err)
{
	AUTO_FD int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_sys(err, ERR_STORAGE, "cannot sync folder %s", directory);
	return true;
}

static bool rename_over(const char *from, const char *to, struct err *err)
{
	return rename(from, to) == 0 ||
	       err_sys(err, ERR_STORAGE, "cannot rename %s to %s", from, to);
}

bool fs_rename(const char *from, const char *to, struct err *err)
{
	AUTO_FREE char *directory = fs_dirname(to);
	return rename_over(from, to, err) && fs_fsync_dir(directory, err);
}

bool fs_rename_new(const char *from, const char *to, struct err *err)
{
	int done = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
	/* not every file system can: then there is a moment between the two */
	bool cannot = done < 0 && (errno == EINVAL || errno == ENOSYS);
	if ((cannot && fs_exists(to)) || (done < 0 && errno == EEXIST))
		return err_set(err, ERR_REFUSED, "%s exists already", to);
	if (cannot)
		return fs_rename(from, to, err);
	if (done < 0)
		return err_sys(err, ERR_STORAGE, "cannot rename %s to %s", from, to);
	AUTO_FREE char *directory = fs_dirname(to);
	return fs_fsync_dir(directory, err);
}

/* Beside the path, then over it: its readers see the old bytes or the new ones. */
static bool write_over(
	const char *path, const void *bytes, size_t length, bool durable, struct err *err)
{
	AUTO_FREE char *suffix = clock_random_hex(4);
	AUTO_FREE char *temporary = xstrfmt("%s.%s.tmp", path, suffix);
	AUTO_FD int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, ERR_STORAGE, "cannot create %s", temporary);
	bool written = fs_write_all(fd, bytes, length, err) || err_context(err, "%s", path);
	if (written && durable && fsync(fd) < 0)
		written = err_sys(err, ERR_STORAGE, "cannot sync %s", path);
	if (written && (durable ? fs_rename : rename_over)(temporary, path, err))
		return true;
	unlink(temporary);
	return false;
}

bool fs_write_atomic(const char *path, const void *bytes, size_t length, struct err *err)
{
	return write_over(path, bytes, length, true, err);
}

bool fs_write_swift(const char *path, const void *bytes, size_t length, struct err *err)
{
	return write_over(path, bytes, length, false, err);
}

bool fs_append(const char *path, const void *bytes, size_t length, bool durable, struct err *err)
{
	bool fresh = durable && !fs_exists(path);
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, ERR_STORAGE, "cannot open %s", path);
	if (!fs_write_all(fd, bytes, length, err))
		return err_context(err, "%s", path);
	if (durable && fdatasync(fd) < 0)
		return err_sys(err, ERR_STORAGE, "cannot sync %s", path);
	if (!fresh)
		return true;
	AUTO_FREE char *directory = fs_dirname(path);
	return fs_fsync_dir(directory, err);
}

bool fs_mkdirs(const char *path, struct err *err)
{
	AUTO_FREE char *copy = xstrdup(path);
	for (char *c = copy + 1;; c++) {
		if (*c && *c != '/')
			continue;
		char kept = *c;
		*c = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return err_sys(err, ERR_STORAGE, "cannot create folder %s", copy);
		*c = kept;
		if (!kept)
			break;
	}
	if (!fs_is_dir(path))
		return err_set(err, ERR_STORAGE, "%s is not a folder", path);
	return true;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info;
	(void)kind;
	(void)walk;
	return remove(path);
}

bool fs_remove_tree(const char *path, struct err *err)
{
	struct stat info;
	if (lstat(path, &info) < 0 && errno == ENOENT)
		return true;
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
		return err_sys(err, ERR_FAILED, "cannot remove %s", path);
	return true;
}

bool fs_list(const char *directory, struct strvec *names, struct err *err)
{
	return fs_list_odd(directory, names, NULL, err);
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

bool fs_each(const char *directory, fs_on_entry on_entry, void *ctx, struct err *err)
{
	DIR *dir = opendir(directory);
	if (!dir && errno == ENOENT)
		return true;
	if (!dir)
		return err_sys(err, ERR_STORAGE, "cannot list %s", directory);
	for (struct dirent *entry; (entry = readdir(dir));)
		if (!is_dots(entry->d_name))
			on_entry(ctx, entry->d_name, entry->d_type != DT_REG);
	closedir(dir);
	return true;
}

struct names {
	struct strvec *all, *odd;
};

static void add_name(void *ctx, const char *name, bool odd)
{
	const struct names *names = ctx;
	strvec_push(names->all, name);
	if (odd && names->odd)
		strvec_push(names->odd, name);
}

bool fs_list_odd(const char *directory, struct strvec *names, struct strvec *odd, struct err *err)
{
	struct names both = {names, odd};
	if (!fs_each(directory, add_name, &both, err))
		return false;
	strvec_sort(names);
	return true;
}

bool fs_temp_dir(const char *parent, char **path, struct err *err)
{
	char *pattern = xstrfmt("%s/mig.XXXXXX", parent ? parent : "/tmp");
	if (!mkdtemp(pattern)) {
		err_sys(err, ERR_STORAGE, "cannot create a folder in %s", parent ? parent : "/tmp");
		free(pattern);
		return false;
	}
	*path = pattern;
	return true;
}

int64_t fs_free_bytes(const char *path)
{
	AUTO_FREE char *place = xstrdup(path);
	struct statvfs info;
	while (statvfs(place, &info) < 0) {
		if (errno != ENOENT || strcmp(place, "/") == 0 || strcmp(place, ".") == 0)
			return -1;
		char *parent = fs_dirname(place);
		free(place);
		place = parent;
	}
	return (int64_t)info.f_bavail * (int64_t)info.f_frsize;
}
