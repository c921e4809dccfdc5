/*
 * Inside room migrate: the formats' own functions, named in the table in formats.c.
 */
#ifndef MIGRATE_FORMATS_H
#define MIGRATE_FORMATS_H

#include "migrate/migrate.h"

bool native_detect(const char *dir);
MUST_CHECK bool native_load(struct migrate_tree *tree, struct err *err);

bool alembic_detect(const char *dir);
MUST_CHECK bool alembic_load(struct migrate_tree *tree, struct err *err);
void alembic_study(struct migrate_file *file);
MUST_CHECK bool alembic_apply(struct migrate_session *session, size_t *done, struct err *err);
MUST_CHECK bool alembic_revision(const struct migrate_tree *tree, struct migrate_file *header,
	const struct migrate_new *request, bool *wants_db, struct err *err);
MUST_CHECK bool alembic_script(
	const struct migrate_plan *plan, struct db *db, char **sql, struct err *err);
MUST_CHECK bool alembic_check(const struct migrate_tree *tree, struct db *db,
	const struct migrate_args *args, struct err *err);
MUST_CHECK bool alembic_ready(const struct migrate_tree *tree, struct err *err);

MUST_CHECK bool native_reparent(
	const struct migrate_file *file, const char *parent, struct strbuf *text, struct err *err);
MUST_CHECK bool alembic_reparent(
	const struct migrate_file *file, const char *parent, struct strbuf *text, struct err *err);

char *native_template(const struct migrate_file *header);

bool dbmate_detect(const char *dir);
MUST_CHECK bool dbmate_load(struct migrate_tree *tree, struct err *err);
char *dbmate_template(const struct migrate_file *header);
char *dbmate_new_id(void);

#endif
