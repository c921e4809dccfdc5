#include "migrate/internal.h"

#include <inttypes.h>
#include <jansson.h>

static char *section_text(const struct migrate_file *file, const struct migrate_section *section)
{
	if (!section->present)
		return NULL;
	AUTO_STRBUF(text);
	strbuf_add(&text, file->source + section->start, section->end - section->start);
	strbuf_trim(&text);
	return strbuf_take(&text);
}

static json_t *names_json(const struct strvec *names)
{
	json_t *list = json_array();
	STRVEC_EACH (names, name)
		json_array_append_new(list, json_string(name));
	return list;
}

/* What the way back needs to know when the file is not there any more. */
static char *graph_text(const struct migrate_file *file)
{
	json_t *detail = json_pack("{s:s, s:o, s:o, s:o, s:b}", "message",
		file->message ? file->message : "", "down", names_json(&file->down), "depends",
		names_json(&file->depends), "labels", names_json(&file->labels), "bare",
		file->down_section.bare);
	char *text = json_dumps(detail, JSON_COMPACT);
	json_decref(detail);
	return text;
}

bool history_write(
	const struct migrate_session *session, const struct history_row *row, struct err *err)
{
	const struct migrate_file *file = row->file;
	AUTO_FREE char *up = row->bound ? section_text(file, &file->up) : NULL;
	AUTO_FREE char *down = row->bound ? section_text(file, &file->down_section) : NULL;
	AUTO_FREE char *duration = xstrfmt("%" PRId64, row->duration_ms);
	AUTO_FREE char *detail = row->bound ? graph_text(file) : NULL;
	AUTO_RESULT(result);
	return db_query(session->db, &result, err,
		"insert into mig.history (revision, direction, checksum, up_sql, down_sql, "
		"duration_ms, host, run, tool, tree, detail) values ($1, $2, $3, $4, $5, "
		"$6::bigint, $7, $8, $9, $10, $11::jsonb)",
		file->id, row->direction, row->bound ? file->checksum : NULL, up, down, duration,
		session->how.host, session->keys->run_id, session->how.version,
		session->tree->where->name, detail);
}
