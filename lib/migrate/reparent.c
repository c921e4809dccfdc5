/* A file's text with another down_revision: nothing else of it is touched. */
#include "migrate/formats.h"
#include "migrate/python.h"

static void replace(const struct migrate_file *file, size_t start, size_t end, const char *by,
	struct strbuf *text)
{
	strbuf_add(text, file->source, start);
	strbuf_adds(text, by);
	strbuf_add(text, file->source + end, file->length - end);
}

static bool by_hand(const struct migrate_file *file, const char *why, struct err *err)
{
	err_set(err, ERR_REFUSED, "%s: %s", file->name, why);
	return err_hint(err, "change its down_revision by hand");
}

/* --- SQL: "-- down_revision: value", alone on its line or before another "  -- key:" -----------
 */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Is the word at `at` the key of a header? Then its value, without blanks around it. */
static bool header_value(const char *source, size_t at, size_t *start, size_t *end)
{
	size_t before = at, behind = at + strlen("down_revision");
	while (before > 0 && is_blank(source[before - 1]))
		before--;
	while (is_blank(source[behind]))
		behind++;
	if (before < 2 || strncmp(source + before - 2, "--", 2) != 0 || source[behind] != ':')
		return false;
	*start = *end = behind + 1;
	while (is_blank(source[*start]))
		++*start;
	size_t limit = *start + strcspn(source + *start, "\r\n");
	const char *next = strstr(source + behind, "  -- ");
	if (next && (size_t)(next - source) < limit)
		limit = (size_t)(next - source);
	if (*start > limit)
		*start = limit;
	for (*end = limit; *end > *start && is_blank(source[*end - 1]);)
		--*end;
	return true;
}

/* The line behind "-- revision:"; a base may be without the header. */
static bool add_header(
	const struct migrate_file *file, const char *parent, struct strbuf *text, struct err *err)
{
	const char *line = strstr(file->source, "revision:");
	if (!line)
		return by_hand(file, "its header was not found", err);
	size_t at = (size_t)(line - file->source) + strcspn(line, "\n");
	bool crlf = at > 0 && file->source[at - 1] == '\r';
	AUTO_FREE char *added = xstrfmt("\n-- down_revision: %s%s", parent, crlf ? "\r" : "");
	replace(file, at, at, added, text);
	return true;
}

bool native_reparent(
	const struct migrate_file *file, const char *parent, struct strbuf *text, struct err *err)
{
	const char *limit = file->source + (file->up.present ? file->up.start : file->length);
	size_t start, end;
	for (const char *at = file->source; (at = strstr(at, "down_revision")) && at < limit;
		at++) {
		if (!header_value(file->source, (size_t)(at - file->source), &start, &end))
			continue;
		bool touches = file->source[start - 1] == ':';
		AUTO_FREE char *value = xstrfmt("%s%s", touches ? " " : "", parent);
		replace(file, start, end, value, text);
		return true;
	}
	return add_header(file, parent, text, err);
}

/* --- Python: the literal, and what the docstring says of it ------------------------------------
 */

/* "Revises: aaaa" as Alembic's template writes it, before the assignment. */
static void revise_docstring(const struct migrate_file *file, size_t limit, const char *parent,
	struct strbuf *text, size_t *taken)
{
	static const char key[] = "\nRevises:";
	const char *line = strstr(file->source, key);
	if (!line || (size_t)(line - file->source) >= limit)
		return;
	size_t start = (size_t)(line - file->source) + strlen(key);
	strbuf_add(text, file->source, start);
	strbuf_addf(text, " %s", parent);
	*taken = start + strcspn(file->source + start, "\r\n");
}

bool alembic_reparent(
	const struct migrate_file *file, const char *parent, struct strbuf *text, struct err *err)
{
	struct python_name name = {.name = "down_revision"};
	AUTO_ARENA(room);
	CLEANUP(python_header_release)
	struct python_header header = {.names = &name, .count = 1, .room = &room};
	python_header_read(&header, file->source, file->length);
	const struct python_value *value = &name.value;
	if (value->kind == PYTHON_OTHER || value->kind == PYTHON_ABSENT || !value->end)
		return by_hand(file, "its down_revision is computed", err);
	char quote = file->source[value->start];
	if (quote != '\'' && quote != '"')
		quote = '\'';
	size_t taken = 0;
	revise_docstring(file, value->start, parent, text, &taken);
	strbuf_add(text, file->source + taken, value->start - taken);
	strbuf_addf(text, "%c%s%c", quote, parent, quote);
	strbuf_add(text, file->source + value->end, file->length - value->end);
	return true;
}
