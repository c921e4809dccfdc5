/* What is taken from pg_restore's lists and texts, and in which order it is made. */
#include "restore/first.h"
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
		{"226; 3079 16397 EXTENSION - citext ", TOC_EXTENSION},
		{"227; 0 0 COMMENT - EXTENSION citext ", TOC_OTHER},
		{"228; 1255 16398 FUNCTION public f(integer) owner", TOC_FUNCTION},
		{"229; 1255 16399 AGGREGATE public a(integer) owner", TOC_FUNCTION},
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

static size_t add_step(struct load_order *order, int64_t weight)
{
	size_t job = load_order_add(order);
	order->steps[job].weight = weight;
	return job;
}

static void no_job(struct load_order *order, enum db_next wanted)
{
	size_t job;
	assert_int_equal(load_order_next(order, &job), wanted);
}

static void a_step_waits_for_its_needs(void **state)
{
	(void)state;
	CLEANUP(load_order_release) struct load_order order = {0};
	size_t index = add_step(&order, 100), late = add_step(&order, 0);
	size_t ready = add_step(&order, 20);
	size_t large = add_step(&order, 100), small = add_step(&order, 10);
	size_t all = load_order_add_gate(&order), behind_all = load_order_add_gate(&order);
	load_order_need(&order, index, large);
	load_order_need(&order, all, large);
	load_order_need(&order, all, small);
	load_order_need(&order, behind_all, all);
	load_order_need(&order, late, behind_all);
	load_order_start(&order);
	assert_int_equal(next_job(&order), large);
	assert_int_equal(next_job(&order), ready); /* heavier than the small one */
	load_order_ended(&order, large);
	assert_int_equal(next_job(&order), index);
	assert_int_equal(next_job(&order), small);
	no_job(&order, DB_NEXT_WAIT);
	load_order_ended(&order, small);
	assert_int_equal(next_job(&order), late);
	no_job(&order, DB_NEXT_NONE);
}

static void what_a_heavy_step_needs_is_urgent(void **state)
{
	(void)state;
	CLEANUP(load_order_release) struct load_order order = {0};
	size_t check = add_step(&order, 90), key = add_step(&order, 3);
	size_t medium = add_step(&order, 50), named = add_step(&order, 3);
	size_t late = add_step(&order, 99), all = load_order_add_gate(&order);
	load_order_need(&order, check, key);
	load_order_need(&order, key, named);
	load_order_need(&order, all, medium);
	load_order_need(&order, late, all);
	load_order_start(&order);
	assert_int_equal(next_job(&order), named);
	load_order_ended(&order, named);
	assert_int_equal(next_job(&order), key);
	assert_int_equal(next_job(&order), medium); /* what waits for all hurries nobody */
	load_order_ended(&order, key);
	assert_int_equal(next_job(&order), check);
	load_order_ended(&order, medium);
	assert_int_equal(next_job(&order), late);
}

static void a_gate_with_no_needs_is_open(void **state)
{
	(void)state;
	CLEANUP(load_order_release) struct load_order order = {0};
	size_t step = add_step(&order, 1);
	load_order_need(&order, step, load_order_add_gate(&order));
	load_order_start(&order);
	assert_int_equal(next_job(&order), step);
	no_job(&order, DB_NEXT_NONE);
}

static void between_equals_the_first_is_first(void **state)
{
	(void)state;
	CLEANUP(load_order_release) struct load_order order = {0};
	for (size_t i = 0; i < 20; i++)
		add_step(&order, 7);
	load_order_start(&order);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(next_job(&order), i);
}

static void claim(struct load_order *order, size_t job, uint32_t table, enum load_lock lock)
{
	struct load_claim *claims = order->steps[job].claims;
	claims[claims[0].table ? 1 : 0] = (struct load_claim){table, lock};
}

