/* Pure parts of taking a snapshot. */
#include "backup/create_room.h"
#include "backup/shipped.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void stripped(const char *before, const char *after)
{
	AUTO_STRBUF(text);
	strbuf_adds(&text, before);
	create_dump_strip_restrict(&text);
	assert_string_equal(text.buf, after);
	assert_int_equal(text.len, strlen(after));
}

static void only_the_exact_restrict_pair_is_cut(void **state)
{
	(void)state;
	stripped("--\n-- dump\n--\n\n\\restrict aB3\n\nSET x;\n\n\\unrestrict aB3\n\n",
		"--\n-- dump\n--\n\n\nSET x;\n\n\n");
	stripped("--\n-- dump\n--\n\nSET x;\n", "--\n-- dump\n--\n\nSET x;\n");
	/* what only looks like it, inside of a function's body, stays */
	stripped("SET x;\nCREATE FUNCTION f() AS $$\n\\restrict a\n$$;\n",
		"SET x;\nCREATE FUNCTION f() AS $$\n\\restrict a\n$$;\n");
	stripped("\\restrict a\nx\n\\restrict a\n\\unrestrict a\ny\n\\unrestrict a\n",
		"x\n\\restrict a\n\\unrestrict a\ny\n");
	/* not its form */
	stripped("\\restrict a b\nx\n", "\\restrict a b\nx\n");
	stripped("\\restrict a", "\\restrict a");
	stripped("", "");
}

static void shipped_files_are_whole(void **state)
{
	(void)state;
	assert_string_equal(shipped_files[0].member, PACK_README);
	assert_string_equal(shipped_files[1].member, PACK_SCRIPT);
	assert_memory_equal(shipped_files[0].begin, "# How to restore", 16);
	assert_memory_equal(shipped_files[1].begin, "#!/bin/sh\n", 10);
	for (size_t i = 0; i < ARRAY_SIZE(shipped_files); i++) {
		size_t length = (size_t)(shipped_files[i].end - shipped_files[i].begin);
		assert_true(length > 1000);
		assert_int_equal(strlen(shipped_files[i].begin), length);
	}
	assert_non_null(strstr(shipped_files[1].begin, "say \"done\"\n"));
}

/* --- parts ------------------------------------------------------------------------------------ */

#define MIB (1LL << 20)

struct plan_of {
	int64_t bytes, blocks;
	int workers;
	bool condition, emptied;
	size_t count; /* of its parts, as expected */
};

/* Ranges meet, begin with the first block, and the last one is open; weights add up. */
static void check_ranges(const struct create_parts *parts, const struct plan_of *plan)
{
	int64_t weight = 0, *ends = xcalloc(parts->count + 1, sizeof(*ends));
	for (size_t i = 0; i < parts->count; i++) {
		const struct create_part *part = &parts->items[i];
		assert_in_range(part->number, 0, parts->count - 1);
		assert_int_equal(ends[part->number], 0);
		ends[part->number] = part->to ? part->to : INT64_MAX;
		weight += part->weight;
		assert_true(!i || part->weight <= parts->items[i - 1].weight);
	}
	for (size_t i = 0; i < parts->count; i++) {
		const struct create_part *part = &parts->items[i];
		int64_t before = part->number ? ends[part->number - 1] : 0;
		assert_int_equal(part->from, before);
		assert_true(part->from < (part->to ? part->to : plan->blocks + 1));
		assert_int_equal(!part->to, (size_t)part->number + 1 == parts->count);
	}
	assert_int_equal(weight, plan->bytes);
	assert_int_equal(weight, parts->total);
	free(ends);
}

static void check_plan(const struct plan_of *plan)
{
	struct pack_manifest *manifest = pack_manifest_new();
	struct pack_table *table = pack_list_add(&manifest->tables);
	table->condition = plan->condition ? xstrdup("where own") : NULL;
	table->emptied = plan->emptied;
	struct create_size size = {plan->bytes, plan->blocks};
	struct create_parts parts;
	create_parts_plan(manifest, &size, plan->workers, &parts);
	assert_int_equal(parts.count, plan->count);
	if (plan->count)
		check_ranges(&parts, plan);
	create_parts_release(&parts);
	pack_manifest_free(manifest);
}

static void tables_are_cut_into_ranges_that_meet(void **state)
{
	(void)state;
	static const struct plan_of plans[] = {
		{.bytes = 0, .blocks = 0, .workers = 2, .count = 1},
		{.bytes = 8192, .blocks = 1, .workers = 2, .count = 1},
		{.bytes = 20 * MIB, .blocks = 20 * 128, .workers = 8, .count = 1},
		{.bytes = 33 * MIB, .blocks = 33 * 128, .workers = 2, .count = 2},
		{.bytes = 800 * MIB, .blocks = 800 * 128, .workers = 2, .count = 50},
		{.bytes = 4096 * MIB, .blocks = 4096 * 128, .workers = 2, .count = 64},
		{.bytes = 800 * MIB + 7, .blocks = 800 * 128 + 3, .workers = 3, .count = 50},
		/* a server before 14, another access method */
		{.bytes = 800 * MIB, .blocks = 0, .workers = 2, .count = 1},
		/* one worker reads in order */
		{.bytes = 800 * MIB, .blocks = 800 * 128, .workers = 1, .count = 1},
		/* TOAST counts, but ranges are of heap blocks */
		{.bytes = 800 * MIB, .blocks = 100, .workers = 2, .count = 50},
		{.bytes = 800 * MIB, .blocks = 3, .workers = 2, .count = 3},
		{.bytes = 900LL << 30, .blocks = 100000, .workers = 64, .count = 2048},
		/* names of members have four digits for the part */
		{.bytes = 9000LL << 30, .blocks = 1LL << 30, .workers = 64, .count = 9999},
		{.bytes = 800 * MIB,
			.blocks = 800 * 128,
			.workers = 2,
			.condition = true,
			.count = 1},
		{.bytes = 0, .blocks = 800 * 128, .workers = 2, .emptied = true, .count = 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++)
		check_plan(&plans[i]);
}

static void large_objects_come_first_and_small_tables_last(void **state)
{
	(void)state;
	static const struct create_size sizes[] = {{MIB, 128}, {40 * MIB, 40 * 128}, {0, 0}};
	struct pack_manifest *manifest = pack_manifest_new();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		pack_list_add(&manifest->tables)->oid = 16384 + (uint32_t)i;
	manifest->large_objects = 1;
	struct create_parts parts;
	create_parts_plan(manifest, sizes, 2, &parts);
	static const uint32_t order[] = {0, 16385, 16385, 16385, 16384, 16386};
	assert_int_equal(parts.count, ARRAY_SIZE(order));
	for (size_t i = 0; i < parts.count; i++)
		assert_int_equal(parts.items[i].table ? parts.items[i].table->oid : 0, order[i]);
	assert_int_equal(parts.total, 41 * MIB);
	create_parts_release(&parts);
	pack_manifest_free(manifest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_exact_restrict_pair_is_cut),
		cmocka_unit_test(shipped_files_are_whole),
		cmocka_unit_test(tables_are_cut_into_ranges_that_meet),
		cmocka_unit_test(large_objects_come_first_and_small_tables_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
