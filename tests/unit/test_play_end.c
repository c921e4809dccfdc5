/* Every combination of what can be known about a run: its end, and whether maintenance is lifted.
 */
#include "play/end.h"
#include "play/recover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FACT_COUNT 10
#define FOUND_COUNT 10

static struct play_facts facts_of(unsigned bits)
{
	return (struct play_facts){
		.ok = bits & 1,
		.effect = bits & 2,
		.key_lost = bits & 4,
		.pivot = bits & 8,
		.undo_failed = bits & 16,
		.recovered = bits & 32,
		.dirty = bits & 64,
		.doubt = bits & 128,
		.data_doubt = bits & 256,
		.closed = bits & 512,
	};
}

static void safety_14_maintenance_is_lifted_only_when_nothing_failed_and_it_recovered(void **state)
{
	(void)state;
	unsigned lifted = 0;
	for (unsigned bits = 0; bits < 1u << FACT_COUNT; bits++) {
		struct play_facts facts = facts_of(bits);
		struct play_decision decision = play_end_decide(&facts);
		if (!decision.lift)
			continue;
		lifted++;
		assert_true(facts.closed);
		assert_true(facts.recovered);
		assert_false(facts.undo_failed);
		assert_false(facts.data_doubt);
		assert_false(facts.key_lost);
	}
	assert_int_not_equal(lifted, 0);
}

static void safety_15_past_the_pivot_a_failed_run_never_calls_itself_undone(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 1u << FACT_COUNT; bits++) {
		struct play_facts facts = facts_of(bits);
		struct play_decision decision = play_end_decide(&facts);
		if (!facts.pivot || facts.ok)
			continue;
		assert_int_not_equal(decision.end, PLAY_END_UNDONE);
		assert_false(decision.lift);
	}
}

static void undone_means_as_before(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 1u << FACT_COUNT; bits++) {
		struct play_facts facts = facts_of(bits);
		struct play_decision decision = play_end_decide(&facts);
		if (decision.end == PLAY_END_OK) {
			assert_true(facts.ok);
			assert_false(facts.doubt || facts.data_doubt || facts.key_lost);
		}
		if (decision.end != PLAY_END_UNDONE)
			continue;
		assert_true(facts.effect && facts.recovered);
		assert_false(facts.ok || facts.dirty || facts.doubt || facts.undo_failed);
		assert_int_equal(decision.lift, facts.closed);
	}
}

static void doubt_outweighs_everything(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 1u << FACT_COUNT; bits++) {
		struct play_facts facts = facts_of(bits);
		bool doubt = facts.doubt || facts.data_doubt || facts.key_lost;
		assert_int_equal(play_end_decide(&facts).end == PLAY_END_DOUBT, doubt);
	}
}

static void ends_have_the_documented_exit_codes(void **state)
{
	static const struct {
		struct play_facts facts;
		enum play_end end;
		enum err_code code;
		bool lift;
	} rows[] = {
		{{.ok = true, .effect = true, .pivot = true}, PLAY_END_OK, ERR_NONE, false},
		{{0}, PLAY_END_STOPPED, ERR_NONE, false},
		{{.effect = true, .recovered = true}, PLAY_END_UNDONE, ERR_UNDONE, false},
		{{.effect = true, .recovered = true, .closed = true}, PLAY_END_UNDONE, ERR_UNDONE,
			true},
		{{.effect = true, .closed = true}, PLAY_END_PAGE, ERR_PAGE, false},
		{{.effect = true, .recovered = true, .undo_failed = true, .closed = true},
			PLAY_END_PAGE, ERR_PAGE, false},
		/* it works, though the schema stays: users come back, a person is called */
		{{.effect = true, .recovered = true, .dirty = true, .closed = true}, PLAY_END_PAGE,
			ERR_PAGE, true},
		{{.effect = true,
			 .doubt = true,
			 .data_doubt = true,
			 .recovered = true,
			 .closed = true},
			PLAY_END_DOUBT, ERR_DOUBT, false},
		{{.effect = true, .doubt = true, .recovered = true, .closed = true}, PLAY_END_DOUBT,
			ERR_DOUBT, true},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct play_decision decision = play_end_decide(&rows[i].facts);
		assert_int_equal(decision.end, rows[i].end);
		assert_int_equal(play_end_code(decision.end), rows[i].code);
		assert_int_equal(decision.lift, rows[i].lift);
	}
}

static struct play_found found_of(unsigned bits)
{
	return (struct play_found){
		.effect = bits & 1,
		.data = bits & 2,
		.unknown = bits & 4,
		.before = bits & 8,
		.passed_pivot = bits & 16,
		.pivot_done = (bits & 32) && (bits & 16),
		.undo_failed = bits & 64,
		.declared = bits & 128,
		.recovered = (bits & 256) && (bits & 128),
		.closed = bits & 512,
	};
}

static void safety_14_recover_lifts_only_what_is_provably_well(void **state)
{
	(void)state;
	unsigned lifted = 0;
	for (unsigned bits = 0; bits < 1u << FOUND_COUNT; bits++) {
		struct play_found found = found_of(bits);
		struct play_verdict verdict = play_recover_decide(&found);
		assert_non_null(verdict.reason);
		assert_true(verdict.code == ERR_NONE || verdict.code == ERR_UNDONE ||
			    verdict.code == ERR_PAGE);
		/* maintenance that stays on is never a success */
		if (found.closed && !verdict.lift)
			assert_int_equal(verdict.code, ERR_PAGE);
		if (!verdict.lift)
			continue;
		lifted++;
		assert_true(found.closed);
		assert_false(found.unknown || found.passed_pivot || found.undo_failed);
		assert_true(found.recovered || (!found.declared && !found.data));
	}
	assert_int_not_equal(lifted, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			safety_14_maintenance_is_lifted_only_when_nothing_failed_and_it_recovered),
		cmocka_unit_test(safety_15_past_the_pivot_a_failed_run_never_calls_itself_undone),
		cmocka_unit_test(undone_means_as_before),
		cmocka_unit_test(doubt_outweighs_everything),
		cmocka_unit_test(ends_have_the_documented_exit_codes),
		cmocka_unit_test(safety_14_recover_lifts_only_what_is_provably_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
