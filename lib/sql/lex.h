/*
 * The outline of SQL text: enough of PostgreSQL's lexical rules to know what is string, comment,
 * psql command or COPY data, and where a statement ends. What statements mean is the parser's task.
 */
#ifndef SQL_LEX_H
#define SQL_LEX_H

#include "base/err.h"
#include "base/strbuf.h"

enum sql_token_kind {
	SQL_END,
	SQL_COMMENT, /* one -- line (without its newline) or one block comment */
	SQL_WORD, /* keyword or plain identifier */
	SQL_OTHER, /* string, quoted identifier, dollar string, number, operator, parenthesis */
	SQL_SEMICOLON, /* the end of a statement: not inside parentheses or BEGIN ATOMIC */
	SQL_COPY_DATA /* rows after COPY .. FROM STDIN; up to, without, the line "\." */
};

struct sql_token {
	enum sql_token_kind kind;
	size_t start, end; /* bytes: [start, end) */
};

/* Zero it but for file, text and length; `start` may be set to begin elsewhere. */
struct sql_lexer {
	const char *file;
	const char *text;
	size_t length;
	size_t at;
	/* inside the statement */
	int words; /* how many so far */
	int parens;
	int atomic; /* depth of BEGIN ATOMIC and CASE blocks */
	bool create, copy, from, copy_in, begin;
	bool data_next;
};

/* ERR_SQL with file:line:column: unterminated quotes or comments, psql commands, NUL bytes. */
MUST_CHECK bool sql_lex(struct sql_lexer *lexer, struct sql_token *token, struct err *err);

struct sql_place {
	int line, column; /* from 1; columns count characters */
};
struct sql_place sql_place_of(const char *text, size_t offset);
/* "file:line:column" into err->where; returns false. */
bool sql_error_at(struct err *err, const char *file, const char *text, size_t offset);

#endif
