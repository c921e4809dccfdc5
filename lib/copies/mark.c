#include "copies/copies.h"
#include "copies/intent.h"

char *copies_mark_text(const struct copies_mark *mark)
{
	json_t *fields = json_pack("{s:i, s:s, s:I, s:o, s:o, s:o, s:b}", "mig", 1, "purpose",
		mark->purpose, "oid", (json_int_t)mark->oid, "of", copies_json_text(mark->of),
		"run", copies_json_text(mark->run), "made", copies_json_text(mark->made), "proved",
		mark->proved);
	if (mark->snapshot)
		json_object_set_new(fields, "snapshot", copies_json_text(mark->snapshot));
	if (mark->partial)
		json_object_set_new(fields, "partial", json_true());
	if (mark->target)
		json_object_set_new(fields, "target", copies_json_text(mark->target));
	if (mark->dump)
		json_object_set_new(fields, "dump", copies_json_text(mark->dump));
	if (mark->defined)
		json_object_set_new(fields, "defined", json_true());
	char *text = json_dumps(fields, JSON_ENSURE_ASCII);
	json_decref(fields);
	return text;
}

static char *field_text(const json_t *fields, const char *key)
{
	return xstrdup_null(json_string_value(json_object_get(fields, key)));
}

bool copies_mark_parse(const char *comment, struct copies_mark *mark)
{
	*mark = (struct copies_mark){0};
	json_t *fields = comment ? json_loads(comment, 0, NULL) : NULL;
	if (json_integer_value(json_object_get(fields, "mig")) != 1) {
		json_decref(fields);
		return false;
	}
	mark->purpose = field_text(fields, "purpose");
	mark->oid = (uint32_t)json_integer_value(json_object_get(fields, "oid"));
	mark->of = field_text(fields, "of");
	mark->run = field_text(fields, "run");
	mark->made = field_text(fields, "made");
	mark->snapshot = field_text(fields, "snapshot");
	mark->target = field_text(fields, "target");
	mark->dump = field_text(fields, "dump");
	mark->defined = json_is_true(json_object_get(fields, "defined"));
	mark->proved = json_is_true(json_object_get(fields, "proved"));
	mark->partial = json_is_true(json_object_get(fields, "partial"));
	json_decref(fields);
	return mark->purpose && mark->oid;
}

void copies_mark_copy(struct copies_mark *to, const struct copies_mark *from)
{
	*to = *from;
	to->purpose = xstrdup_null(from->purpose);
	to->of = xstrdup_null(from->of);
	to->run = xstrdup_null(from->run);
	to->made = xstrdup_null(from->made);
	to->snapshot = xstrdup_null(from->snapshot);
	to->target = xstrdup_null(from->target);
	to->dump = xstrdup_null(from->dump);
}

void copies_mark_release(struct copies_mark *mark)
{
	free(mark->purpose);
	free(mark->of);
	free(mark->run);
	free(mark->made);
	free(mark->snapshot);
	free(mark->target);
	free(mark->dump);
	*mark = (struct copies_mark){0};
}
