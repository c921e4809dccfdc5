#include "migrate/formats.h"

#include "migrate/books.h"

/* A new format is one row here and its own files. The first that detects the folder wins. */
static const struct migrate_format formats[] = {
	{
		.name = "alembic",
		.summary = "trees of Alembic and Flask-Migrate, run by their own Python",
		.books = &books_alembic,
		.detect = alembic_detect,
		.load = alembic_load,
		.study = alembic_study,
		.apply = alembic_apply,
		.revision = alembic_revision,
		.script = alembic_script,
		.check = alembic_check,
		.ready = alembic_ready,
		.reparent = alembic_reparent,
	},
	{
		.name = "dbmate",
		.summary = "dbmate's: NNN_name.sql, sections up and down, table schema_migrations",
		.books = &books_dbmate,
		.detect = dbmate_detect,
		.load = dbmate_load,
		.template = dbmate_template,
		.new_id = dbmate_new_id,
	},
	{
		.name = "sql",
		.summary = "mig's own: one .sql file per revision, sections up, verify, down",
		.books = &books_alembic,
		.placeholders = true,
		.phases = true,
		.detect = native_detect,
		.load = native_load,
		.template = native_template,
		.reparent = native_reparent,
	},
};

const struct migrate_format *migrate_formats(size_t *count)
{
	*count = ARRAY_SIZE(formats);
	return formats;
}
