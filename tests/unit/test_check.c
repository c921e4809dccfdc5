/* Room check, the pure parts: values, JSON paths, files of checks and their mistakes. */
#include "base/fs.h"
#include "check/kind.h"
#include "check/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* --- values ------------------------------------------------------------------------------------
 */

static void value_is(
	const char *text, bool quoted, enum check_unit unit, const char *seen, bool holds)
{
	AUTO_ERR(err);
	struct check_test test;
	if (!check_test_parse(text, quoted, unit, &test, &err))
		fail_msg("%s: %s", text, err.msg);
	if (check_test_holds(&test, seen) != holds)
		fail_msg("\"%s\" of \"%s\" is not %d", text, seen, holds);
	check_test_release(&test);
}

static void bare_values_are_equal_as_numbers_or_as_text(void **state)
{
	(void)state;
	value_is("200", false, CHECK_NUMBER, "200", true);
	value_is("200", false, CHECK_NUMBER, "503", false);
	value_is("200", true, CHECK_NUMBER, "200", true);
	value_is("5", false, CHECK_TEXT, "5.0", true);
	value_is("5", true, CHECK_TEXT, "5.0", false);
	value_is("1.0", true, CHECK_TEXT, "1.0", true);
	value_is("ok", false, CHECK_TEXT, "ok", true);
	value_is("ok", false, CHECK_TEXT, "okay", false);
	value_is("true", false, CHECK_TEXT, "true", true);
	value_is("", true, CHECK_TEXT, "", true);
	value_is("", true, CHECK_TEXT, "x", false);
	value_is("007", false, CHECK_TEXT, "7", true);
}

static void numbers_compare(void **state)
{
	(void)state;
	value_is("> 0", true, CHECK_TEXT, "1", true);
	value_is("> 0", true, CHECK_TEXT, "0", false);
	value_is(">0", true, CHECK_TEXT, "0.001", true);
	value_is(">= 14", true, CHECK_NUMBER, "14", true);
	value_is(">= 14", true, CHECK_NUMBER, "13.999", false);
	value_is("<= 3", true, CHECK_TEXT, "3", true);
	value_is("< -1.5e3", true, CHECK_TEXT, "-1501", true);
	value_is("> 0", true, CHECK_TEXT, "many", false);
	value_is("> 0", true, CHECK_TEXT, "", false);
	value_is("> 0", true, CHECK_TEXT, "inf", false);
	value_is("> 0", true, CHECK_TEXT, "0x10", false);
	value_is("> 9223372036854775806", true, CHECK_TEXT, "9223372036854775807", true);
	value_is("> 9223372036854775807", true, CHECK_TEXT, "9223372036854775807", false);
}

static void durations_compare_in_milliseconds(void **state)
{
	(void)state;
	value_is("< 2s", true, CHECK_DURATION, "1999", true);
	value_is("< 2s", true, CHECK_DURATION, "2000", false);
	value_is("<= 500ms", true, CHECK_DURATION, "500", true);
	value_is("> 1m", true, CHECK_DURATION, "60001", true);
}

static void nothing_holds_of_what_is_absent(void **state)
{
	(void)state;
	AUTO_ERR(err);
	struct check_test test;
	assert_true(check_test_parse_named("not_match", "x", CHECK_TEXT, &test, &err));
	assert_false(check_test_holds(&test, NULL));
	check_test_release(&test);
	value_is("ok", false, CHECK_TEXT, NULL, false);
}

static void named_is(const char *key, const char *text, const char *seen, bool holds)
{
	AUTO_ERR(err);
	struct check_test test;
	if (!check_test_parse_named(key, text, CHECK_TEXT, &test, &err))
		fail_msg("%s %s: %s", key, text, err.msg);
	if (check_test_holds(&test, seen) != holds)
		fail_msg("%s \"%s\" of \"%s\" is not %d", key, text, seen, holds);
	check_test_release(&test);
}

