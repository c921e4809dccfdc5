/* pg_dump's patterns as regular expressions. */
#include "backup/create_filter.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void means(const char *pattern, const char *schema, const char *name)
{
	AUTO_ERR(err);
	AUTO_FREE char *got_schema = NULL;
	AUTO_FREE char *got_name = NULL;
	assert_true(create_filter_regex(pattern, &got_schema, &got_name, &err));
	if (!str_equal(got_schema, schema) || !str_equal(got_name, name))
		fail_msg("%s: %s and %s", pattern, got_schema ? got_schema : "(none)", got_name);
}

static void patterns_are_those_of_psql(void **state)
{
	(void)state;
	means("orders", NULL, "^(orders)$");
	means("Orders", NULL, "^(orders)$");
	means("\"Orders\"", NULL, "^(Orders)$");
	means("app.*", "^(app)$", "^(.*)$");
	means("a?.b*c", "^(a.)$", "^(b.*c)$");
	means("\"a.b\".c", "^(a\\.b)$", "^(c)$");
	means("\"a\"\"b\"", NULL, "^(a\"b)$");
	means("\"a*?|(b)\"", NULL, "^(a\\*\\?\\|\\(b\\))$");
	means("a[0-9]", NULL, "^(a[0-9])$");
	means("a[]", NULL, "^(a\\[])$");
	means("pay$", NULL, "^(pay\\$)$");
	means("a|b", NULL, "^(a|b)$");
	means("\xc3\x84", NULL, "^(\xc3\x84)$");
}

static void more_parts_are_refused(void **state)
{
	(void)state;
	AUTO_ERR(err);
	char *schema = NULL, *name = NULL;
	assert_false(create_filter_regex("a.b.c", &schema, &name, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_null(schema);
}

static void combinations_are_checked(void **state)
{
	(void)state;
	AUTO_ERR(err);
	struct backup_filter asked = {0};
	assert_true(create_filter_check(&asked, &err));
	strvec_push(&asked.tables, "orders");
	strvec_push(&asked.exclude_data, "*.log");
	assert_true(create_filter_check(&asked, &err));
	strvec_push(&asked.exclude_schemas, "audit");
	assert_false(create_filter_check(&asked, &err));
	assert_int_equal(err.code, ERR_USAGE);
	strvec_release(&asked.tables);
	assert_true(create_filter_check(&asked, &err));
	strvec_push(&asked.schemas, "a.b");
	assert_false(create_filter_check(&asked, &err));
	strvec_release(&asked.schemas);
	strvec_release(&asked.exclude_data);
	strvec_release(&asked.exclude_schemas);
}

static void options_are_handed_on_as_they_were_typed(void **state)
{
	(void)state;
	struct backup_filter asked = {0};
	AUTO_STRVEC(argv);
	strvec_push(&asked.tables, "\"A b\"");
	strvec_push(&asked.exclude_data, "x.*");
	create_filter_options(&asked, &argv);
	assert_int_equal(argv.count, 2);
	assert_string_equal(argv.items[0], "--table=\"A b\"");
	assert_string_equal(argv.items[1], "--exclude-table-data=x.*");
	struct backup_filter again = {0};
	create_filter_read(&argv, &again);
	assert_int_equal(again.tables.count, 1);
	assert_string_equal(again.tables.items[0], "\"A b\"");
	assert_string_equal(again.exclude_data.items[0], "x.*");
	assert_int_equal(again.exclude_tables.count, 0);
	backup_filter_release(&again);
	backup_filter_release(&asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_are_those_of_psql),
		cmocka_unit_test(more_parts_are_refused),
		cmocka_unit_test(combinations_are_checked),
		cmocka_unit_test(options_are_handed_on_as_they_were_typed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
