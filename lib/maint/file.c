/* A flag file: while it exists, the application shows its maintenance page. */
#include "maint/providers.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

struct file_config {
	char *given;
	char *path; /* absolute */
};

static const struct conf_field fields[] = {
	{"file", CONF_TEXT, offsetof(struct file_config, given), true},
};

static bool file_check(
	void *config, const struct conf_node *item, const char *directory, struct err *err)
{
	struct file_config *file = config;
	(void)item;
	(void)err;
	file->path = fs_join(directory, file->given);
	return true;
}

static void file_release(void *config)
{
	free(((struct file_config *)config)->path);
}

static char *file_describe(const void *config)
{
	return xstrfmt("file %s", ((const struct file_config *)config)->path);
}

static bool file_status(const struct maint_site *site, const void *config, enum maint_switch *is,
	char **why, struct err *err)
{
	const struct file_config *file = config;
	struct stat found;
	(void)site;
	(void)why;
	if (lstat(file->path, &found) == 0)
		*is = MAINT_IS_ON;
	else if (errno == ENOENT)
		*is = MAINT_IS_OFF;
	else
		return err_sys(err, ERR_FAILED, "cannot look at %s", file->path);
	return true;
}

static bool file_before(
	const struct maint_site *site, const void *config, json_t **before, struct err *err)
{
	const struct file_config *file = config;
	AUTO_FREE char *folder = fs_dirname(file->path);
	(void)site;
	if (!fs_is_dir(folder)) {
		err_set(err, ERR_CONFIG, "no folder %s for the maintenance file", folder);
		return err_hint(err, "mkdir %s, readable for the application", folder);
	}
	*before = json_object();
	return true;
}

/* Readable for everybody: the application has another user. Its text is for people. */
static bool file_on(const struct maint_site *site, const void *config, struct err *err)
{
	const struct file_config *file = config;
	CLEANUP(fs_close)
	int fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return true;
	if (fd < 0)
		return err_sys(err, ERR_FAILED, "cannot make %s", file->path);
	AUTO_FREE char *now = clock_utc(clock_now_ms());
	AUTO_FREE char *text = xstrfmt("maintenance since %s, by mig (%s)\n", now, site->owner);
	AUTO_FREE char *folder = fs_dirname(file->path);
	if (fchmod(fd, 0644) != 0)
		return err_sys(err, ERR_FAILED, "cannot make %s readable", file->path);
	return fs_write_all(fd, text, strlen(text), err) && fs_fsync_dir(folder, err);
}

static bool file_off(
	const struct maint_site *site, const void *config, const json_t *before, struct err *err)
{
	const struct file_config *file = config;
	(void)site;
	if (maint_was_on(before))
		return true;
	if (unlink(file->path) != 0 && errno != ENOENT)
		return err_sys(err, ERR_FAILED, "cannot remove %s", file->path);
	return true;
}

const struct maint_row maint_file = {
	.key = "file",
	.gives = MAINT_TELLS,
	.fields = fields,
	.field_count = ARRAY_SIZE(fields),
	.size = sizeof(struct file_config),
	.check = file_check,
	.release = file_release,
	.describe = file_describe,
	.status = file_status,
	.before = file_before,
	.on = file_on,
	.off = file_off,
};
