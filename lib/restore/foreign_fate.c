#include "restore/foreign_fate.h"
#include "base/strbuf.h"
#include "sql/lex.h"
#include <ctype.h>

/* The first words of a statement in capitals, "COMMENT ON DATABASE". */
static void first_words(const char *sql, struct strbuf *words)
{
	enum { WORDS = 3 };
	struct sql_lexer lexer = {.file = "dump", .text = sql, .length = strlen(sql)};
	struct sql_token token;
	AUTO_ERR(ignored);
	for (int i = 0; i < WORDS && sql_lex(&lexer, &token, &ignored);) {
		if (token.kind == SQL_COMMENT)
			continue;
		if (token.kind != SQL_WORD)
			return;
		strbuf_adds(words, i++ ? " " : "");
		for (size_t at = token.start; at < token.end; at++)
			strbuf_addc(words, (char)toupper((unsigned char)sql[at]));
	}
}

static bool begins(const char *words, const char *with)
{
	size_t length = strlen(with);
	return !strncmp(words, with, length) && (words[length] == ' ' || !words[length]);
}

struct row {
	const char *words;
	enum foreign_fate fate;
	const char *only_with; /* in the statement; NULL: in any case */
};
/* The first that fits. */
static const struct row rows[] = {
	{"CREATE DATABASE", FOREIGN_LEAVE_OUT},
	{"ALTER DATABASE", FOREIGN_LEAVE_OUT},
	{"DROP DATABASE", FOREIGN_LEAVE_OUT},
	{"COMMENT ON DATABASE", FOREIGN_LEAVE_OUT},
	{"GRANT", FOREIGN_LEAVE_OUT, " ON DATABASE "},
	{"REVOKE", FOREIGN_LEAVE_OUT, " ON DATABASE "},
	{"SECURITY LABEL", FOREIGN_LEAVE_OUT, " ON DATABASE "},
	/* its slot, and with it the changes that the original waits for, may be the same */
	{"CREATE SUBSCRIPTION", FOREIGN_LEAVE_OUT},
	{"ALTER SUBSCRIPTION", FOREIGN_LEAVE_OUT},
	{"DROP SUBSCRIPTION", FOREIGN_LEAVE_OUT},
	{"COMMENT ON SUBSCRIPTION", FOREIGN_LEAVE_OUT},
	{"CREATE EVENT TRIGGER", FOREIGN_RUN_LAST},
	{"ALTER EVENT TRIGGER", FOREIGN_RUN_LAST},
	{"COMMENT ON EVENT", FOREIGN_RUN_LAST},
	{"ALTER SYSTEM", FOREIGN_REFUSE},
	{"CREATE ROLE", FOREIGN_REFUSE},
	{"ALTER ROLE", FOREIGN_REFUSE},
	{"DROP ROLE", FOREIGN_REFUSE},
	{"COMMENT ON ROLE", FOREIGN_REFUSE},
	{"CREATE GROUP", FOREIGN_REFUSE},
	{"ALTER GROUP", FOREIGN_REFUSE},
	{"DROP GROUP", FOREIGN_REFUSE},
	{"CREATE USER MAPPING", FOREIGN_RUN},
	{"ALTER USER MAPPING", FOREIGN_RUN},
	{"DROP USER MAPPING", FOREIGN_RUN},
	{"CREATE USER", FOREIGN_REFUSE},
	{"ALTER USER", FOREIGN_REFUSE},
	{"DROP USER", FOREIGN_REFUSE},
	{"CREATE TABLESPACE", FOREIGN_REFUSE},
	{"ALTER TABLESPACE", FOREIGN_REFUSE},
	{"DROP TABLESPACE", FOREIGN_REFUSE},
};

static bool fits(const struct row *row, const char *words, const char *sql)
{
	return begins(words, row->words) && (!row->only_with || strcasestr(sql, row->only_with));
}

enum foreign_fate foreign_fate(const char *sql, bool with_rows, char **what)
{
	AUTO_STRBUF(words);
	first_words(sql, &words);
	*what = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		if (!fits(row, words.buf, sql))
			continue;
		if (row->fate != FOREIGN_RUN)
			*what = xstrfmt(
				"%s%s", row->words, row->only_with ? " .. ON DATABASE" : "");
		return row->fate;
	}
	/* pg_dump copies from its own text alone */
	if (with_rows || !begins(words.buf, "COPY"))
		return FOREIGN_RUN;
	*what = xstrdup("COPY of a file or program of the server");
	return FOREIGN_REFUSE;
}
