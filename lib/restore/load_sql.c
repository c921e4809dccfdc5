#include "restore/load_sql.h"
#include "schema/toc.h"

size_t load_sql_batch(const char *text, size_t statements)
{
	const char *c = text;
	while (*c && statements) {
		if (*c == '\'' || *c == '"') {
			c = toc_skip_quoted(c);
			continue;
		}
		if (*c == ';')
			statements--;
		c++;
	}
	return (size_t)(c - text);
}
