/* Text of pg_dump cut into statements and rows, and what becomes of each (lib/foreign,
 * lib/restore/foreign*). */
#include "base/fs.h"
#include "restore/foreign_fate.h"
#include "restore/foreign_read.h"
#include "restore/text.h"
#include "schema/roles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define COMPLETE "--\n-- PostgreSQL database dump complete\n--\n"

/* What the hands were given: "[statement]", "{rows\n}". */
static bool take_statement(void *ctx, const char *sql, bool rows, struct err *err)
{
	(void)err;
	strbuf_addf(ctx, rows ? "[%s]{" : "[%s]", sql);
	return true;
}

static bool take_row(void *ctx, const char *line, size_t length, struct err *err)
{
	(void)err;
	strbuf_add(ctx, line, length);
	return true;
}

static bool take_end(void *ctx, struct err *err)
{
	(void)err;
	strbuf_addc(ctx, '}');
	return true;
}

static bool read_text(const char *text, size_t length, struct strbuf *taken, struct err *err)
{
	CLEANUP(fs_close) int fd = memfd_create("dump", MFD_CLOEXEC);
	CLEANUP(foreign_text_close_auto) struct foreign_text *lines = NULL;
	const struct foreign_input input = {.fd = fd, .name = "dump"};
	const struct foreign_hands hands = {take_statement, take_row, take_end, NULL, taken};
	return fs_write_all(fd, text, length, err) && lseek(fd, 0, SEEK_SET) == 0 &&
	       foreign_text_open(&input, &lines, err) && foreign_read(lines, &hands, err);
}

static const struct {
	const char *text, *taken;
} good[] = {
	{"", ""},
	{"select 1;\n", "[select 1]"},
	{"select 1; select\n 2 ;\n", "[select 1][select\n 2 ]"},
	{"-- a comment; with 'quotes\nselect 1;\n", "[select 1]"},
	{"select /* ; ' \n */ 1;\n", "[select /* ; ' \n */ 1]"},
	{"select 'a;\nb''\n;', \"x;\ny\";\n", "[select 'a;\nb''\n;', \"x;\ny\"]"},
	{"select E'\\\\';\nselect E'\\';\n\\\\! x\n';\n",
		"[select E'\\\\'][select E'\\';\n\\\\! x\n']"},
	{"select 'a''\n''b''''\n\\', \"c\"\"\n\"\"\";\n",
		"[select 'a''\n''b''''\n\\', \"c\"\"\n\"\"\"]"},
	{"select E'a\\'\n''\\\n\\', \n';\n", "[select E'a\\'\n''\\\n\\', \n']"},
	{"select $$\n$1 $a$ $\n$$, /* * / /* */\n */ 1;\n",
		"[select $$\n$1 $a$ $\n$$, /* * / /* */\n */ 1]"},
	{"do $a$\n\\! x\n;$$;\n$a$;\n", "[do $a$\n\\! x\n;$$;\n$a$]"},
	{"create function f() begin atomic\n select 1;\n end;\nselect 2;\n",
		"[create function f() begin atomic\n select 1;\n end][select 2]"},
	{"create rule r as on insert to t do (select 1;\n select 2);\n",
		"[create rule r as on insert to t do (select 1;\n select 2)]"},
	{"COPY t (a) FROM stdin;\n1\n\\N\n\\\\.\n\\! x\nselect ';\n\\.\n\nselect 1;\n",
		"[COPY t (a) FROM stdin]{1\n\\N\n\\\\.\n\\! x\nselect ';\n}[select 1]"},
	{"COPY t (a) FROM stdin;\n\\.\n", "[COPY t (a) FROM stdin]{}"},
	{"\\restrict aB3\nselect 1;\n\\unrestrict aB3\n", "[select 1]"},
	{"select 1;\r\n-- x\r\nselect 2;\r\n", "[select 1][select 2]"},
	{"CREATE DATABASE a;\n\\connect a\nselect 1;\n\\connect a\n",
		"[CREATE DATABASE a][select 1]"},
};

static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		AUTO_ERR(err);
		AUTO_STRBUF(taken);
		AUTO_FREE char *text = xstrfmt("%s%s", good[i].text, COMPLETE);
		if (!read_text(text, strlen(text), &taken, &err))
			fail_msg("%s: %s", good[i].text, err.msg);
		assert_string_equal(taken.buf, good[i].taken);
	}
}

