/* Statements: where they begin and end, their places, what kind they are. */
#include "sql/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static void parse(const char *source, struct sql_script *script)
{
	AUTO_ERR(err);
	if (!sql_script_parse("x.sql", source, 0, strlen(source), script, &err))
		fail_msg("%s", err.msg);
}
#define PARSED(name, source) \
	CLEANUP(sql_script_release) struct sql_script name; \
	parse(source, &name)

static void assert_statement(const struct sql_script *script, size_t index, const char *text)
{
	const struct sql_statement *statement = &script->items[index];
	AUTO_FREE char *got = xstrndup(statement->text, statement->length);
	assert_string_equal(got, text);
}

static void statements_are_cut_by_the_grammar(void **state)
{
	(void)state;
	PARSED(script,
		"-- first\nselect 1; /* a; b */ select ';' , $$;$$, $x$;$$;$x$, \";\" from t;\n"
		"create function f() returns int begin atomic select 1; select case when true then "
		"2 end; end;\n"
		"create rule r as on insert to t do also (select 1; select 2);\n"
		";;\n"
		"select E'it\\'s;', 'a''b;' -- the end;\n");
	assert_int_equal(script.count, 5);
	assert_statement(&script, 0, "select 1");
	assert_statement(&script, 1, "select ';' , $$;$$, $x$;$$;$x$, \";\" from t");
	assert_true(str_starts(script.items[2].text, "create function"));
	assert_true(str_ends(script.items[2].text, "select E'it\\'s;', 'a''b;' -- the end;\n"));
	assert_statement(
		&script, 3, "create rule r as on insert to t do also (select 1; select 2)");
	assert_statement(&script, 4, "select E'it\\'s;', 'a''b;'");
	assert_int_equal(script.items[0].place.line, 2);
	assert_int_equal(script.items[0].place.column, 1);
	assert_int_equal(script.items[1].place.column, 22);
}

static void what_the_parser_does_not_know_is_kept(void **state)
{
	(void)state;
	/* newer grammar, a typing error, BEGIN ATOMIC: nothing may be lost or cut in two */
	PARSED(script,
		"create table a (i int);\nselec 2;\n"
		"merge into x using y on true when not matched by source then delete;\n"
		"create function f() returns int begin atomic select case when a then 1 end; "
		"selec 2; end;\ndrop table a;\nselect f(1; drop table b;");
	assert_int_equal(script.count, 6);
	assert_statement(&script, 1, "selec 2");
	assert_true(script.items[1].flags & SQL_UNPARSED);
	assert_true(script.items[2].flags & SQL_UNPARSED);
	assert_true(script.items[2].flags & SQL_WRITES_ROWS);
	assert_statement(&script, 3,
		"create function f() returns int begin atomic select case "
		"when a then 1 end; selec 2; end");
	assert_true(script.items[3].flags & SQL_UNPARSED);
	assert_false(script.items[4].flags & SQL_UNPARSED);
	assert_true(script.items[4].flags & SQL_DESTRUCTIVE);
	/* a parenthesis that does not close: one statement, which the server refuses whole */
	assert_statement(&script, 5, "select f(1; drop table b;");
}