static void expressions_cover_the_whole_value(void **state)
{
	(void)state;
	named_is("match", "h.*o", "hello", true);
	named_is("match", "h.*o", "hello!", false);
	named_is("match", "a|ab", "ab", true);
	named_is("match", "b", "abc", false);
	named_is("match", ".*two.*", "one\ntwo\nthree", true);
	/* found nowhere: a whole match alone would let an error among other lines pass */
	named_is("not_match", "ERROR|Traceback", "fine\nan ERROR here\n", false);
	named_is("not_match", "ERROR|Traceback", "all fine", true);
	named_is("contains", "> 0", "x > 0", true);
	named_is("contains", "json", "text/html", false);
	named_is("equals", "> 0", "> 0", true);
	named_is("equals", "", "", true);
	named_is("equals", "5", "5.0", false);
}

static void senseless_values_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool quoted;
		enum check_unit unit;
		const char *says;
	} rows[] = {
		{"", false, CHECK_TEXT, "needs a value"},
		{"ok", false, CHECK_NUMBER, "not a number"},
		{"", true, CHECK_NUMBER, "not a number"},
		{"> many", true, CHECK_TEXT, "not a number to compare"},
		{"> 2s", true, CHECK_NUMBER, "not a number to compare"},
		{">", true, CHECK_NUMBER, "not a number to compare"},
		{"!= 3", true, CHECK_NUMBER, "comparisons are"},
		{"== 3", true, CHECK_TEXT, "comparisons are"},
		{"<> 3", true, CHECK_NUMBER, "not a number to compare"},
		{"2s", false, CHECK_DURATION, "never equal"},
		{"< 2", true, CHECK_DURATION, "not a duration"},
		{"<= 1.5x before", true, CHECK_DURATION, "not supported yet"},
		{"< 0x10", true, CHECK_NUMBER, "not a number to compare"},
		{"< inf", true, CHECK_NUMBER, "not a number to compare"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ERR(err);
		struct check_test test;
		if (check_test_parse(rows[i].text, rows[i].quoted, rows[i].unit, &test, &err))
			fail_msg("accepted: \"%s\"", rows[i].text);
		assert_int_equal(err.code, ERR_CONFIG);
		if (!strstr(err.msg, rows[i].says))
			fail_msg("\"%s\" does not say: %s", err.msg, rows[i].says);
		check_test_release(&test);
	}
}

static void senseless_expressions_are_refused(void **state)
{
	(void)state;
	static const char *const rows[][3] = {
		{"match", "a)(b", "Unmatched"},
		{"match", "[", "regular expression"},
		{"match", "", "says nothing"},
		{"not_match", "", "says nothing"},
		{"contains", "", "says nothing"},
		{"contain", "x", "unknown test"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ERR(err);
		struct check_test test;
		if (check_test_parse_named(rows[i][0], rows[i][1], CHECK_TEXT, &test, &err))
			fail_msg("accepted: %s %s", rows[i][0], rows[i][1]);
		if (!strstr(err.msg, rows[i][2]))
			fail_msg("\"%s\" does not say: %s", err.msg, rows[i][2]);
		check_test_release(&test);
	}
}

/* --- JSON paths --------------------------------------------------------------------------------
 */

static void paths_lead_into_json(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"$.a.b[0]", "1"},
		{"$.a.b[1].c", "x"},
		{"$.a.b[2]", NULL},
		{"$.a.b.c", NULL},
		{"$.nothing.at.all", NULL},
		{"$.t", "true"},
		{"$.z", "null"},
		{"$.a-b_1", "dash"},
		{"$.f", "1.5"},
		{"$.a.b[1]", "{\"c\":\"x\"}"},
		{"$.l[0][1]", "4"},
	};
	json_t *root = json_loads("{\"a\":{\"b\":[1,{\"c\":\"x\"}]},\"t\":true,\"z\":null,"
				  "\"a-b_1\":\"dash\",\"f\":1.5,\"l\":[[3,4]]}",
		0, NULL);
	assert_non_null(root);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ERR(err);
		assert_true(check_path_valid(rows[i][0], &err));
		json_t *found = check_path_find(root, rows[i][0]);
		AUTO_FREE char *text = found ? check_path_text(found) : NULL;
		if (!str_equal(text, rows[i][1]))
			fail_msg("%s is %s", rows[i][0], text);
	}
	json_decref(root);
}