static const struct {
	const char *text;
	enum err_code code;
	const char *where; /* NULL: none */
} bad[] = {
	{"select 1;\n", ERR_CORRUPT, NULL},
	{COMPLETE "select 1;\n", ERR_CORRUPT, NULL},
	{"select 1\n" COMPLETE, ERR_CORRUPT, NULL},
	{"select '\n" COMPLETE, ERR_CORRUPT, NULL},
	{"select $x$\n" COMPLETE, ERR_CORRUPT, NULL},
	{"COPY t FROM stdin;\n1\n" COMPLETE, ERR_CORRUPT, NULL},
	{"\\! x\n" COMPLETE, ERR_REFUSED, "dump:1"},
	{"select 1;\n\\connect a\n" COMPLETE, ERR_REFUSED, "dump:2"},
	{"CREATE DATABASE a;\n\\connect a\n\\connect b\n" COMPLETE, ERR_REFUSED, "dump:3"},
	{"\\restrict a; \\! x\n" COMPLETE, ERR_REFUSED, "dump:1"},
	{"\\restrict `x`\n" COMPLETE, ERR_REFUSED, "dump:1"},
	{"select 1 \\! x\n;\n" COMPLETE, ERR_REFUSED, "dump:1"},
	{"select 1\n\\g x\n" COMPLETE, ERR_REFUSED, "dump:2"},
	{"select 1; \\! x\n" COMPLETE, ERR_REFUSED, "dump:1"},
	{"COPY t FROM stdin; select 1;\n\\.\n" COMPLETE, ERR_REFUSED, "dump:1"},
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_ERR(err);
		AUTO_STRBUF(taken);
		assert_false(read_text(bad[i].text, strlen(bad[i].text), &taken, &err));
		if (err.code != bad[i].code ||
			(bad[i].where && !str_equal(err.where, bad[i].where)))
			fail_msg("%s: %s (%s)", bad[i].text, err.msg, err.where);
	}
}

/* Each of its lines could end it, by the looks of it: that is not looked at again and again. */
static void test_long_string(void **state)
{
	enum { LINES = 200000 };
	AUTO_ERR(err);
	AUTO_STRBUF(taken);
	AUTO_STRBUF(text);
	(void)state;
	strbuf_adds(&text, "select '");
	for (int i = 0; i < LINES; i++)
		strbuf_adds(&text, "it''s ''; $$\n");
	strbuf_adds(&text, "';\n" COMPLETE);
	assert_true(read_text(text.buf, text.len, &taken, &err));
	assert_int_equal(taken.len, text.len - strlen(";\n" COMPLETE) + strlen("[]"));
}

static bool add_statement(void *ctx, const char *sql, struct err *err)
{
	(void)err;
	strbuf_addf(ctx, "[%s]", sql);
	return true;
}

/* Line by line it is cut as the lexer cuts the whole. */
static void test_as_a_whole(void **state)
{
	static const char *const pieces[] = {"'", "''", "\"", "\"\"", "$$", "$a$", "$", "E'", "\\",
		"\n", "\n", " ", ";", ";\n", "--", "/*", "*/", "(", ")", "a", "1", "e"};
	enum { TEXTS = 50000, LONGEST = 14 };
	uint32_t seed = 1;
	int compared = 0;
	(void)state;
	for (int i = 0; i < TEXTS; i++) {
		AUTO_ERR(err);
		AUTO_STRBUF(text);
		AUTO_STRBUF(whole);
		AUTO_STRBUF(taken);
		for (int j = 0; j < LONGEST; j++) {
			seed = seed * 1664525 + 1013904223;
			strbuf_adds(&text, pieces[(seed >> 8) % ARRAY_SIZE(pieces)]);
		}
		strbuf_adds(&text, "\n;\n" COMPLETE);
		if (!restore_text_each(text.buf, add_statement, &whole, &err) ||
			strstr(whole.buf, "complete"))
			continue;
		compared++;
		if (!read_text(text.buf, text.len, &taken, &err) || strcmp(taken.buf, whole.buf))
			fail_msg("%s: %s, not %s", text.buf, err.msg ? err.msg : taken.buf,
				whole.buf);
	}
	assert_true(compared > TEXTS / 20);
}

