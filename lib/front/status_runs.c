#include "front/status_runs.h"

#include "base/fs.h"
#include "play/runs.h"
#include <unistd.h>

/* The runner's process, when it runs on this host; 0: not here. */
static int pid_here(const struct play_run_row *row)
{
	AUTO_ERR(ignored);
	char host[256] = "";
	int pid = 0;
	struct play_story story;
	AUTO_FREE char *path = fs_join(row->path, "journal.jsonl");
	if (play_story_read(path, &story, &ignored) && !gethostname(host, sizeof(host) - 1) &&
		str_equal(host, play_story_text(story.start, "host")))
		pid = (int)json_integer_value(json_object_get(story.start, "pid"));
	play_story_release(&story);
	return pid;
}

bool status_runs_say_stop(const struct conf_env *env, struct strvec *lines)
{
	AUTO_ERR(ignored);
	CLEANUP(play_runs_release) struct play_runs runs = {0};
	bool said = false;
	if (!play_runs_list(env, &runs, &ignored))
		return false;
	for (size_t i = 0; i < runs.count; i++) {
		const struct play_run_row *row = &runs.items[i];
		int pid = row->alive ? pid_here(row) : 0;
		if (!pid)
			continue;
		strvec_pushf(lines, "%-12s run %s of %s, step %s, %s", "", row->id, row->playbook,
			row->step[0] ? row->step : "-", row->path);
		strvec_pushf(lines, "%-12s stop it (it undoes what it did): kill -INT %d", "", pid);
		said = true;
	}
	return said;
}

bool status_runs_unfinished(
	const struct conf_env *env, struct strvec *lines, json_t *unfinished, struct err *err)
{
	CLEANUP(play_runs_release) struct play_runs runs = {0};
	if (!play_runs_list(env, &runs, err))
		return false;
	for (size_t i = 0; i < runs.count; i++) {
		const struct play_run_row *row = &runs.items[i];
		if (row->ended || row->alive)
			continue;
		strvec_pushf(lines, "%s of %s, begun %s, died in step %s", row->id, row->playbook,
			row->started, row->step[0] ? row->step : "-");
		strvec_pushf(lines, "  %s: mig run recover %s",
			row->effect ? "it may have left something" : "close it", row->id);
		json_array_append_new(unfinished, play_run_json(row));
	}
	return true;
}