static void kinds_are_known(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		unsigned flags;
		const char *brief;
	} cases[] = {
		{"create index concurrently i on t (a)", SQL_NO_TRANSACTION,
			"CREATE INDEX CONCURRENTLY i on t"},
		{"create index i on t (a)", 0, "CREATE INDEX i on t"},
		{"drop index concurrently i", SQL_NO_TRANSACTION, "DROP INDEX i"},
		{"reindex table concurrently t", SQL_NO_TRANSACTION, "REINDEX t"},
		{"reindex table t", 0, "REINDEX t"},
		{"reindex schema s", SQL_NO_TRANSACTION, "REINDEX"},
		{"vacuum t", SQL_NO_TRANSACTION, "VACUUM"},
		{"analyze t", 0, "ANALYZE"},
		{"cluster", SQL_NO_TRANSACTION, "CLUSTER"},
		{"cluster t using i", 0, "CLUSTER t"},
		{"create database d", SQL_NO_TRANSACTION, "CREATE DATABASE"},
		{"alter system set work_mem = '1MB'", SQL_NO_TRANSACTION, "ALTER SYSTEM"},
		{"alter table p detach partition q concurrently", SQL_NO_TRANSACTION,
			"ALTER TABLE p"},
		{"discard all", SQL_NO_TRANSACTION, "DISCARD"},
		{"commit", SQL_ENDS_TRANSACTION, "COMMIT"},
		{"begin", SQL_ENDS_TRANSACTION, "BEGIN"},
		{"prepare transaction 'x'", SQL_ENDS_TRANSACTION, "PREPARE TRANSACTION"},
		{"savepoint a", 0, "SAVEPOINT"},
		{"rollback to savepoint a", 0, "ROLLBACK"},
		{"drop table a, s.b", SQL_DESTRUCTIVE | SQL_LOSES_COUNTERS, "DROP TABLE a, s.b"},
		{"drop view v", 0, "DROP VIEW v"},
		{"drop schema s cascade", SQL_DESTRUCTIVE | SQL_LOSES_COUNTERS, "DROP SCHEMA s"},
		{"drop type y cascade", SQL_DESTRUCTIVE, "DROP TYPE"},
		{"truncate a, b", SQL_DESTRUCTIVE | SQL_LOSES_COUNTERS, "TRUNCATE a, b"},
		{"alter table t add column a int, drop column b", SQL_DESTRUCTIVE | SQL_ADDS_COLUMN,
			"ALTER TABLE t DROP COLUMN b"},
		{"alter table t add column a int", SQL_ADDS_COLUMN, "ALTER TABLE t"},
		{"alter table t add column if not exists a int", 0, "ALTER TABLE t"},
		{"delete from t", SQL_DESTRUCTIVE | SQL_WRITES_ROWS, "DELETE t (every row)"},
		{"delete from t where a = 1", SQL_WRITES_ROWS, "DELETE t"},
		{"insert into t values (1)", SQL_WRITES_ROWS, "INSERT t"},
		{"do $$ begin end $$", SQL_WRITES_ROWS, "DO"},
		{"create table t (a int)", SQL_MAKES_TABLE, "CREATE TABLE t"},
		{"create table if not exists t (a int)", 0, "CREATE TABLE t"},
		{"set search_path = app", SQL_SETS_SESSION, "SET"},
		{"set role app", SQL_SETS_SESSION, "SET"},
		{"set local work_mem = '1MB'", 0, "SET"},
		{"select pg_catalog.set_config('search_path', '', false)",
			SQL_WRITES_ROWS | SQL_SETS_SESSION, "SELECT"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		PARSED(script, cases[i].sql);
		assert_int_equal(script.count, 1);
		AUTO_FREE char *brief = sql_statement_brief(&script.items[0]);
		if (script.items[0].flags != cases[i].flags || strcmp(brief, cases[i].brief))
			fail_msg(
				"%s: flags %u, \"%s\"", cases[i].sql, script.items[0].flags, brief);
	}
}