/* Every byte at which a text may be cut. */
static void test_cut_short(void **state)
{
	static const char text[] = "-- x\nCOPY t (a) FROM stdin;\n1\n\\.\n\nselect E'\\'', $$;$$;\n"
				   "/* a\n*/ select 1;\n-- PostgreSQL database dump complete\n";
	(void)state;
	for (size_t length = 0; length < sizeof text - 2; length++) {
		AUTO_ERR(err);
		AUTO_STRBUF(taken);
		if (read_text(text, length, &taken, &err) || err.code != ERR_CORRUPT)
			fail_msg("cut at %zu: %s", length, err.msg);
	}
}

static const struct {
	const char *sql;
	enum foreign_fate fate;
} fates[] = {
	{"CREATE TABLE public.t (a int)", FOREIGN_RUN},
	{"create /* x */ Database x", FOREIGN_LEAVE_OUT},
	{"ALTER DATABASE x OWNER TO y", FOREIGN_LEAVE_OUT},
	{"GRANT CONNECT ON DATABASE x TO y", FOREIGN_LEAVE_OUT},
	{"GRANT SELECT ON TABLE x TO y", FOREIGN_RUN},
	{"CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", FOREIGN_LEAVE_OUT},
	{"CREATE EVENT TRIGGER e ON x EXECUTE FUNCTION f()", FOREIGN_RUN_LAST},
	{"COMMENT ON EVENT TRIGGER e IS 'x'", FOREIGN_RUN_LAST},
	{"CREATE USER MAPPING FOR x SERVER y", FOREIGN_RUN},
	{"CREATE USER x", FOREIGN_REFUSE},
	{"ALTER ROLE x SUPERUSER", FOREIGN_REFUSE},
	{"ALTER SYSTEM SET x = 1", FOREIGN_REFUSE},
	{"COPY t FROM PROGRAM 'x'", FOREIGN_REFUSE},
	{"CREATE DATABASES", FOREIGN_RUN},
	{"", FOREIGN_RUN},
};

static void test_fates(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fates); i++) {
		char *what;
		if (foreign_fate(fates[i].sql, false, &what) != fates[i].fate)
			fail_msg("%s", fates[i].sql);
		assert_int_equal(what != NULL, fates[i].fate != FOREIGN_RUN);
		free(what);
	}
}

static void test_roles(void **state)
{
	static const char *const statements[] = {"ALTER TABLE t OWNER TO \"a b\"",
		"GRANT SELECT ON TABLE t TO c, PUBLIC", "GRANT ALL ON TABLE t TO c",
		"ALTER DEFAULT PRIVILEGES FOR ROLE d REVOKE ALL ON TABLES FROM e"};
	AUTO_STRVEC(names);
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		AUTO_ERR(err);
		assert_true(schema_roles_names(statements[i], &names, &err));
	}
	AUTO_FREE char *all = strvec_join(&names, ",");
	assert_string_equal(all, "a b,c,d,e");
}

static void test_who_one_has_to_become(void **state)
{
	static const char *const statements[] = {"ALTER TABLE owner.t OWNER TO \"a b\"",
		"GRANT SELECT ON TABLE t TO c", "SET ROLE d", "SET ROLE d",
		"ALTER LARGE OBJECT 7 OWNER TO e",
		"ALTER DEFAULT PRIVILEGES FOR ROLE f IN SCHEMA s GRANT ALL ON TABLES TO g",
		"ALTER TABLE t ALTER COLUMN owner SET DEFAULT ' OWNER TO h'",
		"CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'alter table x OWNER TO i'",
		"REVOKE ALL ON SCHEMA s FROM j"};
	AUTO_STRVEC(names);
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		AUTO_ERR(err);
		assert_true(schema_roles_become(statements[i], &names, &err));
	}
	AUTO_FREE char *all = strvec_join(&names, ",");
	assert_string_equal(all, "a b,d,e,f");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_string),
		cmocka_unit_test(test_as_a_whole),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_fates),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_who_one_has_to_become),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
