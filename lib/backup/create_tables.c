#include "backup/create_room.h"

#include <inttypes.h>

/* --- tables ----------------------------------------------------------------------------------- */

/*
 * extcondition stands at the same place as the table in extconfig; an empty one means all rows.
 * Rows of mig.maintenance are never part of a snapshot (safety 11); those of unlogged tables are
 * not on a standby.
 */
/* The last column and the end are the filter's. */
static const char tables_sql[] =
	"select c.oid, n.nspname, c.relname, c.relpersistence = 'u',"
	" case when c.relispartition then pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid end,"
	" e.oid is not null,"
	" nullif(e.extcondition[pg_catalog.array_position(e.extconfig, c.oid)], ''),"
	" n.nspname = 'mig' and c.relname = 'maintenance'"
	"  or c.relpersistence = 'u' and pg_catalog.pg_is_in_recovery(), ";
static const char tables_from[] =
	" from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
	" left join pg_catalog.pg_extension e on c.oid = any (e.extconfig)"
	" where c.relkind = 'r' and" CREATE_TABLES_WHERE;

static void read_table(const struct db_result *rows, int i, struct pack_table *table)
{
	table->oid = (uint32_t)db_get_int(rows, i, 0);
	table->schema = xstrdup(db_get(rows, i, 1));
	table->name = xstrdup(db_get(rows, i, 2));
	table->unlogged = db_get_bool(rows, i, 3);
	table->root = (uint32_t)db_get_int(rows, i, 4);
	table->extension = db_get_bool(rows, i, 5);
	table->condition = xstrdup_null(db_get(rows, i, 6));
	table->emptied = db_get_bool(rows, i, 7) || db_get_bool(rows, i, 8);
}