/* Nobody shall wait for a lock that another step holds: other work is done meanwhile. */
static void a_step_whose_table_is_taken_waits(void **state)
{
	(void)state;
	CLEANUP(load_order_release) struct load_order order = {0};
	size_t first = add_step(&order, 50), second = add_step(&order, 40);
	size_t link = add_step(&order, 30), back = add_step(&order, 20);
	size_t other = add_step(&order, 10);
	claim(&order, first, 1, LOAD_BUILD);
	claim(&order, second, 1, LOAD_BUILD);
	claim(&order, link, 2, LOAD_LINK);
	claim(&order, link, 1, LOAD_LINK);
	claim(&order, back, 1, LOAD_LINK);
	claim(&order, back, 2, LOAD_LINK);
	claim(&order, other, 2, LOAD_CHECK);
	load_order_start(&order);
	assert_int_equal(next_job(&order), first);
	assert_int_equal(next_job(&order), second); /* beside the first: SHARE and SHARE */
	assert_int_equal(next_job(&order), other);
	load_order_ended(&order, first);
	no_job(&order, DB_NEXT_WAIT);
	load_order_ended(&order, second);
	no_job(&order, DB_NEXT_WAIT); /* the other still checks */
	load_order_ended(&order, other);
	assert_int_equal(next_job(&order), link);
	no_job(&order, DB_NEXT_WAIT);
	load_order_ended(&order, link);
	assert_int_equal(next_job(&order), back);
	no_job(&order, DB_NEXT_NONE);
}

static void readers_do_not_come_before_one_who_wants_the_table_alone(void **state)
{
	(void)state;
	CLEANUP(load_order_release) struct load_order order = {0};
	size_t build = add_step(&order, 2), alter = add_step(&order, 1);
	const struct load_claim one = {1, LOAD_READ}, two = {2, LOAD_READ};
	claim(&order, build, 1, LOAD_BUILD);
	claim(&order, alter, 1, LOAD_ALTER);
	load_order_start(&order);
	assert_int_equal(next_job(&order), build);
	no_job(&order, DB_NEXT_WAIT);
	assert_false(load_order_begin_aside(&order, order.count, &one)); /* alter waits */
	assert_true(load_order_begin_aside(&order, order.count, &two));
	load_order_ended(&order, build);
	assert_int_equal(next_job(&order), alter);
	assert_false(load_order_begin_aside(&order, order.count + 1, &one));
	load_order_ended(&order, alter);
	no_job(&order, DB_NEXT_NONE);
	assert_int_equal(order.working, 0);
	assert_true(load_order_begin_aside(&order, order.count + 1, &one));
}

static void a_step_in_pieces_ends_with_the_last(void **state)
{
	(void)state;
	CLEANUP(load_order_release) struct load_order order = {0};
	size_t index = add_step(&order, 50), table = add_step(&order, 100);
	size_t other = add_step(&order, 0);
	order.steps[table].pieces = 3;
	load_order_need(&order, index, table);
	load_order_start(&order);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(next_job(&order), table);
	load_order_ended(&order, table);
	load_order_ended(&order, table);
	assert_int_equal(next_job(&order), other);
	load_order_ended(&order, other);
	no_job(&order, DB_NEXT_WAIT);
	assert_false(order.steps[table].ended);
	load_order_ended(&order, table);
	assert_true(order.steps[table].ended);
	assert_int_equal(next_job(&order), index);
	assert_int_equal(order.working, 1);
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
	CLEANUP(load_order_release) struct load_order order = {0};
	size_t last = add_step(&order, 9), index = add_step(&order, 5);
	size_t large = add_step(&order, 10), small = add_step(&order, 1);
	size_t statistics = add_step(&order, 1);
	claim(&order, last, 1, LOAD_BUILD);
	claim(&order, statistics, 1, LOAD_CHECK);
	load_order_need(&order, last, small);
	load_order_need(&order, statistics, small);
	load_order_need(&order, index, large);
	load_order_start(&order);
	assert_int_equal(next_job(&order), large);
	assert_false(order.steps[large].alone); /* the small one could be begun */
	load_order_ended(&order, large);
	assert_int_equal(next_job(&order), small);
	assert_int_equal(next_job(&order), index);
	load_order_ended(&order, small);
	assert_false(order.steps[index].alone);
	load_order_ended(&order, index);
	assert_int_equal(next_job(&order), last);
	assert_true(order.steps[last].alone); /* the statistics have to wait for it */
	no_job(&order, DB_NEXT_WAIT);
}

