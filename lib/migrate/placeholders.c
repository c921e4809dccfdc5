#include "migrate/placeholders.h"

#include "base/suggest.h"

#include <ctype.h>

/* What is being filled in. */
struct filling {
	const struct strvec *values; /* "name=value" */
	const struct migrate_file *file;
	struct strbuf out;
	bool any;
};

static const char *value_of(const struct filling *filling, const char *name)
{
	size_t length = strlen(name);
	STRVEC_EACH (filling->values, value)
		if (!strncmp(value, name, length) && value[length] == '=')
			return value + length + 1;
	return NULL;
}

static bool bad(const struct filling *filling, size_t at, struct err *err, const char *what)
{
	struct sql_place place = sql_place_of(filling->file->source, at);
	err_set(err, ERR_CONFIG, "%s:%d: %s", filling->file->name, place.line, what);
	return err_where(err, "%s:%d:%d", filling->file->name, place.line, place.column);
}

static bool unknown(const struct filling *filling, size_t at, const char *name, struct err *err)
{
	AUTO_STRVEC(names);
	AUTO_FREE char *what = xstrfmt("unknown placeholder ${%s}", name);
	STRVEC_EACH (filling->values, value)
		strvec_push_take(&names, xstrndup(value, strcspn(value, "=")));
	const char *near = suggest_in(name, &names);
	bad(filling, at, err, what);
	return near ? err_hint(err, "did you mean ${%s}?", near)
		    : err_hint(err,
			      "give it a value in mig.yaml: migrations: {placeholders: {%s: ..}}",
			      name);
}

/* `quote` is what is doubled in the value; 0: nothing is. */
static bool put(struct filling *filling, size_t at, const char *name, char quote, struct err *err)
{
	const char *value = value_of(filling, name);
	if (!value)
		return unknown(filling, at, name, err);
	if (strpbrk(value, "\r\n"))
		return bad(filling, at, err, "the value of a placeholder is one line");
	for (; *value; value++) {
		if (quote && *value == quote)
			strbuf_addc(&filling->out, quote);
		strbuf_addc(&filling->out, *value);
	}
	filling->any = true;
	return true;
}

/* The length of "${name}" at a place; 0: there is none. */
static size_t length_at(const char *text, const char *end)
{
	const char *at = text + 2;
	if (end - text < 4 || text[0] != '$' || text[1] != '{')
		return 0;
	while (at < end && (isalnum((unsigned char)*at) || *at == '_'))
		at++;
	return at > text + 2 && at < end && *at == '}' ? (size_t)(at + 1 - text) : 0;
}

static bool copy_filled(
	struct filling *filling, size_t from, size_t to, char quote, struct err *err)
{
	const char *source = filling->file->source;
	while (from < to) {
		size_t length = length_at(source + from, source + to);
		if (!length) {
			strbuf_addc(&filling->out, source[from++]);
			continue;
		}
		AUTO_FREE char *name = xstrndup(source + from + 2, length - 3);
		if (!put(filling, from, name, quote, err))
			return false;
		from += length;
	}
	return true;
}

/* Which quote a token is in; *skip: it is left as it is. */
static char quote_of(const char *token, enum sql_token_kind kind, bool *skip)
{
	bool escape = kind == SQL_OTHER && (*token == 'e' || *token == 'E');
	char first = token[escape ? 1 : 0];
	*skip = kind == SQL_COMMENT || kind == SQL_COPY_DATA || (*token == '$' && token[1] != '{');
	return first == '\'' || first == '"' ? first : '\0';
}

static bool fill(struct filling *filling, const struct migrate_section *section, struct err *err)
{
	const struct migrate_file *file = filling->file;
	struct sql_lexer lexer = {.file = file->name,
		.text = file->source,
		.length = section->end,
		.at = section->start};
	struct sql_token token;
	size_t done = section->start;
	for (;;) {
		bool skip;
		if (!sql_lex(&lexer, &token, err))
			return false;
		if (token.kind == SQL_END)
			return copy_filled(filling, done, section->end, '\0', err);
		char quote = quote_of(file->source + token.start, token.kind, &skip);
		if (!skip && !quote)
			continue; /* plain text is copied when something else begins */
		if (!copy_filled(filling, done, token.start, '\0', err) ||
			(!skip && !copy_filled(filling, token.start, token.end, quote, err)))
			return false;
		if (skip)
			strbuf_add(
				&filling->out, file->source + token.start, token.end - token.start);
		done = token.end;
	}
}

bool placeholders_fill(const struct strvec *values, const struct migrate_file *file,
	const struct migrate_section *section, char **text, struct err *err)
{
	struct filling filling = {.values = values, .file = file, .out = STRBUF_INIT};
	size_t length = section->end - section->start;
	if (!memmem(file->source + section->start, length, "${", 2))
		return true;
	strbuf_add(&filling.out, file->source, section->start);
	bool good = fill(&filling, section, err);
	if (good && filling.any)
		*text = strbuf_take(&filling.out);
	strbuf_release(&filling.out);
	return good;
}