static void wrong_paths_are_refused(void **state)
{
	(void)state;
	static const char *const rows[] = {"", "a", "$a", "$.", "$..a", "$.a[", "$.a[x]", "$.a[]",
		"$.a[-1]", "$.a[1", "$.a b", "$.a.", "$.a]", "$[0]x", "$$.a", "$.a[9999999999]"};
	json_t *root = json_pack("{s:[i]}", "a", 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ERR(err);
		if (check_path_valid(rows[i], &err))
			fail_msg("accepted: %s", rows[i]);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_null(check_path_find(root, rows[i]));
	}
	json_decref(root);
}

/* --- files -------------------------------------------------------------------------------------
 */

static bool parse_file(const char *text, struct check_list *list, struct err *err)
{
	struct conf_document *doc = NULL;
	if (!conf_document_parse("smoke.yaml", text, strlen(text), &doc, err))
		return false;
	xgrow(list->documents, list->document_count, list->document_alloc);
	list->documents[list->document_count++] = doc;
	return check_list_parse(conf_get(doc->root, "checks"), list, err);
}

static void a_file_becomes_checks(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_CHECK_LIST(list);
	static const char text[] =
		"checks:\n"
		"  - http: {get: /health}\n"
		"    expect: {status: 200, duration: \"< 2s\", header content-type: {contains: "
		"json},\n"
		"             json $.db: ok, body: {match: \".*\", not_match: error}}\n"
		"  - sql: select 1\n"
		"    expect: {value: \"> 0\", rows: 1}\n"
		"    needs: [writes]\n"
		"    name: one\n"
		"  - run: [echo, hi there]\n"
		"    expect: {exit: 0}\n"
		"    timeout: 5s\n"
		"  - revision: head\n"
		"  - http: {post: /order, body: \"{}\", header: {X-A: b}}\n"
		"    expect: {duration: \"< 1s\"}\n";
	if (!parse_file(text, &list, &err))
		fail_msg("%s %s", err.where, err.msg);
	assert_int_equal(list.count, 5);
	assert_int_equal(list.items[0]->count, 6);
	assert_string_equal(list.items[0]->name, "GET /health");
	assert_string_equal(list.items[0]->expectations[3].rest, "$.db");
	assert_true(list.items[1]->needs_writes);
	assert_string_equal(list.items[1]->name, "one");
	assert_string_equal(list.items[2]->name, "echo 'hi there'");
	assert_int_equal(list.items[2]->timeout_ms, 5000);
	assert_string_equal(list.items[3]->name, "revision head");
	/* no status named: success is implied */
	assert_int_equal(list.items[4]->count, 2);
	assert_false(check_test_holds(&list.items[4]->expectations[1].test, "500"));
	assert_true(check_test_holds(&list.items[4]->expectations[1].test, "204"));
	assert_true(check_list_needs_database(&list));
}

