#include "restore/retarget.h"
#include "base/strbuf.h"
#include "schema/toc.h"

/* The first statement that makes a table: behind its words, at the table's name. */
static const char *find_table(const char *text, const char **words)
{
	static const char *const begins[] = {"CREATE TABLE ", "CREATE UNLOGGED TABLE "};
	for (const char *line = text; *line;) {
		for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
			if (str_starts(line, begins[i])) {
				*words = begins[i];
				return line + strlen(begins[i]);
			}
		const char *end = strchr(line, '\n');
		line = end ? end + 1 : line + strlen(line);
	}
	return NULL;
}

/* At the first character outside of quotes and parentheses that is in `stops`, or the end. */
static const char *walk(const char *c, const char *stops)
{
	for (int depth = 0; *c;) {
		if (*c == '\'' || *c == '"') {
			c = toc_skip_quoted(c);
			continue;
		}
		depth -= *c == ')';
		if (!depth && strchr(stops, *c))
			return c;
		depth += *c == '(';
		c++;
	}
	return c;
}

static const char *skip_blanks(const char *c)
{
	while (*c == ' ' || *c == '\n')
		c++;
	return c;
}

bool restore_retarget_table(
	const char *text, const char *table, const char *name, char **sql, struct err *err)
{
	const char *words;
	const char *from = find_table(text, &words);
	const char *body = from ? toc_skip_qualified(from) : NULL;
	if (!body)
		return err_set(err, ERR_BUG, "table %s: its definition was not understood", name);
	const char *end = walk(body, ";");
	const char *columns = walk(body, ")");
	const char *behind = *columns ? skip_blanks(columns + 1) : end;
	if (str_starts(behind, "INHERITS ")) {
		err_set(err, ERR_REFUSED, "table %s has columns of a table that it inherits from",
			name);
		return err_hint(err, "restore the whole snapshot beside the live database, and "
				     "take it from there: mig-restore SNAPSHOT");
	}
	/* one plain table holds what the partitions held */
	if (str_starts(behind, "PARTITION BY "))
		end = columns + 1;
	*sql = xstrfmt("%s%s%.*s", words, table, (int)(end - body), body);
	return true;
}

char *restore_retarget_index(const char *sql, const char *table)
{
	static const char alter[] = "ALTER TABLE ONLY ";
	if (str_starts(sql, alter)) {
		const char *end = toc_skip_qualified(sql + strlen(alter));
		return end ? xstrfmt("%s%s%s", alter, table, end) : NULL;
	}
	if (!toc_is_index(sql))
		return NULL;
	const char *name = strstr(sql, "INDEX ") + strlen("INDEX ");
	const char *end = toc_skip_ident(name);
	if (!end || !str_starts(end, " ON "))
		return NULL;
	const char *old = end + strlen(" ON ");
	if (str_starts(old, "ONLY "))
		old += strlen("ONLY ");
	const char *behind = toc_skip_qualified(old);
	return behind ? xstrfmt("%.*s ON %s%s", (int)(end - sql), sql, table, behind) : NULL;
}
