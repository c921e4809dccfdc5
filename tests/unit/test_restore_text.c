/* Definitions of a snapshot under other names: roles (schema/roles.h), schemas
 * (restore/retarget.h). */
#include "base/base.h"
#include "restore/retarget.h"
#include "schema/roles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char *map_items[] = {(char *)"old=new", (char *)"Odd \"x\"=n\"w", (char *)"shop=s2"};
static const struct strvec map = {.items = map_items, .count = ARRAY_SIZE(map_items)};

/* NULL: it stays as it is. */
static const struct {
	const char *sql, *mapped;
} statements[] = {
	{"ALTER TABLE public.old OWNER TO old", "ALTER TABLE public.old OWNER TO \"new\""},
	{"ALTER TABLE old.old OWNER TO other", NULL},
	{"GRANT SELECT(old) ON TABLE old.old TO old,other,\"Odd \"\"x\"\"\" WITH GRANT OPTION",
		"GRANT SELECT(old) ON TABLE old.old TO \"new\",other,\"n\"\"w\" WITH GRANT OPTION"},
	{"REVOKE ALL ON FUNCTION public.f(a old, b text) FROM old",
		"REVOKE ALL ON FUNCTION public.f(a old, b text) FROM \"new\""},
	{"ALTER DEFAULT PRIVILEGES FOR ROLE old IN SCHEMA old GRANT SELECT ON TABLES TO old",
		"ALTER DEFAULT PRIVILEGES FOR ROLE \"new\" IN SCHEMA old GRANT SELECT ON TABLES TO "
		"\"new\""},
	{"CREATE POLICY old ON old.old TO old, shop USING ((a IN ( SELECT old.a FROM old)))",
		"CREATE POLICY old ON old.old TO \"new\", \"s2\" USING ((a IN ( SELECT old.a FROM "
		"old)))"},
	{"CREATE USER MAPPING FOR old SERVER old OPTIONS (a 'old')",
		"CREATE USER MAPPING FOR \"new\" SERVER old OPTIONS (a 'old')"},
	{"ALTER SEQUENCE shop.s OWNED BY shop.t.id", NULL},
	{"CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'alter table x OWNER TO old'", NULL},
	{"GRANT ALL ON TABLE public.old TO PUBLIC", NULL},
	{"COMMENT ON ROLE old IS 'TO old'", NULL},
};

static void test_roles_of_statements(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		AUTO_ERR(err);
		AUTO_FREE char *mapped = NULL;
		assert_true(schema_roles_map(&map, statements[i].sql, &mapped, &err));
		if (!str_equal(mapped, statements[i].mapped))
			fail_msg("%s: %s", statements[i].sql, mapped ? mapped : "as it was");
	}
}

static void test_roles_of_privileges(void **state)
{
	(void)state;
	static const struct {
		const char *acl, *mapped;
	} rows[] = {
		{"{=Tc/old,old=CTc/old,other=c/old}",
			"{\"=Tc/\\\"new\\\"\",\"\\\"new\\\"=CTc/\\\"new\\\"\",\"\\\"other\\\"=c/"
			"\\\"new\\\"\"}"},
		{"{\"\\\"Odd \\\"\\\"x\\\"\\\"\\\"=c/old\"}",
			"{\"\\\"n\\\"\\\"w\\\"=c/\\\"new\\\"\"}"},
		{"{}", "{}"},
	};
	assert_null(schema_roles_acl(&map, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *mapped = schema_roles_acl(&map, rows[i].acl);
		assert_string_equal(mapped, rows[i].mapped);
	}
}

static void test_what_is_no_map(void **state)
{
	(void)state;
	static const char *const wrong[] = {"old", "=new", "old=", ""};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		AUTO_ERR(err);
		AUTO_STRVEC(one);
		strvec_push(&one, wrong[i]);
		assert_false(schema_roles_check(&one, &err));
		assert_int_equal(err.code, ERR_USAGE);
	}
	AUTO_ERR(err);
	AUTO_STRVEC(twice);
	strvec_push(&twice, "a=b");
	strvec_push(&twice, "a=c");
	assert_false(schema_roles_check(&twice, &err));
	assert_true(schema_roles_check(&map, &err));
}

static void test_table_in_another_schema(void **state)
{
	(void)state;
	static const struct {
		const char *text, *sql;
	} rows[] = {
		{"SET default_table_access_method = heap;\n\n--\n-- Name: t\n--\n\n"
		 "CREATE TABLE public.t (\n    a integer DEFAULT 1,\n    b text DEFAULT 'it''s; "
		 "('::text\n);\n\n"
		 "ALTER TABLE ONLY public.t ALTER COLUMN b SET STORAGE EXTERNAL;\n",
			"CREATE TABLE x.t (\n    a integer DEFAULT 1,\n    b text DEFAULT 'it''s; "
			"('::text\n)"},
		{"CREATE UNLOGGED TABLE \"a.b\".\"c (\" (\n    \"q;\"\" \" int\n)\nWITH "
		 "(fillfactor='70');\n",
			"CREATE UNLOGGED TABLE x.t (\n    \"q;\"\" \" int\n)\nWITH "
			"(fillfactor='70')"},
		{"CREATE TABLE public.days (\n    d date NOT NULL\n)\nPARTITION BY RANGE (d);\n",
			"CREATE TABLE x.t (\n    d date NOT NULL\n)"},
		{"CREATE TABLE public.nothing (\n);\n", "CREATE TABLE x.t (\n)"},
		{"CREATE TABLE public.child (\n    b integer\n)\nINHERITS (public.parent);\n",
			NULL},
		{"CREATE VIEW public.v AS SELECT 1;\n", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ERR(err);
		AUTO_FREE char *sql = NULL;
		bool ok = restore_retarget_table(rows[i].text, "x.t", "public.t", &sql, &err);
		assert_int_equal(ok, rows[i].sql != NULL);
		if (ok)
			assert_string_equal(sql, rows[i].sql);
	}
}

static void test_index_in_another_schema(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to;
	} rows[] = {
		{"CREATE INDEX i ON public.t USING btree (a)",
			"CREATE INDEX i ON x.t USING btree (a)"},
		{"CREATE UNIQUE INDEX \" ON \" ON ONLY \"s\".\"t\" USING btree (lower(a)) WHERE (b "
		 "> 1)",
			"CREATE UNIQUE INDEX \" ON \" ON x.t USING btree (lower(a)) WHERE (b > 1)"},
		{"ALTER TABLE ONLY public.t\n    ADD CONSTRAINT p PRIMARY KEY (a)",
			"ALTER TABLE ONLY x.t\n    ADD CONSTRAINT p PRIMARY KEY (a)"},
		{"ALTER INDEX public.a ATTACH PARTITION public.b", NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *to = restore_retarget_index(rows[i].from, "x.t");
		assert_true(str_equal(to, rows[i].to));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles_of_statements),
		cmocka_unit_test(test_roles_of_privileges),
		cmocka_unit_test(test_what_is_no_map),
		cmocka_unit_test(test_table_in_another_schema),
		cmocka_unit_test(test_index_in_another_schema),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
