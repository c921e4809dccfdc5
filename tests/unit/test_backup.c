/* Pure parts of taking a snapshot. */
#include "backup/create_room.h"
#include "backup/shipped.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void stripped(const char *before, const char *after)
{
	AUTO_STRBUF(text);
	strbuf_adds(&text, before);
	create_dump_strip_restrict(&text);
	assert_string_equal(text.buf, after);
	assert_int_equal(text.len, strlen(after));
}

static void only_the_exact_restrict_pair_is_cut(void **state)
{
	(void)state;
	stripped("--\n-- dump\n--\n\n\\restrict aB3\n\nSET x;\n\n\\unrestrict aB3\n\n",
		"--\n-- dump\n--\n\n\nSET x;\n\n\n");
	stripped("--\n-- dump\n--\n\nSET x;\n", "--\n-- dump\n--\n\nSET x;\n");
	/* what only looks like it, inside of a function's body, stays */
	stripped("SET x;\nCREATE FUNCTION f() AS $$\n\\restrict a\n$$;\n",
		"SET x;\nCREATE FUNCTION f() AS $$\n\\restrict a\n$$;\n");
	stripped("\\restrict a\nx\n\\restrict a\n\\unrestrict a\ny\n\\unrestrict a\n",
		"x\n\\restrict a\n\\unrestrict a\ny\n");
	/* not its form */
	stripped("\\restrict a b\nx\n", "\\restrict a b\nx\n");
	stripped("\\restrict a", "\\restrict a");
	stripped("", "");
}

static void shipped_files_are_whole(void **state)
{
	(void)state;
	assert_string_equal(shipped_files[0].member, PACK_README);
	assert_string_equal(shipped_files[1].member, PACK_SCRIPT);
	assert_memory_equal(shipped_files[0].begin, "# How to restore", 16);
	assert_memory_equal(shipped_files[1].begin, "#!/bin/sh\n", 10);
	for (size_t i = 0; i < ARRAY_SIZE(shipped_files); i++) {
		size_t length = (size_t)(shipped_files[i].end - shipped_files[i].begin);
		assert_true(length > 1000);
		assert_int_equal(strlen(shipped_files[i].begin), length);
	}
	assert_non_null(strstr(shipped_files[1].begin, "say \"done\"\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_exact_restrict_pair_is_cut),
		cmocka_unit_test(shipped_files_are_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
