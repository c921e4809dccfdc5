/* Names of databases that mig makes, and the numbers of its keys. */
#include "db/keys.h"
#include "db/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define E_ACUTE "\xc3\xa9"
#define TEN(x) x x x x x x x x x x

static void safety_06_a_derived_name_fits_and_parses(void **state)
{
	(void)state;
	AUTO_FREE char *name = db_name_derive("shop", DB_RESTORED);
	assert_int_equal(strlen(name), 4 + 4 + 10);
	assert_memory_equal(name, "shop__r_", 8);
	enum db_purpose purpose = DB_CLONE;
	AUTO_FREE char *stem = NULL;
	assert_true(db_name_parse(name, &purpose, &stem));
	assert_int_equal(purpose, DB_RESTORED);
	assert_string_equal(stem, "shop");
}

static void safety_06_a_63_byte_multibyte_name_is_cut_between_characters(void **state)
{
	(void)state;
	/* 31 characters of two bytes and one of one: 63 bytes */
	const char *live = TEN(E_ACUTE) TEN(E_ACUTE) TEN(E_ACUTE) E_ACUTE "x";
	assert_int_equal(strlen(live), 63);
	static const enum db_purpose all[] = {DB_RESTORED, DB_DISPLACED, DB_SCRATCH, DB_CLONE};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		AUTO_FREE char *name = db_name_derive(live, all[i]);
		AUTO_FREE char *stem = NULL;
		enum db_purpose purpose;
		assert_in_range(strlen(name), 62, DB_NAME_MAX);
		assert_true(db_name_parse(name, &purpose, &stem));
		assert_int_equal(purpose, all[i]);
		assert_int_equal(strlen(stem), 48);
		assert_memory_equal(stem, live, 48);
	}
}

static void safety_06_other_encodings_are_cut_at_ascii(void **state)
{
	(void)state;
	/* EUC-JP: two high bytes a character */
	AUTO_FREE char *cut = db_name_cut("ab\xa4\xa2\xa4\xa4", 3);
	assert_string_equal(cut, "ab");
	AUTO_FREE char *all_high = db_name_cut("\xa4\xa2\xa4\xa4", 3);
	assert_string_equal(all_high, "");
	AUTO_FREE char *whole = db_name_cut("ab\xa4\xa2", 4);
	assert_string_equal(whole, "ab\xa4\xa2");
}

static void safety_06_other_names_are_not_ours(void **state)
{
	(void)state;
	static const char *const names[] = {"shop", "__r_", "shop__restore_1", "shop__x_0123456789",
		"shop__r_012345678", "shop__r_012345678G", "shop__r_0123456789x",
		"shop__r_ABCDEF0123", TEN("123456") "__r_0123456789"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_false(db_name_parse(names[i], NULL, NULL));
	assert_true(db_name_parse("__r_0123456789", NULL, NULL));
	assert_string_equal(db_purpose_word(DB_DISPLACED), "displaced");
}

static void safety_06_two_names_never_collide(void **state)
{
	(void)state;
	AUTO_FREE char *one = db_name_derive("shop", DB_SCRATCH);
	AUTO_FREE char *two = db_name_derive("shop", DB_SCRATCH);
	assert_string_not_equal(one, two);
}

/* printf 'mig:run:shop' | sha256sum: 172dfec7049d6ec3..., the first eight bytes, big-endian */
static void safety_01_key_numbers_are_published(void **state)
{
	(void)state;
	assert_int_equal(keys_number("run", "shop"), INT64_C(1670271167553695427));
	assert_int_equal(keys_number("work", "shop"), INT64_C(-6438960288954418973));
	assert_true(keys_number("swap", "shop") != keys_number("backup", "shop"));
	assert_true(keys_number("run", "shop") != keys_number("run", "shop2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(safety_06_a_derived_name_fits_and_parses),
		cmocka_unit_test(safety_06_a_63_byte_multibyte_name_is_cut_between_characters),
		cmocka_unit_test(safety_06_other_encodings_are_cut_at_ascii),
		cmocka_unit_test(safety_06_other_names_are_not_ours),
		cmocka_unit_test(safety_06_two_names_never_collide),
		cmocka_unit_test(safety_01_key_numbers_are_published),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
