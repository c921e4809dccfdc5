/*
 * Migration files under mutation: whatever bytes a file holds, reading it and cutting it into
 * statements neither crashes nor fails without a place, and no statement is lost or made up.
 */
#include "../support/fuzz.h"
#include "migrate/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char seed_text[] =
	"\xef\xbb\xbf-- revision: 3f9c1a7be2d4\r\n-- down_revision: a, b\n-- message: M\xc3\xb6re  "
	"-- "
	"created: x\n-- branch_labels: l\n-- transaction: off\n-- phase: expand\n\n-- migrate:up\n"
	"create table t (a text default ';', \"b;\" int); /* ; /* ; */ */ -- ;\n"
	"create function f() returns int begin atomic select 1; select case when true then 2 end; "
	"end;\ncreate function g() returns text language sql as $x$ select '$$;$$'; $x$;\n"
	"copy t (a) from stdin;\n1;\t'\n\\.\ninsert into t values (E'\\';', U&'d\\0061', 'a''b');\n"
	"-- migrate:backfill table=t key=id batch=5000 pause=50ms\n"
	"update t set a = b where c = ${x};\n-- migrate:verify\nselect true;\n"
	"-- migrate:down\ndrop table t;\n";

static const char *const pieces[] = {"'", "\"", "$$", ";", "--", "\\", "/*", "*/", "\n", "\r\n",
	":", "(", ")", "{", "}", "\t", "E'", "\xff", "-- migrate:up\n", "begin atomic", "${"};

static void assert_placed(const struct err *err)
{
	if (!err->msg || !strstr(err->msg, "x.sql"))
		fail_msg("no place: %s", err->msg ? err->msg : "no message");
}

/* Statements lie in their section, in order, without overlapping. */
static void check_script(const struct sql_script *script, size_t start, size_t end)
{
	size_t at = start;
	for (size_t i = 0; i < script->count; i++) {
		const struct sql_statement *statement = &script->items[i];
		assert_true(statement->offset >= at && statement->length > 0);
		at = statement->offset + statement->length;
		assert_true(at <= end && statement->place.line > 0 && statement->kind);
		if (statement->has_data)
			assert_true(statement->data_offset + statement->data_length <= end);
	}
}

static void cut(const struct migrate_file *file, const struct migrate_section *section)
{
	CLEANUP(sql_script_release) struct sql_script script = {0};
	AUTO_ERR(err);
	if (!section->present)
		return;
	assert_true(section->start <= section->end && section->end <= file->length);
	if (sql_script_parse("x.sql", file->source, section->start, section->end, &script, &err))
		check_script(&script, section->start, section->end);
	else
		assert_placed(&err);
}

static void read_one(const struct strbuf *text)
{
	AUTO_ARENA(room);
	CLEANUP(migrate_file_release)
	struct migrate_file file = {
		.room = &room, .name = "x.sql", .source = text->buf, .length = text->len};
	AUTO_ERR(err);
	if (!migrate_native_parse(&file, &err)) {
		assert_placed(&err);
		return;
	}
	assert_non_null(file.id);
	cut(&file, &file.up);
	cut(&file, &file.verify);
	cut(&file, &file.backfill);
	cut(&file, &file.down_section);
}

static void mutated_files_are_read_or_refused_with_a_place(void **state)
{
	(void)state;
	uint64_t rounds = fuzz_begin(3000);
	for (uint64_t i = 0; i < rounds; i++) {
		AUTO_STRBUF(text);
		strbuf_add(&text, seed_text, sizeof(seed_text) - 1);
		if (i)
			fuzz_mutate(&text, pieces, ARRAY_SIZE(pieces));
		read_one(&text);
	}
}

static void the_unchanged_file_is_read_whole(void **state)
{
	(void)state;
	AUTO_ARENA(room);
	CLEANUP(migrate_file_release)
	struct migrate_file file = {.room = &room,
		.name = "x.sql",
		.source = seed_text,
		.length = sizeof(seed_text) - 1};
	CLEANUP(sql_script_release) struct sql_script script = {0};
	AUTO_ERR(err);
	assert_true(migrate_native_parse(&file, &err));
	assert_string_equal(file.id, "3f9c1a7be2d4");
	assert_int_equal(file.down.count, 2);
	assert_true(file.up.bare);
	assert_string_equal(file.batches.table, "t");
	assert_true(
		sql_script_parse("x.sql", file.source, file.up.start, file.up.end, &script, &err));
	assert_int_equal(script.count, 5);
	assert_true(script.items[3].has_data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_unchanged_file_is_read_whole),
		cmocka_unit_test(mutated_files_are_read_or_refused_with_a_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
