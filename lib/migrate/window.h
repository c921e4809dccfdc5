/*
 * When upgrades are allowed: "Tue-Thu,Sat 02:00-05:00 Europe/Berlin" (policy upgrade: window).
 * Hours that end before they begin go over midnight and belong to the day on which they begin.
 */
#ifndef MIGRATE_WINDOW_H
#define MIGRATE_WINDOW_H

#include "db/db.h"

/* The zone at its end; "UTC" when there is none. Points into window. */
const char *migrate_window_zone(const char *window);
/* Is it open on this day (1 Monday .. 7 Sunday) at this minute of the day? The form was checked. */
bool migrate_window_is_open(const char *window, int day, int minute);
/* By the server's clock; ERR_REFUSED outside of the window. */
MUST_CHECK bool migrate_window_check(struct db *db, const char *window, struct err *err);

#endif
