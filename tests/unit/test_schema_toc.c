/* What is taken from pg_restore's lists and texts, and in which order it is made. */
#include "restore/load_order.h"
#include "restore/load_pieces.h"
#include "schema/minors.h"
#include "schema/toc.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void minors_without_the_fix_are_known(void **state)
{
	static const struct {
		const char *version, *fixed;
	} rows[] = {
		{"15.18", NULL},
		{"15.14", NULL},
		{"15.13", "15.14"},
		{"13.22", NULL},
		{"13.3", "13.22"},
		{"16.9", "16.10"},
		{"17rc1", "17.6"},
		{"17.6", NULL},
		{"18.0", NULL},
		{"19devel", NULL},
		{"9.6.24", "13.22"},
		{"12.22", "13.22"},
		{"", NULL},
		{"nonsense", NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!str_equal(schema_minors_fixed(rows[i].version), rows[i].fixed))
			fail_msg("%s", rows[i].version);
}

static void kinds_are_told_apart_by_the_catalogue(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum toc_kind kind;
	} rows[] = {
		{"214; 1259 16385 TABLE public a owner", TOC_TABLE},
		{"215; 1259 16386 INDEX ATTACH a owner", TOC_INDEX}, /* a schema of that name */
		{"216; 0 0 INDEX ATTACH public a owner", TOC_OTHER},
		{"217; 2606 16389 CONSTRAINT public a a_pkey owner", TOC_CONSTRAINT},
		{"218; 2606 16399 FK CONSTRAINT public b b_fkey owner", TOC_FOREIGN_KEY},
		{"219; 2606 16390 CHECK CONSTRAINT public b c owner", TOC_OTHER},
		{"220; 0 0 TABLE ATTACH public p1 owner", TOC_OTHER},
		{"221; 0 16385 MATERIALIZED VIEW DATA public m v owner", TOC_REFRESH},
		{"222; 1259 16385 MATERIALIZED VIEW DATA m owner", TOC_OTHER}, /* a schema */
		{"223; 3466 16394 EVENT TRIGGER - et owner", TOC_EVENT_TRIGGER},
		{"224; 0 0 COMMENT - EVENT TRIGGER et owner", TOC_OTHER},
		{"3201; 0 16466 TABLE DATA public z_line owner", TOC_TABLE_DATA},
		{"225; 6100 16396 SUBSCRIPTION - s owner", TOC_SUBSCRIPTION},
	};
	CLEANUP(toc_release) struct toc toc = {0};
	toc_add_line(&toc, "; Archive created at 2026");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		toc_add_line(&toc, rows[i].line);
	toc_add_line(&toc, ";\tdepends on: 214 217 218");
	assert_int_equal(toc.count, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(toc.items[i].kind, rows[i].kind);
	assert_int_equal(toc_find(&toc, 225)->needs_count, 3);
	assert_int_equal(toc_find(&toc, 217)->oid, 16389);
	assert_null(toc_find(&toc, 1));
	toc_mark_post(&toc, "217; 2606 16389 CONSTRAINT public a a_pkey owner");
	toc_mark_post(&toc, "; 215");
	assert_true(toc_find(&toc, 217)->post);
	assert_false(toc_find(&toc, 215)->post);
}

static void statements_are_given_to_their_entries(void **state)
{
	(void)state;
	CLEANUP(toc_release) struct toc toc = {0};
	for (int i = 1; i <= 5; i++) {
		AUTO_FREE char *line = xstrfmt("%d; 1259 %d INDEX public i%d o", i, i, i);
		toc_add_line(&toc, line);
	}
	toc_add_sql(&toc,
		"--\n-- it's a dump; really\n--\n\n\\restrict a'b\n\nSET client_encoding = "
		"'UTF8';\n"
		"SET default_tablespace = '';\n\n"
		"--\n-- TOC entry 1 (class 1259 OID 1)\n-- Name: i'1\n--\n\n"
		"CREATE INDEX i1 ON s.t USING btree ((a || 'x;\n-- TOC entry 3 (''\n'));\n\n\n"
		"-- TOC entry 2 (class 1259 OID 2)\nCREATE INDEX \"i;\"\"2\" ON s.t USING btree "
		"(a);\n\nALTER TABLE s.t CLUSTER ON i2;\n\n"
		"SET default_tablespace = fast;\n\n-- TOC entry 4 (class 1259 OID 4)\n"
		"CREATE INDEX i4 ON s.t USING btree (a);\n"
		"SET default_tablespace = '';\n\n-- TOC entry 5 (class 1259 OID 5)\n"
		"CREATE INDEX i5 ON s.t USING btree (E'\\\\' || a);\n\\unrestrict a'b\n");
	assert_string_equal(toc.encoding, "UTF8");
	assert_string_equal(toc_find(&toc, 1)->sql,
		"CREATE INDEX i1 ON s.t USING btree ((a || 'x;\n-- TOC entry 3 (''\n'))");
	assert_string_equal(toc_find(&toc, 2)->sql, ""); /* two statements */
	assert_null(toc_find(&toc, 3)->sql);
	assert_string_equal(toc_find(&toc, 4)->sql, ""); /* another tablespace */
	assert_string_equal(
		toc_find(&toc, 5)->sql, "CREATE INDEX i5 ON s.t USING btree (E'\\\\' || a)");
}

#define HEAD "ALTER TABLE ONLY s.\"t \"\"1\"\n    ADD CONSTRAINT \"c \"\"1\" "

static void only_the_plainest_constraints_are_taken(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		bool unique, foreign;
	} rows[] = {
		{HEAD "PRIMARY KEY (a, \"b \"\"c\")", true, false},
		{HEAD "UNIQUE (a)", true, false},
		{HEAD "UNIQUE (a) INCLUDE (b)", false, false},
		{HEAD "UNIQUE (a) DEFERRABLE", false, false},
		{HEAD "UNIQUE NULLS NOT DISTINCT (a)", false, false},
		{HEAD "PRIMARY KEY (a) WITH (fillfactor='70')", false, false},
		{HEAD "PRIMARY KEY (a, b WITHOUT OVERLAPS)", false, false},
		{HEAD "EXCLUDE USING gist (a WITH &&)", false, false},
		{"ALTER TABLE s.t\n    ADD CONSTRAINT c UNIQUE (a)", false, false},
		{"ALTER TABLE ONLY t\n    ADD CONSTRAINT c UNIQUE (a)", false, false},
		{HEAD "FOREIGN KEY (a) REFERENCES s.u(b) ON DELETE CASCADE", false, true},
		{HEAD "FOREIGN KEY (a) REFERENCES s.u(b) NOT VALID", false, false},
		{HEAD "FOREIGN KEY (a) REFERENCES s.u(b) NOT ENFORCED", false, false},
		{HEAD "FOREIGN KEY (a, PERIOD b) REFERENCES s.u(a, PERIOD b)", false, false},
		{"ALTER TABLE s.t\n    ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES s.u(b)", false,
			false},
		{HEAD, false, false},
		{"", false, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(toc_constraint_release) struct toc_constraint unique;
		CLEANUP(toc_constraint_release) struct toc_constraint foreign;
		assert_int_equal(toc_parse_constraint(rows[i].sql, &unique), rows[i].unique);
		assert_int_equal(toc_parse_foreign_key(rows[i].sql, &foreign), rows[i].foreign);
		if (!rows[i].unique)
			continue;
		assert_string_equal(unique.name, "c \"1");
		assert_string_equal(unique.quoted, "\"c \"\"1\"");
		assert_string_equal(unique.alter, "ALTER TABLE ONLY s.\"t \"\"1\"");
	}
}

static size_t next_job(struct load_order *order)
{
	size_t job = SIZE_MAX;
	assert_int_equal(load_order_next(order, &job), DB_NEXT_JOB);
	return job;
}

static void what_follows_a_table_waits_for_it(void **state)
{
	(void)state;
	CLEANUP(load_order_release) struct load_order order;
	size_t job;
	load_order_init(&order, 2, 3);
	order.steps[0].weight = 100;
	order.steps[1].weight = 10;
	order.steps[2] = (struct load_step){.after = 0, .weight = 100};
	order.steps[3] = (struct load_step){.after = LOAD_ORDER_READY, .weight = 20};
	order.steps[4] = (struct load_step){.after = LOAD_ORDER_ALL};
	load_order_link(&order);
	assert_int_equal(next_job(&order), 0);
	assert_int_equal(next_job(&order), 3); /* heavier than table 1 */
	load_order_ended(&order, 0);
	assert_int_equal(next_job(&order), 2);
	assert_int_equal(next_job(&order), 1);
	assert_int_equal(load_order_next(&order, &job), DB_NEXT_WAIT);
	load_order_ended(&order, 1);
	assert_int_equal(next_job(&order), 4);
	assert_int_equal(load_order_next(&order, &job), DB_NEXT_NONE);
}

static void last_steps_come_behind_all_others(void **state)
{
	(void)state;
	CLEANUP(load_order_release) struct load_order order;
	size_t job;
	load_order_init(&order, 1, 5);
	order.steps[0].weight = 100;
	order.steps[1] = (struct load_step){.after = 0, .weight = 90, .last = true};
	order.steps[2] = (struct load_step){.after = 0, .weight = 20};
	order.steps[3] = (struct load_step){.after = 0, .weight = 30};
	order.steps[4] = (struct load_step){.after = LOAD_ORDER_READY, .weight = 1};
	order.steps[5] = (struct load_step){.after = LOAD_ORDER_READY, .weight = 99, .last = true};
	load_order_link(&order);
	assert_int_equal(next_job(&order), 0);
	load_order_ended(&order, 0);
	assert_int_equal(next_job(&order), 3);
	assert_int_equal(next_job(&order), 2);
	load_order_ended(&order, 3);
	assert_int_equal(next_job(&order), 4); /* step 1 still waits */
	load_order_ended(&order, 2);
	assert_int_equal(next_job(&order), 1);
	load_order_ended(&order, 1);
	assert_int_equal(load_order_next(&order, &job), DB_NEXT_WAIT);
	load_order_ended(&order, 4);
	assert_int_equal(next_job(&order), 5);
	assert_int_equal(load_order_next(&order, &job), DB_NEXT_NONE);
}

static void a_table_in_pieces_ends_with_the_last(void **state)
{
	(void)state;
	CLEANUP(load_order_release) struct load_order order;
	size_t job;
	load_order_init(&order, 2, 1);
	order.steps[0].pieces = 3;
	order.steps[0].weight = 100;
	order.steps[2] = (struct load_step){.after = 0, .weight = 50};
	load_order_link(&order);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(next_job(&order), 0);
	load_order_ended(&order, 0);
	load_order_ended(&order, 0);
	assert_int_equal(next_job(&order), 1);
	load_order_ended(&order, 1);
	assert_int_equal(load_order_next(&order, &job), DB_NEXT_WAIT);
	assert_false(order.steps[0].ended);
	load_order_ended(&order, 0);
	assert_true(order.steps[0].ended);
	assert_int_equal(next_job(&order), 2);
	assert_int_equal(order.running, 1);
}

#define MIB ((int64_t)1 << 20)

/* Parts of three members of 8 MiB and 10 rows each. */
static void pieces_are_whole_parts(void **state)
{
	(void)state;
	enum { MEMBERS = 30 };
	struct pack_member members[MEMBERS] = {0};
	uint32_t indexes[MEMBERS];
	struct pack_manifest manifest = {.members = {.items = members, .count = MEMBERS}};
	struct pack_table table = {.content = {.bytes = MEMBERS * 8 * MIB}};
	CLEANUP(load_pieces_release) struct load_pieces pieces = {0};
	table.members.items = indexes;
	table.members.count = MEMBERS;
	for (uint32_t i = 0; i < MEMBERS; i++) {
		indexes[i] = i;
		members[i].name = xstrfmt("data/9/%04u.%06u.copy.zst", i / 3, i % 3 + 1);
		members[i].plain = 8 * MIB;
		members[i].rows = 10;
	}
	load_pieces_plan(&manifest, &table, table.content.bytes, 1, &pieces);
	assert_int_equal(pieces.count, 0); /* one session */
	load_pieces_plan(&manifest, &table, table.content.bytes * 2, 2, &pieces);
	assert_int_equal(pieces.count, 0); /* half of all: the other has enough to do */
	load_pieces_plan(&manifest, &table, table.content.bytes, 2, &pieces);
	assert_int_equal(pieces.count, 5); /* 30 MiB are enough: two parts of 24 */
	for (size_t i = 0; i < pieces.count; i++) {
		assert_int_equal(pieces.items[i].from, i * 6);
		assert_int_equal(pieces.items[i].to, i * 6 + 6);
		assert_int_equal(pieces.items[i].rows, 60);
	}
	load_pieces_release(&pieces);
	/* rows may go on from one member to the next: one part is one piece */
	for (uint32_t i = 1; i < MEMBERS; i++)
		members[i].name[strlen("data/9/0000.00000")] = '2';
	load_pieces_plan(&manifest, &table, table.content.bytes, 2, &pieces);
	assert_int_equal(pieces.count, 0);
	for (uint32_t i = 0; i < MEMBERS; i++)
		free(members[i].name);
}

static void what_runs_alone_is_known(void **state)
{
	(void)state;
	CLEANUP(load_order_release) struct load_order order;
	load_order_init(&order, 2, 2);
	order.steps[2] = (struct load_step){.after = 1, .weight = 9};
	order.steps[3] = (struct load_step){.after = 0, .weight = 5};
	load_order_link(&order);
	assert_int_equal(next_job(&order), 0);
	assert_false(order.steps[0].alone); /* table 1 could be begun */
	load_order_ended(&order, 0);
	assert_int_equal(next_job(&order), 3);
	assert_int_equal(next_job(&order), 1);
	load_order_ended(&order, 3);
	assert_false(order.steps[1].alone);
	load_order_ended(&order, 1);
	assert_int_equal(next_job(&order), 2);
	assert_true(order.steps[2].alone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minors_without_the_fix_are_known),
		cmocka_unit_test(kinds_are_told_apart_by_the_catalogue),
		cmocka_unit_test(statements_are_given_to_their_entries),
		cmocka_unit_test(only_the_plainest_constraints_are_taken),
		cmocka_unit_test(what_follows_a_table_waits_for_it),
		cmocka_unit_test(last_steps_come_behind_all_others),
		cmocka_unit_test(a_table_in_pieces_ends_with_the_last),
		cmocka_unit_test(pieces_are_whole_parts),
		cmocka_unit_test(what_runs_alone_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
