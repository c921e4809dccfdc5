#include "schema/minors.h"
#include "base/base.h"
#include <errno.h>

/* 12 and older never got it: whoever has those reads of the oldest that did. */
static const struct {
	long major, minor;
	const char *fixed;
} rows[] = {
	{13, 22, "13.22"},
	{14, 19, "14.19"},
	{15, 14, "15.14"},
	{16, 10, "16.10"},
	{17, 6, "17.6"},
};

const char *schema_minors_fixed(const char *version)
{
	char *end;
	errno = 0;
	long major = strtol(version, &end, 10);
	/* "17rc1" has no minor: before all of them */
	long minor = *end == '.' ? strtol(end + 1, NULL, 10) : -1;
	if (errno || end == version)
		return NULL;
	if (major < rows[0].major)
		return rows[0].fixed;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].major == major && minor < rows[i].minor)
			return rows[i].fixed;
	return NULL;
}
