#include "migrate/internal.h"

#include <inttypes.h>

static char *section_text(const struct migrate_file *file, const struct migrate_section *section)
{
	if (!section->present)
		return NULL;
	AUTO_STRBUF(text);
	strbuf_add(&text, file->source + section->start, section->end - section->start);
	strbuf_trim(&text);
	return strbuf_take(&text);
}

bool history_write(
	const struct migrate_session *session, const struct history_row *row, struct err *err)
{
	const struct migrate_file *file = row->file;
	AUTO_FREE char *up = row->bound ? section_text(file, &file->up) : NULL;
	AUTO_FREE char *down = row->bound ? section_text(file, &file->down_section) : NULL;
	AUTO_FREE char *duration = xstrfmt("%" PRId64, row->duration_ms);
	AUTO_RESULT(result);
	return db_query(session->db, &result, err,
		"insert into mig.history (revision, direction, checksum, up_sql, down_sql, "
		"duration_ms, host, run, tool, tree) values ($1, $2, $3, $4, $5, $6::bigint, $7, "
		"$8, "
		"$9, $10)",
		file->id, row->direction, row->bound ? file->checksum : NULL, up, down, duration,
		session->how.host, session->keys->run_id, session->how.version,
		session->tree->where->name);
}
