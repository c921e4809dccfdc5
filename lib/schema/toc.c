#include "schema/toc.h"
#include <errno.h>

void toc_release(struct toc *toc)
{
	for (size_t i = 0; i < toc->count; i++) {
		free(toc->items[i].needs);
		free(toc->items[i].sql);
	}
	free(toc->items);
	free(toc->places);
	free(toc->encoding);
	*toc = (struct toc){0};
}

void toc_constraint_release(struct toc_constraint *constraint)
{
	free(constraint->alter);
	free(constraint->name);
	free(constraint->quoted);
	*constraint = (struct toc_constraint){0};
}

/*
 * The list
 */

/* Moves behind the digits (and blanks before them). */
static bool take_number(const char **text, int64_t *number)
{
	char *end;
	errno = 0;
	while (**text == ' ' || **text == '\t')
		(*text)++;
	if (**text < '0' || **text > '9')
		return false;
	*number = strtoll(*text, &end, 10);
	*text = end;
	return !errno;
}

static bool take_words(const char **text, const char *words)
{
	if (!str_starts(*text, words))
		return false;
	*text += strlen(words);
	return true;
}

/*
 * The catalogue's number tells kinds apart that their names do not: "INDEX ATTACH" has none, and a
 * schema may be called ATTACH.
 */
static enum toc_kind kind_of(int64_t class, const char *words)
{
	static const struct {
		int64_t class;
		const char *words;
		enum toc_kind kind;
	} rows[] = {
		{3079, "EXTENSION ", TOC_EXTENSION},
		{1255, "", TOC_FUNCTION},
		{1259, "TABLE ", TOC_TABLE},
		{0, "TABLE DATA ", TOC_TABLE_DATA},
		{1259, "INDEX ", TOC_INDEX},
		{2606, "CONSTRAINT ", TOC_CONSTRAINT},
		{2606, "FK CONSTRAINT ", TOC_FOREIGN_KEY},
		{0, "MATERIALIZED VIEW DATA ", TOC_REFRESH},
		{3381, "STATISTICS ", TOC_STATISTICS},
		{3466, "EVENT TRIGGER ", TOC_EVENT_TRIGGER},
		{6100, "SUBSCRIPTION ", TOC_SUBSCRIPTION},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].class == class && str_starts(words, rows[i].words))
			return rows[i].kind;
	return TOC_OTHER;
}

static void add_needs(struct toc *toc, const char *numbers)
{
	int64_t id;
	if (!toc->count)
		return;
	struct toc_entry *entry = &toc->items[toc->count - 1];
	while (take_number(&numbers, &id)) {
		xgrow(entry->needs, entry->needs_count, entry->needs_alloc);
		entry->needs[entry->needs_count++] = id;
	}
}

#define ID_MAX (100 << 20)

/* Numbers do not rise with the order of the entries. */
static void keep_place(struct toc *toc, int64_t id)
{
	if (id > ID_MAX)
		return;
	if ((size_t)id >= toc->places_count) {
		size_t count = (size_t)id * 2 + 64;
		toc->places = xrealloc(toc->places, count * sizeof(toc->places[0]));
		memset(toc->places + toc->places_count, 0,
			(count - toc->places_count) * sizeof(toc->places[0]));
		toc->places_count = count;
	}
	toc->places[id] = toc->count + 1;
}

void toc_add_line(struct toc *toc, const char *line)
{
	int64_t id, class, oid;
	if (take_words(&line, ";\tdepends on: ")) {
		add_needs(toc, line);
		return;
	}
	if (!take_number(&line, &id) || !take_words(&line, "; ") || !take_number(&line, &class) ||
		!take_number(&line, &oid) || !take_words(&line, " "))
		return;
	xgrow(toc->items, toc->count, toc->alloc);
	keep_place(toc, id);
	toc->items[toc->count++] = (struct toc_entry){
		.id = id,
		.oid = (uint32_t)oid,
		.kind = kind_of(class, line),
	};
}

struct toc_entry *toc_find(struct toc *toc, int64_t id)
{
	size_t place = id >= 0 && (size_t)id < toc->places_count ? toc->places[id] : 0;
	return place ? &toc->items[place - 1] : NULL;
}

void toc_mark_post(struct toc *toc, const char *line)
{
	int64_t id;
	struct toc_entry *entry;
	if (take_number(&line, &id) && *line == ';' && (entry = toc_find(toc, id)))
		entry->post = true;
}

/*
 * The SQL text: pg_get_indexdef() and pg_get_constraintdef() write no dollar quotes, no comments,
 * and backslashes in strings doubled. Comments between the statements are pg_restore's own.
 */

static const char *skip_line(const char *c)
{
	const char *end = strchr(c, '\n');
	return end ? end + 1 : c + strlen(c);
}

/* Behind the closing quote; a doubled quote closes and opens again, which comes to the same. */
const char *toc_skip_quoted(const char *c)
{
	const char *end = strchr(c + 1, *c);
	return end ? end + 1 : c + strlen(c);
}

/* The semicolon that ends the statement; the end of the text when there is none. */
static const char *statement_end(const char *c)
{
	while (*c && *c != ';')
		c = *c == '\'' || *c == '"' ? toc_skip_quoted(c) : c + 1;
	return c;
}

