/* SNAPSHOT: which one is meant. */
#include "backup/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#define TEXT(text) ((char[]){text})

/* Three snapshots; the middle one in two stores. Times: 2026-11-20 at 01:00, 02:00 and 03:00 UTC.
 */
static struct backup_entry entries[] = {
	{.id = TEXT("20261120T010000Z-aaaaaa"),
		.label = TEXT("nightly"),
		.started_ms = 1795136400000},
	{.id = TEXT("20261120T020000Z-bbbbbb"),
		.store = TEXT("local"),
		.started_ms = 1795140000000},
	{.id = TEXT("20261120T020000Z-bbbbbb"),
		.store = TEXT("offsite"),
		.started_ms = 1795140000000},
	{.id = TEXT("20261120T030000Z-cccccc"),
		.label = TEXT("nightly"),
		.started_ms = 1795143600000},
};
static const struct backup_list list = {.items = entries, .count = 4};

static void chosen(const char *word, const char *id)
{
	AUTO_ERR(err);
	size_t index = 99;
	if (!backup_choose(&list, word, &index, &err))
		fail_msg("%s: %s", word, err.msg);
	assert_string_equal(list.items[index].id, id);
}

static void refused(const char *word, enum err_code code)
{
	AUTO_ERR(err);
	size_t index;
	assert_false(backup_choose(&list, word, &index, &err));
	if (err.code != code)
		fail_msg("%s: %s", word, err.msg);
	assert_non_null(err.msg);
}

static void words_choose(void **state)
{
	(void)state;
	chosen("latest", entries[3].id);
	chosen("latest~0", entries[3].id);
	chosen("latest~1", entries[1].id);
	chosen("latest~2", entries[0].id); /* a copy elsewhere is not another snapshot */
	chosen("20261120T03", entries[3].id);
	chosen("20261120T020000Z-bbbbbb", entries[1].id);
	chosen("label:nightly", entries[3].id);
	chosen("@2026-11-20T02:30:00Z", entries[1].id);
	chosen("@2026-11-20T01:00:00Z", entries[0].id);
	chosen("@now", entries[3].id);
}

/* The newest two hold a part of the database. */
static void a_part_is_never_the_latest(void **state)
{
	(void)state;
	struct backup_entry some[4];
	const struct backup_list parts = {.items = some, .count = 4};
	size_t index = 99;
	AUTO_ERR(err);
	memcpy(some, entries, sizeof(some));
	for (size_t i = 0; i < 4; i++)
		some[i].grade.grade = GRADE_SEALED;
	some[1].partial = some[2].partial = some[3].partial = true;
	assert_true(backup_choose(&parts, "latest", &index, &err));
	assert_int_equal(index, 0);
	assert_false(backup_choose(&parts, "latest~1", &index, &err));
	assert_true(backup_choose(&parts, "@2026-11-20T04:00:00Z", &index, &err));
	assert_int_equal(index, 0);
	assert_true(backup_choose(&parts, "label:nightly", &index, &err));
	assert_int_equal(index, 3);
	assert_true(backup_choose(&parts, "20261120T03", &index, &err));
	assert_int_equal(index, 3);
	assert_ptr_equal(backup_newest(&parts, 1795150000000), &some[0]);
	some[0].partial = true;
	assert_null(backup_newest(&parts, 1795150000000));
	assert_false(backup_choose(&parts, "latest", &index, &err));
}

