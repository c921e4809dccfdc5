#include "sql/lex.h"

#include <ctype.h>
#include <strings.h>

struct sql_place sql_place_of(const char *text, size_t offset)
{
	struct sql_place place = {1, 1};
	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}

bool sql_error_at(struct err *err, const char *file, const char *text, size_t offset)
{
	struct sql_place place = sql_place_of(text, offset);
	return err_where(err, "%s:%d:%d", file, place.line, place.column);
}

static bool fail(struct sql_lexer *lexer, size_t offset, struct err *err, const char *what)
{
	struct sql_place place = sql_place_of(lexer->text, offset);
	err_set(err, ERR_SQL, "%s:%d: %s", lexer->file, place.line, what);
	memcpy(err->sqlstate, "42601", sizeof("42601"));
	return sql_error_at(err, lexer->file, lexer->text, offset);
}

static char peek(const struct sql_lexer *lexer, size_t ahead)
{
	return lexer->at + ahead < lexer->length ? lexer->text[lexer->at + ahead] : '\0';
}

static bool is_word_start(char c)
{
	return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_word_char(char c)
{
	return is_word_start(c) || isdigit((unsigned char)c) || c == '$';
}

/* Past a quoted thing; a doubled quote is part of it, and after a backslash anything (E''). */
static bool skip_quoted(struct sql_lexer *lexer, char quote, bool backslashes, struct err *err)
{
	size_t start = lexer->at++;
	for (; lexer->at < lexer->length; lexer->at++) {
		char c = lexer->text[lexer->at];
		if (c == '\\' && backslashes) {
			lexer->at++;
		} else if (c == quote && peek(lexer, 1) == quote) {
			lexer->at++;
		} else if (c == quote) {
			lexer->at++;
			return true;
		}
	}
	lexer->at = lexer->length;
	return fail(lexer, start, err,
		quote == '"' ? "a quoted name that does not end" : "a string that does not end");
}

/* Past $tag$...$tag$; just past the "$" when it does not begin one. */
static bool skip_dollar(struct sql_lexer *lexer, struct err *err)
{
	size_t tag = 1;
	if (!isdigit((unsigned char)peek(lexer, 1)))
		while (is_word_char(peek(lexer, tag)) && peek(lexer, tag) != '$')
			tag++;
	if (peek(lexer, tag) != '$') {
		lexer->at++;
		return true;
	}
	size_t start = lexer->at, size = tag + 1;
	const char *rest = lexer->text + start + size;
	const char *end = memmem(rest, lexer->length - start - size, lexer->text + start, size);
	if (!end)
		return fail(lexer, start, err, "a dollar-quoted string that does not end");
	lexer->at = (size_t)(end - lexer->text) + size;
	return true;
}

static bool skip_block_comment(struct sql_lexer *lexer, struct err *err)
{
	size_t start = lexer->at;
	int depth = 0;
	for (; lexer->at + 1 < lexer->length; lexer->at++) {
		if (peek(lexer, 0) == '/' && peek(lexer, 1) == '*') {
			depth++;
			lexer->at++;
		} else if (peek(lexer, 0) == '*' && peek(lexer, 1) == '/') {
			lexer->at++;
			if (!--depth) {
				lexer->at++;
				return true;
			}
		}
	}
	return fail(lexer, start, err, "a comment that does not end");
}

static void skip_line(struct sql_lexer *lexer)
{
	while (lexer->at < lexer->length && lexer->text[lexer->at] != '\n')
		lexer->at++;
}

static bool word_is(const struct sql_lexer *lexer, const struct sql_token *token, const char *word)
{
	size_t length = token->end - token->start;
	return strlen(word) == length && !strncasecmp(lexer->text + token->start, word, length);
}

/* COPY .. FROM STDIN is followed by data; BEGIN ATOMIC .. END holds semicolons of its own. */
static void note_word(struct sql_lexer *lexer, const struct sql_token *token)
{
	if (lexer->words++ == 0) {
		lexer->copy = word_is(lexer, token, "copy");
		lexer->create = word_is(lexer, token, "create");
	}
	if (lexer->copy && !lexer->parens) {
		lexer->copy_in |= lexer->from && word_is(lexer, token, "stdin");
		lexer->from = word_is(lexer, token, "from");
	}
	if (!lexer->create)
		return;
	if (lexer->begin && word_is(lexer, token, "atomic"))
		lexer->atomic++;
	else if (lexer->atomic && word_is(lexer, token, "case"))
		lexer->atomic++;
	else if (lexer->atomic && word_is(lexer, token, "end"))
		lexer->atomic--;
	lexer->begin = word_is(lexer, token, "begin");
}

static void statement_begins(struct sql_lexer *lexer)
{
	bool data_next = lexer->copy_in;
	*lexer = (struct sql_lexer){.file = lexer->file,
		.text = lexer->text,
		.length = lexer->length,
		.at = lexer->at,
		.data_next = data_next};
}

static bool copy_data(struct sql_lexer *lexer, struct sql_token *token, struct err *err)
{
	size_t semicolon = lexer->at;
	lexer->data_next = false;
	skip_line(lexer);
	if (lexer->at < lexer->length)
		lexer->at++;
	token->kind = SQL_COPY_DATA;
	token->start = lexer->at;
	while (lexer->at < lexer->length) {
		token->end = lexer->at;
		skip_line(lexer);
		size_t size = lexer->at - token->end;
		const char *line = lexer->text + token->end;
		if (size && line[size - 1] == '\r')
			size--;
		if (lexer->at < lexer->length)
			lexer->at++;
		if (size == 2 && !memcmp(line, "\\.", 2))
			return true;
	}
	return fail(lexer, semicolon, err, "rows of COPY .. FROM STDIN without the line \"\\.\"");
}

static bool psql_command(struct sql_lexer *lexer, struct err *err)
{
	size_t start = lexer->at;
	skip_line(lexer);
	AUTO_FREE char *line = xstrndup(lexer->text + start, lexer->at - start);
	AUTO_FREE char *what = xstrfmt("\"%.40s\" is a command of psql, not SQL", line);
	fail(lexer, start, err, what);
	return err_hint(err, "take the line out: only the server's own SQL can be run here");
}

static bool lex_other(struct sql_lexer *lexer, struct sql_token *token, struct err *err)
{
	char c = peek(lexer, 0);
	token->kind = SQL_OTHER;
	if (c == '\'' || c == '"')
		return skip_quoted(lexer, c, false, err);
	if (c == '$')
		return skip_dollar(lexer, err);
	if (c == '\\')
		return psql_command(lexer, err);
	if (c == '\0')
		return fail(lexer, lexer->at, err, "a NUL byte in the file");
	if (c == '(')
		lexer->parens++;
	if (c == ')' && lexer->parens)
		lexer->parens--;
	if (c == ';' && !lexer->parens && !lexer->atomic)
		token->kind = SQL_SEMICOLON;
	if (isdigit((unsigned char)c))
		while (is_word_char(peek(lexer, 1)) || peek(lexer, 1) == '.')
			lexer->at++;
	lexer->at++;
	return true;
}

static bool lex_word(struct sql_lexer *lexer, struct sql_token *token, struct err *err)
{
	char c = peek(lexer, 0);
	if ((c == 'e' || c == 'E') && peek(lexer, 1) == '\'') {
		lexer->at++;
		token->kind = SQL_OTHER;
		return skip_quoted(lexer, '\'', true, err);
	}
	while (is_word_char(peek(lexer, 0)))
		lexer->at++;
	token->kind = SQL_WORD;
	token->end = lexer->at;
	note_word(lexer, token);
	return true;
}

bool sql_lex(struct sql_lexer *lexer, struct sql_token *token, struct err *err)
{
	if (lexer->data_next)
		return copy_data(lexer, token, err);
	while (lexer->at < lexer->length && isspace((unsigned char)lexer->text[lexer->at]))
		lexer->at++;
	token->start = lexer->at;
	token->kind = SQL_END;
	bool fine = true;
	if (lexer->at >= lexer->length) {
		token->end = lexer->at;
		return true;
	}
	if (peek(lexer, 0) == '-' && peek(lexer, 1) == '-') {
		token->kind = SQL_COMMENT;
		skip_line(lexer);
	} else if (peek(lexer, 0) == '/' && peek(lexer, 1) == '*') {
		token->kind = SQL_COMMENT;
		fine = skip_block_comment(lexer, err);
	} else if (is_word_start(peek(lexer, 0))) {
		fine = lex_word(lexer, token, err);
	} else {
		fine = lex_other(lexer, token, err);
	}
	token->end = lexer->at;
	if (token->kind == SQL_SEMICOLON)
		statement_begins(lexer);
	return fine;
}
