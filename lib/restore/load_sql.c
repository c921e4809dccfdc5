#include "restore/load_sql.h"

/* Behind the closing quote; a doubled quote closes and opens again, which comes to the same. */
static const char *skip_quoted(const char *c)
{
	const char *end = strchr(c + 1, *c);
	return end ? end + 1 : c + strlen(c);
}

size_t load_sql_batch(const char *text, size_t statements)
{
	const char *c = text;
	while (*c && statements) {
		if (*c == '\'' || *c == '"') {
			c = skip_quoted(c);
			continue;
		}
		if (*c == ';')
			statements--;
		c++;
	}
	return (size_t)(c - text);
}
