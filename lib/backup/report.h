/*
 * What is said about snapshots: lines for people, objects for programs (docs/events.md).
 */
#ifndef BACKUP_REPORT_H
#define BACKUP_REPORT_H

#include "backup/catalog.h"
#include "backup/create.h"

/* New references. */
json_t *backup_texts_json(const struct strvec *texts);
json_t *backup_entry_json(const struct backup_entry *entry);
json_t *backup_table_json(const struct pack_table *table);
json_t *backup_result_json(const struct backup_result *result);

/* Appended: a line of a list, and what belongs to it. */
void backup_entry_lines(const struct backup_entry *entry, struct strvec *lines);
/* All that `show` says. */
void backup_show_lines(const struct backup_entry *entry, const struct pack_manifest *manifest,
	struct strvec *lines);
/* One line with hash, rows, bytes and name; caller owns. */
char *backup_table_line(const struct pack_table *table);
void backup_result_lines(const struct backup_result *result, struct strvec *lines);

#endif
