/*
 * Names of databases that mig makes (safety 6): built here so that the whole stays within 63 bytes
 * at a character boundary. Pure; UTF-8 aware, other encodings are cut at bytes < 0x80 boundaries.
 */
#ifndef DB_NAMES_H
#define DB_NAMES_H

#include "base/base.h"

enum db_purpose { DB_RESTORED, DB_DISPLACED, DB_SCRATCH, DB_CLONE }; /* __r_ __b_ __s_ __c_ */

#define DB_NAME_MAX 63

/* "<live>__r_<10 hex>", live cut as needed; caller owns. */
char *db_name_derive(const char *live, enum db_purpose purpose);
/* True and *purpose when a name has the derived form; *stem (caller owns, may be NULL asked). */
bool db_name_parse(const char *name, enum db_purpose *purpose, char **stem);
const char *db_purpose_word(enum db_purpose purpose); /* "restored", "displaced", ... */
/* `name` cut to at most `bytes` bytes at a character boundary; caller owns. */
char *db_name_cut(const char *name, size_t bytes);

#endif
