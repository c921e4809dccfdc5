/*
 * SQL text cut into statements by PostgreSQL's own parser (libpg_query, grammar of 15), each with
 * its exact place and what kind it is. Text that the parser does not know (newer syntax, mistakes)
 * is cut by its outline and marked unparsed: the server decides.
 */
#ifndef SQL_SQL_H
#define SQL_SQL_H

#include "sql/lex.h"

enum sql_flags {
	SQL_NO_TRANSACTION = 1, /* the server refuses it in a transaction: VACUUM, CONCURRENTLY */
	SQL_ENDS_TRANSACTION = 2, /* BEGIN, COMMIT, ROLLBACK, PREPARE TRANSACTION */
	SQL_DESTRUCTIVE = 4, /* takes data away: DROP TABLE, DROP COLUMN, TRUNCATE */
	SQL_LOSES_COUNTERS = 8, /* drops or truncates tables: their row counters are gone */
	SQL_WRITES_ROWS = 16, /* may change rows of tables */
	SQL_SETS_SESSION = 32, /* SET, RESET, set_config: what follows would inherit it */
	SQL_UNPARSED = 64,
	SQL_MAKES_TABLE = 128, /* `table`, which must not be there yet */
	SQL_ADDS_COLUMN = 256, /* `column` of `table`, likewise */
};

/* How the catalogue tells whether a statement that no transaction allows was done. */
enum sql_effect {
	SQL_EFFECT_UNKNOWN, /* nothing tells */
	SQL_EFFECT_AGAIN, /* it may simply be run again: VACUUM, REINDEX */
	SQL_MAKES_INDEX, /* object: the index (its schema is the table's); shape */
	SQL_DROPS_INDEX, /* object: the index, quoted */
	SQL_DETACHES, /* object: the partition, quoted */
	SQL_MAKES_DATABASE, /* object: its name; so for those below */
	SQL_DROPS_DATABASE,
	SQL_MAKES_TABLESPACE,
	SQL_DROPS_TABLESPACE,
	SQL_MAKES_SUBSCRIPTION,
	SQL_DROPS_SUBSCRIPTION,
};

struct sql_statement {
	const char *text; /* in the source: from its first word, without the semicolon */
	size_t offset, length;
	struct sql_place place;
	char *kind; /* "DROP TABLE" */
	char *subject; /* "orders, public.items", "orders DROP COLUMN note"; may be NULL */
	char *table; /* the (first) table it works on, quoted: "public"."items"; may be NULL */
	unsigned flags;
	enum sql_effect effect;
	char *object; /* see sql_effect; NULL: it has no name */
	char *column; /* ALTER TABLE .. ADD COLUMN: the first one's name, not quoted */
	char *alias; /* UPDATE: what its table is called in it, quoted */
	char *shape; /* "unique btree (a, b desc, ?) include (c) where": what an index is like */
	size_t data_offset, data_length; /* rows of COPY .. FROM STDIN */
	bool has_data;
};

struct sql_script {
	char *file;
	const char *source; /* borrowed: the whole file */
	char *filled; /* the source when it was made for this script: owned; NULL */
	struct sql_statement *items;
	size_t count, alloc;
};

/*
 * The statements of source[start, end), `file` for messages; source must end with NUL and outlive
 * the script. ERR_SQL as sql_lex().
 */
MUST_CHECK bool sql_script_parse(const char *file, const char *source, size_t start, size_t end,
	struct sql_script *script, struct err *err);
void sql_script_release(struct sql_script *script);

/* "DROP TABLE orders" or the first words of the text; caller owns. */
char *sql_statement_brief(const struct sql_statement *statement);
/* Byte offset in the source of the server's character position (from 1) in the statement. */
size_t sql_statement_offset(const struct sql_statement *statement, int position);

#endif