static bool read_tables(struct db *db, const struct create_filter *filter,
	struct pack_manifest *manifest, struct err *err)
{
	AUTO_RESULT(rows);
	AUTO_FREE char *sql = xstrfmt("%s%s%s%s order by c.oid", tables_sql, filter->emptied,
		tables_from, filter->tables);
	if (!db_query(db, &rows, err, sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		read_table(&rows, i, pack_list_add(&manifest->tables));
	return true;
}

/* --- columns ---------------------------------------------------------------------------------- */

/* Generated columns are computed anew; identity columns are kept. A leaf takes its root's order. */
static const char columns_sql[] =
	"select a.attrelid, a.attname from pg_catalog.pg_attribute a"
	" join pg_catalog.pg_class c on c.oid = a.attrelid"
	" left join pg_catalog.pg_attribute r on c.relispartition"
	"  and r.attrelid = pg_catalog.pg_partition_root(c.oid)"
	"  and r.attname = a.attname and r.attnum > 0"
	" where c.relkind = 'r' and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' "
	"and" CREATE_TABLES_WHERE " order by a.attrelid, coalesce(r.attnum, a.attnum)";

static bool read_columns(struct db *db, struct pack_manifest *manifest, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err, columns_sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		uint32_t oid = (uint32_t)db_get_int(&rows, i, 0);
		struct pack_table *table = pack_manifest_table_fill(manifest, oid);
		if (table)
			strvec_push(&table->columns, db_get(&rows, i, 1));
	}
	return true;
}

/* --- partitioned tables ----------------------------------------------------------------------- */

/* A hash over an enum depends on the enum's OIDs, which a reload makes anew: 3500 is anyenum. */
static const char roots_sql[] =
	"select c.oid, n.nspname, c.relname,"
	" exists (select 1 from pg_catalog.pg_partition_tree(c.oid) t"
	"  join pg_catalog.pg_partitioned_table p on p.partrelid = t.relid and p.partstrat = 'h'"
	"  join pg_catalog.pg_opclass o on o.oid = any (p.partclass) and o.opcintype = 3500)"
	" from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
	" where c.relkind = 'p' and not c.relispartition and" CREATE_TABLES_WHERE;

static const char root_columns_sql[] =
	"select attname from pg_catalog.pg_attribute where attrelid = $1 and attnum > 0"
	" and not attisdropped and attgenerated = '' order by attnum";

static bool read_root_columns(struct db *db, struct pack_root *root, struct err *err)
{
	AUTO_RESULT(rows);
	AUTO_FREE char *oid = xstrfmt("%" PRIu32, root->oid);
	if (!db_query(db, &rows, err, root_columns_sql, oid))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		strvec_push(&root->columns, db_get(&rows, i, 0));
	return true;
}

/* A partition that was chosen without its root stands for itself. */
static void forget_missing_roots(struct pack_manifest *manifest)
{
	for (size_t i = 0; i < manifest->tables.count; i++) {
		struct pack_table *table = &manifest->tables.items[i];
		if (!pack_manifest_root(manifest, table->root))
			table->root = 0;
	}
}

static bool read_roots(struct db *db, const struct create_filter *filter,
	struct pack_manifest *manifest, struct err *err)
{
	AUTO_RESULT(rows);
	AUTO_FREE char *sql = xstrfmt("%s%s order by c.oid", roots_sql, filter->tables);
	if (!db_query(db, &rows, err, sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		struct pack_root *root = pack_list_add(&manifest->roots);
		root->oid = (uint32_t)db_get_int(&rows, i, 0);
		root->schema = xstrdup(db_get(&rows, i, 1));
		root->name = xstrdup(db_get(&rows, i, 2));
		root->enum_hash = db_get_bool(&rows, i, 3);
		if (!read_root_columns(db, root, err))
			return false;
	}
	if (filter->partial)
		forget_missing_roots(manifest);
	return true;
}

/* --- indexes ---------------------------------------------------------------------------------- */

static const char indexes_sql[] =
	"select k.conrelid, k.conname, i.relname, pg_catalog.pg_get_indexdef(k.conindid)"
	" from pg_catalog.pg_constraint k join pg_catalog.pg_class i on i.oid = k.conindid"
	" join pg_catalog.pg_class c on c.oid = k.conrelid"
	" join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
	" where k.contype in ('p', 'u') and c.relkind = 'r' and" CREATE_TABLES_WHERE;

static bool read_indexes(struct db *db, const struct create_filter *filter,
	struct pack_manifest *manifest, struct err *err)
{
	AUTO_RESULT(rows);
	AUTO_FREE char *sql =
		xstrfmt("%s%s order by k.conrelid, k.conname", indexes_sql, filter->tables);
	if (!db_query(db, &rows, err, sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		uint32_t oid = (uint32_t)db_get_int(&rows, i, 0);
		struct pack_table *table = pack_manifest_table_fill(manifest, oid);
		if (!table || !db_get(&rows, i, 3))
			continue;
		*pack_list_add(&table->indexes) = (struct pack_index){
			.constraint = xstrdup(db_get(&rows, i, 1)),
			.index = xstrdup(db_get(&rows, i, 2)),
			.definition = xstrdup(db_get(&rows, i, 3)),
		};
	}
	return true;
}

/* --- what has no rows of its own -------------------------------------------------------------- */

static const char uncovered_sql[] = "select c.relkind, count(*) from pg_catalog.pg_class c"
				    " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
				    " where c.relkind in ('m', 'f') and" CREATE_TABLES_WHERE;

static bool note_uncovered(struct db *db, const struct create_filter *filter,
	struct pack_manifest *manifest, struct err *err)
{
	AUTO_RESULT(rows);
	AUTO_FREE char *sql = xstrfmt("%s%s group by 1 order by 1", uncovered_sql, filter->tables);
	if (!db_query(db, &rows, err, sql))
		return false;
	for (int i = 0; i < db_rows(&rows); i++)
		strvec_pushf(&manifest->notes, "%s %s: %s", db_get(&rows, i, 1),
			db_get(&rows, i, 0)[0] == 'm' ? "materialized views" : "foreign tables",
			db_get(&rows, i, 0)[0] == 'm' ? "refreshed by a restore, not compared"
						      : "definition only");
	return true;
}

bool create_tables_describe(struct db *leader, const struct create_filter *filter,
	struct pack_manifest *manifest, struct err *err)
{
	return read_tables(leader, filter, manifest, err) && read_columns(leader, manifest, err) &&
	       read_roots(leader, filter, manifest, err) &&
	       read_indexes(leader, filter, manifest, err) &&
	       note_uncovered(leader, filter, manifest, err);
}

/*
 * Ranges of blocks are read alone from 14 on (TID range scan), and of heap tables only: before,
 * each of them would read the whole table. pg_table_size() would look at four times as many files.
 */
bool create_tables_sizes(struct db *leader, const struct create_filter *filter,
	const struct pack_manifest *manifest, struct create_size **sizes, struct err *err)
{
	static const char sql[] =
		"select c.oid, s.main + coalesce(pg_catalog.pg_relation_size("
		"  nullif(c.reltoastrelid, 0::pg_catalog.oid)), 0),"
		" case when a.amname = 'heap' then"
		"  s.main / pg_catalog.current_setting('block_size')::int8 end"
		" from pg_catalog.pg_class c join pg_catalog.pg_am a on a.oid = c.relam"
		" join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
		" cross join lateral (select pg_catalog.pg_relation_size(c.oid) as main) s"
		" where c.relkind = 'r' and" CREATE_TABLES_WHERE;
	AUTO_RESULT(rows);
	AUTO_FREE char *chosen = xstrfmt("%s%s order by c.oid", sql, filter->tables);
	if (!db_query(leader, &rows, err, chosen))
		return false;
	*sizes = xcalloc(manifest->tables.count + 1, sizeof(**sizes));
	for (int i = 0; i < db_rows(&rows); i++) {
		const struct pack_table *table =
			pack_manifest_table_oid(manifest, (uint32_t)db_get_int(&rows, i, 0));
		if (table)
			(*sizes)[table - manifest->tables.items] = (struct create_size){
				.bytes = db_get_int(&rows, i, 1),
				.blocks = leader->version >= 140000 ? db_get_int(&rows, i, 2) : 0,
			};
	}
	return true;
}