static const struct {
	const char *text;
	const char *where;
	const char *says;
} mistakes[] = {
	{"checks: []\n", "smoke.yaml:1:9", "no checks"},
	{"checks:\n  - {}\n", "smoke.yaml:2:5", "what to check"},
	{"checks:\n  - http: {get: /}\n", "smoke.yaml:2:5", "without expect checks nothing"},
	{"checks:\n  - http: {get: /}\n    expect: {}\n", "smoke.yaml:3:13", "empty expect"},
	{"checks:\n  - http: {get: /}\n    expect: {status: }\n", "smoke.yaml:3:", "needs a value"},
	{"checks:\n  - http: {get: /}\n    expect: {sttus: 200}\n", "smoke.yaml:3:14",
		"did you mean status"},
	{"checks:\n  - http: {get: /}\n    expect: {body: {}}\n", "smoke.yaml:3:", "needs a value"},
	{"checks:\n  - http: {get: /}\n    expect: {body: {contain: x}}\n",
		"smoke.yaml:3:", "did you mean contains"},
	{"checks:\n  - http: {get: /}\n    expect: {json a.b: 1}\n", "smoke.yaml:3:14",
		"begins with $"},
	{"checks:\n  - http: {get: /}\n    expect: {cert_days: \">= 14\"}\n", "smoke.yaml:3:14",
		"not supported yet"},
	{"checks:\n  - http: {get: /}\n    expect: {duration: \"<= 1.5x before\"}\n",
		"smoke.yaml:3:", "not supported yet"},
	{"checks:\n  - http: {gett: /}\n    expect: {status: 200}\n", "smoke.yaml:2:", "method"},
	{"checks:\n  - http: {get: /, post: /}\n    expect: {status: 200}\n",
		"smoke.yaml:2:", "one method"},
	{"checks:\n  - http: {get: health}\n    expect: {status: 200}\n", "smoke.yaml:2:17",
		"neither a path"},
	{"checks:\n  - http: {get: \"file:///etc/passwd\"}\n    expect: {status: 200}\n",
		"smoke.yaml:2:17", "neither a path"},
	{"checks:\n  - http: {get: /, headers: {a: b}}\n    expect: {status: 200}\n",
		"smoke.yaml:2:", "header"},
	{"checks:\n  - htp: {get: /}\n    expect: {status: 200}\n", "smoke.yaml:2:5",
		"did you mean http"},
	{"checks:\n  - log: {command: [x]}\n    expect: {not_match: x}\n", "smoke.yaml:2:5",
		"not supported yet"},
	{"checks:\n  - sentry: {}\n", "smoke.yaml:2:5", "not supported yet"},
	{"checks:\n  - database: {}\n", "smoke.yaml:2:5", "not supported yet"},
	{"checks:\n  - sql: select 1\n    expect: {value: 1}\n    run: [x]\n", "smoke.yaml:4:5",
		"one kind"},
	{"checks:\n  - sql: \"\"\n    expect: {value: 1}\n", "smoke.yaml:2:10", "one query"},
	{"checks:\n  - run: []\n    expect: {exit: 0}\n", "smoke.yaml:2:10", "command"},
	{"checks:\n  - run: echo hi\n    expect: {exit: 0}\n", "smoke.yaml:2:10", "command"},
	{"checks:\n  - run: [x]\n    expect: {exit: ok}\n", "smoke.yaml:3:", "not a number"},
	{"checks:\n  - run: [x]\n    expect: {exit: 0}\n    needs: [write]\n", "smoke.yaml:4:13",
		"did you mean writes"},
	{"checks:\n  - run: [x]\n    expect: {exit: 0}\n    timeout: 5\n",
		"smoke.yaml:4:", "timeout"},
	{"checks:\n  - revision: head\n    expect: {value: 1}\n",
		"smoke.yaml:3:", "takes no expect"},
	{"checks:\n  - sql: \"select '${run.start}'\"\n    expect: {value: 1}\n", "smoke.yaml:2:10",
		"not replaced"},
	{"checks:\n  - revision: head\n  - revision: head\n    revision: head\n",
		"smoke.yaml:4:", "revision"},
	{"checks:\n  - missing.yaml\n", "smoke.yaml:2:5", "missing.yaml"},
	{"checks: 1\n  - x\n", "smoke.yaml:", ""},
};

static void every_mistake_has_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		AUTO_ERR(err);
		AUTO_CHECK_LIST(list);
		if (parse_file(mistakes[i].text, &list, &err))
			fail_msg("accepted:\n%s", mistakes[i].text);
		AUTO_FREE char *all = xstrfmt("%s %s", err.msg, err.hint ? err.hint : "");
		if (err.code != ERR_CONFIG || !err.where ||
			!str_starts(err.where, mistakes[i].where) || !strstr(all, mistakes[i].says))
			fail_msg("%s\n%s: %s (%d)", mistakes[i].text, err.where, all, err.code);
	}
}

