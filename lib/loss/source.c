#include "loss/source.h"

/* Rows between two questions whether to go on. */
#define PATIENCE 4096

struct reading {
	const struct loss_source *source;
	pack_on_row on_row;
	void *ctx;
	int64_t rows;
};

static bool take_row(void *ctx, const char *row, size_t length, struct err *err)
{
	struct reading *reading = ctx;
	const struct loss_source *source = reading->source;
	if (++reading->rows % PATIENCE == 0 && source->cancelled &&
		source->cancelled(source->cancel_ctx))
		return err_set(err, ERR_SIGNAL, "interrupted");
	return reading->on_row(reading->ctx, row, length, err);
}

/*
 * A session
 */

static bool read_leaf(struct reading *reading, const struct loss_leaf *leaf, struct err *err)
{
	struct db *db = reading->source->db;
	struct compare_table table = {
		.schema = leaf->schema,
		.name = leaf->name,
		.columns = &reading->source->unit->columns,
	};
	AUTO_FREE char *sql = compare_measure_sql(db, &table);
	return db_copy_out(db, sql, take_row, reading, err) ||
	       err_context(err, "table %s.%s", leaf->schema, leaf->name);
}

static bool read_database(struct reading *reading, struct err *err)
{
	const struct loss_unit *unit = reading->source->unit;
	for (size_t i = 0; i < unit->leaves.count; i++)
		if (!read_leaf(reading, &unit->leaves.items[i], err))
			return false;
	return true;
}

/*
 * A snapshot
 */

static bool read_table(struct reading *reading, const struct pack_table *table, struct err *err)
{
	CLEANUP(pack_stream_free_auto)
	struct pack_stream *stream = pack_stream_table(reading->source->reader, table);
	return pack_stream_rows(stream, take_row, reading, err);
}

static bool read_snapshot(struct reading *reading, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(reading->source->reader);
	uint32_t oid = reading->source->unit->oid;
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		if ((table->oid == oid || table->root == oid) && !read_table(reading, table, err))
			return false;
	}
	return true;
}

bool loss_source_rows(
	const struct loss_source *source, pack_on_row on_row, void *ctx, struct err *err)
{
	struct reading reading = {.source = source, .on_row = on_row, .ctx = ctx};
	return source->db ? read_database(&reading, err) : read_snapshot(&reading, err);
}
