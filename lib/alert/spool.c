#include "alert/spool.h"

#include "base/clock.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 50, FILE_BYTES_MAX = 4 << 20 };
static const int64_t age_max_ms = INT64_C(7) * 24 * 3600 * 1000;

void alert_spool_entry_release(struct alert_spool_entry *entry)
{
	fs_close(&entry->fd);
	free(entry->path);
	free(entry->receiver);
	free(entry->id);
	json_decref(entry->kept);
	*entry = (struct alert_spool_entry){.fd = -1};
}

static char *entry_text(const struct alert_spool_entry *entry)
{
	json_t *object = json_pack("{s:s, s:s, s:O}", "receiver", entry->receiver, "id", entry->id,
		"kept", entry->kept);
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return text;
}

/* Locked before it has its name: no other program can take it in between. */
static bool write_locked(struct alert_spool_entry *entry, const char *hidden, struct err *err)
{
	AUTO_FREE char *text = entry_text(entry);
	entry->fd = open(hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (entry->fd < 0)
		return err_sys(err, ERR_FAILED, "cannot create %s", hidden);
	if (!text || !fs_write_all(entry->fd, text, strlen(text), err))
		return false;
	if (fsync(entry->fd) || flock(entry->fd, LOCK_EX | LOCK_NB))
		return err_sys(err, ERR_FAILED, "cannot write %s", hidden);
	return true;
}

bool alert_spool_put(const char *directory, struct alert_spool_entry *entry, struct err *err)
{
	if (!fs_mkdirs(directory, err))
		return false;
	AUTO_FREE char *path =
		xstrfmt("%s/%013" PRId64 "-%s.json", directory, clock_now_ms(), entry->id);
	AUTO_FREE char *hidden = xstrfmt("%s/.%s", directory, fs_basename(path));
	if (!write_locked(entry, hidden, err) || !fs_rename(hidden, path, err)) {
		unlink(hidden);
		fs_close(&entry->fd);
		return false;
	}
	entry->path = xtake(&path);
	return true;
}

bool alert_spool_list(const char *directory, struct strvec *names, struct err *err)
{
	AUTO_STRVEC(all);
	if (!fs_list(directory, &all, err))
		return false;
	STRVEC_EACH (&all, name)
		if (name[0] != '.' && str_ends(name, ".json"))
			strvec_push(names, name);
	return true;
}

/* True when the file is ours now and still has its name. */
static bool lock_file(struct alert_spool_entry *entry)
{
	struct stat file;
	entry->fd = open(entry->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return entry->fd >= 0 && flock(entry->fd, LOCK_EX | LOCK_NB) == 0 &&
	       fstat(entry->fd, &file) == 0 && file.st_nlink > 0;
}

bool alert_spool_take(
	const char *directory, const char *name, struct alert_spool_entry *entry, struct err *err)
{
	AUTO_STRBUF(text);
	entry->path = fs_join(directory, name);
	if (!lock_file(entry))
		return true;
	if (!fs_read(entry->path, FILE_BYTES_MAX, &text, err))
		return false;
	json_t *object = json_loadb(text.buf, text.len, 0, NULL);
	const char *receiver = json_string_value(json_object_get(object, "receiver"));
	const char *id = json_string_value(json_object_get(object, "id"));
	json_t *kept = json_object_get(object, "kept");
	bool whole = receiver && id && json_is_object(kept);
	if (whole) {
		entry->receiver = xstrdup(receiver);
		entry->id = xstrdup(id);
		entry->kept = json_incref(kept);
	}
	json_decref(object);
	return whole || err_set(err, ERR_CORRUPT, "not a message: %s", entry->path);
}

bool alert_spool_remove(struct alert_spool_entry *entry, struct err *err)
{
	if (unlink(entry->path) && errno != ENOENT)
		return err_sys(err, ERR_FAILED, "cannot remove %s", entry->path);
	return true;
}

/* The time in front of a file's name; 0: none. */
static int64_t name_time(const char *name)
{
	int64_t ms = 0;
	int used = 0;
	return sscanf(name, "%13" SCNd64 "-%n", &ms, &used) == 1 && used ? ms : 0;
}

void alert_spool_trim(const char *directory, struct log_sink *log)
{
	AUTO_STRVEC(names);
	AUTO_ERR(ignored);
	int64_t now = clock_now_ms();
	if (!alert_spool_list(directory, &names, &ignored))
		return;
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.items[i];
		bool old = now - name_time(name) > age_max_ms;
		if (!old && names.count - i <= FILES_MAX)
			continue;
		AUTO_FREE char *path = fs_join(directory, name);
		if (unlink(path) == 0)
			log_warn(log, "alert_dropped", json_pack("{s:s}", "file", path),
				"an alert that waited %s is dropped: %s",
				old ? "over 7 days" : "with more than 50 others", path);
	}
}
