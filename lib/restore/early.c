#include "restore/early.h"

#include <inttypes.h>
#include <pthread.h>

#include "base/clock.h"
#include "compare/measure.h"
#include "db/pool.h"

enum {
	VERSION_MIN = 150000,
	WORTH_BYTES =
		1 << 20, /* below it the questions around the reading cost more than they gain */
	PART_BYTES = 64 << 20,
	TRIES = 10,
	PAUSE_MS = 100, /* a session that ended hands in its counters a moment later */
};

struct reading {
	const struct pack_table *table;
	size_t parts, read;
	struct pack_content content; /* of the parts that were read */
	bool changed; /* somebody wrote to it */
	int64_t oid, file; /* of the table in the new database, when it was first read */
};

struct part {
	struct reading *reading;
	size_t number;
};

struct restore_early {
	const struct pack_manifest *manifest;
	struct reading *readings; /* by place in the manifest; those without parts are not read */
	struct part *parts; /* as the leisure's items */
	struct load_leisure leisure;
	pthread_mutex_t lock; /* of the readings */
};

/* Counters of leaves do not say which rows a root should have sent there. */
static bool can_read(const struct pack_manifest *manifest, const struct pack_table *table)
{
	const struct pack_root *root =
		table->root ? pack_manifest_root(manifest, table->root) : NULL;
	return !table->emptied && !table->extension && !table->condition &&
	       table->content.bytes >= WORTH_BYTES && !(root && root->enum_hash);
}

/*
 * One part
 */

/* Part number of the blocks; the last range is open. blocks < 0: only whole tables can be read. */
static char *range_of(const struct part *part, int64_t blocks)
{
	int64_t parts = (int64_t)part->reading->parts, number = (int64_t)part->number;
	if (blocks < 0)
		return number ? xstrdup("where false") : NULL;
	if (parts == 1)
		return NULL;
	int64_t from = blocks / parts * number, to = blocks / parts * (number + 1);
	if (number + 1 == parts)
		return xstrfmt("where ctid >= '(%" PRId64 ",0)'", from);
	return xstrfmt("where ctid >= '(%" PRId64 ",0)' and ctid < '(%" PRId64 ",0)'", from, to);
}

/* The file must be the same in all parts. */
static void note(struct restore_early *early, struct reading *reading, const struct db_result *row,
	const struct pack_content *content)
{
	int64_t oid = db_get_int(row, 0, 0), file = db_get_int(row, 0, 1);
	pthread_mutex_lock(&early->lock);
	bool first = reading->read++ == 0;
	reading->changed |= !first && (reading->oid != oid || reading->file != file);
	reading->oid = oid;
	reading->file = file;
	pack_content_add(&reading->content, content);
	pthread_mutex_unlock(&early->lock);
}

/* In the worker's session, which has the settings of the proof and those of loading. */
static bool run(void *ctx, struct db_worker *worker, size_t item, struct err *err)
{
	struct restore_early *early = ctx;
	const struct part *part = &early->parts[item];
	const struct pack_table *table = part->reading->table;
	struct db *db = worker->db;
	AUTO_FREE char *name = db_qualified(db, table->schema, table->name);
	AUTO_RESULT(row);
	AUTO_TX(tx);
	if (!db_begin(db, &tx, "isolation level repeatable read, read only", err) ||
		!db_query(db, &row, err,
			"select c.oid, pg_catalog.pg_relation_filenode(c.oid),"
			" case when a.amname = 'heap' then pg_catalog.pg_relation_size(c.oid)"
			"  / pg_catalog.current_setting('block_size')::int8 else -1 end"
			" from pg_catalog.pg_class c join pg_catalog.pg_am a on a.oid = c.relam"
			" where c.oid = $1::pg_catalog.regclass",
			name))
		return err_context(err, "table %s.%s", table->schema, table->name);
	if (db_rows(&row) != 1)
		return err_set(err, ERR_CORRUPT, "table %s is gone", name);
	AUTO_FREE char *range = range_of(part, db_get_int(&row, 0, 2));
	struct compare_table read = {
		.schema = table->schema,
		.name = table->name,
		.columns = &table->columns,
		.condition = range,
	};
	if (!compare_measure_worker(worker, &read, err) || !db_commit(&tx, err))
		return false;
	note(early, part->reading, &row, &read.content);
	return true;
}

/*
 * Planning
 */

