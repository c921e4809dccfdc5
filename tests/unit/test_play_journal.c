/* The journal: what is written is found again, also after a crash in the middle of a line. */
#include "base/fs.h"
#include "base/secret.h"
#include "play/journal.h"
#include "play/runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char *folder;
static char *path;

static int make_folder(void **state)
{
	AUTO_ERR(err);
	(void)state;
	bool made = fs_temp_dir(NULL, &folder, &err);
	path = fs_join(folder, "journal.jsonl");
	return made ? 0 : -1;
}

static int drop_folder(void **state)
{
	AUTO_ERR(err);
	(void)state;
	bool gone = fs_remove_tree(folder, &err);
	free(folder);
	free(path);
	return gone ? 0 : -1;
}

static void write_some(struct play_journal *journal, struct err *err)
{
	assert_true(play_journal_write(journal, "start",
		json_pack("{s:s, s:{s:s}}", "run", "r1", "playbook", "name", "deploy"), err));
	assert_true(play_journal_write(journal, "intent",
		json_pack("{s:s, s:s, s:s}", "step", "plan", "phase", "gate", "kind", "command"),
		err));
	assert_true(play_journal_write(
		journal, "done", json_pack("{s:s, s:s}", "step", "plan", "state", "ok"), err));
}

static void a_cut_last_line_is_ignored_and_ended(void **state)
{
	struct play_journal journal = {.fd = -1};
	struct play_story story;
	AUTO_ERR(err);
	(void)state;
	assert_true(play_journal_open(path, &journal, &err));
	write_some(&journal, &err);
	play_journal_close(&journal);
	assert_true(fs_append(path, "{\"record\":\"int", 14, false, &err));
	assert_true(play_story_read(path, &story, &err));
	assert_null(play_story_pending(&story));
	assert_null(story.end);
	assert_false(play_story_effect(&story));
	assert_false(story.alive);
	play_story_release(&story);

	assert_true(play_journal_open(path, &journal, &err));
	assert_true(play_journal_write(&journal, "intent",
		json_pack(
			"{s:s, s:s, s:s}", "step", "migrate", "phase", "step", "kind", "database"),
		&err));
	assert_true(play_story_read(path, &story, &err));
	assert_string_equal(play_story_text(play_story_pending(&story), "step"), "migrate");
	assert_true(play_story_effect(&story));
	assert_true(story.alive);
	play_story_release(&story);
	play_journal_close(&journal);
}

/* A full disk: half a record stays, later there is room again. */
static void safety_02_half_a_record_does_not_swallow_the_next(void **state)
{
	struct play_journal journal = {.fd = -1};
	struct play_story story;
	AUTO_ERR(err);
	(void)state;
	assert_true(play_journal_open(path, &journal, &err));
	write_some(&journal, &err);
	assert_true(fs_append(path, "{\"record\":\"do", 13, false, &err));
	assert_true(play_journal_write(&journal, "intent",
		json_pack(
			"{s:s, s:s, s:s}", "step", "migrate", "phase", "step", "kind", "database"),
		&err));
	assert_true(play_story_read(path, &story, &err));
	assert_string_equal(play_story_text(play_story_pending(&story), "step"), "migrate");
	play_story_release(&story);
	play_journal_close(&journal);
}

static void a_living_runner_keeps_others_out(void **state)
{
	struct play_journal mine = {.fd = -1}, other = {.fd = -1};
	AUTO_ERR(err);
	(void)state;
	assert_true(play_journal_open(path, &mine, &err));
	assert_false(play_journal_open(path, &other, &err));
	assert_int_equal(err.code, ERR_LOCK);
	play_journal_close(&other);
	play_journal_close(&mine);
}

static void secrets_do_not_reach_the_journal(void **state)
{
	struct play_journal journal = {.fd = -1};
	AUTO_STRBUF(text);
	AUTO_ERR(err);
	(void)state;
	secret_register("hunter2000");
	assert_true(play_journal_open(path, &journal, &err));
	assert_true(play_journal_write(
		&journal, "note", json_pack("{s:s}", "text", "it is hunter2000"), &err));
	play_journal_close(&journal);
	assert_true(fs_read(path, 0, &text, &err));
	assert_null(strstr(text.buf, "hunter2000"));
	assert_non_null(strstr(text.buf, "it is ***"));
}

static void add_run(struct play_runs *runs, const char *id, const char *run_state)
{
	xgrow(runs->items, runs->count, runs->alloc);
	runs->items[runs->count++] = (struct play_run_row){.id = xstrdup(id),
		.playbook = xstrdup("deploy"),
		.step = xstrdup("smoke"),
		.state = xstrdup(run_state),
		.ended = !str_equal(run_state, "died")};
}

static void the_unfinished_run_is_the_one_that_is_meant(void **state)
{
	CLEANUP(play_runs_release) struct play_runs runs = {0};
	const struct play_run_row *row = NULL;
	AUTO_ERR(err);
	(void)state;
	add_run(&runs, "20260101T1", "ok");
	add_run(&runs, "20260102T1", "died");
	assert_true(play_runs_find(&runs, NULL, &row, &err));
	assert_string_equal(row->id, "20260102T1");
	assert_true(play_runs_find(&runs, "20260101", &row, &err));
	assert_string_equal(row->id, "20260101T1");
	assert_false(play_runs_find(&runs, "nosuch", &row, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	add_run(&runs, "20260102T2", "died");
	assert_false(play_runs_find(&runs, NULL, &row, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.detail, "20260102T2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_last_line_is_ignored_and_ended),
		cmocka_unit_test(safety_02_half_a_record_does_not_swallow_the_next),
		cmocka_unit_test(a_living_runner_keeps_others_out),
		cmocka_unit_test(secrets_do_not_reach_the_journal),
		cmocka_unit_test(the_unfinished_run_is_the_one_that_is_meant),
	};
	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