static void add_small_tables(struct toc *toc)
{
	for (int i = 0; i < 200; i++) {
		AUTO_FREE char *line = xstrfmt("%d; 1259 %d TABLE public s%d o", 1000 + i, i, i);
		toc_add_line(toc, line);
	}
}

/* Ids of the tables are their OIDs here. */
static void what_names_a_table_goes_before_its_rows(void **state)
{
	(void)state;
	static const char *const lines[] = {"5; 2615 5 SCHEMA - a o",
		"10001; 1259 10001 TABLE a plain o", ";\tdepends on: 5",
		"10002; 1259 10002 TABLE a parent o", "10003; 1259 10003 TABLE a child o",
		";\tdepends on: 10002", "7; 1255 7 FUNCTION a f() o",
		"10004; 1259 10004 TABLE a checked o", ";\tdepends on: 7", "20; 1259 20 VIEW a v o",
		";\tdepends on: 10001 1000", "21; 1259 21 VIEW a w o", ";\tdepends on: 20 7",
		"22; 0 0 ACL a TABLE plain o", ";\tdepends on: 10001",
		"23; 0 0 ACL a TABLE checked o", ";\tdepends on: 10004", "30; 1259 30 INDEX a i o",
		";\tdepends on: 10001", "40; 3079 40 EXTENSION - citext "};
	CLEANUP(toc_release) struct toc toc = {0};
	CLEANUP(restore_first_release) struct restore_first first = {0};
	struct pack_table tables[4] = {
		{.oid = 10001}, {.oid = 10002}, {.oid = 10003}, {.oid = 10004}};
	struct pack_manifest manifest = {.tables = {.items = tables, .count = 4}};
	for (size_t i = 0; i < 4; i++)
		tables[i].content.bytes = 100 * MIB;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		toc_add_line(&toc, lines[i]);
	toc_mark_post(&toc, "30; 1259 30 INDEX a i o");
	add_small_tables(&toc);
	restore_first_plan(&toc, &manifest, 1, &first);
	assert_null(first.list); /* one session */
	restore_first_release(&first);
	restore_first_plan(&toc, &manifest, 2, &first);
	/* the views, and what they need; extensions; nothing of other tables, no index */
	assert_string_equal(first.list, "5;\n10001;\n7;\n20;\n21;\n22;\n40;\n1000;\n");
	assert_non_null(strstr(first.rest, "10004;\n23;\n1001;\n"));
	assert_null(strstr(first.rest, "\n30;"));
	assert_true(first.early[0]);
	for (size_t i = 1; i < 4; i++)
		assert_false(first.early[i]);
	restore_first_release(&first);
	tables[3].extension = true;
	restore_first_plan(&toc, &manifest, 2, &first);
	assert_null(first.list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minors_without_the_fix_are_known),
		cmocka_unit_test(kinds_are_told_apart_by_the_catalogue),
		cmocka_unit_test(statements_are_given_to_their_entries),
		cmocka_unit_test(only_the_plainest_constraints_are_taken),
		cmocka_unit_test(a_step_waits_for_its_needs),
		cmocka_unit_test(what_a_heavy_step_needs_is_urgent),
		cmocka_unit_test(a_gate_with_no_needs_is_open),
		cmocka_unit_test(between_equals_the_first_is_first),
		cmocka_unit_test(a_step_whose_table_is_taken_waits),
		cmocka_unit_test(readers_do_not_come_before_one_who_wants_the_table_alone),
		cmocka_unit_test(a_step_in_pieces_ends_with_the_last),
		cmocka_unit_test(pieces_are_whole_parts),
		cmocka_unit_test(what_runs_alone_is_known),
		cmocka_unit_test(what_names_a_table_goes_before_its_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
