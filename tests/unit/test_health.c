/* One target's health: the table, the counts that lead into it, and the
 * timeouts and intervals that follow from it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/golden.h"
#include "tests/unit/health_world.h"

static void goes_down_on_the_third_failure(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	judge(&w, RESULT_L7OK, MS);
	assert_int_equal(w.h.state, HEALTH_UP);
	judge_times(&w, 2, RESULT_L7STS, MS);
	assert_int_equal(w.h.state, HEALTH_UP);
	judge(&w, RESULT_L7STS, MS);
	assert_int_equal(w.h.state, HEALTH_DOWN);
	assert_int_equal(w.h.since.us, w.now.us);
	assert_int_equal(instant_diff_us(w.h.first_bad, w.now), 200 * MS);
	assert_int_equal(instant_diff_us(w.h.last_good, w.now), 300 * MS);
}

static void a_good_answer_ends_a_row_of_bad_ones(void **state)
{
	struct world w;
	int i;

	(void)state;
	world_init(&w);
	judge(&w, RESULT_L7OK, MS);
	for (i = 0; i < 10; i++) {
		judge_times(&w, 2, RESULT_L7STS, MS);
		judge(&w, RESULT_L7OK, MS);
	}
	assert_int_equal(w.h.state, HEALTH_UP);
	assert_true(instant_is_none(w.h.first_bad));
}

static void recovers_after_rise_and_fails_on_trial_at_once(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	judge_times(&w, 3, RESULT_L7TOUT, 0);
	assert_int_equal(w.h.state, HEALTH_DOWN);
	judge(&w, RESULT_L7OK, MS);
	assert_int_equal(w.h.state, HEALTH_DOWN);
	judge(&w, RESULT_L7OK, MS);
	assert_int_equal(w.h.state, HEALTH_RECOVERING);
	judge(&w, RESULT_L7STS, MS);
	assert_int_equal(w.h.state, HEALTH_DOWN);
}

static void slow_answers_degrade_and_never_take_down(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	judge(&w, RESULT_L7OK, MS);
	judge_times(&w, 2, RESULT_L7OK, 300 * MS);
	assert_int_equal(w.h.state, HEALTH_UP);
	judge(&w, RESULT_L7OK, 300 * MS);
	assert_int_equal(w.h.state, HEALTH_DEGRADED);
	judge_times(&w, 100, RESULT_L7OKC, MS);
	assert_int_equal(w.h.state, HEALTH_DEGRADED);
	judge_times(&w, 2, RESULT_L7OK, MS);
	assert_int_equal(w.h.state, HEALTH_UP);
}

static void recovers_by_slow_answers_too(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	judge_times(&w, 3, RESULT_L7STS, MS);
	judge_times(&w, 2, RESULT_L7OK, 300 * MS);
	assert_int_equal(w.h.state, HEALTH_RECOVERING);
}

static void whether_it_answers_is_not_forgotten(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_false(health_answers(&w.h));
	judge(&w, RESULT_L7OKC, MS);
	assert_true(health_answers(&w.h));
	judge(&w, RESULT_L7STS, MS);
	assert_false(health_answers(&w.h));
	health_forget(&w.h);
	assert_false(health_answers(&w.h));
}

static void our_own_trouble_is_no_evidence(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	judge(&w, RESULT_L7OK, MS);
	assert_int_equal(digest(&w, RESULT_SOCKERR, 0), HEALTH_INPUTS);
	assert_int_equal(digest(&w, RESULT_RESOLV, 0), HEALTH_INPUTS);
	assert_int_equal(digest(&w, RESULT_PROCUNK, 0), HEALTH_INPUTS);
	assert_int_equal(w.h.bad, 0);
	assert_int_equal(w.h.last.code, RESULT_PROCUNK);
}

static void failures_in_the_start_period_do_not_count(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.check.start_period_us = 2 * SECOND;
	judge_times(&w, 19, RESULT_L7STS, MS);
	assert_int_equal(w.h.state, HEALTH_UNKNOWN);
	assert_int_equal(w.h.bad, 0);
	judge_times(&w, 3, RESULT_L7STS, MS);
	assert_int_equal(w.h.state, HEALTH_DOWN);
}

static void the_start_period_ends_with_the_first_answer(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.check.start_period_us = 1 * HOUR;
	judge(&w, RESULT_L7OK, MS);
	judge_times(&w, 3, RESULT_L7STS, MS);
	assert_int_equal(w.h.state, HEALTH_DOWN);
}

static void forgets_counts_after_a_stall(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	judge(&w, RESULT_L7OK, MS);
	judge_times(&w, 2, RESULT_L7STS, MS);
	health_forget(&w.h);
	judge_times(&w, 2, RESULT_L7STS, MS);
	assert_int_equal(w.h.state, HEALTH_UP);
	judge(&w, RESULT_L7STS, MS);
	assert_int_equal(w.h.state, HEALTH_DOWN);
}

static void the_timeout_adapts_to_the_answers(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	judge_times(&w, 9, RESULT_L7OK, 30 * MS);
	assert_int_equal(health_timeout_us(&w.h, &w.check), 500 * MS);
	judge(&w, RESULT_L7OK, 30 * MS);
	assert_in_range(health_timeout_us(&w.h, &w.check), 90 * MS, 96 * MS);
	judge_times(&w, 90, RESULT_L7OK, 1 * MS);
	judge_times(&w, 10, RESULT_L7OK, 1 * MS);
	assert_int_equal(health_timeout_us(&w.h, &w.check), 20 * MS);
}

static void the_timeout_is_at_least_twice_the_last_answer(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	judge_times(&w, 100, RESULT_L7OK, 10 * MS);
	judge(&w, RESULT_L7OK, 100 * MS);
	assert_int_equal(health_timeout_us(&w.h, &w.check), 200 * MS);
}

static void silence_doubles_the_timeout(void **state)
{
	struct world w;
	int64_t before_us;

	(void)state;
	world_init(&w);
	judge_times(&w, 20, RESULT_L7OK, 30 * MS);
	before_us = health_timeout_us(&w.h, &w.check);
	judge(&w, RESULT_L7TOUT, 90 * MS);
	assert_int_equal(health_timeout_us(&w.h, &w.check), 2 * before_us);
	judge(&w, RESULT_L7TOUT, 90 * MS);
	assert_int_equal(health_timeout_us(&w.h, &w.check), 4 * before_us);
	judge(&w, RESULT_L7STS, MS);
	assert_int_equal(w.h.state, HEALTH_DOWN);
	assert_int_equal(health_timeout_us(&w.h, &w.check), 500 * MS);
}

static void asks_faster_while_it_counts(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(health_interval_us(&w.h, &w.check), 100 * MS);
	judge(&w, RESULT_L7OK, MS);
	assert_int_equal(health_interval_us(&w.h, &w.check), 1 * SECOND);
	judge(&w, RESULT_L7STS, MS);
	assert_int_equal(health_interval_us(&w.h, &w.check), 100 * MS);
	judge_times(&w, 2, RESULT_L7STS, MS);
	assert_int_equal(health_interval_us(&w.h, &w.check), 2 * SECOND);
	judge(&w, RESULT_L7OK, MS);
	assert_int_equal(health_interval_us(&w.h, &w.check), 100 * MS);
	health_move(&w.h, HEALTH_HOLD, w.now);
	assert_int_equal(health_interval_us(&w.h, &w.check), 1 * SECOND);
}

static void what_answers_and_is_held_back_is_not_asked_faster(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	digest(&w, RESULT_L7OK, MS);
	assert_int_equal(health_interval_us(&w.h, &w.check), 100 * MS);
	digest(&w, RESULT_L7OK, MS);
	assert_int_equal(w.h.state, HEALTH_UNKNOWN);
	assert_int_equal(health_interval_us(&w.h, &w.check), 1 * SECOND);
	health_forget(&w.h);
	digest(&w, RESULT_L7OKC, MS);
	assert_int_equal(health_interval_us(&w.h, &w.check), 1 * SECOND);
}

static void maintenance_begins_anywhere_and_ends_unknown(void **state)
{
	unsigned s;

	(void)state;
	for (s = 0; s < HEALTH_STATES; s++) {
		struct world w;

		world_init(&w);
		w.h.state = s;
		health_move(&w.h, HEALTH_HOLD, w.now);
		assert_int_equal(w.h.state, HEALTH_MAINT);
		judge_times(&w, 5, RESULT_L7STS, MS);
		judge_times(&w, 5, RESULT_L7OK, MS);
		assert_int_equal(w.h.state, HEALTH_MAINT);
		assert_non_null(health_move(&w.h, HEALTH_FREE, w.now));
		assert_int_equal(w.h.state, HEALTH_UNKNOWN);
	}
}

/* health_move() asserts that the cell was written. */
static void the_table_has_no_hole_and_no_state_out_of_reach(void **state)
{
	bool reached[HEALTH_STATES] = { [HEALTH_UNKNOWN] = true };
	unsigned round, s, in;

	(void)state;
	for (round = 0; round < HEALTH_STATES; round++)
		for (s = 0; s < HEALTH_STATES; s++)
			for (in = 0; in < HEALTH_INPUTS; in++) {
				struct health h = { .state = s };
				const char *why;

				why = health_move(&h, in, h.since);
				assert_int_equal(why != NULL, h.state != s);
				if (reached[s])
					reached[h.state] = true;
			}
	for (s = 0; s < HEALTH_STATES; s++)
		assert_true(reached[s]);
}

