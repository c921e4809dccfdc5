/*
 * Inside room migrate: ${name} in native files, from `placeholders` of mig.yaml and nowhere else.
 * In a string or quoted name the value's quotes are doubled; elsewhere it stands as it is.
 * Comments, dollar quotes and rows of COPY are left alone.
 */
#ifndef MIGRATE_PLACEHOLDERS_H
#define MIGRATE_PLACEHOLDERS_H

#include "migrate/tree.h"

/*
 * The file's text up to the end of a section, with the section's placeholders replaced; line
 * numbers stay. *text (caller owns) is NULL when there is none. ERR_CONFIG names an unknown one.
 */
MUST_CHECK bool placeholders_fill(const struct strvec *values, const struct migrate_file *file,
	const struct migrate_section *section, char **text, struct err *err);

#endif
