/* err, strbuf, strvec, arena, clock, secret, fs, proc, suggest: what every other room stands on. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/secret.h"
#include "base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void err_is_a_value(void **state)
{
	(void)state;
	AUTO_ERR(err);
	assert_false(err_set(&err, ERR_NOTFOUND, "no snapshot %s", "x"));
	assert_false(err_hint(&err, "list them: mig-backup list"));
	err_context(&err, "store local");
	assert_string_equal(err.msg, "store local: no snapshot x");
	assert_int_equal(err_exit_status(&err), 14);
	AUTO_ERR(stopped);
	err_set(&stopped, ERR_SIGNAL, "interrupted");
	assert_int_equal(err_exit_status(&stopped), 130);
	assert_int_equal(err_from_status(13), ERR_LOCK);
	assert_int_equal(err_from_status(99), ERR_FAILED);
	struct err other = ERR_INIT;
	err_move(&other, &err);
	assert_null(err.msg);
	assert_int_equal(other.code, ERR_NOTFOUND);
	err_release(&other);
}

static void strings_grow_and_join(void **state)
{
	(void)state;
	AUTO_STRBUF(sb);
	assert_string_equal(sb.buf, "");
	strbuf_add_quoted(&sb, '"', "a\"b'");
	assert_string_equal(sb.buf, "\"a\"\"b'\"");
	strbuf_reset(&sb);
	strbuf_addf(&sb, "  %d-%s ", 7, "x");
	strbuf_trim(&sb);
	assert_string_equal(sb.buf, "7-x");
	AUTO_STRVEC(vec);
	strvec_split(&vec, "a,,b c", ',');
	assert_int_equal(vec.count, 3);
	AUTO_FREE char *shell = strvec_shell(&vec);
	assert_string_equal(shell, "a '' 'b c'");
	assert_true(strvec_has(&vec, "b c"));
	strvec_push(&vec, "it's");
	strvec_push(&vec, "it's $1");
	AUTO_FREE char *quotes = strvec_shell(&vec);
	assert_string_equal(quotes, "a '' 'b c' \"it's\" 'it'\\''s $1'");
}

static void an_arena_keeps_what_is_put_in(void **state)
{
	(void)state;
	AUTO_ARENA(arena);
	AUTO_STRVEC(texts);
	char *kept[2000], *large = arena_room(&arena, 1 << 20);
	memset(large, 'x', 1 << 20);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		strvec_pushf(&texts, "%0*zu", (int)(1 + i % 700), i);
		kept[i] = arena_text(&arena, texts.items[i], strlen(texts.items[i]));
		assert_int_equal((uintptr_t)arena_room(&arena, i % 5) % 16, 0);
	}
	struct strvec copy = STRVEC_INIT;
	STRVEC_EACH (&texts, text)
		arena_push(&arena, &copy, text, strlen(text));
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		assert_string_equal(kept[i], texts.items[i]);
		assert_string_equal(copy.items[i], texts.items[i]);
	}
	AUTO_ARENA(other);
	struct strvec words = STRVEC_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		arena_push(&other, &words, texts.items[i], i % 3);
	arena_join(&arena, &other);
	assert_null(other.last);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		assert_int_equal(strlen(words.items[i]), i % 3);
	assert_int_equal(copy.count, texts.count);
	assert_null(copy.items[copy.count]);
	assert_true(large[0] == 'x' && large[(1 << 20) - 1] == 'x');
}

static void durations_and_sizes_need_sense(void **state)
{
	(void)state;
	AUTO_ERR(err);
	int64_t value = 0;
	assert_true(clock_parse_duration("500ms", &value, &err));
	assert_int_equal(value, 500);
	assert_true(clock_parse_duration("26h", &value, &err));
	assert_int_equal(value, 26 * 3600000LL);
	assert_false(clock_parse_duration("26", &value, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_false(clock_parse_duration("-1s", &value, &err));
	assert_false(clock_parse_duration("99999999999d", &value, &err));
	assert_true(clock_parse_size("64MiB", &value, &err));
	assert_int_equal(value, 64 << 20);
	assert_true(clock_parse_size("10GB", &value, &err));
	assert_int_equal(value, 10000000000LL);
	assert_false(clock_parse_size("10 parsecs", &value, &err));
}

static void times_are_read_back(void **state)
{
	(void)state;
	AUTO_ERR(err);
	int64_t ms = 0;
	assert_true(clock_parse_time("2026-11-20T01:02:03Z", &ms, &err));
	AUTO_FREE char *text = clock_utc(ms);
	assert_string_equal(text, "2026-11-20T01:02:03Z");
	assert_true(clock_parse_time("2026-11-20T02:02:03+01:00", &ms, &err));
	AUTO_FREE char *again = clock_utc(ms);
	assert_string_equal(again, text);
	assert_true(clock_parse_time("2h ago", &ms, &err));
	assert_false(clock_parse_time("soon", &ms, &err));
	assert_false(clock_parse_time("2026-13-20T01:02:03Z", &ms, &err));
}

static void time_is(const char *text, const char *utc)
{
	AUTO_ERR(err);
	int64_t ms = 0;
	if (!clock_parse_time(text, &ms, &err))
		fail_msg("%s: %s", text, err.msg);
	AUTO_FREE char *got = clock_utc_ms(ms);
	if (strcmp(got, utc) != 0)
		fail_msg("%s is %s, not %s", text, got, utc);
}

static void times_are_rfc_3339_or_local(void **state)
{
	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	time_is("2026-11-20T01:02:03.5Z", "2026-11-20T01:02:03.500Z");
	time_is("2026-11-20T01:02:03.123456+00:00", "2026-11-20T01:02:03.123Z");
	time_is("2026-11-20 01:02:03-0130", "2026-11-20T02:32:03.000Z");
	time_is("2026-11-20 01:00", "2026-11-20T00:00:00.000Z");
	time_is("2026-07-20 01:00:30", "2026-07-19T23:00:30.000Z"); /* summer time */
	time_is("2028-02-29 12:00", "2028-02-29T11:00:00.000Z");
	AUTO_FREE char *local = clock_local(1795140000000);
	assert_string_equal(local, "2026-11-20 03:00:00 CET");
	unsetenv("TZ");
	tzset();
}