struct reading {
	struct toc *toc;
	struct toc_entry *entry; /* whose statements these are; NULL: none yet */
	bool tablespace; /* another than the default is set */
};

static void take_comment(struct reading *reading, const char *line)
{
	int64_t id;
	if (take_words(&line, "-- TOC entry ") && take_number(&line, &id))
		reading->entry = toc_find(reading->toc, id);
}

static void take_encoding(struct toc *toc, const char *value, const char *end)
{
	if (end - value >= 2 && *value == '\'' && end[-1] == '\'') {
		free(toc->encoding);
		toc->encoding = xstrndup(value + 1, (size_t)(end - value) - 2);
	}
}

static void take_statement(struct reading *reading, const char *from, const char *end)
{
	struct toc_entry *entry = reading->entry;
	if (take_words(&from, "SET default_tablespace = ")) {
		reading->tablespace = end - from != 2 || strncmp(from, "''", 2);
		return;
	}
	if (take_words(&from, "SET client_encoding = ")) {
		take_encoding(reading->toc, from, end);
		return;
	}
	if (!entry || str_starts(from, "SET "))
		return;
	/* a second statement, too, takes the first away: pg_restore shall make it whole */
	bool first = !entry->sql;
	free(xtake(&entry->sql));
	entry->sql =
		first && !reading->tablespace ? xstrndup(from, (size_t)(end - from)) : xstrdup("");
}

void toc_add_sql(struct toc *toc, const char *text)
{
	struct reading reading = {.toc = toc};
	for (const char *c = text; *c;) {
		if (*c == ' ' || *c == '\n') {
			c++;
		} else if (*c == '\\' || str_starts(c, "--")) {
			take_comment(&reading, c);
			c = skip_line(c);
		} else {
			const char *end = statement_end(c);
			take_statement(&reading, c, end);
			c = *end ? end + 1 : end;
		}
	}
}

/*
 * Statements
 */

bool toc_is_index(const char *sql)
{
	return str_starts(sql, "CREATE INDEX ") || str_starts(sql, "CREATE UNIQUE INDEX ");
}

/* Behind one identifier, quoted or not; NULL: there is none. */
const char *toc_skip_ident(const char *c)
{
	const char *start = c;
	if (*c == '"') {
		do
			c = toc_skip_quoted(c);
		while (*c == '"');
		return c[-1] == '"' ? c : NULL;
	}
	while ((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_' || *c == '$' ||
		(unsigned char)*c >= 0x80)
		c++;
	return c > start ? c : NULL;
}

const char *toc_skip_qualified(const char *c)
{
	c = toc_skip_ident(c);
	return c && *c == '.' ? toc_skip_ident(c + 1) : NULL;
}

/* "(a, "b")" */
static const char *skip_columns(const char *c)
{
	if (*c != '(')
		return NULL;
	do {
		c = toc_skip_ident(c + (*c == '(' ? 1 : 2));
	} while (c && str_starts(c, ", "));
	return c && *c == ')' ? c + 1 : NULL;
}

static char *unquote(const char *from, const char *end)
{
	AUTO_STRBUF(name);
	if (*from != '"')
		return xstrndup(from, (size_t)(end - from));
	for (const char *c = from + 1; c < end - 1; c++) {
		strbuf_addc(&name, *c);
		if (*c == '"')
			c++;
	}
	return strbuf_take(&name);
}

/* What is behind the constraint's name; NULL: another form. */
static const char *take_head(const char *sql, struct toc_constraint *constraint)
{
	static const char alter[] = "ALTER TABLE ONLY ", add[] = "\n    ADD CONSTRAINT ";
	if (!str_starts(sql, alter))
		return NULL;
	const char *end = toc_skip_qualified(sql + strlen(alter));
	if (!end || !str_starts(end, add))
		return NULL;
	const char *name = end + strlen(add);
	const char *name_end = toc_skip_ident(name);
	if (!name_end || *name_end != ' ')
		return NULL;
	constraint->alter = xstrndup(sql, (size_t)(end - sql));
	constraint->quoted = xstrndup(name, (size_t)(name_end - name));
	constraint->name = unquote(name, name_end);
	return name_end + 1;
}

bool toc_parse_constraint(const char *sql, struct toc_constraint *constraint)
{
	*constraint = (struct toc_constraint){0};
	const char *c = take_head(sql, constraint);
	if (!c)
		return false;
	constraint->primary = take_words(&c, "PRIMARY KEY ");
	if (!constraint->primary && !take_words(&c, "UNIQUE "))
		return false;
	c = skip_columns(c);
	return c && !*c;
}

bool toc_parse_foreign_key(const char *sql, struct toc_constraint *constraint)
{
	*constraint = (struct toc_constraint){0};
	const char *c = take_head(sql, constraint);
	return c && take_words(&c, "FOREIGN KEY ") && (c = skip_columns(c)) &&
	       take_words(&c, " REFERENCES ") && !str_ends(sql, " NOT VALID") &&
	       !str_ends(sql, " NOT ENFORCED");
}