static void tables_are_quoted(void **state)
{
	(void)state;
	static const struct {
		const char *sql, *table;
	} cases[] = {
		{"alter table Shop.Orders add a int", "\"shop\".\"orders\""},
		{"create index on \"a\"\"b\" (c)", "\"a\"\"b\""},
		{"drop table if exists x.y, z", "\"x\".\"y\""},
		{"truncate t, u", "\"t\""},
		{"update t set a = 1", "\"t\""},
		{"drop view v", NULL},
		{"select 1", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		PARSED(script, cases[i].sql);
		if (!str_equal(script.items[0].table, cases[i].table))
			fail_msg("%s: %s", cases[i].sql, script.items[0].table);
	}
}

static void unparsed_kinds_go_by_their_words(void **state)
{
	(void)state;
	PARSED(script, "create unique index concurrently i on t (a) with some new words;"
		       "vacuum (newer option, t);drop table if exists a newer;commit and then");
	assert_int_equal(script.count, 4);
	assert_int_equal(
		script.items[0].flags, SQL_UNPARSED | SQL_WRITES_ROWS | SQL_NO_TRANSACTION);
	assert_true(script.items[2].flags & SQL_DESTRUCTIVE);
	assert_true(script.items[3].flags & SQL_ENDS_TRANSACTION);
}

static void copy_data_is_not_sql(void **state)
{
	(void)state;
	static const char source[] = "create table t (a text);\n"
				     "copy t (a) from stdin;\n"
				     "it's; \"raw $$ data\n"
				     "-- migrate:down\n"
				     "\\.\n"
				     "select 2;\n"
				     "copy t to stdout;\r\n"
				     "COPY t FROM STDIN WITH (FORMAT text);\r\n\\.\r\nselect 3;";
	PARSED(script, source);
	assert_int_equal(script.count, 6);
	assert_true(script.items[1].has_data);
	AUTO_FREE char *data =
		xstrndup(source + script.items[1].data_offset, script.items[1].data_length);
	assert_string_equal(data, "it's; \"raw $$ data\n-- migrate:down\n");
	assert_statement(&script, 2, "select 2");
	assert_int_equal(script.items[2].place.line, 6);
	assert_false(script.items[3].has_data);
	assert_true(script.items[4].has_data);
	assert_int_equal(script.items[4].data_length, 0);
	assert_statement(&script, 5, "select 3");
}

static void errors_have_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		const char *where;
		const char *says;
	} cases[] = {
		{"select 1;\n  select 'abc", "x.sql:2:10", "a string that does not end"},
		{"select \"abc", "x.sql:1:8", "a quoted name that does not end"},
		{"select 'ü', $x$ abc $y$", "x.sql:1:13", "a dollar-quoted string"},
		{"select 1 /* /* */ ", "x.sql:1:10", "a comment that does not end"},
		{"select 1;\n\\restrict abc\nselect 2;", "x.sql:2:1", "is a command of psql"},
		{"select 1 \\gset\n", "x.sql:1:10", "is a command of psql"},
		{"copy t from stdin;\n1\n2\n", "x.sql:1:19", "without the line"},
		{"copy t from stdin; select 1;\n1\n\\.\n", "x.sql:2:1", "another statement"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_ERR(err);
		CLEANUP(sql_script_release) struct sql_script script;
		assert_false(sql_script_parse(
			"x.sql", cases[i].sql, 0, strlen(cases[i].sql), &script, &err));
		if (strcmp(err.where, cases[i].where) || !strstr(err.msg, cases[i].says))
			fail_msg("%s: %s at %s", cases[i].sql, err.msg, err.where);
	}
}

static void server_positions_count_characters(void **state)
{
	(void)state;
	static const char source[] = "-- Größe\nselect 'äöü€', bad;\n";
	PARSED(script, source);
	/* the server says character 16: "bad" */
	size_t offset = sql_statement_offset(&script.items[0], 16);
	assert_true(str_starts(source + offset, "bad"));
	struct sql_place place = sql_place_of(source, offset);
	assert_int_equal(place.line, 2);
	assert_int_equal(place.column, 16);
}

static void long_statements_are_not_parsed_whole(void **state)
{
	(void)state;
	AUTO_STRBUF(text);
	strbuf_adds(&text, "create table t (i int, s text);\ninsert into t values (0, 'a;b')");
	for (int i = 1; i < 40000; i++)
		strbuf_addf(&text, ", (%d, 'a;b')", i);
	strbuf_adds(&text, ";\ndrop table t;\n");
	PARSED(script, text.buf);
	assert_int_equal(script.count, 3);
	assert_int_equal(script.items[0].flags, SQL_MAKES_TABLE);
	assert_int_equal(script.items[1].flags, SQL_WRITES_ROWS);
	assert_string_equal(script.items[1].kind, "INSERT");
	assert_true(script.items[2].flags & SQL_DESTRUCTIVE);
}