static void times_ago_count_from_now(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t back_ms;
	} rows[] = {{"now", 0}, {"90s ago", 90000}, {"2h ago", 7200000}, {"7d ago", 604800000},
		{"yesterday", 86400000}, {" 1m ago ", 60000}, {"2h", 7200000}, {"7d", 604800000}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ERR(err);
		int64_t ms = 0, before = clock_now_ms();
		assert_true(clock_parse_time(rows[i].text, &ms, &err));
		assert_in_range(ms + rows[i].back_ms, before, clock_now_ms());
	}
}

static void what_is_no_time_is_refused(void **state)
{
	(void)state;
	static const char *const words[] = {"", "2026", "2026-11-20", "2026-11-20T25:00Z",
		"2026-02-29 01:00", "2026-04-31T01:00:00Z", "2026-11-+1 01:00", "2026-11- 1 01:00",
		"2026-1-05 01:00", "2026-11-20T01:00:00 CET", "2026-11-20T01:00Zulu", "2 hours ago",
		"2", "0", "ago", "h", "-2h ago", "tomorrow", "2026-11-20T01:00:61Z",
		"2026-11-20x01:00"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		AUTO_ERR(err);
		int64_t ms;
		if (clock_parse_time(words[i], &ms, &err))
			fail_msg("\"%s\" was taken for a time", words[i]);
		assert_int_equal(err.code, ERR_USAGE);
	}
}

static void secrets_are_redacted_by_value(void **state)
{
	(void)state;
	secret_register("hunter22");
	secret_register_conninfo("postgresql://u:p%40ss-word@h/db");
	AUTO_FREE char *text = secret_redact("password hunter22 and p@ss-word and p%40ss-word");
	assert_string_equal(text, "password *** and *** and ***");
	secret_register("hunter22-longer");
	AUTO_FREE char *near = secret_redact("hunter2hunter22hunter22-longer, hunter22-long hunt");
	assert_string_equal(near, "hunter2******, ***-long hunt");
	AUTO_FREE char *empty = secret_redact("");
	assert_string_equal(empty, "");
}

