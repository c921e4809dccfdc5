#include "sql/internal.h"

#include <ctype.h>
#include <pg_query.h>

void sql_script_release(struct sql_script *script)
{
	for (size_t i = 0; i < script->count; i++) {
		free(script->items[i].kind);
		free(script->items[i].subject);
		free(script->items[i].table);
		free(script->items[i].object);
		free(script->items[i].alias);
		free(script->items[i].column);
		free(script->items[i].shape);
	}
	free(script->items);
	free(script->filled);
	free(script->file);
	*script = (struct sql_script){0};
}

char *sql_statement_brief(const struct sql_statement *statement)
{
	if (statement->subject)
		return xstrfmt("%s %s", statement->kind, statement->subject);
	return xstrdup(statement->kind);
}

size_t sql_statement_offset(const struct sql_statement *statement, int position)
{
	size_t at = 0;
	for (int character = 1; character < position && at < statement->length; character++) {
		at++;
		while (at < statement->length &&
			((unsigned char)statement->text[at] & 0xc0) == 0x80)
			at++;
	}
	return statement->offset + at;
}

/* Moves *start to the first word and *end behind the last: no spaces or comments around it. */
static bool trim(const char *source, size_t *start, size_t *end)
{
	struct sql_lexer lexer = {.file = "", .text = source, .length = *end, .at = *start};
	struct sql_token token;
	AUTO_ERR(ignored);
	bool any = false;
	while (sql_lex(&lexer, &token, &ignored) && token.kind != SQL_END) {
		if (token.kind == SQL_COMMENT)
			continue;
		if (!any)
			*start = token.start;
		any = true;
		*end = token.end;
	}
	return any;
}

static struct sql_statement *add(struct sql_script *script, size_t start, size_t end)
{
	if (!trim(script->source, &start, &end))
		return NULL;
	xgrow(script->items, script->count, script->alloc);
	struct sql_statement *statement = &script->items[script->count++];
	*statement = (struct sql_statement){
		.text = script->source + start,
		.offset = start,
		.length = end - start,
	};
	return statement;
}

static PgQuery__ParseResult *parse(const char *text, size_t length)
{
	AUTO_FREE char *copy = xstrndup(text, length);
	PgQueryProtobufParseResult result = pg_query_parse_protobuf(copy);
	PgQuery__ParseResult *tree = NULL;
	if (!result.error)
		tree = pg_query__parse_result__unpack(
			NULL, result.parse_tree.len, (const uint8_t *)result.parse_tree.data);
	pg_query_free_protobuf_parse_result(result);
	return tree;
}

/* Statements as the parser sees them; false when it does not accept the text. */
static bool add_parsed(struct sql_script *script, size_t start, size_t end)
{
	PgQuery__ParseResult *tree = parse(script->source + start, end - start);
	if (!tree)
		return false;
	for (size_t i = 0; i < tree->n_stmts; i++) {
		const PgQuery__RawStmt *raw = tree->stmts[i];
		size_t from = start + (size_t)raw->stmt_location;
		size_t to = raw->stmt_len ? from + (size_t)raw->stmt_len : end;
		struct sql_statement *statement = add(script, from, to);
		if (statement)
			sql_classify(statement, raw->stmt);
	}
	pg_query__parse_result__free_unpacked(tree, NULL);
	return true;
}

/* The parser's tree takes some fifteen times the text: long rows of values are not worth it. */
enum { LARGE = 256 * 1024 };

static void add_one(struct sql_script *script, size_t start, size_t end)
{
	bool large = end - start > LARGE;
	if (!large && add_parsed(script, start, end))
		return;
	struct sql_statement *statement = add(script, start, end);
	if (!statement)
		return;
	sql_classify_words(statement);
	if (!large)
		statement->flags |= SQL_UNPARSED;
}

/* The stretch between COPY data: whole to the parser; if it refuses, statement by statement. */
static bool add_stretch(struct sql_script *script, size_t start, size_t end, struct err *err)
{
	if (end - start <= LARGE && add_parsed(script, start, end))
		return true;
	struct sql_lexer lexer = {
		.file = script->file, .text = script->source, .length = end, .at = start};
	struct sql_token token;
	size_t begin = start;
	do {
		if (!sql_lex(&lexer, &token, err))
			return false;
		if (token.kind == SQL_SEMICOLON || token.kind == SQL_END) {
			add_one(script, begin, token.start);
			begin = token.end;
		}
		if (token.kind == SQL_SEMICOLON)
			lexer.data_next = false;
	} while (token.kind != SQL_END);
	return true;
}

static void place_all(struct sql_script *script)
{
	struct sql_place place = {1, 1};
	size_t at = 0;
	for (size_t i = 0; i < script->count; i++) {
		struct sql_statement *statement = &script->items[i];
		for (; at < statement->offset; at++) {
			if (script->source[at] == '\n')
				place = (struct sql_place){place.line + 1, 1};
			else if (((unsigned char)script->source[at] & 0xc0) != 0x80)
				place.column++;
		}
		statement->place = place;
	}
}

static bool attach_data(struct sql_script *script, const struct sql_token *token, struct err *err)
{
	struct sql_statement *copy = script->count ? &script->items[script->count - 1] : NULL;
	if (!copy || strcmp(copy->kind, "COPY")) {
		err_set(err, ERR_SQL, "%s: another statement on the line of COPY .. FROM STDIN",
			script->file);
		err_hint(err, "begin a new line after the semicolon");
		return sql_error_at(err, script->file, script->source, token->start);
	}
	copy->has_data = true;
	copy->data_offset = token->start;
	copy->data_length = token->end - token->start;
	return true;
}

bool sql_script_parse(const char *file, const char *source, size_t start, size_t end,
	struct sql_script *script, struct err *err)
{
	*script = (struct sql_script){.file = xstrdup(file), .source = source};
	struct sql_lexer lexer = {.file = file, .text = source, .length = end, .at = start};
	struct sql_token token;
	size_t begin = start;
	do {
		if (!sql_lex(&lexer, &token, err))
			return false;
		if (token.kind != SQL_COPY_DATA && token.kind != SQL_END)
			continue;
		size_t stop = token.kind == SQL_END ? end : token.start;
		if (!add_stretch(script, begin, stop, err))
			return false;
		begin = lexer.at;
		if (token.kind == SQL_COPY_DATA && !attach_data(script, &token, err))
			return false;
	} while (token.kind != SQL_END);
	place_all(script);
	return true;
}