/* --- whatever the text: nothing is lost, nothing is taken twice ---------------------------------
 */

static uint64_t seed;

static size_t dice(size_t sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(seed >> 33) % sides;
}

static char *random_text(void)
{
	static const char *const pieces[] = {"select 1", ";", "\n", " ", "'a;b'", "\"q;\"", "$$;$$",
		"$x$ $$ ; $x$", "-- c ; '\n", "/* ; /* */ */", "(", ")",
		"create function f() returns int ", "begin atomic ", "end",
		"case when true then 1 end ", "copy t from stdin;\n1;'\n\\.\n", "copy t to stdout",
		"insert into t values (1)", "selec", "drop table t", "e'\\''", "é", "1e5", "$1",
		",", "begin", "commit", "'", "$$", "\\x", "E'\\", "u&'x'"};
	static const char *const wholes[] = {"select 1;\n", "create table t (i int);",
		"select $$;$$, 'a;b', \"q;\" from t; ", "/* ; */ -- ;\n", "select 1 as é;",
		"create function f() returns int begin atomic select case when a then 1 end; end;",
		"create rule r as on insert to t do (select 1; select 2);",
		"copy t from stdin;\n1;'\n\\.\n"};
	AUTO_STRBUF(text);
	size_t noise = dice(4);
	for (size_t n = 1 + dice(12); n; n--)
		strbuf_adds(&text, dice(8) < noise ? pieces[dice(ARRAY_SIZE(pieces))]
						   : wholes[dice(ARRAY_SIZE(wholes))]);
	return strbuf_take(&text);
}

static bool inside(const struct sql_script *script, size_t *at, const struct sql_token *token)
{
	while (*at < script->count &&
		script->items[*at].offset + script->items[*at].length <= token->start)
		++*at;
	return *at < script->count && token->start >= script->items[*at].offset &&
	       token->end <= script->items[*at].offset + script->items[*at].length;
}

static void random_texts_lose_nothing(void **state)
{
	(void)state;
	const char *given = getenv("SEED");
	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	for (int round = 0; round < 20000; round++) {
		AUTO_ERR(err);
		AUTO_FREE char *text = random_text();
		CLEANUP(sql_script_release) struct sql_script script;
		if (!sql_script_parse("x.sql", text, 0, strlen(text), &script, &err)) {
			assert_non_null(err.where);
			continue;
		}
		struct sql_lexer lexer = {.file = "x", .text = text, .length = strlen(text)};
		struct sql_token token;
		size_t at = 0;
		while (sql_lex(&lexer, &token, &err) && token.kind != SQL_END) {
			bool part = token.kind == SQL_WORD || token.kind == SQL_OTHER;
			if (part && !inside(&script, &at, &token))
				fail_msg("lost \"%.*s\" of: %s", (int)(token.end - token.start),
					text + token.start, text);
		}
		for (size_t i = 1; i < script.count; i++)
			assert_true(script.items[i - 1].offset + script.items[i - 1].length <=
				    script.items[i].offset);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_are_cut_by_the_grammar),
		cmocka_unit_test(what_the_parser_does_not_know_is_kept),
		cmocka_unit_test(kinds_are_known),
		cmocka_unit_test(tables_are_quoted),
		cmocka_unit_test(unparsed_kinds_go_by_their_words),
		cmocka_unit_test(copy_data_is_not_sql),
		cmocka_unit_test(errors_have_their_place),
		cmocka_unit_test(server_positions_count_characters),
		cmocka_unit_test(long_statements_are_not_parsed_whole),
		cmocka_unit_test(random_texts_lose_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
