#include "loss/side.h"

void loss_side_release(struct loss_side *side)
{
	for (size_t i = 0; i < side->units.count; i++) {
		struct loss_unit *unit = &side->units.items[i];
		for (size_t j = 0; j < unit->leaves.count; j++) {
			free(unit->leaves.items[j].schema);
			free(unit->leaves.items[j].name);
		}
		free(unit->leaves.items);
		strvec_release(&unit->columns);
		strvec_release(&unit->key);
		free(unit->schema);
		free(unit->name);
	}
	free(side->units.items);
	*side = (struct loss_side){0};
}

static int by_name(const void *left, const void *right)
{
	const struct loss_unit *a = left, *b = right;
	int schemas = strcmp(a->schema, b->schema);
	return schemas ? schemas : strcmp(a->name, b->name);
}

static void sort_units(struct loss_side *side)
{
	if (side->units.count)
		qsort(side->units.items, side->units.count, sizeof(side->units.items[0]), by_name);
}

struct loss_unit *loss_side_find(const struct loss_side *side, const char *schema, const char *name)
{
	struct loss_unit wanted = {.schema = (char *)schema, .name = (char *)name};
	return side->units.count ? bsearch(&wanted, side->units.items, side->units.count,
					   sizeof(wanted), by_name)
				 : NULL;
}

const struct strvec *loss_unit_common_key(
	const struct loss_unit *live, const struct loss_unit *other)
{
	static const struct strvec none;
	STRVEC_EACH (&live->key, name)
		if (!strvec_has(&other->columns, name))
			return &none;
	return &live->key;
}

static struct loss_unit *add_unit(
	struct loss_side *side, const char *schema, const char *name, uint32_t oid)
{
	struct loss_unit *unit = pack_list_add(&side->units);
	unit->schema = xstrdup(schema);
	unit->name = xstrdup(name);
	unit->oid = oid;
	return unit;
}

void loss_side_of_snapshot(const struct pack_manifest *manifest, struct loss_side *side)
{
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		if (table->root || table->extension)
			continue;
		struct loss_unit *unit = add_unit(side, table->schema, table->name, table->oid);
		strvec_push_all(&unit->columns, &table->columns);
		unit->unknown = table->emptied && str_equal(table->schema, "mig") &&
				str_equal(table->name, "maintenance");
		unit->content = table->content;
	}
	for (size_t i = 0; i < manifest->roots.count; i++) {
		const struct pack_root *root = &manifest->roots.items[i];
		struct loss_unit *unit = add_unit(side, root->schema, root->name, root->oid);
		strvec_push_all(&unit->columns, &root->columns);
		unit->content = root->content;
	}
	sort_units(side);
}

/*
 * A database
 */

#define LEAVES \
	"select c.oid, n.nspname, c.relname, coalesce(pg_partition_root(c.oid)::oid, c.oid) as " \
	"unit" \
	" from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace" \
	" where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname !~ '^pg_'" \
	" and n.nspname <> 'information_schema'" \
	" and (n.nspname, c.relname) <> ('mig', 'maintenance') and not exists" \
	" (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::regclass" \
	" and d.objid = c.oid and d.deptype = 'e')"

static struct loss_unit *unit_by_oid(const struct loss_side *side, uint32_t oid)
{
	/* rows come ordered by unit: it is the last one */
	size_t count = side->units.count;
	return count && side->units.items[count - 1].oid == oid ? &side->units.items[count - 1]
								: NULL;
}

static bool list_leaves(struct db *db, struct loss_side *side, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select l.unit, un.nspname, u.relname, l.nspname, l.relname from (" LEAVES
		    ") l join pg_catalog.pg_class u on u.oid = l.unit"
		    " join pg_catalog.pg_namespace un on un.oid = u.relnamespace"
		    " order by l.unit, l.oid"))
		return false;
	for (int i = 0; i < db_rows(&rows); i++) {
		uint32_t oid = (uint32_t)db_get_int(&rows, i, 0);
		struct loss_unit *unit = unit_by_oid(side, oid);
		if (!unit)
			unit = add_unit(side, db_get(&rows, i, 1), db_get(&rows, i, 2), oid);
		struct loss_leaf *leaf = pack_list_add(&unit->leaves);
		leaf->schema = xstrdup(db_get(&rows, i, 3));
		leaf->name = xstrdup(db_get(&rows, i, 4));
	}
	return true;
}

/* Rows of OID and name, both lists in the order of the OIDs; `list`: offset of a strvec in a unit.
 */
