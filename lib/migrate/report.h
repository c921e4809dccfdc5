/*
 * Revisions and plans as text and as JSON, in Alembic's words.
 */
#ifndef MIGRATE_REPORT_H
#define MIGRATE_REPORT_H

#include "migrate/migrate.h"

enum migrate_report_style {
	MIGRATE_REPORT_SHORT, /* "3f9c1a7be2d4 Add user preferences (main) (head)" */
	MIGRATE_REPORT_ENTRY, /* many lines: parents, dependencies, children, branches, file,
				 sections */
};
/* One revision; `current` (may be NULL) gets its mark. */
void migrate_report_add(const struct migrate_tree *tree, size_t index,
	const struct graph_list *current, enum migrate_report_style style, struct strbuf *out);
/* The same; caller owns. */
char *migrate_report_line(const struct migrate_tree *tree, size_t index,
	const struct graph_list *current, enum migrate_report_style style);
/* The rows to show: heads, or the newest of many; and all that are in no file. */
void migrate_report_rows(const struct migrate_session *session, struct strvec *rows);
/* A row of the version table, also one that is in no file. Caller owns. */
char *migrate_report_row(const struct migrate_session *session, const char *row, bool entry);
/* "applied" or "taken back". */
const char *migrate_half_word(const struct migrate_half *half);
/* What goes on with it, "mig-apply upgrade r001". Caller owns. */
char *migrate_half_command(const struct migrate_session *session, const struct migrate_half *half);
/* The same; of a split one, of which only a person knows, both ways. Caller owns. */
char *migrate_half_remedy(const struct migrate_session *session, const struct migrate_half *half);
/* "half applied: r001 Half: 1 statement is done, interrupted in VACUUM". Caller owns. */
char *migrate_half_state(const struct migrate_session *session, const struct migrate_half *half);
/* One line for each revision that is half applied, and what to type; and as JSON, new reference. */
void migrate_report_half(const struct migrate_session *session, struct strvec *lines);
json_t *migrate_report_half_json(const struct migrate_session *session);
/* The same for backfills that have not ended. */
void migrate_report_open(const struct migrate_session *session, struct strvec *lines);
json_t *migrate_report_open_json(const struct migrate_session *session);
/* Where the database stands, or "<base>"; caller owns. */
char *migrate_report_where(const struct migrate_session *session);
json_t *migrate_report_revision(const struct migrate_tree *tree, size_t index);
/* All revisions, newest first. */
void migrate_report_order(const struct migrate_tree *tree, struct graph_list *order);

/* [{"revision": .., "message": ..}, ..] */
json_t *migrate_report_list(const struct migrate_tree *tree, const struct graph_list *list);
/* ["3f9c1a7be2d4", ..] */
json_t *migrate_report_names(const struct strvec *names);
/* Adds what it wrote, or one text alone, to a list in the arena (base/arena.h). */
void migrate_names_of_json(struct arena *room, struct strvec *names, const json_t *value);
json_t *migrate_report_ids(const struct migrate_tree *tree, const struct graph_list *list);
/* What would run, how large its tables are, what the policy asks for; one line each. */
MUST_CHECK bool migrate_report_plan(
	const struct migrate_session *session, struct strvec *lines, struct err *err);
/* The same, and its SQL. New reference. */
MUST_CHECK bool migrate_report_plan_json(
	const struct migrate_session *session, const char *sql, json_t **json, struct err *err);
/* The SQL that would run, with transactions and version rows; caller owns. */
char *migrate_report_plan_sql(const struct migrate_session *session, struct err *err);
/* {"direction":"up","applied":[..],"from":[..],"to":[..]} of the first `done` steps. */
json_t *migrate_report_result(const struct migrate_session *session, size_t done);

#endif
