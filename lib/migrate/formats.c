#include "migrate/formats.h"

/* A new format is one row here and its own files. The first that detects the folder wins. */
static const struct migrate_format formats[] = {
	{"alembic", "trees of Alembic and Flask-Migrate, run by their own Python", alembic_detect,
		alembic_load, NULL, alembic_apply, alembic_revision, alembic_check},
	{"sql", "mig's own: one .sql file per revision, sections up, verify, down", native_detect,
		native_load, native_template},
};

const struct migrate_format *migrate_formats(size_t *count)
{
	*count = ARRAY_SIZE(formats);
	return formats;
}
