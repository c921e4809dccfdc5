/* Marks, intents, list settings, batches of SQL, loss reports: the pure parts of restore and swap.
 */
#include "base/fs.h"
#include "copies/copies.h"
#include "copies/intent.h"
#include "loss/loss.h"
#include "restore/load_sql.h"
#include "swap/traits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void safety_06_marks_are_read_back(void **state)
{
	(void)state;
	struct copies_mark mark = {
		.purpose = (char *)"displaced",
		.oid = 4294967295u,
		.of = (char *)"sh\"op\né",
		.run = (char *)"20261120T010203Z-1a2b3c",
		.made = (char *)"2026-11-20T01:02:03.456Z",
		.proved = true,
	};
	AUTO_FREE char *text = copies_mark_text(&mark);
	struct copies_mark read;
	assert_true(copies_mark_parse(text, &read));
	assert_string_equal(read.purpose, "displaced");
	assert_int_equal(read.oid, 4294967295u);
	assert_string_equal(read.of, mark.of);
	assert_string_equal(read.run, mark.run);
	assert_string_equal(read.made, mark.made);
	assert_true(read.proved);
	assert_null(read.snapshot);
	copies_mark_release(&read);
}

static void safety_06_other_comments_are_no_marks(void **state)
{
	(void)state;
	static const char *const comments[] = {NULL, "", "our shop", "{", "{}", "[1]",
		"{\"mig\": 2, \"purpose\": \"displaced\", \"oid\": 1}", "{\"mig\": 1, \"oid\": 1}",
		"{\"mig\": 1, \"purpose\": \"displaced\"}",
		"{\"mig\": \"1\", \"purpose\": \"displaced\", \"oid\": 1}"};
	for (size_t i = 0; i < ARRAY_SIZE(comments); i++) {
		struct copies_mark mark;
		assert_false(copies_mark_parse(comments[i], &mark));
		copies_mark_release(&mark);
	}
}

static void remember(void *ctx, const char *path, const json_t *fields)
{
	struct strvec *seen = ctx;
	(void)path;
	strvec_push(seen, json_string_value(json_object_get(fields, "database")));
}

static void safety_06_intents_are_listed_until_removed(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *directory = NULL;
	AUTO_STRVEC(seen);
	assert_true(fs_temp_dir(NULL, &directory, &err));
	AUTO_FREE char *path = copies_intent_path(directory, "create");
	AUTO_FREE char *other = copies_intent_path(directory, "swap");
	AUTO_FREE char *broken = copies_intent_path(directory, "create");
	assert_true(copies_intent_each(directory, "create", remember, &seen, &err));
	assert_int_equal(seen.count, 0);
	assert_true(copies_intent_write(path, json_pack("{s:s}", "database", "a__r_1"), &err));
	assert_true(copies_intent_write(other, json_pack("{s:s}", "database", "b"), &err));
	assert_true(fs_write_atomic(broken, "{\"database", 10, &err));
	assert_true(copies_intent_each(directory, "create", remember, &seen, &err));
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.items[0], "a__r_1");
	assert_true(copies_intent_remove(path, &err));
	assert_true(copies_intent_each(directory, "create", remember, &seen, &err));
	assert_int_equal(seen.count, 1);
	assert_true(fs_remove_tree(directory, &err));
}

static void text_of_any_bytes_becomes_json(void **state)
{
	(void)state;
	json_t *plain = copies_json_text("é");
	json_t *latin = copies_json_text("caf\xe9");
	json_t *none = copies_json_text(NULL);
	assert_string_equal(json_string_value(plain), "é");
	assert_string_equal(json_string_value(latin), "caf\\xe9");
	assert_true(json_is_null(none));
	json_decref(plain);
	json_decref(latin);
	json_decref(none);
}

static void list_settings_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *flattened;
		const char *elements; /* joined by | */
	} rows[] = {
		{"\"$user\", public", "$user|public"},
		{"public", "public"},
		{"", ""},
		{"\"a, b\",c , \"d\"\"e\"", "a, b|c|d\"e"},
		{"\"\"", ""},
		{"\"unfinished", "unfinished"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_STRVEC(elements);
		swap_setting_elements(rows[i].flattened, &elements);
		AUTO_FREE char *joined = strvec_join(&elements, "|");
		assert_string_equal(joined, rows[i].elements);
	}
	assert_true(swap_setting_is_list("search_path"));
	assert_true(swap_setting_is_list("Search_Path"));
	assert_false(swap_setting_is_list("work_mem"));
}

static void sql_is_cut_behind_whole_statements(void **state)
{
	(void)state;
	const char *text = "select 'a;''b;' ; alter role \"x;\" y;\nlast";
	assert_int_equal(load_sql_batch(text, 1), strlen("select 'a;''b;' ;"));
	assert_int_equal(load_sql_batch(text, 2), strlen("select 'a;''b;' ; alter role \"x;\" y;"));
	assert_int_equal(load_sql_batch(text, 9), strlen(text));
	assert_int_equal(load_sql_batch("'open;", 1), 6);
	assert_int_equal(load_sql_batch("", 1), 0);
}

static void loss_reports_name_what_differs(void **state)
{
	(void)state;
	struct loss_line rows[] = {
		{(char *)"public.a", LOSS_EQUAL, 5, 5},
		{(char *)"public.b", LOSS_ROWS, 7, 6},
		{(char *)"public.c", LOSS_ADDED, 3, -1},
	};
	struct loss_report report = {.live = (char *)"shop",
		.other = (char *)"snapshot x",
		.age_ms = 90000,
		.lines = rows,
		.count = 3,
		.different = 2};
	AUTO_STRVEC(lines);
	loss_report_lines(&report, &lines);
	AUTO_FREE char *text = strvec_join(&lines, "\n");
	assert_null(strstr(text, "public.a"));
	assert_non_null(strstr(text, "public.b"));
	assert_non_null(strstr(text, "would be gone"));
	assert_non_null(strstr(text, "2 of 3 tables differ"));
	json_t *json = loss_report_json(&report);
	assert_int_equal(json_integer_value(json_object_get(json, "different")), 2);
	assert_int_equal(json_array_size(json_object_get(json, "tables")), 3);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(safety_06_marks_are_read_back),
		cmocka_unit_test(safety_06_other_comments_are_no_marks),
		cmocka_unit_test(safety_06_intents_are_listed_until_removed),
		cmocka_unit_test(text_of_any_bytes_becomes_json),
		cmocka_unit_test(list_settings_are_taken_apart),
		cmocka_unit_test(sql_is_cut_behind_whole_statements),
		cmocka_unit_test(loss_reports_name_what_differs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
