/*
 * The rows that would be lost, as files (mig-restore --export-lost DIR): COPY text per table,
 * load.sql that brings them back with psql, README.md. The folder appears whole or not at all:
 * it is made under another name, synced, and renamed. 0700, files 0600. What a killed program left
 * goes when the next one opens the same folder.
 */
#ifndef LOSS_EXPORT_H
#define LOSS_EXPORT_H

#include "loss/side.h"

struct loss_export;

/* ERR_REFUSED when `directory` exists and is not empty; ERR_STORAGE when it cannot be made. */
MUST_CHECK bool loss_export_open(
	const char *directory, struct loss_export **export, struct err *err);
/* Without a commit before it, nothing stays. */
void loss_export_free(struct loss_export *export);
DEFINE_AUTO(struct loss_export, loss_export_free)

/*
 * What follows are rows of this table; both are borrowed until the commit. `other`: what would
 * take its place; NULL: no such table.
 */
void loss_export_table(
	struct loss_export *export, const struct loss_unit *live, const struct loss_unit *other);
/* One COPY text row that would be lost; a pack_on_row. */
MUST_CHECK bool loss_export_row(void *export, const char *row, size_t length, struct err *err);
/* As above, of a table that is kept whole beside its lost rows, and not loaded by load.sql. */
MUST_CHECK bool loss_export_whole(void *export, const char *row, size_t length, struct err *err);
/* All rows of the table are in. */
MUST_CHECK bool loss_export_end(struct loss_export *export, struct err *err);

/* db: a session in the live database, whose client encoding is that of the rows. */
MUST_CHECK bool loss_export_commit(struct loss_export *export, struct db *db, const char *live,
	const char *other, struct err *err);

/* What was written: tables with lost rows, and these rows. */
void loss_export_totals(const struct loss_export *export, int64_t *tables, int64_t *rows);

#endif