static void only_checks_take_down_and_only_maintenance_holds(void **state)
{
	unsigned s, in;

	(void)state;
	for (s = 0; s < HEALTH_STATES; s++)
		for (in = 0; in < HEALTH_INPUTS; in++) {
			struct health h = { .state = s };

			health_move(&h, in, h.since);
			if (h.state == HEALTH_DOWN && s != HEALTH_DOWN)
				assert_true(in == HEALTH_FALL ||
					    (in == HEALTH_FAIL &&
					     s == HEALTH_RECOVERING));
			if (h.state == HEALTH_MAINT && s != HEALTH_MAINT)
				assert_int_equal(in, HEALTH_HOLD);
		}
}

static void names_everything(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < HEALTH_STATES; i++) {
		assert_non_null(health_state_name(i));
		assert_non_null(health_circuit_name(i));
	}
	assert_string_equal(health_circuit_name(HEALTH_RECOVERING),
			    "HALF_OPEN");
	assert_true(health_serving(HEALTH_DEGRADED));
	assert_false(health_serving(HEALTH_DOWN));
}

static void print_states(const void *arg, FILE *out)
{
	char table[4096], kinds[4096];

	(void)arg;
	assert_true(health_table(table, sizeof(table)) < sizeof(table));
	assert_true(evidence_table(kinds, sizeof(kinds)) < sizeof(kinds));
	fputs("# States of a target\n"
	      "\n"
	      "Printed from the table in controller/core/health.c by\n"
	      "`GOLDEN_WRITE=1 top_srcdir=. tests/unit/test_health`.\n"
	      "Rows are states, columns are inputs, a dot stays.\n"
	      "\n",
	      out);
	fputs(table, out);
	fputs("\n"
	      "| input | what it is |\n"
	      "| --- | --- |\n"
	      "| PASS | a good answer |\n"
	      "| RISE | the good answer that completes `rise` |\n"
	      "| POOR | a slow answer or one with a warning |\n"
	      "| SINK | the poor answer that completes `fall` |\n"
	      "| DOUBT | a failure that calls for another look at once |\n"
	      "| FAIL | a bad answer, or none of which more is known |\n"
	      "| FALL | the failure that is enough, or certain |\n"
	      "| ALIVE | the answer to a question given up, after a verdict by "
	      "silence |\n"
	      "| RAMPED | the slow start is over |\n"
	      "| HOLD | maintenance begins |\n"
	      "| FREE | maintenance ends |\n"
	      "| RESET | somebody closes the circuit by hand |\n"
	      "| BACK | what an earlier run withdrew is well again |\n"
	      "\n"
	      "# Evidence\n"
	      "\n"
	      "The table of controller/core/evidence.c: what each observation "
	      "is worth.\n"
	      "[evidence.md](evidence.md) says how they are counted.\n"
	      "\n",
	      out);
	fputs(kinds, out);
}

