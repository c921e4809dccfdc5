#include "migrate/formats.h"

/* A new format is one row here and one file of its own. The first that detects the folder wins. */
static const struct migrate_format formats[] = {
	{"sql", "mig's own: one .sql file per revision, sections up, verify, down", native_detect,
		native_load, native_template},
};

const struct migrate_format *migrate_formats(size_t *count)
{
	*count = ARRAY_SIZE(formats);
	return formats;
}
