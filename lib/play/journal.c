#include "play/journal.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/secret.h"
#include "play/playbook.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* --- writing ---------------------------------------------------------------------------------- */

/* What a crash cut short ends here, so that the next record stands on a line of its own. */
static bool end_cut_line(struct play_journal *journal, struct err *err)
{
	char last;
	off_t size = lseek(journal->fd, 0, SEEK_END);
	if (size <= 0 || pread(journal->fd, &last, 1, size - 1) != 1 || last == '\n')
		return true;
	return fs_write_all(journal->fd, "\n", 1, err);
}

bool play_journal_open(const char *path, struct play_journal *journal, struct err *err)
{
	journal->path = xstrdup(path);
	journal->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (journal->fd < 0) {
		err_sys(err, ERR_FAILED, "cannot open the journal %s", path);
		return err_hint(err, "without a journal nothing is done: make room, or set "
				     "state_dir in mig.yaml");
	}
	if (flock(journal->fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(err, ERR_LOCK, "the run of %s is still alive", path);
	AUTO_FREE char *directory = fs_dirname(path);
	return end_cut_line(journal, err) && fs_fsync_dir(directory, err);
}

bool play_journal_write(
	struct play_journal *journal, const char *record, json_t *fields, struct err *err)
{
	AUTO_FREE char *at = clock_utc_ms(clock_now_ms());
	json_t *line = json_pack("{s:s, s:s}", "record", record, "at", at);
	json_object_update(line, fields);
	json_decref(fields);
	AUTO_FREE char *text = json_dumps(line, JSON_COMPACT);
	json_decref(line);
	AUTO_FREE char *safe = secret_redact(text ? text : "{}");
	AUTO_FREE char *whole = xstrfmt("%s\n", safe);
	/* a record that found no room may have left half a line: the next one needs its own */
	if (!end_cut_line(journal, err) || !fs_write_all(journal->fd, whole, strlen(whole), err))
		return err_context(err, "journal %s", journal->path);
	if (fsync(journal->fd) != 0)
		return err_sys(
			err, ERR_FAILED, "cannot make the journal %s durable", journal->path);
	return true;
}

void play_journal_close(struct play_journal *journal)
{
	fs_close(&journal->fd);
	free(journal->path);
	journal->path = NULL;
}

/* --- reading ---------------------------------------------------------------------------------- */

const char *play_story_text(const json_t *record, const char *key)
{
	const char *text = json_string_value(json_object_get(record, key));
	return text ? text : "";
}

static bool is_record(const json_t *record, const char *kind)
{
	return str_equal(play_story_text(record, "record"), kind);
}

static void take_line(struct play_story *story, const char *line)
{
	json_t *record = json_loads(line, 0, NULL);
	if (!json_is_object(record)) {
		json_decref(record);
		return;
	}
	json_array_append(story->records, record);
	json_t **keep = is_record(record, "start") ? &story->start
			: is_record(record, "end") ? &story->end
						   : NULL;
	if (keep) {
		json_decref(*keep);
		*keep = json_incref(record);
	}
	json_decref(record);
}

static bool runner_lives(const char *path)
{
	CLEANUP(fs_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

bool play_story_read(const char *path, struct play_story *story, struct err *err)
{
	AUTO_STRBUF(text);
	AUTO_STRVEC(lines);
	*story = (struct play_story){.records = json_array()};
	if (!fs_read(path, 0, &text, err))
		return false;
	strvec_split(&lines, text.buf, '\n');
	STRVEC_EACH (&lines, line)
		if (*line)
			take_line(story, line);
	story->alive = runner_lives(path);
	if (!story->start)
		return err_set(err, ERR_CORRUPT, "%s does not begin with a start record", path);
	return true;
}

void play_story_release(struct play_story *story)
{
	json_decref(story->records);
	json_decref(story->start);
	json_decref(story->end);
	*story = (struct play_story){0};
}

const json_t *play_story_pending(const struct play_story *story)
{
	const json_t *pending = NULL;
	size_t i;
	json_t *record;
	json_array_foreach(story->records, i, record)
	{
		if (is_record(record, "intent"))
			pending = record;
		else if (is_record(record, "done"))
			pending = NULL;
	}
	return pending;
}

const json_t *play_story_last(
	const struct play_story *story, const char *kind, const char *step, const char *phase)
{
	for (size_t i = json_array_size(story->records); i-- > 0;) {
		const json_t *record = json_array_get(story->records, i);
		if (is_record(record, kind) &&
			(!step || str_equal(play_story_text(record, "step"), step)) &&
			(!phase || str_equal(play_story_text(record, "phase"), phase)))
			return record;
	}
	return NULL;
}

bool play_story_effect(const struct play_story *story)
{
	size_t i;
	json_t *record;
	json_array_foreach(story->records, i, record)
	{
		enum play_kind kind = play_kind_parse(play_story_text(record, "kind"));
		if (is_record(record, "intent") && play_kind_effect(kind) &&
			!str_equal(play_story_text(record, "phase"), "gate"))
			return true;
	}
	return false;
}
