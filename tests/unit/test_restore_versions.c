/* Which of two versions of an extension is the older one. */
#include "restore/versions.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int order(const char *a, const char *b)
{
	bool known;
	int answer = restore_versions_order(a, b, &known);
	assert_true(known);
	assert_int_equal(-answer, restore_versions_order(b, a, &known));
	return answer;
}

static void numbers_are_compared_as_numbers(void **state)
{
	(void)state;
	assert_int_equal(order("1.9", "1.10"), -1);
	assert_int_equal(order("2", "1.99"), 1);
	assert_int_equal(order("1", "1.0"), 0);
	assert_int_equal(order("1.0.1", "1.0"), 1);
	assert_int_equal(order("3.4.2", "3.4.2"), 0);
	assert_int_equal(order("", ""), 0);
}

static void other_words_have_no_order(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {{"1.0", "unpackaged"}, {"3.4.0dev", "3.4.0"},
		{"1.2-rc1", "1.2"}, {"1..2", "1.2"}, {"1.", "2"}, {"99999999999999999999999", "1"},
		{"-1", "1"}, {".1", "1"}};
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		bool known;
		assert_int_equal(restore_versions_order(pairs[i][0], pairs[i][1], &known), 0);
		assert_false(known);
	}
	bool known;
	assert_int_equal(restore_versions_order("3.4.0dev", "3.4.0dev", &known), 0);
	assert_true(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_compared_as_numbers),
		cmocka_unit_test(other_words_have_no_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
