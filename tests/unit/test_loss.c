/* What two sides of a table have in common, row by row, as a table of cases. */
#include "base/fs.h"
#include "loss/join.h"
#include "pack/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static const struct row {
	const char *name, *key;
	const char *live_columns, *live;
	const char *other_columns, *other;
	struct loss_counts counts;
} rows[] = {
	{"equal", "id", "id,v", "1\tx\n2\ty\n", "id,v", "2\ty\n1\tx\n", {0, 0, 0}},
	{"each kind once", "id", "id,v", "1\tx\n2\ty\n3\tz\n", "id,v", "1\tx\n2\tw\n4\tz\n",
		{1, 1, 1}},
	{"no key", "", "id,v", "1\tx\n2\ty\n2\ty\n", "id,v", "1\tx\n2\ty\n2\tw\n", {1, 1, 0}},
	{"another order", "id", "v,id", "x\t1\ny\t2\nz\t3\n", "id,v", "1\tx\n2\ty\n3\tw\n",
		{0, 0, 1}},
	{"another order, no key", "", "v,id", "x\t1\ny\t2\n", "id,v", "1\tx\n2\tw\n", {1, 1, 0}},
	{"another name in the same place", "id", "id,v", "1\tx\n2\ty\n", "id,w", "1\tx\n2\tz\n",
		{0, 0, 0}},
	{"one more here", "id", "id,v,w", "1\tx\ta\n2\ty\tb\n", "id,v", "1\tx\n2\tz\n", {0, 0, 1}},
	{"one more there", "id", "id,v", "1\tx\n2\ty\n", "w,id,v", "a\t1\tx\nb\t3\ty\n", {1, 1, 0}},
	{"a longer key in another order", "b,a", "a,b,v", "1\t2\tx\n1\t3\ty\n", "b,v,a",
		"2\tx\t1\n3\tz\t1\n", {0, 0, 1}},
	{"nothing in common", "", "a", "1\n2\n", "b", "1\n", {1, 0, 0}},
};

static void add_table(
	struct pack_manifest *manifest, struct pack_writer *writer, uint32_t oid, const char *text)
{
	AUTO_ERR(err);
	struct pack_rows content = {0};
	struct pack_table *table = pack_list_add(&manifest->tables);
	table->oid = oid;
	table->schema = xstrdup("public");
	table->name = xstrdup("t");
	pack_rows_feed(&content, text, strlen(text));
	table->content = content.content;
	pack_rows_release(&content);
	AUTO_FREE char *member = xstrfmt("data/%u/0000.000001.copy", oid);
	struct pack_about about = {
		.plain = (int64_t)strlen(text), .table = oid, .rows = table->content.rows};
	assert_true(pack_writer_add(writer, member, text, strlen(text), &about, &err));
}

static struct pack_manifest *empty_manifest(void)
{
	struct pack_manifest *manifest = pack_manifest_new();
	struct pack_database *database = &manifest->database;
	char **texts[] = {&manifest->id, &manifest->tool, &manifest->pg_dump, &database->name,
		&database->owner, &database->server_version, &database->encoding,
		&database->locale_provider, &database->collate, &database->ctype,
		&database->tablespace};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		*texts[i] = xstrdup("x");
	return manifest;
}

/* Table 1 holds the live rows, table 2 the others. */
static struct pack_reader *snapshot_of(const struct row *row, const char *path)
{
	AUTO_ERR(err);
	CLEANUP(pack_manifest_free_auto) struct pack_manifest *manifest = empty_manifest();
	CLEANUP(io_writer_close_auto) struct io_writer *file = NULL;
	assert_true(io_file_create(path, &file, &err));
	CLEANUP(pack_writer_free_auto)
	struct pack_writer *writer = pack_writer_new(file, manifest);
	add_table(manifest, writer, 1, row->live);
	add_table(manifest, writer, 2, row->other);
	assert_true(pack_writer_finish(writer, &err));
	assert_true(io_commit(file, &err));
	struct io_reader *io = NULL;
	struct pack_reader *reader = NULL;
	assert_true(io_file_open(path, &io, &err));
	if (!pack_reader_open(io, &reader, &err))
		fail_msg("%s", err.msg);
	return reader;
}

static void check_row(const struct row *row, const char *path, size_t room)
{
	AUTO_ERR(err);
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = snapshot_of(row, path);
	AUTO_STRVEC(key);
	struct loss_unit live = {.oid = 1}, other = {.oid = 2};
	strvec_split(&live.columns, row->live_columns, ',');
	strvec_split(&other.columns, row->other_columns, ',');
	other.content = pack_reader_manifest(reader)->tables.items[1].content;
	if (*row->key)
		strvec_split(&key, row->key, ',');
	struct loss_join join = {
		.live = {.reader = reader, .unit = &live},
		.other = {.reader = reader, .unit = &other},
		.key = &key,
		.room = room,
	};
	struct loss_counts counts;
	if (!loss_join(&join, &counts, &err))
		fail_msg("%s: %s", row->name, err.msg);
	if (memcmp(&counts, &row->counts, sizeof(counts)) != 0)
		fail_msg("%s: %ld added, %ld removed, %ld changed", row->name, counts.added,
			counts.removed, counts.changed);
	strvec_release(&live.columns);
	strvec_release(&other.columns);
}

static void rows_are_counted(void **state)
{
	(void)state;
	char directory[] = "/tmp/mig-test-loss-XXXXXX";
	assert_non_null(mkdtemp(directory));
	AUTO_FREE char *path = xstrfmt("%s/snapshot", directory);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t room = 0; room < 2; room++) { /* 1: in rounds */
			check_row(&rows[i], path, room);
			assert_int_equal(unlink(path), 0);
		}
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
