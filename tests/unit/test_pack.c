/* The snapshot container: hashes, headers, frames, manifest, and that every damaged byte is found.
 */
#include "base/fs.h"
#include "pack/frame.h"
#include "pack/reader.h"
#include "pack/tar.h"
#include "pack/turns.h"
#include "pack/writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* --- a file in memory ------------------------------------------------------------------------- */

struct memory_writer {
	struct io_writer base;
	struct strbuf *to;
};

static bool memory_write(struct io_writer *w, const void *bytes, size_t length, struct err *err)
{
	(void)err;
	strbuf_add(((struct memory_writer *)w)->to, bytes, length);
	return true;
}

static const struct io_writer_ops memory_writer_ops = {.write = memory_write};

struct memory_reader {
	struct io_reader base;
	const char *bytes;
	size_t length;
};

static bool memory_read_at(
	struct io_reader *r, int64_t offset, void *bytes, size_t length, struct err *err)
{
	struct memory_reader *memory = (struct memory_reader *)r;
	if (offset < 0 || (size_t)offset + length > memory->length)
		return err_set(err, ERR_CORRUPT, "past the end");
	memcpy(bytes, memory->bytes + offset, length);
	return true;
}

static int64_t memory_size(struct io_reader *r)
{
	return (int64_t)((struct memory_reader *)r)->length;
}

static void memory_close(struct io_reader *r)
{
	free(r->name);
	free(r);
}

static const struct io_reader_ops memory_reader_ops = {memory_read_at, memory_size, memory_close};

static struct io_reader *memory_open(const char *bytes, size_t length)
{
	struct memory_reader *memory = xcalloc(1, sizeof(*memory));
	memory->base.ops = &memory_reader_ops;
	memory->base.name = xstrdup("memory");
	memory->bytes = bytes;
	memory->length = length;
	return &memory->base;
}

/* --- a small snapshot ------------------------------------------------------------------------- */

#define ROWS "1\tone\n2\ttwo\n3\tthree\n"

static struct pack_manifest *small_manifest(void)
{
	struct pack_manifest *manifest = pack_manifest_new();
	manifest->id = xstrdup("20261120T010203Z-1a2b3c");
	manifest->tool = xstrdup("mig test");
	manifest->pg_dump = xstrdup("15.18");
	manifest->started_ms = 1000;
	manifest->finished_ms = 2000;
	struct pack_database *database = &manifest->database;
	database->name = xstrdup("sh\xff"
				 "op"); /* not UTF-8 */
	database->owner = xstrdup("owner");
	database->server_version = xstrdup("15.18");
	database->server_version_num = 150018;
	database->encoding = xstrdup("SQL_ASCII");
	database->locale_provider = xstrdup("c");
	database->collate = xstrdup("C");
	database->ctype = xstrdup("C");
	database->tablespace = xstrdup("pg_default");
	database->connection_limit = -1;
	strvec_push(&manifest->roles, "owner");
	struct pack_table *table = pack_list_add(&manifest->tables);
	table->oid = 16384;
	table->schema = xstrdup("public");
	table->name = xstrdup("a \"b\"\nc");
	strvec_push(&table->columns, "id");
	strvec_push(&table->columns, "name");
	struct pack_rows rows = {0};
	pack_rows_feed(&rows, ROWS, strlen(ROWS));
	table->content = rows.content;
	pack_rows_release(&rows);
	return manifest;
}

static void write_small(struct strbuf *out)
{
	AUTO_ERR(err);
	struct memory_writer io = {{&memory_writer_ops}, out};
	CLEANUP(pack_manifest_free_auto) struct pack_manifest *manifest = small_manifest();
	CLEANUP(pack_writer_free_auto)
	struct pack_writer *writer = pack_writer_new(&io.base, manifest);
	CLEANUP(pack_frame_free_auto) struct pack_frame *frame = pack_frame_new(PACK_LEVEL_DEFAULT);
	/* the rows in two members, cut inside a row */
	for (int i = 0; i < 2; i++) {
		const char *part = &ROWS[i ? 10 : 0];
		size_t length = i ? strlen(ROWS) - 10 : 10, taken = 0;
		assert_true(pack_frame_add(frame, part, length, &taken, &err));
		assert_int_equal(taken, length);
		const void *bytes;
		struct pack_about about = {.table = 16384, .rows = i ? 2 : 1};
		assert_true(pack_frame_end(frame, &bytes, &length, &about.plain, &err));
		AUTO_FREE char *name = xstrfmt("data/16384/0000.%06d.copy.zst", i + 1);
		assert_true(pack_writer_add(writer, name, bytes, length, &about, &err));
	}
	assert_true(pack_writer_add(writer, PACK_README, "read me\n", 8, NULL, &err));
	assert_true(pack_writer_add_text(writer, PACK_SEQUENCES, "", 0, &err));
	assert_true(pack_writer_finish(writer, &err));
}

