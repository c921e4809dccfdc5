/*
 * Files: whole reads, atomic durable writes, folders, locks. Errors name the path.
 * Created files are 0600 and folders 0700. All descriptors are close-on-exec.
 */
#ifndef BASE_FS_H
#define BASE_FS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "base/strvec.h"
#include <sys/types.h>

/* "a/b" from "a" and "b"; b alone when it is absolute or a is NULL or empty. Caller owns. */
char *fs_join(const char *directory, const char *name);
/* The same, in the arena. */
char *fs_join_in(struct arena *arena, const char *directory, const char *name);
char *fs_dirname(const char *path);
const char *fs_basename(const char *path); /* points into path */
bool fs_exists(const char *path);
bool fs_is_dir(const char *path);

/* ERR_NOTFOUND when absent, ERR_FAILED otherwise; files over `limit` bytes (0: 64 MiB) refused. */
MUST_CHECK bool fs_read(const char *path, size_t limit, struct strbuf *out, struct err *err);
/* For many files of one folder: the way to it is looked up once. */
struct fs_folder {
	const char *path; /* borrowed */
	int fd;
};
MUST_CHECK bool fs_folder_open(struct fs_folder *folder, const char *path, struct err *err);
/* As fs_read(), but behind what is in `out`. */
MUST_CHECK bool fs_folder_read(
	const struct fs_folder *folder, const char *name, struct strbuf *out, struct err *err);
void fs_folder_release(struct fs_folder *folder);
/* Temporary name in the same folder, write, fsync, rename, fsync of the folder. */
MUST_CHECK bool fs_write_atomic(
	const char *path, const void *bytes, size_t length, struct err *err);
/* The same without fsync: for what only tells of a living process. */
MUST_CHECK bool fs_write_swift(const char *path, const void *bytes, size_t length, struct err *err);
/* Appends in one write and, if durable, fsyncs. Creates the file. */
MUST_CHECK bool fs_append(
	const char *path, const void *bytes, size_t length, bool durable, struct err *err);
MUST_CHECK bool fs_write_all(int fd, const void *bytes, size_t length, struct err *err);
MUST_CHECK bool fs_fsync_dir(const char *directory, struct err *err);
/* Rename, then fsync of the folder. */
MUST_CHECK bool fs_rename(const char *from, const char *to, struct err *err);
/* The same, never over another file: ERR_REFUSED. */
MUST_CHECK bool fs_rename_new(const char *from, const char *to, struct err *err);
MUST_CHECK bool fs_mkdirs(const char *path, struct err *err);
/* Removes a file or a tree; absent is fine. */
MUST_CHECK bool fs_remove_tree(const char *path, struct err *err);
/*
 * What is in a folder, without "." and "..", in no order; an absent folder is empty. `odd`: not, or
 * not surely, a regular file: a folder, a link ..
 */
typedef void (*fs_on_entry)(void *ctx, const char *name, bool odd);
MUST_CHECK bool fs_each(const char *directory, fs_on_entry on_entry, void *ctx, struct err *err);
/* Names in a folder without "." and "..", sorted; an absent folder is empty. */
MUST_CHECK bool fs_list(const char *directory, struct strvec *names, struct err *err);
/* The same; `odd` gets those that fs_each() calls so. */
MUST_CHECK bool fs_list_odd(
	const char *directory, struct strvec *names, struct strvec *odd, struct err *err);
/* Makes a new private folder under `parent` (NULL: $TMPDIR is the caller's business, /tmp). */
MUST_CHECK bool fs_temp_dir(const char *parent, char **path, struct err *err);
/* Bytes free to this user on the file system of `path` (nearest existing folder); -1: unknown. */
int64_t fs_free_bytes(const char *path);

/* Closes *fd when >= 0 and sets it to -1; for CLEANUP. */
void fs_close(int *fd);

#endif
