/* How long a clone will keep everybody out. */
#include "copies/clone.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MIB ((int64_t)1 << 20)

static void nothing_measured_means_a_slow_disk(void **state)
{
	(void)state;
	assert_in_range(clone_estimate_ms(0, 0, 0), 1, 2000);
	assert_int_equal(clone_estimate_ms(500 * MIB, 0, 0), 11000);
	assert_int_equal(clone_estimate_ms(500 * MIB, 0, 7), 11000);
}

static void a_measured_rate_is_counted_on_in_part(void **state)
{
	(void)state;
	/* 300 MiB/s measured, 200 counted on */
	assert_in_range(clone_estimate_ms(1000 * MIB, 600 * MIB, 2000), 5990, 6010);
	/* what was small says nothing */
	assert_int_equal(clone_estimate_ms(500 * MIB, 8 * MIB, 1), 11000);
	/* slower than the guess counts, too */
	assert_true(clone_estimate_ms(500 * MIB, 100 * MIB, 100000) > 11000);
	assert_true(clone_estimate_ms(INT64_MAX / 2, 100 * MIB, INT64_MAX / 4) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_measured_means_a_slow_disk),
		cmocka_unit_test(a_measured_rate_is_counted_on_in_part),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
