#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

void io_writer_close(struct io_writer *w)
{
	if (w)
		w->ops->close(w);
}

void io_reader_close(struct io_reader *r)
{
	if (r)
		r->ops->close(r);
}

/* What is written goes to the disk from there on, so that the commit has little left to wait for.
 */
#define WRITE_BEHIND (8 << 20)

struct file_writer {
	struct io_writer base;
	int fd;
	int64_t written, begun; /* bytes; begun: the kernel was asked to write so many */
	bool committed;
	char *path, *partial;
};

static bool file_write(struct io_writer *w, const void *bytes, size_t length, struct err *err)
{
	struct file_writer *file = (struct file_writer *)w;
	if (!fs_write_all(file->fd, bytes, length, err))
		return err_context(err, "%s", file->path);
	file->written += (int64_t)length;
	if (file->written - file->begun >= WRITE_BEHIND) {
		/* a hint: file systems that cannot do it write at the commit */
		sync_file_range(
			file->fd, file->begun, file->written - file->begun, SYNC_FILE_RANGE_WRITE);
		file->begun = file->written;
	}
	return true;
}

static bool file_commit(struct io_writer *w, struct err *err)
{
	struct file_writer *file = (struct file_writer *)w;
	if (fsync(file->fd) < 0)
		return err_sys(err, ERR_STORAGE, "cannot sync %s", file->partial);
	if (!fs_rename_new(file->partial, file->path, err))
		return false;
	file->committed = true;
	return true;
}

static void file_writer_close(struct io_writer *w)
{
	struct file_writer *file = (struct file_writer *)w;
	if (!file->committed)
		unlink(file->partial); /* while it is locked: it is ours */
	fs_close(&file->fd);
	free(file->path);
	free(file->partial);
	free(file);
}

static const struct io_writer_ops file_writer_ops = {file_write, file_commit, file_writer_close};

static bool still_there(int fd, const char *path)
{
	struct stat opened, named;
	return fstat(fd, &opened) == 0 && stat(path, &named) == 0 &&
	       opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/*
 * One that a dead writer left is used again; the lock, held as long as the writer lives, tells it
 * from that of one at work. Between open and lock that one may have removed it.
 */
static bool open_partial(const char *partial, int *fd, struct err *err)
{
	for (;;) {
		CLEANUP(fs_close) int opened = open(partial, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (opened < 0)
			return err_sys(err, ERR_STORAGE, "cannot create %s", partial);
		if (flock(opened, LOCK_EX | LOCK_NB) < 0)
			return err_set(
				err, ERR_LOCK, "%s is being written by another program", partial);
		if (!still_there(opened, partial))
			continue;
		if (ftruncate(opened, 0) < 0)
			return err_sys(err, ERR_STORAGE, "cannot empty %s", partial);
		*fd = opened;
		opened = -1; /* NOLINT(clang-analyzer-deadcode.DeadStores): the clean-up reads it */
		return true;
	}
}

bool io_file_create(const char *path, struct io_writer **w, struct err *err)
{
	if (fs_exists(path)) {
		err_set(err, ERR_REFUSED, "%s exists already", path);
		return err_hint(err, "it is never written over: choose another name, or remove it");
	}
	AUTO_FREE char *partial = xstrfmt("%s.partial", path);
	int fd = -1;
	if (!open_partial(partial, &fd, err))
		return false;
	struct file_writer *file = xcalloc(1, sizeof *file);
	file->base.ops = &file_writer_ops;
	file->fd = fd;
	file->path = xstrdup(path);
	file->partial = xtake(&partial);
	*w = &file->base;
	return true;
}

struct file_reader {
	struct io_reader base;
	int fd;
	int64_t size;
};

static bool file_read_at(
	struct io_reader *r, int64_t offset, void *bytes, size_t length, struct err *err)
{
	struct file_reader *file = (struct file_reader *)r;
	char *next = bytes;
	while (length) {
		ssize_t got = pread(file->fd, next, length, offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, ERR_STORAGE, "cannot read %s", r->name);
		if (got == 0)
			return err_set(err, ERR_CORRUPT, "%s ends too early", r->name);
		next += got;
		offset += got;
		length -= (size_t)got;
	}
	return true;
}

static int64_t file_size(struct io_reader *r)
{
	return ((struct file_reader *)r)->size;
}

static void file_reader_close(struct io_reader *r)
{
	struct file_reader *file = (struct file_reader *)r;
	fs_close(&file->fd);
	free(r->name);
	free(file);
}

static const struct io_reader_ops file_reader_ops = {file_read_at, file_size, file_reader_close};

bool io_file_open(const char *path, struct io_reader **r, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno == ENOENT ? ERR_NOTFOUND : ERR_STORAGE, "%s", path);
	struct stat info;
	if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
		close(fd);
		return err_set(err, ERR_STORAGE, "%s is not a file", path);
	}
	struct file_reader *file = xcalloc(1, sizeof *file);
	file->base.ops = &file_reader_ops;
	file->base.name = xstrdup(path);
	file->fd = fd;
	file->size = info.st_size;
	*r = &file->base;
	return true;
}