static void push_names(const struct db_result *rows, struct loss_side *side, size_t list)
{
	size_t at = 0;
	for (int i = 0; i < db_rows(rows); i++) {
		uint32_t oid = (uint32_t)db_get_int(rows, i, 0);
		while (at < side->units.count && side->units.items[at].oid < oid)
			at++;
		if (at < side->units.count && side->units.items[at].oid == oid)
			strvec_push((struct strvec *)((char *)&side->units.items[at] + list),
				db_get(rows, i, 1));
	}
}

static bool list_columns(struct db *db, struct loss_side *side, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select a.attrelid, a.attname from pg_catalog.pg_attribute a"
		    " where a.attrelid in (select unit from (" LEAVES ") l) and a.attnum > 0"
		    " and not a.attisdropped and a.attgenerated = '' order by 1, a.attnum"))
		return false;
	push_names(&rows, side, offsetof(struct loss_unit, columns));
	return true;
}

/* Unique over all rows, without NULLs, checked at once: what tells rows apart. */
#define KEYS \
	"select i.indrelid, i.indexrelid, i.indisprimary, i.indnkeyatts from pg_catalog.pg_index " \
	"i" \
	" where i.indrelid in (select unit from (" LEAVES \
	") l) and i.indisunique and i.indisvalid" \
	" and i.indimmediate and i.indpred is null and i.indexprs is null" \
	" and not exists (select from pg_catalog.pg_attribute a where a.attrelid = i.indrelid" \
	" and a.attnum = any (i.indkey[0:i.indnkeyatts - 1])" \
	" and (not a.attnotnull or a.attgenerated <> ''))"

static bool list_keys(struct db *db, struct loss_side *side, struct err *err)
{
	AUTO_RESULT(rows);
	if (!db_query(db, &rows, err,
		    "select k.indrelid, a.attname from (select distinct on (indrelid) * from (" KEYS
		    ") u order by indrelid, indisprimary desc, indnkeyatts, indexrelid) k"
		    " join pg_catalog.pg_index i on i.indexrelid = k.indexrelid"
		    " cross join lateral unnest(i.indkey) with ordinality c(attnum, n)"
		    " join pg_catalog.pg_attribute a on a.attrelid = k.indrelid"
		    " and a.attnum = c.attnum where c.n <= k.indnkeyatts order by 1, c.n"))
		return false;
	push_names(&rows, side, offsetof(struct loss_unit, key));
	return true;
}

bool loss_side_of_database(struct db *db, struct loss_side *side, struct err *err)
{
	if (!list_leaves(db, side, err) || !list_columns(db, side, err) ||
		!list_keys(db, side, err))
		return false;
	sort_units(side);
	return true;
}

/*
 * Measuring
 */

/* The columns to read a unit by: the other side's, or none, which counts. */
static const struct strvec *columns_for(struct loss_unit *unit, const struct loss_side *other)
{
	static const struct strvec none;
	const struct loss_unit *there = loss_side_find(other, unit->schema, unit->name);
	unit->counted = !there || !strvec_same(&unit->columns, &there->columns);
	return unit->counted ? &none : &there->columns;
}

static bool skipped(const struct loss_unit *unit, const struct loss_side *other)
{
	const struct loss_unit *there = loss_side_find(other, unit->schema, unit->name);
	return there && there->unknown;
}

static size_t tables_of_side(
	struct loss_side *side, const struct loss_side *other, struct compare_table **tables)
{
	size_t count = 0;
	for (size_t i = 0; i < side->units.count; i++)
		count += side->units.items[i].leaves.count;
	*tables = xcalloc(count + 1, sizeof(**tables));
	count = 0;
	for (size_t i = 0; i < side->units.count; i++) {
		struct loss_unit *unit = &side->units.items[i];
		unit->unknown = skipped(unit, other);
		const struct strvec *columns = columns_for(unit, other);
		for (size_t j = 0; j < unit->leaves.count && !unit->unknown; j++)
			(*tables)[count++] = (struct compare_table){
				.schema = unit->leaves.items[j].schema,
				.name = unit->leaves.items[j].name,
				.columns = columns,
				.owner = unit,
			};
	}
	return count;
}

bool loss_side_measure(const struct compare_measure *measure, struct loss_side *side,
	const struct loss_side *other, struct err *err)
{
	AUTO_FREE struct compare_table *tables = NULL;
	size_t count = tables_of_side(side, other, &tables);
	if (!compare_measure_tables(measure, tables, count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct loss_unit *unit = tables[i].owner;
		pack_content_add(&unit->content, &tables[i].content);
	}
	return true;
}
