/* What a command that died, or was refused in the middle, may have left behind. */
#include "migrate/report.h"

/* CREATE INDEX CONCURRENTLY that did not end: an index that costs and does not help. */
static const char invalid_sql[] =
	"select format('index %s of %s is INVALID: %s', i.indexrelid::regclass, "
	"i.indrelid::regclass,"
	" case when exists (select from pg_stat_progress_create_index p"
	"   where p.index_relid = i.indexrelid) then 'it is being built'"
	" else format('drop index concurrently %s', i.indexrelid::regclass) end)"
	" from pg_index i join pg_class c on c.oid = i.indexrelid"
	" where not i.indisvalid and c.relkind = 'i' and not c.relispartition"
	" and c.relnamespace <> 'pg_toast'::regnamespace order by 1";

bool migrate_half_done(const struct migrate_session *session, struct strvec *found, struct err *err)
{
	AUTO_RESULT(rows);
	migrate_report_half(session, found);
	if (!db_query(session->db, &rows, err, invalid_sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		strvec_push(found, db_get(&rows, i, 0));
	return true;
}
