#include "maint/last_intent.h"

#include "base/fs.h"

static const char *word(const json_t *record, const char *key)
{
	const char *text = json_string_value(json_object_get(record, key));
	return text ? text : "";
}

static bool is_database(const json_t *record)
{
	return strcmp(word(record, "kind"), "database") == 0;
}

static void take(struct last_intent *intent, const json_t *record)
{
	bool begins = strcmp(word(record, "record"), "intent") == 0;
	bool ends = strcmp(word(record, "record"), "done") == 0;
	if (!begins && !ends)
		return;
	json_t *argv = json_object_get(record, "argv");
	AUTO_STRVEC(words);
	size_t i;
	json_t *item;
	json_array_foreach(argv, i, item) if (json_string_value(item))
		strvec_push(&words, json_string_value(item));
	AUTO_FREE char *command = strvec_shell(&words);
	if (ends && !intent->text)
		return;
	if (begins) {
		free(intent->text);
		intent->text = xstrfmt("step %s (%s)%s%s, begun %s", word(record, "step"),
			word(record, "kind"), words.count ? ": " : "", command, word(record, "at"));
	}
	if (is_database(record))
		intent->database = begins;
}

/* A last line that a crash cut short is no record. */
bool last_intent_read(
	const struct conf_env *env, const char *run_id, struct last_intent *intent, struct err *err)
{
	AUTO_FREE char *folder = conf_run_dir(env, run_id);
	AUTO_FREE char *path = fs_join(folder, "journal.jsonl");
	AUTO_STRBUF(text);
	AUTO_STRVEC(lines);
	AUTO_ERR(why);
	if (!fs_read(path, 0, &text, &why))
		return why.code == ERR_NOTFOUND ? true : err_move(err, &why);
	strvec_split(&lines, text.buf, '\n');
	STRVEC_EACH (&lines, line) {
		json_t *record = json_loads(line, 0, NULL);
		if (json_is_object(record))
			take(intent, record);
		json_decref(record);
	}
	return true;
}

void last_intent_release(struct last_intent *intent)
{
	free(intent->text);
	*intent = (struct last_intent){0};
}