static void files_appear_whole(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *dir = NULL;
	assert_true(fs_temp_dir(NULL, &dir, &err));
	AUTO_FREE char *path = fs_join(dir, "a/b/c");
	AUTO_FREE char *parent = fs_dirname(path);
	assert_true(fs_mkdirs(parent, &err));
	assert_true(fs_write_atomic(path, "hello", 5, &err));
	assert_true(fs_append(path, " you", 4, true, &err));
	AUTO_STRBUF(sb);
	assert_true(fs_read(path, 0, &sb, &err));
	assert_string_equal(sb.buf, "hello you");
	assert_false(fs_read("/nonexistent/x", 0, &sb, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_true(fs_remove_tree(dir, &err));
	assert_false(fs_exists(dir));
}

static void each_file_behind_another_has_the_same_limit(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *dir = NULL;
	assert_true(fs_temp_dir(NULL, &dir, &err));
	AUTO_FREE char *small = fs_join(dir, "small");
	AUTO_FREE char *large = fs_join(dir, "large");
	assert_true(fs_write_atomic(small, "hello", 5, &err));
	assert_true(fs_write_atomic(large, "", 0, &err));
	assert_int_equal(truncate(large, (64 << 20) + 1), 0);
	AUTO_STRBUF(texts);
	CLEANUP(fs_folder_release) struct fs_folder folder;
	assert_true(fs_folder_open(&folder, dir, &err));
	assert_true(fs_folder_read(&folder, "small", &texts, &err));
	assert_true(fs_folder_read(&folder, "small", &texts, &err));
	assert_string_equal(texts.buf, "hellohello");
	assert_false(fs_folder_read(&folder, "large", &texts, &err));
	assert_true(str_ends(err.msg, "large is larger than 67108864 bytes"));
	assert_true(fs_remove_tree(dir, &err));
}

static void children_are_drained_and_timed(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_STRVEC(argv);
	strvec_push(&argv, "sh");
	strvec_push(&argv, "-c");
	strvec_push(&argv, "cat; echo bad >&2; exit 3");
	struct proc_spec spec = {.argv = &argv, .input = "in\n", .input_length = 3};
	struct proc_result result;
	AUTO_STRBUF(out);
	AUTO_STRBUF(errout);
	assert_true(proc_capture(&spec, &result, &out, &errout, &err));
	assert_int_equal(result.status, 3);
	assert_string_equal(out.buf, "in\n");
	assert_string_equal(errout.buf, "bad\n");

	strvec_release(&argv);
	strvec_push(&argv, "sleep");
	strvec_push(&argv, "30");
	struct proc_spec slow = {.argv = &argv, .timeout_ms = 100, .grace_ms = 500};
	assert_true(proc_run(&slow, &result, &err));
	assert_true(result.timed_out);
	assert_int_equal(result.status, 124);
	assert_true(result.took_ms < 5000);

	strvec_release(&argv);
	strvec_push(&argv, "/nonexistent/program");
	assert_false(proc_run(&spec, &result, &err));
	assert_non_null(strstr(err.msg, "/nonexistent/program"));
}

static void near_words_are_offered(void **state)
{
	(void)state;
	const char *const words[] = {"create", "list", "show"};
	assert_string_equal(suggest_nearest("craete", words, 3), "create");
	assert_null(suggest_nearest("zzzzzz", words, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_is_a_value),
		cmocka_unit_test(strings_grow_and_join),
		cmocka_unit_test(an_arena_keeps_what_is_put_in),
		cmocka_unit_test(durations_and_sizes_need_sense),
		cmocka_unit_test(times_are_read_back),
		cmocka_unit_test(times_are_rfc_3339_or_local),
		cmocka_unit_test(times_ago_count_from_now),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(secrets_are_redacted_by_value),
		cmocka_unit_test(files_appear_whole),
		cmocka_unit_test(each_file_behind_another_has_the_same_limit),
		cmocka_unit_test(children_are_drained_and_timed),
		cmocka_unit_test(near_words_are_offered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
