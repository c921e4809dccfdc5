/*
 * Playbooks and journals under mutation: whatever bytes a file holds, reading it neither crashes
 * nor fails without a place.
 */
#include "../support/fuzz.h"
#include "base/fs.h"
#include "play/journal.h"
#include "play/playbook.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char book_text[] =
	"mig: 1\nname: deploy\nowner: us\ntimeout: 60m\n"
	"inputs:\n  ref: {match: 'v[0-9.]+', default: v1}\nsecrets: [TOKEN]\n"
	"gates:\n  - {id: plan, run: [mig-apply, plan]}\n"
	"steps:\n  - {id: go, confirm: {ask: \"Go ${env.dbname}?\", type: x, expires: 10m}}\n"
	"  - {id: close, maintenance: \"on\", lease: 1h}\n"
	"  - {id: backup, run: [mig-backup, create], restore_point: true, out: {snapshot: '.+'}}\n"
	"  - {id: migrate, run: [mig-apply, upgrade], undo: policy,\n"
	"     retry: {attempts: 5, delay: 2s, backoff: 2, jitter: true, on: [lock]}}\n"
	"  - {id: code, run: [./switch, \"${inputs.ref}\"], undo: [./switch, previous], probe: "
	"[x]}\n"
	"  - {id: say, shell: 'echo $S', env: {S: \"${steps.backup.out.snapshot}\"}}\n"
	"  - {id: smoke, checks: [{sql: x, expect: {value: 1}}], retry: {for: 9s, need: 2}}\n"
	"  - {id: open, maintenance: \"off\", pivot: true}\n"
	"on_failure: [undo, restore]\nrecovered: [{sql: x, expect: {value: 1}}]\n"
	"always:\n  - {id: last, wait: 1s}\nnotify: {failure: [sentry]}\n";

static const char journal_text[] =
	"{\"record\":\"start\",\"run\":\"r\",\"playbook\":{\"name\":\"x\"},\"oid\":5}\n"
	"{\"record\":\"intent\",\"step\":\"a\",\"phase\":\"step\",\"kind\":\"database\"}\n"
	"{\"record\":\"done\",\"step\":\"a\",\"phase\":\"step\",\"state\":\"ok\"}\n"
	"{\"record\":\"end\",\"state\":\"ok\",\"code\":0}\n";

static char *folder;
static char *path;
static uint64_t rounds;

static int prepare(void **state)
{
	AUTO_ERR(err);
	(void)state;
	rounds = fuzz_begin(1500);
	bool made = fs_temp_dir(NULL, &folder, &err);
	path = fs_join(folder, "file");
	return made ? 0 : -1;
}

static int clean(void **state)
{
	AUTO_ERR(err);
	(void)state;
	bool gone = fs_remove_tree(folder, &err);
	free(folder);
	free(path);
	return gone ? 0 : -1;
}

static const char *const pieces[] = {"{", "}", "[", "]", ":", "- ", "\n", "\"", "${", "}}",
	"${steps.", "on", "id: ", "undo: ", "\xff", "#", "null", "-1", "99999999999999999999"};

static void write_mutant(const char *origin)
{
	AUTO_STRBUF(text);
	AUTO_ERR(err);
	strbuf_adds(&text, origin);
	fuzz_mutate(&text, pieces, ARRAY_SIZE(pieces));
	assert_true(fs_write_atomic(path, text.buf, text.len, &err));
}

static void a_broken_playbook_is_refused_with_its_place(void **state)
{
	size_t read = 0;
	AUTO_ERR(whole);
	CLEANUP(play_book_free_auto) struct play_book *origin = NULL;
	(void)state;
	assert_true(fs_write_atomic(path, book_text, strlen(book_text), &whole));
	if (!play_book_load(path, &origin, &whole))
		fail_msg("%s: %s", whole.where, whole.msg);
	for (uint64_t i = 0; i < rounds; i++) {
		CLEANUP(play_book_free_auto) struct play_book *book = NULL;
		AUTO_ERR(err);
		write_mutant(book_text);
		if (play_book_load(path, &book, &err)) {
			read++;
			continue;
		}
		assert_int_equal(err.code, ERR_CONFIG);
		assert_non_null(err.msg);
		assert_non_null(err.where);
	}
	printf("# %zu mutants were good playbooks\n", read);
	assert_int_not_equal(read, rounds);
}

static void a_broken_journal_is_read_as_far_as_it_goes(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < rounds; i++) {
		struct play_story story;
		AUTO_ERR(err);
		write_mutant(journal_text);
		if (play_story_read(path, &story, &err)) {
			play_story_pending(&story);
			play_story_effect(&story);
			assert_non_null(story.start);
		}
		play_story_release(&story);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broken_playbook_is_refused_with_its_place),
		cmocka_unit_test(a_broken_journal_is_read_as_far_as_it_goes),
	};
	return cmocka_run_group_tests(tests, prepare, clean);
}
