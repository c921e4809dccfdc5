/* What stands beside a snapshot: the file of one that runs, the rate, and files that are written.
 */
#include "backup/progress.h"
#include "backup/throttle.h"
#include "base/clock.h"
#include "base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void a_file_is_never_written_over(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *dir = NULL;
	assert_true(fs_temp_dir(NULL, &dir, &err));
	AUTO_FREE char *path = fs_join(dir, "a");
	AUTO_FREE char *partial = fs_join(dir, "a.partial");
	CLEANUP(io_writer_close_auto) struct io_writer *first = NULL;
	struct io_writer *second = NULL;
	assert_true(io_file_create(path, &first, &err));
	assert_true(io_write(first, "mine", 4, &err));
	/* one writer at a time */
	assert_false(io_file_create(path, &second, &err));
	assert_int_equal(err.code, ERR_LOCK);
	/* somebody else's file comes meanwhile */
	assert_true(fs_append(path, "theirs", 6, false, &err));
	assert_false(io_commit(first, &err));
	assert_int_equal(err.code, ERR_REFUSED);
	io_writer_close(xtake(&first));
	assert_false(fs_exists(partial));
	AUTO_STRBUF(text);
	assert_true(fs_read(path, 0, &text, &err));
	assert_string_equal(text.buf, "theirs");
	assert_true(fs_remove_tree(dir, &err));
}

static void what_a_dead_writer_left_is_used_again(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *dir = NULL;
	assert_true(fs_temp_dir(NULL, &dir, &err));
	AUTO_FREE char *path = fs_join(dir, "a");
	AUTO_FREE char *partial = fs_join(dir, "a.partial");
	assert_true(fs_append(partial, "a longer text than the new one", 30, false, &err));
	CLEANUP(io_writer_close_auto) struct io_writer *writer = NULL;
	assert_true(io_file_create(path, &writer, &err));
	assert_true(io_write(writer, "new", 3, &err));
	assert_true(io_commit(writer, &err));
	AUTO_STRBUF(text);
	assert_true(fs_read(path, 0, &text, &err));
	assert_string_equal(text.buf, "new");
	assert_true(fs_remove_tree(dir, &err));
}

static void the_rate_is_paid_before(void **state)
{
	(void)state;
	struct throttle throttle;
	int64_t now = clock_monotonic_ms(), first, second, third;
	throttle_init(&throttle, 1000);
	throttle_take(&throttle, 2000, &first);
	throttle_take(&throttle, 500, &second);
	throttle_take(&throttle, 0, &third);
	/* what was not used is kept for a tenth of a second */
	assert_in_range(first - now, 1890, 2050);
	assert_int_equal(second - first, 500);
	assert_int_equal(third, second);
}

static struct conf_env env;

static void a_running_backup_is_told_of(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *dir = NULL;
	assert_true(fs_temp_dir(NULL, &dir, &err));
	env.state_dir = dir;
	CLEANUP(progress_end_auto)
	struct progress *progress = progress_begin(&env, "20261120T010000Z-aaaaaa", NULL, NULL);
	progress_phase(progress, "rows");
	struct log_sink *sink = progress_sink(progress);
	sink->progress(sink, "backup", "bytes", 300, 1000);
	sink->progress(sink, "backup", "bytes", 200, 1000); /* of a slower thread */
	progress_phase(progress, "publishing");
	sink->progress(sink, "backup", "bytes", 500, 1000);
	clock_sleep_ms(1001);
	progress_tick(progress);
	CLEANUP(progress_list_release) struct progress_list list = {0};
	assert_true(progress_read(&env, &list, &err));
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].life, PROGRESS_LIVES);
	AUTO_FREE char *line = progress_line(&list.items[0]);
	assert_non_null(strstr(line, "publishing, 500 B of 1000 B (50 %)"));
	progress_end(xtake(&progress));
	progress_list_release(&list);
	assert_true(progress_read(&env, &list, &err));
	assert_int_equal(list.count, 0);
	assert_true(fs_remove_tree(dir, &err));
}

static void put(const char *dir, const char *id, const char *host, int64_t pid, int64_t began)
{
	AUTO_ERR(err);
	AUTO_FREE char *path = xstrfmt("%s/backups/%s.json", dir, id);
	AUTO_FREE char *text =
		xstrfmt("{\"snapshot\":\"%s\",\"host\":\"%s\",\"pid\":%lld,\"pid_began\":%lld,"
			"\"phase\":\"rows\"}",
			id, host, (long long)pid, (long long)began);
	assert_true(fs_write_atomic(path, text, strlen(text), &err));
}

/* Its number may be another process's by now. */
static void dead_ones_are_known_and_removed(void **state)
{
	(void)state;
	AUTO_ERR(err);
	AUTO_FREE char *dir = NULL;
	char host[256] = "";
	gethostname(host, sizeof(host) - 1);
	assert_true(fs_temp_dir(NULL, &dir, &err));
	AUTO_FREE char *folder = fs_join(dir, "backups");
	assert_true(fs_mkdirs(folder, &err));
	env.state_dir = dir;
	put(dir, "a", host, getpid(), 1);
	put(dir, "b", host, 1 << 30, 1);
	put(dir, "c", "another-host", getpid(), 1);
	CLEANUP(progress_list_release) struct progress_list list = {0};
	assert_true(progress_read(&env, &list, &err));
	assert_int_equal(list.count, 3);
	assert_int_equal(list.items[0].life, PROGRESS_DEAD);
	assert_int_equal(list.items[1].life, PROGRESS_DEAD);
	assert_int_equal(list.items[2].life, PROGRESS_ELSEWHERE);
	progress_end(progress_begin(&env, "d", NULL, NULL));
	progress_list_release(&list);
	assert_true(progress_read(&env, &list, &err));
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].life, PROGRESS_ELSEWHERE);
	assert_true(fs_remove_tree(dir, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_never_written_over),
		cmocka_unit_test(what_a_dead_writer_left_is_used_again),
		cmocka_unit_test(the_rate_is_paid_before),
		cmocka_unit_test(a_running_backup_is_told_of),
		cmocka_unit_test(dead_ones_are_known_and_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
