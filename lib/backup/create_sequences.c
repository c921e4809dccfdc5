#include "backup/create_room.h"

#include <inttypes.h>

/*
 * The values are read from the sequences themselves: a missing SELECT privilege must be an error,
 * where pg_sequences would only show nothing. They are not of the snapshot's moment but a little
 * ahead, which is harmless.
 */
static const char list_sql[] = "select c.oid, n.nspname, c.relname from pg_catalog.pg_class c"
			       " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
			       " where c.relkind = 'S' and" CREATE_TABLES_WHERE;

enum { BATCH = 200 };

static void batch_statement(
	struct db *db, const struct db_result *list, int from, int to, struct strbuf *sql)
{
	strbuf_reset(sql);
	for (int i = from; i < to; i++) {
		AUTO_FREE char *name = db_qualified(db, db_get(list, i, 1), db_get(list, i, 2));
		strbuf_addf(sql, "%sselect %d, last_value, is_called from %s",
			i > from ? " union all " : "", i, name);
	}
	strbuf_adds(sql, " order by 1");
}

static void add_sequence(const struct db_result *list, const struct db_result *values, int row,
	struct pack_manifest *manifest)
{
	int i = (int)db_get_int(values, row, 0);
	*pack_list_add(&manifest->sequences) = (struct pack_sequence){
		.oid = (uint32_t)db_get_int(list, i, 0),
		.schema = xstrdup(db_get(list, i, 1)),
		.name = xstrdup(db_get(list, i, 2)),
		.last_value = db_get_int(values, row, 1),
		.is_called = db_get_bool(values, row, 2),
	};
}

bool create_sequences_describe(struct db *leader, const struct create_filter *filter,
	struct pack_manifest *manifest, struct err *err)
{
	AUTO_FREE char *chosen = xstrfmt("%s%s order by c.oid", list_sql, filter->sequences);
	AUTO_RESULT(list);
	AUTO_RESULT(values);
	AUTO_STRBUF(sql);
	if (!db_query(leader, &list, err, chosen))
		return false;
	for (int from = 0; from < db_rows(&list); from += BATCH) {
		int to = from + BATCH < db_rows(&list) ? from + BATCH : db_rows(&list);
		batch_statement(leader, &list, from, to, &sql);
		if (!db_query(leader, &values, err, sql.buf))
			return err_context(err, "sequences");
		for (int i = 0; i < db_rows(&values); i++)
			add_sequence(&list, &values, i, manifest);
	}
	return true;
}
