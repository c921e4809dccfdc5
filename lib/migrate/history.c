#include "migrate/internal.h"
#include "migrate/report.h"

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

char *history_detail(const struct migrate_file *file, int untimed)
{
	json_t *detail = json_pack("{s:s, s:o, s:o, s:o, s:b}", "message",
		file->message ? file->message : "", "down", migrate_report_names(&file->down),
		"depends", migrate_report_names(&file->depends), "labels",
		migrate_report_names(&file->labels), "bare", file->down_section.bare);
	if (untimed)
		json_object_set_new(detail, "untimed", json_integer(untimed));
	char *text = json_dumps(detail, JSON_COMPACT);
	json_decref(detail);
	return text;
}

/* The row of mig.history as one call; its result is the id of the transaction. */
static const char write_sql[] =
	"insert into mig.history (revision, direction, checksum, up_sql, down_sql, duration_ms,"
	" host, run, tool, tree, detail) values ($1, $2, $3, $4, $5,"
	" coalesce($6::bigint, (extract(epoch from clock_timestamp() - now()) * 1000)::bigint), "
	"$7, $8, $9,"
	" $10, $11::jsonb)"
	" returning txid_current()";

void history_call_release(struct history_call *call)
{
	free(call->up);
	free(call->down);
	free(call->duration);
	free(call->detail);
}

struct db_call history_call(const struct migrate_session *session, const struct history_row *row,
	struct history_call *call)
{
	const struct migrate_file *file = row->file;
	call->up = row->bound ? section_text(file, &file->up) : NULL;
	call->down = row->bound ? section_text(file, &file->down_section) : NULL;
	call->duration = row->duration_ms < 0 ? NULL : xstrfmt("%" PRId64, row->duration_ms);
	call->detail = row->bound       ? history_detail(file, row->untimed)
		       : row->taken_out ? xstrdup("{\"taken_out\": true}")
					: NULL;
	const char *const params[] = {file->id, row->direction, row->bound ? file->checksum : NULL,
		call->up, call->down, call->duration, session->how.host, session->keys->run_id,
		session->how.version, session->tree->where->name, call->detail};
	memcpy(call->params, params, sizeof(params));
	return (struct db_call){
		.sql = write_sql, .params = call->params, .count = ARRAY_SIZE(params)};
}

bool history_write(
	const struct migrate_session *session, const struct history_row *row, struct err *err)
{
	CLEANUP(history_call_release) struct history_call values = {0};
	struct db_call call = history_call(session, row, &values);
	AUTO_RESULT(result);
	return db_query_params(session->db, &result, err, call.sql, call.count, call.params);
}
