#include "backup/create_parts.h"

#include <inttypes.h>

#include "backup/create_room.h"

/*
 * So many parts for each worker that the last ones end together, but none so small that starting
 * it counts, and none so large that a worker is busy with it for long.
 */
enum {
	PARTS_PER_WORKER = 32,
	PART_MIN = 16 << 20,
	PART_MAX = 512 << 20,
	PARTS_MAX = 9999, /* of one table: four digits in a member's name */
};

void create_parts_release(struct create_parts *parts)
{
	free(parts->items);
	*parts = (struct create_parts){0};
}

static int64_t wanted_weight(int64_t total, int workers)
{
	int64_t wanted = total / (workers * PARTS_PER_WORKER);
	if (wanted < PART_MIN)
		return PART_MIN;
	return wanted < PART_MAX ? wanted : PART_MAX;
}

static int64_t count_parts(const struct create_size *size, int64_t wanted, int workers)
{
	if (workers < 2 || !size->blocks)
		return 1;
	int64_t count = (size->bytes + wanted / 2) / wanted;
	if (count > PARTS_MAX)
		count = PARTS_MAX;
	if (count > size->blocks)
		count = size->blocks;
	return count > 0 ? count : 1;
}

static void cut_table(struct create_parts *parts, struct pack_table *table,
	const struct create_size *size, int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		bool last = i + 1 == count;
		xgrow(parts->items, parts->count, parts->alloc);
		parts->items[parts->count++] = (struct create_part){
			.table = table,
			.number = (int)i,
			.from = size->blocks / count * i,
			.to = last ? 0 : size->blocks / count * (i + 1),
			.weight =
				last ? size->bytes - size->bytes / count * i : size->bytes / count,
		};
	}
}

/* Neighbours follow one another: the server reads ahead for both of their readers. */
static int heaviest_first(const void *a, const void *b)
{
	const struct create_part *x = a, *y = b;
	if (x->weight != y->weight)
		return (x->weight < y->weight) - (x->weight > y->weight);
	if (x->table != y->table)
		return (x->table > y->table) - (x->table < y->table);
	return x->number - y->number;
}

void create_parts_plan(struct pack_manifest *manifest, const struct create_size *sizes, int workers,
	struct create_parts *parts)
{
	*parts = (struct create_parts){0};
	for (size_t i = 0; i < manifest->tables.count; i++)
		if (!manifest->tables.items[i].emptied)
			parts->total += sizes[i].bytes;
	int64_t wanted = wanted_weight(parts->total, workers);
	for (size_t i = 0; i < manifest->tables.count; i++) {
		struct pack_table *table = &manifest->tables.items[i];
		if (!table->emptied)
			cut_table(parts, table, &sizes[i],
				table->condition ? 1 : count_parts(&sizes[i], wanted, workers));
	}
	if (manifest->large_objects) {
		xgrow(parts->items, parts->count, parts->alloc);
		parts->items[parts->count++] = (struct create_part){.weight = INT64_MAX};
	}
	if (parts->count)
		qsort(parts->items, parts->count, sizeof(*parts->items), heaviest_first);
}

/* Rows appended after the snapshot are not seen; that the last range is open is a precaution. */
static char *range_condition(const struct create_part *part)
{
	if (!part->to)
		return xstrfmt("WHERE ctid >= '(%" PRId64 ",0)'", part->from);
	return xstrfmt("WHERE ctid >= '(%" PRId64 ",0)' AND ctid < '(%" PRId64 ",0)'", part->from,
		part->to);
}

char *create_part_query(struct db *db, const struct create_part *part)
{
	const struct pack_table *table = part->table;
	if (!table)
		return create_large_query();
	AUTO_FREE char *name = db_qualified(db, table->schema, table->name);
	AUTO_FREE char *columns = create_columns(db, &table->columns);
	bool whole = !part->from && !part->to;
	if (whole && !table->condition)
		/* reads this table only, without its children, and needs no planner */
		return xstrfmt("COPY %s %s%s%sTO STDOUT", name, columns[0] ? "(" : "", columns,
			columns[0] ? ") " : "");
	AUTO_FREE char *range = whole ? NULL : range_condition(part);
	return xstrfmt("COPY (SELECT %s FROM ONLY %s %s) TO STDOUT", columns, name,
		whole ? table->condition : range);
}

char *create_part_prefix(const struct create_part *part)
{
	if (!part->table)
		return xstrfmt(PACK_LARGE_OBJECT_DATA "%04d", part->number);
	return xstrfmt("data/%" PRIu32 "/%04d", part->table->oid, part->number);
}
