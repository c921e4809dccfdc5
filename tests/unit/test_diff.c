/* Differences of texts: pinned ones, then random ones that `patch` could have applied. */
#include "base/diff.h"
#include "base/strvec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void expect_diff(const char *old_text, const char *new_text, const char *wanted)
{
	AUTO_STRBUF(got);
	diff_unified(&got, "old", old_text, "new", new_text);
	if (strcmp(got.len ? got.buf : "", wanted) != 0)
		fail_msg("wanted\n%sgot\n%s", wanted, got.buf);
}

static void changes_stand_between_their_neighbours(void **state)
{
	(void)state;
	expect_diff("a\nb\n", "a\nb\n", "");
	expect_diff("a\r\nb\r\n", "a\nb", "");
	expect_diff(
		"a\nb\nc\n", "a\nx\nc\n", "--- old\n+++ new\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
	expect_diff("", "a\n", "--- old\n+++ new\n@@ -0,0 +1,1 @@\n+a\n");
	expect_diff("a\n", "", "--- old\n+++ new\n@@ -1,1 +0,0 @@\n-a\n");
	expect_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\nnine\n",
		"--- old\n+++ new\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+nine\n");
	expect_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n", "one\n2\n3\n4\n5\n6\n7\n8\n9\n10\n",
		"--- old\n+++ new\n@@ -1,4 +1,4 @@\n-1\n+one\n 2\n 3\n 4\n"
		"@@ -8,4 +8,3 @@\n 8\n 9\n 10\n-11\n");
}

/* Applies a diff to the old text; the heading of each hunk must be true. */
static char *apply(const char *old_text, const char *diff)
{
	AUTO_STRVEC(old_lines);
	AUTO_STRVEC(lines);
	AUTO_STRBUF(result);
	size_t next = 0;
	strvec_split(&old_lines, old_text, '\n');
	strvec_split(&lines, diff, '\n');
	for (size_t i = 2; i + 1 < lines.count; i++) {
		const char *line = lines.items[i];
		size_t start, count;
		if (sscanf(line, "@@ -%zu,%zu", &start, &count) == 2) {
			for (size_t until = start - (count > 0); next < until; next++)
				strbuf_addf(&result, "%s\n", old_lines.items[next]);
			continue;
		}
		if (*line != '+') {
			assert_string_equal(old_lines.items[next], line + 1);
			next++;
		}
		if (*line != '-')
			strbuf_addf(&result, "%s\n", line + 1);
	}
	for (; next + 1 < old_lines.count; next++)
		strbuf_addf(&result, "%s\n", old_lines.items[next]);
	return strbuf_take(&result);
}

static void random_changes_lead_to_the_new_text(void **state)
{
	(void)state;
	unsigned seed = 99;
	for (int round = 0; round < 500; round++) {
		AUTO_STRBUF(old_text);
		AUTO_STRBUF(new_text);
		AUTO_STRBUF(diff);
		int lines = 1 + (int)(rand_r(&seed) % 40);
		for (int i = 0; i < lines; i++) {
			unsigned fate = rand_r(&seed) % 8, word = rand_r(&seed) % 5;
			if (fate != 0)
				strbuf_addf(&old_text, "w%u\n", word);
			if (fate != 1)
				strbuf_addf(&new_text, "w%u\n", fate == 2 ? word + 1 : word);
		}
		strbuf_adds(&old_text, "");
		strbuf_adds(&new_text, "");
		diff_unified(&diff, "old", old_text.buf, "new", new_text.buf);
		AUTO_FREE char *got =
			diff.len ? apply(old_text.buf, diff.buf) : xstrdup(old_text.buf);
		assert_string_equal(got, new_text.buf);
	}
}

static void strangers_are_one_exchange(void **state)
{
	(void)state;
	AUTO_STRBUF(old_text);
	AUTO_STRBUF(new_text);
	AUTO_STRBUF(diff);
	for (int i = 0; i < 3000; i++) {
		strbuf_addf(&old_text, "old %d\n", i);
		strbuf_addf(&new_text, "new %d\n", i);
	}
	diff_unified(&diff, "old", old_text.buf, "new", new_text.buf);
	assert_non_null(strstr(diff.buf, "@@ -1,3000 +1,3000 @@\n-old 0\n-old 1\n"));
	AUTO_FREE char *got = apply(old_text.buf, diff.buf);
	assert_string_equal(got, new_text.buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_stand_between_their_neighbours),
		cmocka_unit_test(random_changes_lead_to_the_new_text),
		cmocka_unit_test(strangers_are_one_exchange),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
