/*
 * Inside room migrate: alembic.ini as Python's configparser reads it.
 */
#ifndef MIGRATE_INI_H
#define MIGRATE_INI_H

#include "base/err.h"
#include "base/strvec.h"

/* Row i says: in section sections[i], keys[i] = values[i], as it is written. */
struct ini {
	struct strvec sections, keys, values;
	char *here; /* the folder of the file */
};

MUST_CHECK bool ini_read(const char *path, struct ini *ini, struct err *err);
void ini_release(struct ini *ini);

/* Of the section, else of [DEFAULT], "%(name)s" and "%%" filled in. Caller owns; NULL: not there.
 */
char *ini_get(const struct ini *ini, const char *section, const char *key);
/* The section itself says something of the key. */
bool ini_says(const struct ini *ini, const char *section, const char *key);

#endif
