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
		"duration_ms, host, run, tool) values ($1, $2, $3, $4, $5, $6::bigint, $7, $8, $9)",
		file->id, row->direction, row->bound ? file->checksum : NULL, up, down, duration,
		session->how.host, session->keys->run_id, session->how.version);
}

/* The last thing that happened to each revision, when it was an upgrade by mig. */
static const char applied_sql[] =
	"select revision, checksum, to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI \"UTC\"'), "
	"who"
	" from (select distinct on (revision) * from mig.history where tree = 'main'"
	"  and direction in ('up', 'down', 'stamp') order by revision, id desc) last"
	" where direction = 'up' and checksum is not null";

static bool report_edited(const struct migrate_tree *tree, size_t index,
	const struct db_result *rows, int row, struct err *err)
{
	AUTO_FREE char *name = graph_name(tree->graph, index);
	const char *file = tree->files[index].name;
	err_set(err, ERR_REFUSED, "%s: %s was edited after it was applied", file, name);
	err_detail(err,
		"applied %s by %s with SHA-256 %.12s; the file's up section now has %.12s\n"
		"what ran: psql -Atc \"select up_sql from mig.history where revision = '%s' and "
		"direction = 'up' order by id desc limit 1\"",
		db_get(rows, row, 2), db_get(rows, row, 3), db_get(rows, row, 1),
		tree->files[index].checksum, tree->files[index].id);
	err_where(err, "%s:%d:1", file, tree->files[index].up.line);
	return err_hint(err,
		"put the text back (git log -p -- %s) and make the change in a new "
		"revision: mig-apply revision -m \"...\"",
		file);
}

bool migrate_check_unedited(struct db *db, const struct migrate_tree *tree,
	const struct migrate_state *state, const struct graph_list *only, struct err *err)
{
	if (!state->may_read_history)
		return true;
	AUTO_SET(applied, tree->graph->count);
	migrate_applied(tree, &state->current, &applied);
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err, applied_sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		size_t index = graph_find(tree->graph, db_get(&rows, i, 0));
		if (index == GRAPH_NONE || !graph_set_has(&applied, index) ||
			(only && !graph_list_has(only, index)))
			continue;
		if (strcmp(tree->files[index].checksum, db_get(&rows, i, 1)))
			return report_edited(tree, index, &rows, i, err);
	}
	return true;
}