/* --- the page that describes them --------------------------------------------------------------
 */

/* `text` stands in `code` or **bold** on the page. */
static bool page_names(const struct strbuf *page, const char *text)
{
	AUTO_FREE char *code = xstrfmt("`%s", text);
	AUTO_FREE char *bold = xstrfmt("**%s**", text);
	return strstr(page->buf, code) || strstr(page->buf, bold);
}

static void the_page_names_every_kind_and_subject(void **state)
{
	(void)state;
	static const struct check_kind *const kinds[] = {
		&check_kind_http, &check_kind_sql, &check_kind_run, &check_kind_revision};
	AUTO_ERR(err);
	AUTO_STRBUF(page);
	size_t count = 0;
	if (!fs_read("docs/checks.md", 0, &page, &err))
		fail_msg("%s", err.msg);
	for (const char *const *word = check_kind_words(); *word; word += 2, count++)
		if (!page_names(&page, word[0]))
			fail_msg("docs/checks.md does not name kind %s", word[0]);
	assert_int_equal(count, ARRAY_SIZE(kinds));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (const struct check_subject *s = kinds[i]->subjects; s && s->name; s++)
			if (!page_names(&page, s->name))
				fail_msg("docs/checks.md does not name %s of %s", s->name,
					kinds[i]->name);
}

/* --- noise -------------------------------------------------------------------------------------
 */

static uint32_t noise_state = 20261120;

static uint32_t noise(void)
{
	noise_state ^= noise_state << 13;
	noise_state ^= noise_state >> 17;
	noise_state ^= noise_state << 5;
	return noise_state;
}

static void make_noise(char *text, size_t size, const char *alphabet)
{
	size_t length = noise() % size, letters = strlen(alphabet);
	for (size_t i = 0; i < length; i++)
		text[i] = alphabet[noise() % letters];
	text[length] = '\0';
}

/* Whatever is accepted can be shown, used and freed; whatever is refused says why. */
static void parsers_stand_noise(void **state)
{
	(void)state;
	json_t *root = json_pack("{s:{s:[i,s]}}", "a", "b", 1, "x");
	char text[24], seen[12];
	for (int i = 0; i < 20000; i++) {
		AUTO_ERR(err);
		struct check_test test;
		make_noise(text, sizeof(text), "<>=! 0123456789.-+exsmhabefor");
		make_noise(seen, sizeof(seen), "0123456789.-+einfax ");
		if (check_test_parse(text, i & 1, (enum check_unit)(i % 3), &test, &err)) {
			AUTO_FREE char *shown = check_test_show(&test);
			assert_non_null(shown);
			(void)check_test_holds(&test, seen);
		} else {
			assert_non_null(err.msg);
		}
		check_test_release(&test);
		make_noise(text, sizeof(text), "$$..ab[]01x- ");
		AUTO_ERR(why);
		bool valid = check_path_valid(text, &why);
		if (!valid)
			assert_null(check_path_find(root, text));
		make_noise(text, sizeof(text), "ab()[]{}*+?.|\\^$01,");
		if (!check_test_parse_named("match", text, CHECK_TEXT, &test, &why))
			assert_non_null(why.msg);
		else
			(void)check_test_holds(&test, seen);
		check_test_release(&test);
	}
	json_decref(root);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_values_are_equal_as_numbers_or_as_text),
		cmocka_unit_test(numbers_compare),
		cmocka_unit_test(durations_compare_in_milliseconds),
		cmocka_unit_test(nothing_holds_of_what_is_absent),
		cmocka_unit_test(expressions_cover_the_whole_value),
		cmocka_unit_test(senseless_values_are_refused),
		cmocka_unit_test(senseless_expressions_are_refused),
		cmocka_unit_test(paths_lead_into_json),
		cmocka_unit_test(wrong_paths_are_refused),
		cmocka_unit_test(a_file_becomes_checks),
		cmocka_unit_test(every_mistake_has_its_place),
		cmocka_unit_test(the_page_names_every_kind_and_subject),
		cmocka_unit_test(parsers_stand_noise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
