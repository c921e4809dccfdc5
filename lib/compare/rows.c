/*
 * The first rows that are on one side only. Rows are known by their hashes: both sides are read
 * twice, once for the hashes, once for the few rows whose hashes are the other side's.
 */
#include "base/utf8.h"
#include "compare/compare.h"
#include "compare/measure.h"

/* Hashes of more rows than these are not kept in memory: 16 bytes each, both sides. */
#define ROWS_MAX 2000000
#define ROW_SHOWN 200

struct hashes {
	PACK_LIST(struct pack_hash) all;
};

static void hashes_release(struct hashes *hashes)
{
	free(hashes->all.items);
}

static int hash_order(const void *left, const void *right)
{
	const struct pack_hash *a = left, *b = right;
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	return (a->low > b->low) - (a->low < b->low);
}

static struct pack_hash hash_of(const char *row, size_t length)
{
	struct pack_hash hash = {0};
	pack_hash_row(&hash, row, length);
	return hash;
}

/* --- the two sides ---------------------------------------------------------------------------- */

static bool snapshot_rows(struct pack_reader *reader, const struct pack_table *table,
	pack_on_row on_row, void *ctx, struct err *err)
{
	CLEANUP(pack_stream_free_auto)
	struct pack_stream *stream = pack_stream_table(reader, table);
	return pack_stream_rows(stream, on_row, ctx, err);
}

static bool live_rows(struct db *db, const struct pack_table *table, pack_on_row on_row, void *ctx,
	struct err *err)
{
	struct compare_table live = {
		.schema = table->schema,
		.name = table->name,
		.columns = &table->columns,
		.condition = table->condition,
	};
	AUTO_FREE char *sql = compare_measure_sql(db, &live);
	return db_copy_out(db, sql, on_row, ctx, err);
}

/* --- which are alone -------------------------------------------------------------------------- */

static bool keep_hash(void *ctx, const char *row, size_t length, struct err *err)
{
	(void)err;
	struct hashes *hashes = ctx;
	*pack_list_add(&hashes->all) = hash_of(row, length);
	return true;
}

static void sort_hashes(struct hashes *hashes)
{
	if (hashes->all.count)
		qsort(hashes->all.items, hashes->all.count, sizeof(hashes->all.items[0]),
			hash_order);
}

/* Hashes of a that b has not, or not as often; at most `limit`. */
static void alone(
	const struct hashes *a, const struct hashes *b, int64_t limit, struct hashes *found)
{
	size_t j = 0;
	for (size_t i = 0; i < a->all.count && (int64_t)found->all.count < limit; i++) {
		const struct pack_hash *hash = &a->all.items[i];
		while (j < b->all.count && hash_order(&b->all.items[j], hash) < 0)
			j++;
		if (j < b->all.count && hash_order(&b->all.items[j], hash) == 0)
			j++;
		else
			*pack_list_add(&found->all) = *hash;
	}
}

struct showing {
	const struct hashes *wanted;
	struct strvec *rows;
};

/* Told of all rows, also when it has seen enough: the session is needed again. */
static bool show_row(void *ctx, const char *row, size_t length, struct err *err)
{
	struct showing *showing = ctx;
	const struct hashes *wanted = showing->wanted;
	(void)err;
	if (showing->rows->count == wanted->all.count)
		return true;
	struct pack_hash hash = hash_of(row, length);
	if (bsearch(&hash, wanted->all.items, wanted->all.count, sizeof(hash), hash_order)) {
		AUTO_FREE char *text = utf8_clean(row, length);
		AUTO_FREE char *cut = utf8_cut(text, ROW_SHOWN);
		strvec_pushf(showing->rows, "%s%s", cut, strlen(cut) < strlen(text) ? ".." : "");
	}
	return true;
}

static bool show(struct db *db, struct pack_reader *reader, struct compare_line *line,
	const struct hashes *of_snapshot, const struct hashes *of_live, struct err *err)
{
	struct showing there = {of_snapshot, &line->only_snapshot};
	struct showing here = {of_live, &line->only_live};
	return (!of_snapshot->all.count ||
		       snapshot_rows(reader, line->table, show_row, &there, err)) &&
	       (!of_live->all.count || live_rows(db, line->table, show_row, &here, err));
}

bool compare_rows_find(struct db *db, struct pack_reader *reader, struct compare_line *line,
	int64_t limit, struct err *err)
{
	CLEANUP(hashes_release) struct hashes snapshot = {0};
	CLEANUP(hashes_release) struct hashes live = {0};
	CLEANUP(hashes_release) struct hashes of_snapshot = {0};
	CLEANUP(hashes_release) struct hashes of_live = {0};
	line->too_many = line->snapshot_rows > ROWS_MAX || line->live_rows > ROWS_MAX;
	if (line->too_many)
		return true;
	if (!snapshot_rows(reader, line->table, keep_hash, &snapshot, err) ||
		!live_rows(db, line->table, keep_hash, &live, err))
		return false;
	sort_hashes(&snapshot);
	sort_hashes(&live);
	alone(&snapshot, &live, limit, &of_snapshot);
	alone(&live, &snapshot, limit, &of_live);
	return show(db, reader, line, &of_snapshot, &of_live, err);
}
