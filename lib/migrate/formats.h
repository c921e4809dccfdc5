/*
 * Inside room migrate: the formats' own functions, named in the table in formats.c.
 */
#ifndef MIGRATE_FORMATS_H
#define MIGRATE_FORMATS_H

#include "migrate/tree.h"

bool native_detect(const char *dir);
MUST_CHECK bool native_load(struct migrate_tree *tree, struct err *err);
char *native_template(const struct migrate_file *header);

#endif
