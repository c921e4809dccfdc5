/* Every kind of store keeps the same promises: one suite, run over each row of the table. */
#include "base/fs.h"
#include "store/store.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static struct store *open_row(const struct store_row *row, const char *folder)
{
	AUTO_ERR(err);
	AUTO_FREE char *url =
		row->scheme[0] ? xstrfmt("%s://%s", row->scheme, folder) : xstrdup(folder);
	struct store_settings settings = {.name = "test", .url = url};
	struct store *store = NULL;
	assert_true(store_open(&settings, &store, &err));
	return store;
}

static size_t count_files(struct store *store, bool complete)
{
	AUTO_ERR(err);
	CLEANUP(store_files_release) struct store_files files = {0};
	assert_true(store->ops->list(store, &files, &err));
	size_t count = 0;
	for (size_t i = 0; i < files.count; i++)
		count += files.items[i].complete == complete;
	return count;
}

static void put(struct store *store, const char *name, const char *text)
{
	AUTO_ERR(err);
	CLEANUP(io_writer_close_auto) struct io_writer *w = NULL;
	assert_true(store->ops->create(store, name, &w, &err));
	assert_true(io_write(w, text, strlen(text), &err));
	assert_true(io_commit(w, &err));
}

static void files_appear_only_when_complete(struct store *store)
{
	AUTO_ERR(err);
	struct io_writer *w = NULL;
	assert_int_equal(count_files(store, true), 0);
	assert_true(store->ops->create(store, "a", &w, &err));
	assert_true(io_write(w, "hello", 5, &err));
	assert_int_equal(count_files(store, true), 0);
	/* a sweep leaves a writer at work alone */
	assert_true(store->ops->sweep(store, &err));
	assert_int_equal(count_files(store, false), 1);
	io_writer_close(w);
	assert_int_equal(count_files(store, false), 0);
	put(store, "a", "hello");
	assert_int_equal(count_files(store, true), 1);
	assert_int_equal(count_files(store, false), 0);
}

static void files_are_read_at_any_place(struct store *store)
{
	AUTO_ERR(err);
	CLEANUP(io_reader_close_auto) struct io_reader *r = NULL;
	assert_true(store->ops->open(store, "a", &r, &err));
	assert_int_equal(io_size(r), 5);
	char text[3] = {0};
	assert_true(io_read_at(r, 3, text, 2, &err));
	assert_string_equal(text, "lo");
	assert_false(io_read_at(r, 4, text, 2, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
}

static void nothing_is_overwritten(struct store *store)
{
	AUTO_ERR(err);
	struct io_writer *w = NULL;
	assert_false(store->ops->create(store, "a", &w, &err));
	assert_int_equal(err.code, ERR_REFUSED);
}

static void small_files_are_replaced_whole(struct store *store)
{
	AUTO_ERR(err);
	CLEANUP(store_file_release) struct store_file file = {0};
	CLEANUP(io_reader_close_auto) struct io_reader *r = NULL;
	char text[4] = {0};
	size_t before = count_files(store, true);
	assert_true(store->ops->put(store, "note", "first", 5, &err));
	assert_true(store->ops->put(store, "note", "2nd", 3, &err));
	assert_int_equal(count_files(store, true), before + 1);
	assert_int_equal(count_files(store, false), 0);
	assert_true(store->ops->open(store, "note", &r, &err));
	assert_true(io_read_at(r, 0, text, 3, &err));
	assert_string_equal(text, "2nd");
	assert_true(store->ops->stat(store, "note", &file, &err));
	assert_int_equal(file.bytes, 3);
	assert_true(file.complete && file.modified_ms > 0);
	assert_true(store->ops->remove(store, "note", &err));
}

static void what_is_absent_is_not_found(struct store *store)
{
	AUTO_ERR(err);
	struct io_reader *r = NULL;
	assert_false(store->ops->open(store, "absent", &r, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_false(store->ops->remove(store, "absent", &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	struct store_file file;
	assert_false(store->ops->stat(store, "absent", &file, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void lists_are_sorted_and_removal_shows(struct store *store)
{
	AUTO_ERR(err);
	put(store, "c", "3");
	put(store, "b", "22");
	CLEANUP(store_files_release) struct store_files files = {0};
	assert_true(store->ops->list(store, &files, &err));
	assert_int_equal(files.count, 3);
	assert_string_equal(files.items[1].name, "b");
	assert_int_equal(files.items[1].bytes, 2);
	assert_true(files.items[1].modified_ms > 0);
	assert_true(store->ops->remove(store, "b", &err));
	assert_int_equal(count_files(store, true), 2);
}

static void it_is_there_from_its_first_file_on(struct store *store)
{
	assert_false(store->ops->is_there(store));
	put(store, "a", "text");
	assert_true(store->ops->is_there(store));
}

static void every_row_keeps_the_promises(void **state)
{
	(void)state;
	for (size_t i = 0; i < store_row_count; i++) {
		AUTO_ERR(err);
		AUTO_FREE char *temp = NULL;
		assert_true(fs_temp_dir(NULL, &temp, &err));
		AUTO_FREE char *folder = fs_join(temp, "not/made/yet");
		CLEANUP(store_close_auto)
		struct store *store = open_row(&store_rows[i], folder);
		it_is_there_from_its_first_file_on(store);
		assert_true(store->ops->remove(store, "a", &err));
		files_appear_only_when_complete(store);
		files_are_read_at_any_place(store);
		nothing_is_overwritten(store);
		small_files_are_replaced_whole(store);
		what_is_absent_is_not_found(store);
		lists_are_sorted_and_removal_shows(store);
		assert_true(fs_remove_tree(temp, &err));
	}
}

static void dead_writers_are_swept(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *temp = NULL;
	assert_true(fs_temp_dir(NULL, &temp, &err));
	CLEANUP(store_close_auto) struct store *store = open_row(&store_rows[0], temp);
	AUTO_FREE char *path = fs_join(temp, "x.mig.tar.partial");
	assert_true(fs_append(path, "half", 4, false, &err));
	assert_int_equal(count_files(store, false), 1);
	assert_true(store->ops->sweep(store, &err));
	assert_int_equal(count_files(store, false), 0);
	assert_true(fs_remove_tree(temp, &err));
}

static void unknown_schemes_are_a_clear_error(void **state)
{
	(void)state;
	AUTO_ERR(err);
	struct store *store = NULL;
	struct store_settings settings = {.name = "offsite", .url = "gopher://bucket/x"};
	assert_false(store_open(&settings, &store, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	assert_string_equal(err.msg, "store offsite: no store for gopher:// is known");
	settings.url = "relative/path";
	assert_false(store_open(&settings, &store, &err));
	assert_int_equal(err.code, ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_keeps_the_promises),
		cmocka_unit_test(dead_writers_are_swept),
		cmocka_unit_test(unknown_schemes_are_a_clear_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
