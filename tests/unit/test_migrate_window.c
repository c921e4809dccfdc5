/* When upgrades are allowed. */
#include "migrate/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void windows_open_and_close(void **state)
{
	(void)state;
	static const struct {
		const char *window;
		int day, hour, minute;
		bool open;
	} cases[] = {
		{"Tue-Thu 02:00-05:00 Europe/Berlin", 2, 2, 0, true},
		{"Tue-Thu 02:00-05:00 Europe/Berlin", 4, 4, 59, true},
		{"Tue-Thu 02:00-05:00 Europe/Berlin", 2, 5, 0, false},
		{"Tue-Thu 02:00-05:00 Europe/Berlin", 2, 1, 59, false},
		{"Tue-Thu 02:00-05:00 Europe/Berlin", 5, 3, 0, false},
		{"Tue-Thu 02:00-05:00 Europe/Berlin", 1, 3, 0, false},
		{"Mon,Wed-Thu 00:00-24:00", 1, 23, 59, true},
		{"Mon,Wed-Thu 00:00-24:00", 2, 12, 0, false},
		{"Mon,Wed-Thu 00:00-24:00", 4, 0, 0, true},
		{"Sat-Mon 10:00-12:00", 7, 11, 0, true},
		{"Sat-Mon 10:00-12:00", 1, 11, 0, true},
		{"Sat-Mon 10:00-12:00", 2, 11, 0, false},
		{"Fri 22:00-02:00", 5, 23, 0, true},
		{"Fri 22:00-02:00", 6, 1, 59, true},
		{"Fri 22:00-02:00", 6, 2, 0, false},
		{"Fri 22:00-02:00", 5, 1, 0, false},
		{"Sun 22:00-02:00", 1, 1, 0, true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (migrate_window_is_open(cases[i].window, cases[i].day,
			    cases[i].hour * 60 + cases[i].minute) != cases[i].open)
			fail_msg("%s on day %d at %02d:%02d", cases[i].window, cases[i].day,
				cases[i].hour, cases[i].minute);
}

static void zones_are_found(void **state)
{
	(void)state;
	assert_string_equal(
		migrate_window_zone("Tue-Thu 02:00-05:00 Europe/Berlin"), "Europe/Berlin");
	assert_string_equal(migrate_window_zone("Tue 02:00-05:00"), "UTC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_open_and_close),
		cmocka_unit_test(zones_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