/* Opens and reads everything, as a verification does. */
static bool read_all(const char *bytes, size_t length, struct err *err)
{
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	if (!pack_reader_open(memory_open(bytes, length), &reader, err) ||
		!pack_reader_check_layout(reader, err))
		return false;
	const struct pack_manifest *manifest = pack_reader_manifest(reader);
	for (size_t i = 0; i < manifest->members.count; i++) {
		AUTO_STRBUF(text);
		if (!pack_reader_text(reader, manifest->members.items[i].name, &text, err))
			return false;
	}
	return true;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void hash_knows_no_order(void **state)
{
	(void)state;
	struct pack_hash a = {0}, b = {0};
	pack_hash_row(&a, "1\tx", 3);
	pack_hash_row(&a, "2\ty", 3);
	pack_hash_row(&b, "2\ty", 3);
	pack_hash_row(&b, "1\tx", 3);
	assert_true(pack_hash_equal(&a, &b));
	pack_hash_row(&b, "1\tx", 3); /* a row twice is not a row once */
	assert_false(pack_hash_equal(&a, &b));
}

static void hash_of_the_empty_row_is_the_published_one(void **state)
{
	(void)state;
	struct pack_hash hash = {0}, again;
	char text[PACK_HASH_TEXT];
	pack_hash_row(&hash, "", 0);
	pack_hash_text(&hash, text);
	/* XXH3-128 of nothing, seed 0, as published with xxHash */
	assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
	assert_true(pack_hash_parse(text, &again));
	assert_true(pack_hash_equal(&hash, &again));
	assert_false(pack_hash_parse("99AA", &again));
	assert_false(pack_hash_parse("99aa06d3014798d86001c324468d497fa", &again));
}

static void hash_carries_over(void **state)
{
	(void)state;
	struct pack_hash sum = {0, UINT64_MAX}, one = {0, 1};
	pack_hash_add(&sum, &one);
	assert_int_equal(sum.high, 1);
	assert_int_equal(sum.low, 0);
	struct pack_hash most = {UINT64_MAX, UINT64_MAX};
	pack_hash_add(&most, &one);
	assert_int_equal(most.high, 0);
	assert_int_equal(most.low, 0);
}

static void rows_may_be_cut_anywhere(void **state)
{
	(void)state;
	static const char text[] = "a\tb\n\n\nlonger row here\nlast\n";
	struct pack_rows whole = {0};
	pack_rows_feed(&whole, text, strlen(text));
	assert_int_equal(whole.content.rows, 5);
	assert_int_equal(whole.content.bytes, strlen(text));
	for (size_t step = 1; step < strlen(text); step++) {
		struct pack_rows pieces = {0};
		for (size_t at = 0; at < strlen(text); at += step)
			pack_rows_feed(&pieces, text + at,
				at + step < strlen(text) ? step : strlen(text) - at);
		assert_true(pack_content_equal(&whole.content, &pieces.content));
		assert_false(pieces.open);
		pack_rows_release(&pieces);
	}
	pack_rows_feed(&whole, "half", 4);
	assert_true(whole.open);
	pack_rows_release(&whole);
}

static void long_names_and_sizes_are_refused(void **state)
{
	(void)state;
	AUTO_ERR(err);
	unsigned char block[PACK_BLOCK];
	char name[101];
	memset(name, 'n', 100);
	name[100] = 0;
	assert_false(pack_tar_header(name, 1, block, &err));
	name[99] = 0;
	assert_true(pack_tar_header(name, PACK_MEMBER_SIZE_MAX, block, &err));
	assert_false(pack_tar_header(name, PACK_MEMBER_SIZE_MAX + 1, block, &err));
	assert_false(pack_tar_header(name, -1, block, &err));
	assert_false(pack_tar_header("", 1, block, &err));
}

static void frames_stay_within_their_member(void **state)
{
	(void)state;
	AUTO_ERR(err);
	CLEANUP(pack_frame_free_auto) struct pack_frame *frame = pack_frame_new(1);
	/* noise does not compress: the worst case */
	size_t length = 20 << 20, at = 0;
	AUTO_FREE unsigned char *noise = xcalloc(1, length);
	uint64_t seed = 88172645463325252ULL;
	for (size_t i = 0; i < length; i++) {
		seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
		noise[i] = (unsigned char)seed;
	}
	int frames = 0;
	int64_t plain_sum = 0;
	while (at < length) {
		size_t taken, stored;
		int64_t plain;
		const void *bytes;
		assert_true(pack_frame_add(frame, noise + at, length - at, &taken, &err));
		at += taken;
		assert_true(at == length || pack_frame_wants_end(frame));
		assert_true(pack_frame_end(frame, &bytes, &stored, &plain, &err));
		assert_true(stored <= PACK_FRAME_MAX);
		plain_sum += plain;
		frames++;
	}
	assert_int_equal(plain_sum, length);
	assert_int_equal(frames, 3);
	assert_true(pack_frame_is_empty(frame));
}

static bool join_row(void *ctx, const char *row, size_t length, struct err *err)
{
	(void)err;
	strbuf_add(ctx, row, length);
	strbuf_addc(ctx, '|');
	return true;
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_STRBUF(file);
	write_small(&file);
	CLEANUP(pack_reader_close_auto) struct pack_reader *reader = NULL;
	assert_true(pack_reader_open(memory_open(file.buf, file.len), &reader, &err));
	const struct pack_manifest *manifest = pack_reader_manifest(reader);
	assert_string_equal(manifest->database.name, "sh\xff"
						     "op");
	assert_null(manifest->label);
	const struct pack_table *table = pack_manifest_table(manifest, "public", "a \"b\"\nc");
	assert_non_null(table);
	assert_int_equal(table->members.count, 2);
	CLEANUP(pack_stream_free_auto)
	struct pack_stream *stream = pack_stream_table(reader, table);
	struct pack_rows rows = {0};
	char three[3];
	size_t got;
	do {
		assert_true(pack_stream_read(stream, three, sizeof(three), &got, &err));
		pack_rows_feed(&rows, three, got);
	} while (got);
	assert_true(pack_content_equal(&rows.content, &table->content));
	pack_rows_release(&rows);
	AUTO_STRBUF(joined);
	CLEANUP(pack_stream_free_auto)
	struct pack_stream *again = pack_stream_table(reader, table);
	assert_true(pack_stream_rows(again, join_row, &joined, &err));
	assert_string_equal(joined.buf, "1\tone|2\ttwo|3\tthree|");
	AUTO_STRBUF(text);
	assert_true(pack_reader_text(reader, PACK_README, &text, &err));
	assert_string_equal(text.buf, "read me\n");
	assert_false(pack_reader_text(reader, "absent", &text, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
}

static void every_flipped_bit_is_found(void **state)
{
	(void)state;
	AUTO_STRBUF(file);
	write_small(&file);
	for (size_t i = 0; i < file.len; i++) {
		AUTO_ERR(err);
		file.buf[i] ^= (char)(1 << (i % 8));
		if (read_all(file.buf, file.len, &err) || err.code != ERR_CORRUPT)
			fail_msg("byte %zu flipped: %s", i, err.msg ? err.msg : "not found");
		file.buf[i] ^= (char)(1 << (i % 8));
	}
	AUTO_ERR(err);
	assert_true(read_all(file.buf, file.len, &err));
}

static void every_truncation_is_found(void **state)
{
	(void)state;
	AUTO_STRBUF(file);
	write_small(&file);
	for (size_t length = 0; length < file.len; length++) {
		AUTO_ERR(err);
		assert_false(read_all(file.buf, length, &err));
		assert_int_equal(err.code, ERR_CORRUPT);
	}
	strbuf_addc(&file, 'x');
	AUTO_ERR(err);
	assert_false(read_all(file.buf, file.len, &err));
}

static void damage_names_the_member(void **state)
{
	(void)state;
	AUTO_STRBUF(file);
	write_small(&file);
	AUTO_ERR(err);
	file.buf[PACK_BLOCK + 9] ^= 1; /* inside the first frame */
	assert_false(read_all(file.buf, file.len, &err));
	assert_non_null(strstr(err.msg, "data/16384/0000.000001.copy.zst"));
}

static void newer_formats_are_said_to_be_so(void **state)
{
	(void)state;
	AUTO_ERR(err);
	struct pack_manifest *manifest = NULL;
	static const char newer[] = "{\"mig\":\"snapshot\",\"format\":2}";
	assert_false(pack_manifest_parse(newer, strlen(newer), &manifest, &err));
	assert_int_equal(err.code, ERR_CONFIG);
	static const char other[] = "{\"mig\":\"snapshot\",\"format\":1}";
	assert_false(pack_manifest_parse(other, strlen(other), &manifest, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.msg, "manifest: id is missing or malformed");
	assert_null(manifest);
}

static void add_table(struct pack_manifest *manifest, uint32_t oid, int64_t turn)
{
	struct pack_table *table = pack_list_add(&manifest->tables);
	*table = (struct pack_table){.oid = oid, .turn = turn, .extension = turn >= 0};
	table->schema = xstrdup("s");
	table->name = xstrfmt("t%u", oid);
}

static void turns_are_taken_and_circles_named(void **state)
{
	(void)state;
	CLEANUP(pack_manifest_free_auto) struct pack_manifest *manifest = pack_manifest_new();
	CLEANUP(pack_turns_release) struct pack_turns turns;
	static const int64_t given[] = {3, 2, -1, 1, 3, 4};
	static const uint32_t taken[] = {4, 2, 1, 5, 6};
	for (size_t i = 0; i < ARRAY_SIZE(given); i++)
		add_table(manifest, (uint32_t)i + 1, given[i]);
	pack_turns_init(&turns, manifest);
	assert_int_equal(turns.count, ARRAY_SIZE(taken));
	for (size_t i = 0; i < turns.count; i++)
		assert_int_equal(turns.tables[i]->oid, taken[i]);
	assert_int_equal(turns.circle.count, 2);
	assert_string_equal(turns.circle.items[0], "s.t1");
	assert_string_equal(turns.circle.items[1], "s.t5");
}

static void without_turns_nothing_is_said_of_circles(void **state)
{
	(void)state;
	CLEANUP(pack_manifest_free_auto) struct pack_manifest *manifest = pack_manifest_new();
	CLEANUP(pack_turns_release) struct pack_turns turns;
	add_table(manifest, 1, 0);
	add_table(manifest, 2, 0);
	pack_turns_init(&turns, manifest);
	assert_int_equal(turns.count, 2);
	assert_int_equal(turns.circle.count, 0);
}

static void libarchive_reads_it(void **state)
{
	(void)state;
	AUTO_STRBUF(file);
	write_small(&file);
	struct archive *archive = archive_read_new();
	archive_read_support_format_tar(archive);
	assert_int_equal(archive_read_open_memory(archive, file.buf, file.len), ARCHIVE_OK);
	struct archive_entry *entry;
	AUTO_STRVEC(names);
	while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
		strvec_push(&names, archive_entry_pathname(entry));
		assert_int_equal(archive_entry_perm(entry), 0600);
	}
	assert_int_equal(archive_format(archive), ARCHIVE_FORMAT_TAR_USTAR);
	archive_read_free(archive);
	AUTO_FREE char *list = strvec_join(&names, " ");
	assert_string_equal(list, "data/16384/0000.000001.copy.zst data/16384/0000.000002.copy.zst "
				  "RESTORE.md sequences.sql.zst manifest.json trailer");
}

static void stock_tools_read_it(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_STRBUF(file);
	write_small(&file);
	AUTO_FREE char *folder = NULL;
	assert_true(fs_temp_dir(NULL, &folder, &err));
	AUTO_FREE char *path = fs_join(folder, "s.mig.tar");
	assert_true(fs_write_atomic(path, file.buf, file.len, &err));
	AUTO_FREE char *command = xstrfmt("cd %s && tar -xf s.mig.tar 2>&1 && "
					  "cat data/16384/*.copy.zst | zstd -dcq",
		folder);
	FILE *pipe = popen(command, "r");
	char text[100] = {0};
	size_t got = fread(text, 1, sizeof(text) - 1, pipe);
	assert_int_equal(pclose(pipe), 0);
	assert_int_equal(got, strlen(ROWS));
	assert_string_equal(text, ROWS);
	assert_true(fs_remove_tree(folder, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_knows_no_order),
		cmocka_unit_test(hash_of_the_empty_row_is_the_published_one),
		cmocka_unit_test(hash_carries_over),
		cmocka_unit_test(rows_may_be_cut_anywhere),
		cmocka_unit_test(long_names_and_sizes_are_refused),
		cmocka_unit_test(frames_stay_within_their_member),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(every_flipped_bit_is_found),
		cmocka_unit_test(every_truncation_is_found),
		cmocka_unit_test(damage_names_the_member),
		cmocka_unit_test(newer_formats_are_said_to_be_so),
		cmocka_unit_test(turns_are_taken_and_circles_named),
		cmocka_unit_test(without_turns_nothing_is_said_of_circles),
		cmocka_unit_test(libarchive_reads_it),
		cmocka_unit_test(stock_tools_read_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
