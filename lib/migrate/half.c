/* What a command that died, or was refused in the middle, may have left behind. */
#include "db/child.h"
#include "migrate/advice.h"
#include "migrate/books.h"
#include "migrate/report.h"

const char *migrate_half_word(const struct migrate_half *half)
{
	return half->direction == MIGRATE_UP ? "applied" : "taken back";
}

char *migrate_half_what(const struct migrate_session *session, const struct migrate_half *half)
{
	AUTO_FREE char *name = graph_name_of(session->tree->graph, half->revision);
	if (half->split)
		return xstrfmt("%s is half %s: it has committed a part of itself", name,
			migrate_half_word(half));
	return xstrfmt("%s is half %s: %d of its statements %s done", name, migrate_half_word(half),
		half->done, half->done == 1 ? "is" : "are");
}

char *migrate_half_state(const struct migrate_session *session, const struct migrate_half *half)
{
	const char *word = migrate_half_word(half);
	AUTO_FREE char *name = graph_name_of(session->tree->graph, half->revision);
	if (half->split)
		return xstrfmt("half %s: %s: it has committed a part of itself", word, name);
	return xstrfmt("half %s: %s: %d statement%s done%s%s", word, name, half->done,
		half->done == 1 ? " is" : "s are", half->begun ? ", interrupted in " : "",
		half->begun ? half->begun : "");
}

/* Only a person can see what is there: the way is said for both ends. */
static char *split_way(const struct migrate_session *session, const struct migrate_half *half)
{
	const struct migrate_tree *tree = session->tree;
	size_t index = graph_find(tree->graph, half->revision);
	AUTO_LIST(after);
	AUTO_ROW_CHANGES(changes);
	AUTO_ERR(ignored);
	AUTO_FREE char *look = db_psql_command(session->db, NULL, true);
	graph_list_copy(&after, &session->state.current);
	AUTO_FREE char *before = advice_stamp(session, &after, false);
	if (index == GRAPH_NONE ||
		!order_rows(tree, half->direction, &after, index, &changes, &ignored))
		return xstrfmt(
			"see what of it is there (%s), and put it right; then: %s", look, before);
	AUTO_FREE char *done = advice_stamp(session, &after, false);
	return xstrfmt("compare %s with the database (%s), and put it right by hand; then, when "
		       "nothing of it is %s: %s; when all is: %s",
		tree->files[index].name, look,
		half->direction == MIGRATE_UP ? "there" : "taken back", before, done);
}

void migrate_half_seen(const struct migrate_half *half, struct strvec *lines)
{
	STRVEC_EACH (&half->committed, statement)
		strvec_pushf(lines, "committed: %s", statement);
	if (half->split)
		strvec_push(lines, "what it did behind that was not noted, and may be there, too");
}

char *migrate_half_command(const struct migrate_session *session, const struct migrate_half *half)
{
	if (half->direction == MIGRATE_UP)
		return xstrfmt("mig-apply upgrade %s", half->revision);
	AUTO_FREE char *one_back = advice_word(session, "-1");
	return xstrfmt("mig-apply downgrade %s", one_back);
}

char *migrate_half_way(const struct migrate_session *session, const struct migrate_half *half)
{
	if (half->split)
		return split_way(session, half);
	AUTO_FREE char *command = migrate_half_command(session, half);
	return xstrfmt("go on with it first: %s; or, when you have put it right by hand, say where "
		       "the database stands: mig-apply stamp REV",
		command);
}

char *migrate_half_remedy(const struct migrate_session *session, const struct migrate_half *half)
{
	return half->split ? split_way(session, half) : migrate_half_command(session, half);
}

/*
 * What CREATE or REINDEX CONCURRENTLY left that did not end: an index that costs and does not help.
 * That of a TOAST table is said by the table it belongs to.
 */
static const char invalid_sql[] =
	"select format('index %s of %s is INVALID%s%s', i.indexrelid::regclass,"
	" coalesce((select t.oid from pg_class t where t.reltoastrelid = i.indrelid),"
	"  i.indrelid)::regclass,"
	" case when c.relname ~ '_ccnew[0-9]*$' then ', left by a REINDEX CONCURRENTLY that was"
	" not done' when c.relname ~ '_ccold[0-9]*$' then ', the old one, left by a REINDEX"
	" CONCURRENTLY that was done' end,"
	" case when b.is then ': it is being built' end),"
	" case when not b.is then format('drop index concurrently %s', i.indexrelid::regclass) end"
	" from pg_index i join pg_class c on c.oid = i.indexrelid,"
	" lateral (select exists (select from pg_stat_progress_create_index p"
	"  where p.index_relid = i.indexrelid) as is) b"
	" where not i.indisvalid and c.relkind = 'i' and not c.relispartition order by 1";

bool migrate_half_done(
	const struct migrate_session *session, struct findings *found, struct err *err)
{
	AUTO_RESULT(rows);
	for (size_t i = 0; i < session->state.half_count; i++) {
		const struct migrate_half *half = &session->state.half[i];
		AUTO_STRVEC(lines);
		strvec_push_take(&lines, migrate_half_state(session, half));
		migrate_half_seen(half, &lines);
		findings_add(found, "half done", true, strvec_join(&lines, "\n"),
			migrate_half_remedy(session, half));
	}
	if (!db_query(session->db, &rows, err, invalid_sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		const char *sql = db_get(&rows, i, 1);
		findings_add(found, "half done", true, xstrdup(db_get(&rows, i, 0)),
			sql ? db_psql_command(session->db, sql, true) : NULL);
	}
	return true;
}
