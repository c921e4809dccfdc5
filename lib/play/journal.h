/*
 * The journal of a run: one JSON object per line, each fsynced before the effect that it announces.
 *
 * docs/journal.md describes the records. A last line that a crash cut short is ignored.
 * The runner holds a lock (flock) on the file as long as it lives.
 */
#ifndef PLAY_JOURNAL_H
#define PLAY_JOURNAL_H

#include "base/err.h"
#include <jansson.h>

struct play_journal {
	char *path;
	int fd; /* -1: not open */
};

/* Creates or continues the file and locks it; ERR_LOCK when its runner is alive. */
MUST_CHECK bool play_journal_open(const char *path, struct play_journal *journal, struct err *err);
/* Adds "record" and "at", redacts, writes and fsyncs. Steals fields. */
MUST_CHECK bool play_journal_write(
	struct play_journal *journal, const char *record, json_t *fields, struct err *err);
void play_journal_close(struct play_journal *journal);

/* What a journal tells, read from outside. All references are owned. */
struct play_story {
	json_t *records; /* array of every whole record */
	json_t *start; /* the "start" record; NULL: none */
	json_t *end; /* the last "end" record; NULL: the run did not end */
	bool alive; /* its runner still holds the lock */
};
MUST_CHECK bool play_story_read(const char *path, struct play_story *story, struct err *err);
void play_story_release(struct play_story *story);
/* The last intent without a done; NULL: none. Borrowed. */
const json_t *play_story_pending(const struct play_story *story);
/* The last record of this kind about a step ("intent", "done"); NULL. Borrowed. */
const json_t *play_story_last(
	const struct play_story *story, const char *record, const char *step, const char *phase);
/* Was anything begun that may change the target? */
bool play_story_effect(const struct play_story *story);
const char *play_story_text(const json_t *record, const char *key); /* "" when absent */

#endif