static void the_documentation_shows_the_table(void **state)
{
	(void)state;
	golden_check("../../docs/states.md", print_states, NULL);
}

static void a_table_too_long_for_the_buffer_is_cut(void **state)
{
	char table[40];
	size_t wanted;

	(void)state;
	memset(table, 'x', sizeof(table));
	wanted = health_table(table, 20);
	assert_true(wanted > sizeof(table));
	assert_int_equal(strlen(table), 19);
	assert_int_equal(table[20], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_down_on_the_third_failure),
		cmocka_unit_test(a_good_answer_ends_a_row_of_bad_ones),
		cmocka_unit_test(
			recovers_after_rise_and_fails_on_trial_at_once),
		cmocka_unit_test(slow_answers_degrade_and_never_take_down),
		cmocka_unit_test(recovers_by_slow_answers_too),
		cmocka_unit_test(whether_it_answers_is_not_forgotten),
		cmocka_unit_test(our_own_trouble_is_no_evidence),
		cmocka_unit_test(failures_in_the_start_period_do_not_count),
		cmocka_unit_test(the_start_period_ends_with_the_first_answer),
		cmocka_unit_test(forgets_counts_after_a_stall),
		cmocka_unit_test(the_timeout_adapts_to_the_answers),
		cmocka_unit_test(the_timeout_is_at_least_twice_the_last_answer),
		cmocka_unit_test(silence_doubles_the_timeout),
		cmocka_unit_test(asks_faster_while_it_counts),
		cmocka_unit_test(
			what_answers_and_is_held_back_is_not_asked_faster),
		cmocka_unit_test(maintenance_begins_anywhere_and_ends_unknown),
		cmocka_unit_test(
			the_table_has_no_hole_and_no_state_out_of_reach),
		cmocka_unit_test(
			only_checks_take_down_and_only_maintenance_holds),
		cmocka_unit_test(names_everything),
		cmocka_unit_test(the_documentation_shows_the_table),
		cmocka_unit_test(a_table_too_long_for_the_buffer_is_cut),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
