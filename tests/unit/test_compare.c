/* R1 - R0 against what mig reports of its own, as a table of readings. */
#include "maint/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define READING(life, reset, tables, sequences) \
	"{\"database\":1,\"life\":" life ",\"stats_reset\":" reset ",\"key\":null," \
	"\"tables\":{" tables "},\"sequences\":{" sequences "}}"
#define OF(tables) READING("\"7@noon\"", "null", tables, "")
#define ORDERS(node, full, ins, upd, del) \
	"\"20\":[\"public.orders\"," #node "," #full "," #ins "," #upd "," #del "]"

static const struct row {
	const char *name, *r0, *r1, *own, *ignore;
	enum writes_answer answer;
	const char *says;
} rows[] = {
	{"nothing moved", OF(ORDERS(20, true, 5, 0, 0)), OF(ORDERS(20, true, 5, 0, 0)), "{}", "x",
		WRITES_STOPPED, "1 table and 0 sequences"},
	{"a row more", OF(ORDERS(20, true, 5, 0, 0)), OF(ORDERS(20, true, 6, 0, 0)), "{}", "x",
		WRITES_SEEN, "1 row of public.orders was inserted"},
	{"a row more, ours", OF(ORDERS(20, true, 5, 0, 0)), OF(ORDERS(20, true, 6, 0, 0)),
		"{\"tables\":{\"20\":[1,0,0]}}", "x", WRITES_STOPPED, "1 table "},
	{"ours hides no other kind", OF(ORDERS(20, true, 5, 0, 0)), OF(ORDERS(20, true, 5, 1, 0)),
		"{\"tables\":{\"20\":[1,0,0]}}", "x", WRITES_SEEN,
		"1 row of public.orders was updated"},
	{"ours, but never committed", OF(ORDERS(20, true, 5, 0, 0)), OF(ORDERS(20, true, 5, 0, 0)),
		"{\"tables\":{\"20\":[3,0,0]}}", "x", WRITES_UNKNOWN,
		"3 rows of public.orders are missing"},
	{"ignored", OF(ORDERS(20, true, 5, 0, 0)), OF(ORDERS(20, true, 9, 0, 0)), "{}",
		"public.orders", WRITES_STOPPED, "1 table "},
	{"ignored, but counters lost", OF(ORDERS(20, true, 5, 0, 0)), OF(ORDERS(20, true, 4, 0, 0)),
		"{}", "public.orders", WRITES_UNKNOWN, "is missing"},
	{"a new table with rows", OF(""), OF(ORDERS(20, true, 2, 0, 0)), "{}", "x", WRITES_SEEN,
		"2 rows of public.orders"},
	{"dropped", OF(ORDERS(20, true, 5, 0, 0)), OF(""), "{}", "x", WRITES_UNKNOWN,
		"was dropped"},
	{"another file, not ours", OF(ORDERS(20, true, 5, 0, 0)), OF(ORDERS(21, true, 5, 0, 0)),
		"{}", "x", WRITES_UNKNOWN, "truncated or rewritten by somebody else"},
	{"another file, rewritten by us", OF(ORDERS(20, true, 5, 0, 0)),
		OF(ORDERS(21, true, 5, 0, 0)), "{\"locked\":{\"20\":[21,true]}}", "x",
		WRITES_STOPPED, "1 table "},
	{"another file, truncated by us", OF(ORDERS(20, true, 5, 0, 0)),
		OF(ORDERS(21, false, 5, 0, 0)), "{\"locked\":{\"20\":[21,false]}}", "x",
		WRITES_UNKNOWN, "was truncated"},
	{"another file after ours", OF(ORDERS(20, true, 5, 0, 0)), OF(ORDERS(22, true, 5, 0, 0)),
		"{\"locked\":{\"20\":[21,true]}}", "x", WRITES_UNKNOWN, "by somebody else"},
	{"seen outranks unknown", OF(ORDERS(20, true, 5, 0, 0)), OF(ORDERS(21, true, 6, 0, 0)),
		"{}", "x", WRITES_SEEN, "inserted"},
	{"a sequence moved", READING("\"7@noon\"", "null", "", "\"30\":[\"public.s\",true,1]"),
		READING("\"7@noon\"", "null", "", "\"30\":[\"public.s\",true,2]"), "{}", "x",
		WRITES_SEEN, "sequence public.s has moved"},
	{"a sequence moved by us",
		READING("\"7@noon\"", "null", "", "\"30\":[\"public.s\",true,1]"),
		READING("\"7@noon\"", "null", "", "\"30\":[\"public.s\",true,4]"),
		"{\"sequences\":{\"30\":4}}", "x", WRITES_STOPPED, "1 sequence "},
	{"a sequence moved after us",
		READING("\"7@noon\"", "null", "", "\"30\":[\"public.s\",true,1]"),
		READING("\"7@noon\"", "null", "", "\"30\":[\"public.s\",true,5]"),
		"{\"sequences\":{\"30\":4}}", "x", WRITES_SEEN, "has moved"},
	{"a sequence is gone", READING("\"7@noon\"", "null", "", "\"30\":[\"public.s\",true,1]"),
		OF(""), "{}", "x", WRITES_UNKNOWN, "sequence public.s was dropped"},
	{"a crash", OF(""), READING("\"9@one\"", "null", "", ""), "{}", "x", WRITES_UNKNOWN,
		"restarted or crashed"},
	{"nobody saw whether it crashed", READING("null", "null", "", ""),
		READING("null", "null", "", ""), "{}", "x", WRITES_UNKNOWN, "restarted or crashed"},
	{"counters were reset", OF(""), READING("\"7@noon\"", "\"now\"", "", ""), "{}", "x",
		WRITES_UNKNOWN, "counters were reset"},
};

static json_t *load(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);
	assert_non_null(value);
	return value;
}

static void judge(const struct row *row)
{
	CLEANUP(writes_verdict_release) struct writes_verdict verdict = {0};
	AUTO_STRVEC(ignore);
	strvec_push(&ignore, row->ignore);
	json_t *r0 = load(row->r0), *r1 = load(row->r1), *own = load(row->own);
	json_t *sum = json_object();
	compare_add_own(sum, own);
	compare_readings(r0, r1, sum, &ignore, &verdict);
	if (verdict.answer != row->answer || !strstr(verdict.reason, row->says))
		fail_msg("%s: %s, %s", row->name, writes_answer_word(verdict.answer),
			verdict.reason);
	json_decref(r0);
	json_decref(r1);
	json_decref(own);
	json_decref(sum);
}

static void safety_12_readings_are_compared(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		judge(&rows[i]);
}

static void safety_12_own_reports_add_up_and_the_last_value_counts(void **state)
{
	(void)state;
	json_t *sum = json_object();
	json_t *one = load("{\"tables\":{\"20\":[1,2,3]},\"sequences\":{\"30\":4}}");
	json_t *two =
		load("{\"tables\":{\"20\":[10,0,0],\"21\":[0,0,1]},\"sequences\":{\"30\":9}}");
	json_t *wanted = load("{\"tables\":{\"20\":[11,2,3],\"21\":[0,0,1]},"
			      "\"sequences\":{\"30\":9},\"steps\":{}}");
	compare_add_own(sum, one);
	compare_add_own(sum, two);
	assert_true(json_equal(sum, wanted));
	json_decref(sum);
	json_decref(one);
	json_decref(two);
	json_decref(wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(safety_12_readings_are_compared),
		cmocka_unit_test(safety_12_own_reports_add_up_and_the_last_value_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
