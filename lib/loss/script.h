/*
 * load.sql and README.md of a folder with lost rows (export.h): text only.
 *
 * load.sql is for psql in that folder. It names columns that both sides had; rows go through
 * columns of type text in a temporary table, then into the real one: new rows are inserted, rows
 * whose key is there get the contents they had in the live database.
 */
#ifndef LOSS_SCRIPT_H
#define LOSS_SCRIPT_H

#include "loss/side.h"

struct loss_script_table {
	int number; /* from 1: names its files */
	const struct loss_unit *live;
	const struct loss_unit *other; /* NULL: the table would be gone */
	int64_t rows; /* in its file */
	int64_t whole_rows; /* in the file with all rows; 0: there is none */
};

/* "0001.copy", "0001.whole.copy" */
#define LOSS_SCRIPT_NAME 32
void loss_script_file(const struct loss_script_table *table, char name[LOSS_SCRIPT_NAME]);
void loss_script_whole_file(const struct loss_script_table *table, char name[LOSS_SCRIPT_NAME]);

/* Reads types, keys' order and sequences; sorts the tables: referenced ones first. */
MUST_CHECK bool loss_script_text(struct db *db, struct loss_script_table *tables, size_t count,
	struct strbuf *out, struct err *err);
void loss_script_readme(const struct loss_script_table *tables, size_t count, const char *live,
	const char *other, struct strbuf *out);

#endif
