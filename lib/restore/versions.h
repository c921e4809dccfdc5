/*
 * Versions that a snapshot recorded, and those of the server that it is restored into: extensions
 * and the libraries behind collations.
 */
#ifndef RESTORE_VERSIONS_H
#define RESTORE_VERSIONS_H

#include "restore/restore.h"

/*
 * Pushes extensions that the server has not, or only in an older version than the snapshot's; warns
 * of what is only different.
 */
MUST_CHECK bool restore_versions_check(const struct restore_settings *settings, struct db *server,
	struct strvec *missing, struct err *err);

/*
 * Compares "1.10" and "1.9": *known false when they are not numbers with dots and yet unequal; else
 * below, at or above 0. Pure.
 */
int restore_versions_order(const char *a, const char *b, bool *known);

#endif