/* The newest two are of another database. */
static void another_database_is_not_meant(void **state)
{
	(void)state;
	struct backup_entry some[4];
	char shop[] = "shop", crm[] = "crm";
	const struct backup_list mixed = {.items = some, .count = 4, .database = shop};
	size_t index = 99;
	AUTO_ERR(err);
	memcpy(some, entries, sizeof(some));
	for (size_t i = 0; i < 4; i++) {
		some[i].database = shop;
		some[i].grade.grade = GRADE_SEALED;
	}
	some[3].database = crm;
	some[3].foreign = true;
	assert_true(backup_choose(&mixed, "latest", &index, &err));
	assert_string_equal(some[index].id, entries[1].id);
	assert_true(backup_choose(&mixed, "@now", &index, &err));
	assert_string_equal(some[index].id, entries[1].id);
	assert_true(backup_choose(&mixed, "label:nightly", &index, &err));
	assert_int_equal(index, 0);
	assert_true(backup_choose(&mixed, "20261120T03", &index, &err));
	assert_int_equal(index, 3);
	assert_ptr_equal(backup_newest(&mixed, 1795150000000), &some[2]);
	/* all are of others: of two, nobody can know which; the only one may be chosen, and is not
	 * new */
	for (size_t i = 0; i < 4; i++)
		some[i].foreign = true;
	assert_false(backup_choose(&mixed, "latest", &index, &err));
	assert_non_null(strstr(err.msg, "database shop"));
	assert_false(backup_choose(&mixed, "@now", &index, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	some[3].database = shop;
	assert_true(backup_choose(&mixed, "latest", &index, &err));
	assert_int_equal(index, 3);
	assert_null(backup_newest(&mixed, 1795150000000));
}

static void the_newest_is_whole_sound_and_not_of_the_future(void **state)
{
	(void)state;
	struct backup_entry some[4];
	const struct backup_list newest = {.items = some, .count = 4};
	memcpy(some, entries, sizeof(some));
	for (size_t i = 0; i < 4; i++)
		some[i].grade.grade = GRADE_SEALED;
	assert_ptr_equal(backup_newest(&newest, 1795150000000), &some[3]);
	some[3].grade.grade = GRADE_DAMAGED;
	assert_ptr_equal(backup_newest(&newest, 1795150000000), &some[2]);
	/* half an hour after the first, by this clock */
	assert_ptr_equal(backup_newest(&newest, 1795138200000), &some[0]);
	assert_null(backup_newest(&newest, 1795130000000));
}

static void times_are_said_in_utc_and_local_time(void **state)
{
	(void)state;
	AUTO_ERR(err);
	size_t index;
	setenv("TZ", "CET-1", 1);
	tzset();
	assert_false(backup_choose(&list, "@2026-11-20 01:30", &index, &err));
	assert_non_null(strstr(err.msg, "2026-11-20T00:30:00Z (2026-11-20 01:30:00 CET)"));
	assert_non_null(strstr(err.hint, "2026-11-20T01:00:00Z (2026-11-20 02:00:00 CET)"));
	unsetenv("TZ");
	tzset();
}

static void paths_are_not_looked_up(void **state)
{
	(void)state;
	static const struct {
		const char *word, *path;
	} rows[] = {{"a/b", "a/b"}, {"x.mig.tar", "x.mig.tar"},
		{"file:///a/b.mig.tar", "/a/b.mig.tar"}, {"./latest", "./latest"}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_ERR(err);
		CLEANUP(backup_found_release) struct backup_found found = {0};
		struct backup_find find = {0};
		assert_true(backup_find(&find, rows[i].word, &found, &err));
		assert_string_equal(found.path, rows[i].path);
	}
}

static void words_are_refused(void **state)
{
	(void)state;
	refused("latest~3", ERR_NOTFOUND);
	refused("latest~", ERR_USAGE);
	refused("latest~-1", ERR_USAGE);
	refused("latest~1x", ERR_USAGE);
	refused("2026", ERR_USAGE); /* ambiguous */
	refused("1999", ERR_NOTFOUND);
	refused("label:weekly", ERR_NOTFOUND);
	refused("@2026-11-20T00:59:59Z", ERR_NOTFOUND);
	refused("@whenever", ERR_USAGE);
	refused("newest", ERR_USAGE);
}

static void an_ambiguous_prefix_lists_its_candidates(void **state)
{
	(void)state;
	AUTO_ERR(err);
	size_t index;
	assert_false(backup_choose(&list, "20261120T0", &index, &err));
	assert_non_null(strstr(err.detail, entries[0].id));
	assert_non_null(strstr(err.detail, entries[3].id));
}

static void without_snapshots_the_first_is_asked_for(void **state)
{
	(void)state;
	AUTO_ERR(err);
	size_t index;
	static const struct backup_list empty;
	assert_false(backup_choose(&empty, "latest", &index, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_non_null(strstr(err.hint, "mig-backup create"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_choose),
		cmocka_unit_test(words_are_refused),
		cmocka_unit_test(a_part_is_never_the_latest),
		cmocka_unit_test(another_database_is_not_meant),
		cmocka_unit_test(the_newest_is_whole_sound_and_not_of_the_future),
		cmocka_unit_test(times_are_said_in_utc_and_local_time),
		cmocka_unit_test(paths_are_not_looked_up),
		cmocka_unit_test(an_ambiguous_prefix_lists_its_candidates),
		cmocka_unit_test(without_snapshots_the_first_is_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
