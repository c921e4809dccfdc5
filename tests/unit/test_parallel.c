/* Work over many items on several threads: each once, and the error that counts. */
#include "base/base.h"
#include "base/parallel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct work {
	atomic_int seen[1000];
	size_t bad, worse; /* items that fail */
};

static bool visit(void *ctx, size_t from, size_t to, struct err *err)
{
	struct work *work = ctx;
	for (size_t i = from; i < to; i++) {
		atomic_fetch_add(&work->seen[i], 1);
		if (i == work->bad || i == work->worse)
			return err_set(err, ERR_FAILED, "item %zu", i);
	}
	return true;
}

static void each_item_is_visited_once(void **state)
{
	(void)state;
	static const size_t counts[] = {0, 1, 2, 7, 999, 1000};
	for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
		struct work work = {.bad = SIZE_MAX, .worse = SIZE_MAX};
		AUTO_ERR(err);
		assert_true(parallel_ranges(counts[c], 3, visit, &work, &err));
		for (size_t i = 0; i < 1000; i++)
			assert_int_equal(work.seen[i], i < counts[c]);
	}
}

static void the_first_error_counts(void **state)
{
	(void)state;
	struct work work = {.bad = 10, .worse = 990};
	AUTO_ERR(err);
	assert_false(parallel_ranges(1000, 1, visit, &work, &err));
	assert_string_equal(err.msg, "item 10");
}

struct square {
	size_t of, is;
};

static void take_square(void *piece)
{
	struct square *square = piece;
	square->is += square->of * square->of;
}

static void pieces_are_worked_off_while_they_come(void **state)
{
	(void)state;
	static const size_t counts[] = {0, 1, 2, 3, 500};
	for (size_t c = 0; c < ARRAY_SIZE(counts); c++) {
		struct square squares[500] = {0};
		struct parallel_queue *queue = parallel_queue_new(take_square);
		for (size_t i = 0; i < counts[c]; i++) {
			squares[i].of = i + 1;
			parallel_queue_add(queue, &squares[i]);
		}
		parallel_queue_end(queue);
		for (size_t i = 0; i < ARRAY_SIZE(squares); i++)
			assert_int_equal(squares[i].is, i < counts[c] ? (i + 1) * (i + 1) : 0);
	}
}

static void as_many_workers_as_asked_for(void **state)
{
	(void)state;
	assert_int_equal(parallel_workers(1), 1);
	assert_int_equal(parallel_workers(1000), 1000);
	assert_in_range(parallel_workers(0), 1, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_item_is_visited_once),
		cmocka_unit_test(the_first_error_counts),
		cmocka_unit_test(pieces_are_worked_off_while_they_come),
		cmocka_unit_test(as_many_workers_as_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
