#include "copies/intent.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/strbuf.h"

char *copies_intent_path(const char *state_dir, const char *kind)
{
	AUTO_FREE char *id = clock_new_id();
	return xstrfmt("%s/intents/%s-%s.json", state_dir, kind, id);
}

bool copies_intent_write(const char *path, json_t *fields, struct err *err)
{
	AUTO_FREE char *text = json_dumps(fields, JSON_SORT_KEYS | JSON_ENSURE_ASCII);
	json_decref(fields);
	AUTO_FREE char *directory = fs_dirname(path);
	if (!text)
		return err_set(err, ERR_BUG, "an intent does not become JSON: %s", path);
	if (!fs_mkdirs(directory, err) || !fs_write_atomic(path, text, strlen(text), err))
		return err_hint(err, "without its intent nothing is begun; is the state "
				     "directory writable?");
	return true;
}

bool copies_intent_remove(const char *path, struct err *err)
{
	return fs_remove_tree(path, err);
}

bool copies_intent_each(const char *state_dir, const char *kind,
	void (*each)(void *ctx, const char *path, const json_t *fields), void *ctx, struct err *err)
{
	AUTO_FREE char *directory = fs_join(state_dir, "intents");
	AUTO_FREE char *prefix = xstrfmt("%s-", kind);
	AUTO_STRVEC(names);
	if (!fs_list(directory, &names, err))
		return false;
	STRVEC_EACH (&names, name) {
		if (!str_starts(name, prefix) || !str_ends(name, ".json"))
			continue;
		AUTO_FREE char *path = fs_join(directory, name);
		json_t *fields = json_load_file(path, 0, NULL);
		if (json_is_object(fields))
			each(ctx, path, fields);
		json_decref(fields);
	}
	return true;
}

json_t *copies_json_text(const char *text)
{
	if (!text)
		return json_null();
	json_t *plain = json_string(text);
	if (plain)
		return plain;
	AUTO_STRBUF(escaped);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c < 0x80)
			strbuf_addc(&escaped, (char)*c);
		else
			strbuf_addf(&escaped, "\\x%02x", *c);
	}
	return json_string(escaped.buf);
}

json_t *copies_json_texts(const struct strvec *texts)
{
	json_t *list = json_array();
	STRVEC_EACH (texts, text)
		json_array_append_new(list, copies_json_text(text));
	return list;
}
