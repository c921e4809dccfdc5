#include "backup/create_room.h"

#include <inttypes.h>

#include "pack/turns.h"

/*
 * Whoever needs more than another comes later: what a table refers to needs less than itself, but
 * in a circle, where all need the same and share their turn.
 */
static const char turns_sql[] =
	"with recursive tables as materialized (select c.oid from pg_catalog.pg_extension e"
	"  join pg_catalog.pg_class c on c.oid = any (e.extconfig) and c.relkind = 'r'),"
	" direct as materialized (select distinct conrelid as a, confrelid as b"
	"  from pg_catalog.pg_constraint where contype = 'f' and conrelid <> confrelid"
	"  and conrelid in (select oid from tables) and confrelid in (select oid from tables)),"
	" reach (a, b) as (select a, b from direct"
	"  union select r.a, d.b from reach r join direct d on d.a = r.b),"
	" ranks as (select t.oid, pg_catalog.count(r.b) filter (where r.b <> t.oid) as needs,"
	"  least(t.oid, (select pg_catalog.min(x.b) from reach x"
	"   join reach y on y.a = x.b and y.b = x.a where x.a = t.oid)) as circle"
	"  from tables t left join reach r on r.a = t.oid group by t.oid)"
	" select oid, pg_catalog.dense_rank() over (order by needs, circle) from ranks";

bool create_turns_describe(struct db *leader, struct pack_manifest *manifest, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(leader, &rows, err, turns_sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		uint32_t oid = (uint32_t)db_get_int(&rows, i, 0);
		struct pack_table *table = pack_manifest_table_fill(manifest, oid);
		if (table)
			table->turn = db_get_int(&rows, i, 1);
	}
	return true;
}

/* The same for restore.sh: OIDs, one to a line. */
bool create_turns_add(
	const struct pack_manifest *manifest, struct pack_writer *writer, struct err *err)
{
	CLEANUP(pack_turns_release) struct pack_turns turns;
	AUTO_STRBUF(text);
	pack_turns_init(&turns, manifest);
	for (size_t i = 0; i < turns.count; i++)
		strbuf_addf(&text, "%" PRIu32 "\n", turns.tables[i]->oid);
	return !turns.count || pack_writer_add(writer, PACK_FIRST, text.buf, text.len, NULL, err);
}
