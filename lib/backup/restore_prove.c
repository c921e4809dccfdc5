#include "backup/loss_measure.h"
#include "backup/restore_room.h"
#include <inttypes.h>

static struct loss_table *tables_to_read(const struct pack_manifest *manifest, size_t *count)
{
	struct loss_table *tables = xcalloc(manifest->tables.count + 1, sizeof(*tables));
	*count = 0;
	for (size_t i = 0; i < manifest->tables.count; i++) {
		const struct pack_table *table = &manifest->tables.items[i];
		if (!table->emptied)
			tables[(*count)++] = (struct loss_table){
				.schema = table->schema,
				.name = table->name,
				.columns = &table->columns,
				.condition = table->condition,
				.weight = table->content.bytes,
			};
	}
	return tables;
}

static void say_different(struct strvec *lines, const char *schema, const char *name,
	const struct pack_content *wanted, const struct pack_content *got)
{
	if (wanted->rows != got->rows)
		strvec_pushf(lines, "%s.%s: %" PRId64 " rows, the snapshot has %" PRId64, schema,
			name, got->rows, wanted->rows);
	else
		strvec_pushf(lines, "%s.%s: the same number of rows, other contents", schema, name);
}

/* Where rows may be routed to other partitions than before, only the whole can be compared. */
static bool proved_at_root(const struct pack_manifest *manifest, const struct pack_table *table)
{
	const struct pack_root *root =
		table->root ? pack_manifest_root(manifest, table->root) : NULL;
	return root && root->enum_hash;
}

static void compare(const struct pack_manifest *manifest, const struct loss_table *tables,
	size_t count, struct strvec *lines)
{
	struct pack_content *roots = xcalloc(manifest->roots.count + 1, sizeof(*roots));
	for (size_t i = 0; i < count; i++) {
		const struct pack_table *table =
			pack_manifest_table(manifest, tables[i].schema, tables[i].name);
		if (table->root) {
			const struct pack_root *root = pack_manifest_root(manifest, table->root);
			pack_content_add(&roots[root - manifest->roots.items], &tables[i].content);
		}
		if (!proved_at_root(manifest, table) &&
			!pack_content_equal(&table->content, &tables[i].content))
			say_different(lines, table->schema, table->name, &table->content,
				&tables[i].content);
	}
	for (size_t i = 0; i < manifest->roots.count; i++) {
		const struct pack_root *root = &manifest->roots.items[i];
		if (!pack_content_equal(&root->content, &roots[i]))
			say_different(lines, root->schema, root->name, &root->content, &roots[i]);
	}
	free(roots);
}

bool restore_prove(const struct restore_settings *settings, const char *database, struct err *err)
{
	const struct pack_manifest *manifest = pack_reader_manifest(settings->reader);
	AUTO_STRVEC(lines);
	size_t count;
	AUTO_FREE struct loss_table *tables = tables_to_read(manifest, &count);
	struct loss_measure measure = {
		.params = settings->target,
		.encoding = manifest->database.encoding,
		.workers = settings->workers,
		.cancelled = settings->cancelled,
		.cancel_ctx = settings->cancel_ctx,
		.what = "prove",
	};
	measure.params.dbname = database;
	if (!loss_measure_tables(&measure, tables, count, err))
		return false;
	compare(manifest, tables, count, &lines);
	if (!lines.count)
		return true;
	strvec_sort(&lines);
	AUTO_FREE char *detail = strvec_join(&lines, "\n");
	err_set(err, ERR_CORRUPT, "the restored rows are not those of the snapshot: %s%s",
		lines.items[0], lines.count > 1 ? ", and more" : "");
	return err_detail(err, "%s", detail);
}
