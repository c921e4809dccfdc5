#include "base/clock.h"
#include "copies/copies.h"
#include "copies/intent.h"
#include <inttypes.h>

static const char *state_word(const struct copies_item *item)
{
	if (item->renamed)
		return "renamed by somebody: left alone";
	if (!item->marked)
		return "no mark of mig: left alone";
	if (item->half_made)
		return "not complete";
	if (item->purpose == DB_CLONE)
		return "complete: a restore point, no backup";
	if (item->purpose != DB_RESTORED)
		return "";
	if (item->mark.dump)
		return "complete, of a dump: not proved";
	return item->mark.proved ? "proved" : "not complete or not proved";
}

static char *age_text(const struct copies_item *item)
{
	AUTO_ERR(ignored);
	int64_t made_ms;
	if (!item->mark.made || !clock_parse_time(item->mark.made, &made_ms, &ignored))
		return xstrdup("-");
	return clock_duration_text(clock_now_ms() - made_ms);
}

static char *size_text(const struct copies_item *item)
{
	return item->bytes < 0 ? xstrdup("-") : clock_size_text(item->bytes);
}

char *copies_item_line(const struct copies_item *item)
{
	AUTO_FREE char *age = age_text(item);
	AUTO_FREE char *size = size_text(item);
	AUTO_STRBUF(line);
	strbuf_addf(&line, "%s (%s of %s, %s old, %s", item->name, db_purpose_word(item->purpose),
		item->mark.of ? item->mark.of : "?", age, size);
	if (item->mark.run)
		strbuf_addf(&line, ", run %s", item->mark.run);
	if (item->sessions)
		strbuf_addf(&line, ", %" PRId64 " session%s in it", item->sessions,
			str_plural(item->sessions));
	strbuf_addc(&line, ')');
	return strbuf_take(&line);
}

void copies_list_lines(const struct copies_list *list, struct strvec *lines)
{
	if (!list->count) {
		strvec_push(lines, "no copies");
		return;
	}
	strvec_pushf(lines, "%-40s %-10s %-16s %10s %10s  %s", "database", "purpose", "of", "age",
		"size", "state");
	for (size_t i = 0; i < list->count; i++) {
		const struct copies_item *item = &list->items[i];
		AUTO_FREE char *age = age_text(item);
		AUTO_FREE char *size = size_text(item);
		strvec_pushf(lines, "%-40s %-10s %-16s %10s %10s  %s", item->name,
			db_purpose_word(item->purpose), item->mark.of ? item->mark.of : "?", age,
			size, state_word(item));
	}
}

json_t *copies_list_json(const struct copies_list *list)
{
	json_t *all = json_array();
	for (size_t i = 0; i < list->count; i++) {
		const struct copies_item *item = &list->items[i];
		json_array_append_new(all,
			json_pack("{s:o, s:I, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:I, s:I}",
				"database", copies_json_text(item->name), "oid",
				(json_int_t)item->oid, "purpose", db_purpose_word(item->purpose),
				"marked", item->marked, "proved", item->mark.proved, "of",
				copies_json_text(item->mark.of), "run",
				copies_json_text(item->mark.run), "made",
				copies_json_text(item->mark.made), "snapshot",
				copies_json_text(item->mark.snapshot), "dump",
				copies_json_text(item->mark.dump), "bytes", (json_int_t)item->bytes,
				"sessions", (json_int_t)item->sessions));
	}
	return all;
}
