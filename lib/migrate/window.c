#include "migrate/window.h"

#include <stdio.h>

static int day_number(const char *name)
{
	static const char days[] = "MonTueWedThuFriSatSun";
	for (int i = 0; i < 7; i++)
		if (!strncmp(days + 3 * i, name, 3))
			return i + 1;
	return 0;
}

/* "Tue-Thu,Sat": ranges may go over the week's end. */
static bool day_is_in(const char *days, int day)
{
	for (;; days += 4) {
		int from = day_number(days), to = from;
		if (days[3] == '-') {
			days += 4;
			to = day_number(days);
		}
		if (from <= to ? day >= from && day <= to : day >= from || day <= to)
			return true;
		if (days[3] != ',')
			return false;
	}
}

const char *migrate_window_zone(const char *window)
{
	const char *hours = strchr(window, ' ');
	const char *zone = hours ? strchr(hours + 1, ' ') : NULL;
	return zone ? zone + 1 : "UTC";
}

bool migrate_window_is_open(const char *window, int day, int minute)
{
	int h1, m1, h2, m2;
	const char *hours = strchr(window, ' ');
	if (!hours || sscanf(hours, " %2d:%2d-%2d:%2d", &h1, &m1, &h2, &m2) != 4)
		return false;
	int from = h1 * 60 + m1, to = h2 * 60 + m2;
	if (from <= to)
		return minute >= from && minute < to && day_is_in(window, day);
	int yesterday = day == 1 ? 7 : day - 1;
	return (minute >= from && day_is_in(window, day)) ||
	       (minute < to && day_is_in(window, yesterday));
}

bool migrate_window_check(struct db *db, const char *window, struct err *err)
{
	const char *zone = migrate_window_zone(window);
	AUTO_RESULT(now);
	if (!db_query(db, &now, err,
		    "select extract(isodow from t)::int, extract(hour from t)::int * 60"
		    " + extract(minute from t)::int, to_char(t, 'Dy HH24:MI')"
		    " from (select clock_timestamp() at time zone $1) as clock (t)",
		    zone))
		return err_context(err, "policy upgrade: window");
	if (migrate_window_is_open(
		    window, (int)db_get_int(&now, 0, 0), (int)db_get_int(&now, 0, 1)))
		return true;
	err_set(err, ERR_REFUSED, "upgrades are allowed %s; it is %s (%s)", window,
		db_get(&now, 0, 2), zone);
	err_detail(err, "policy upgrade: window");
	return err_hint(err, "run it then, or change the policy of the environment in mig.yaml");
}
