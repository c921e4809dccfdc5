/*
 * What can be said to be wrong before anything is reached.
 */
#include "backup/create_room.h"

#include "base/fs.h"
#include "pack/frame.h"

enum { LABEL_MAX = 200, JOBS_MAX = 256 };

static bool check_label(const char *label, struct err *err)
{
	if (!label)
		return true;
	bool plain = label[0] && strlen(label) <= LABEL_MAX;
	for (const char *c = label; *c; c++)
		plain = plain && (unsigned char)*c >= ' ';
	return plain ||
	       err_set(err, ERR_USAGE, "--label takes one line of 1 to %d bytes", LABEL_MAX);
}

static bool check_to(const char *to, struct err *err)
{
	if (!to)
		return true;
	if (strcmp(to, "-") == 0) {
		err_set(err, ERR_USAGE, "--to takes a file: a snapshot cannot be a stream");
		err_detail(err, "it has its name only when all of it is there and sound, and a "
				"pipe shows its reader half of one");
		return err_hint(err, "plain SQL as a stream: mig-backup cat SNAPSHOT");
	}
	if (!*to || str_ends(to, "/") || fs_is_dir(to)) {
		err_set(err, ERR_USAGE, "--to takes a file, and \"%s\" is a folder", to);
		return err_hint(err, "name it: --to %s/shop.mig.tar", *to ? to : ".");
	}
	return true;
}

bool backup_settings_check(const struct backup_settings *settings, struct err *err)
{
	if (settings->level &&
		(settings->level < PACK_LEVEL_MIN || settings->level > PACK_LEVEL_MAX))
		return err_set(
			err, ERR_USAGE, "--level takes %d to %d", PACK_LEVEL_MIN, PACK_LEVEL_MAX);
	if (settings->jobs < 0 || settings->jobs > JOBS_MAX)
		return err_set(err, ERR_USAGE, "--jobs takes 1 to %d", JOBS_MAX);
	return check_label(settings->label, err) && check_to(settings->to, err) &&
	       create_filter_check(&settings->filter, err);
}