static int larger_first(const void *left, const void *right)
{
	const struct part *a = left, *b = right;
	const struct pack_table *x = a->reading->table, *y = b->reading->table;
	if (x->content.bytes != y->content.bytes)
		return (x->content.bytes < y->content.bytes) -
		       (x->content.bytes > y->content.bytes);
	if (x != y)
		return (x > y) - (x < y);
	return (a->number > b->number) - (a->number < b->number);
}

static void plan_table(struct restore_early *early, const struct pack_table *table, size_t *alloc)
{
	struct reading *reading = &early->readings[table - early->manifest->tables.items];
	struct load_leisure *leisure = &early->leisure;
	*reading = (struct reading){
		.table = table, .parts = 1 + (size_t)(table->content.bytes / PART_BYTES)};
	for (size_t i = 0; i < reading->parts; i++) {
		xgrow(early->parts, leisure->count, *alloc);
		early->parts[leisure->count++] = (struct part){reading, i};
	}
}

struct restore_early *restore_early_new(const struct pack_manifest *manifest, int server_version)
{
	struct restore_early *early = xcalloc(1, sizeof(*early));
	struct load_leisure *leisure = &early->leisure;
	size_t alloc = 0;
	early->manifest = manifest;
	early->readings = xcalloc(manifest->tables.count + 1, sizeof(early->readings[0]));
	pthread_mutex_init(&early->lock, NULL);
	*leisure = (struct load_leisure){.run = run, .ctx = early};
	for (size_t i = 0; server_version >= VERSION_MIN && i < manifest->tables.count; i++)
		if (can_read(manifest, &manifest->tables.items[i]))
			plan_table(early, &manifest->tables.items[i], &alloc);
	if (leisure->count)
		qsort(early->parts, leisure->count, sizeof(early->parts[0]), larger_first);
	leisure->items = xcalloc(leisure->count + 1, sizeof(leisure->items[0]));
	for (size_t i = 0; i < leisure->count; i++)
		leisure->items[i].table = early->parts[i].reading->table;
	return early;
}

void restore_early_free(struct restore_early *early)
{
	if (!early)
		return;
	pthread_mutex_destroy(&early->lock);
	free(early->readings);
	free(early->parts);
	free(early->leisure.items);
	free(early);
}

struct load_leisure *restore_early_leisure(struct restore_early *early)
{
	return &early->leisure;
}

/*
 * Afterwards
 */

static bool is_read(const struct reading *reading)
{
	return reading->parts && reading->read == reading->parts && !reading->changed;
}

/* *same: its rows went in once, and nothing else happened to it. */
static bool is_untouched(struct db *db, const struct reading *reading, bool *same, struct err *err)
{
	AUTO_RESULT(row);
	AUTO_FREE char *oid = xstrfmt("%" PRId64, reading->oid);
	if (!db_query(db, &row, err,
		    "select coalesce(pg_catalog.pg_relation_filenode($1::oid), 0::oid),"
		    " pg_catalog.pg_stat_get_tuples_inserted($1::oid),"
		    " pg_catalog.pg_stat_get_tuples_updated($1::oid)"
		    " + pg_catalog.pg_stat_get_tuples_deleted($1::oid)",
		    oid))
		return false;
	*same = db_get_int(&row, 0, 0) == reading->file &&
		db_get_int(&row, 0, 1) == reading->table->content.rows &&
		db_get_int(&row, 0, 2) == 0;
	return true;
}

static bool settle_one(struct db *db, struct reading *reading, int *tries, struct err *err)
{
	bool same = false;
	while (is_untouched(db, reading, &same, err)) {
		if (same || !*tries) {
			reading->changed = !same;
			return true;
		}
		(*tries)--;
		clock_sleep_ms(PAUSE_MS);
	}
	return false;
}

bool restore_early_settle(struct restore_early *early, struct db *db, size_t *kept, struct err *err)
{
	int tries = TRIES; /* for all together: it may be that nobody counts */
	*kept = 0;
	for (size_t i = 0; i < early->manifest->tables.count; i++) {
		struct reading *reading = &early->readings[i];
		if (is_read(reading) && !settle_one(db, reading, &tries, err))
			return false;
		*kept += is_read(reading);
	}
	return true;
}

const struct pack_content *restore_early_content(
	const struct restore_early *early, const struct pack_table *table)
{
	const struct reading *reading = &early->readings[table - early->manifest->tables.items];
	return is_read(reading) ? &reading->content : NULL;
}
