#include "play/runs.h"
#include "base/fs.h"

static void row_release(struct play_run_row *row)
{
	free(row->id);
	free(row->playbook);
	free(row->path);
	free(row->started);
	free(row->step);
	free(row->state);
	free(row->maintenance);
	free(row->host);
}

/* The last thing that was begun for the target's sake; telling people is not meant. */
static const json_t *last_intent(const struct play_story *story)
{
	for (size_t i = json_array_size(story->records); i-- > 0;) {
		const json_t *record = json_array_get(story->records, i);
		if (str_equal(play_story_text(record, "record"), "intent") &&
			!str_equal(play_story_text(record, "phase"), "notify"))
			return record;
	}
	return NULL;
}

static void row_fill(struct play_run_row *row, const struct play_story *story)
{
	const json_t *intent = last_intent(story);
	const json_t *end = story->end;
	row->id = xstrdup(play_story_text(story->start, "run"));
	row->playbook = xstrdup(play_story_text(json_object_get(story->start, "playbook"), "name"));
	row->started = xstrdup(play_story_text(story->start, "at"));
	row->step = xstrdup(play_story_text(intent, "step"));
	row->host = xstrdup(play_story_text(story->start, "host"));
	row->pid = (int)json_integer_value(json_object_get(story->start, "pid"));
	row->alive = story->alive;
	row->ended = end != NULL && !story->alive;
	row->effect = play_story_effect(story);
	row->state = xstrdup(row->alive ? "running" : end ? play_story_text(end, "state") : "died");
	row->code = end ? (int)json_integer_value(json_object_get(end, "code")) : -1;
	row->maintenance = xstrdup(play_story_text(end, "maintenance"));
}

bool play_runs_list(const struct conf_env *env, struct play_runs *runs, struct err *err)
{
	AUTO_FREE char *folder = conf_run_dir(env, "");
	AUTO_STRVEC(names);
	if (!fs_list(folder, &names, err))
		return false;
	STRVEC_EACH (&names, name) {
		AUTO_FREE char *directory = conf_run_dir(env, name);
		AUTO_FREE char *path = fs_join(directory, "journal.jsonl");
		struct play_story story;
		AUTO_ERR(ignored);
		if (play_story_read(path, &story, &ignored)) {
			xgrow(runs->items, runs->count, runs->alloc);
			struct play_run_row *row = &runs->items[runs->count++];
			*row = (struct play_run_row){.path = xstrdup(directory)};
			row_fill(row, &story);
		}
		play_story_release(&story);
	}
	return true;
}

void play_runs_release(struct play_runs *runs)
{
	for (size_t i = 0; i < runs->count; i++)
		row_release(&runs->items[i]);
	free(runs->items);
	*runs = (struct play_runs){0};
}

json_t *play_run_json(const struct play_run_row *row)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:i, s:s, s:i, s:s}", "run", row->id,
		"playbook", row->playbook, "started", row->started, "state", row->state, "step",
		row->step, "effect", row->effect, "maintenance", row->maintenance, "code",
		row->code, "host", row->host, "pid", row->pid, "directory", row->path);
}

static bool fits(const struct play_run_row *row, const char *id)
{
	return id ? str_starts(row->id, id) : !row->ended && !row->alive;
}

/* Without an id: a run that ended in doubt is meant as long as it is the newest. */
static const struct play_run_row *doubtful(const struct play_runs *runs)
{
	const struct play_run_row *last = runs->count ? &runs->items[runs->count - 1] : NULL;
	return last && last->ended && str_equal(last->state, "in_doubt") ? last : NULL;
}

bool play_runs_find(const struct play_runs *runs, const char *id, const struct play_run_row **row,
	struct err *err)
{
	AUTO_STRBUF(list);
	size_t found = 0;
	for (size_t i = 0; i < runs->count; i++) {
		if (!fits(&runs->items[i], id))
			continue;
		*row = &runs->items[i];
		found++;
		strbuf_addf(&list, "%s%s  %s, %s in step %s", found > 1 ? "\n" : "", (*row)->id,
			(*row)->playbook, (*row)->state, (*row)->step);
	}
	if (found == 0 && !id && (*row = doubtful(runs)) != NULL)
		return true;
	if (found == 1)
		return true;
	if (found == 0) {
		if (id)
			err_set(err, ERR_NOTFOUND, "no run %s", id);
		else
			err_set(err, ERR_NOTFOUND, "no unfinished run");
		return err_hint(err, "list them: mig-run list");
	}
	err_set(err, ERR_USAGE, "%zu runs are meant by that", found);
	err_detail(err, "%s", list.buf);
	return err_hint(err, "name one: mig-run recover RUN");
}
