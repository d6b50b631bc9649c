/* Whose doing it is that a server is out of rotation: ours, an operator's, or
 * in doubt. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/core_world.h"

static void an_operators_maintenance_is_left_and_said_once(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_see(&w, 0, API1, SERVER_MAINT, 100);
	assert_non_null(core_note(&w, NOTE_OPERATOR));
	core_forget(&w);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_answers(&w, API1, 3, RESULT_L7OK);
	assert_null(core_note(&w, NOTE_OPERATOR));
	assert_null(core_order(&w, API1));
	core_see(&w, 0, API1, SERVER_READY, 100);
	assert_non_null(core_note(&w, NOTE_OPERATOR_OVER));
	core_done(&w);
}

static void an_operator_may_take_out_what_just_came_back(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	core_init(&w);
	w.services[API].slow_start_us = 10 * SECOND;
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_settle(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	core_settle(&w);
	core_settle(&w);
	assert_int_equal(ctl_target(w.ctl, API1).weight_percent, 10);
	core_see(&w, 0, API1, SERVER_MAINT, 10);
	core_forget(&w);
	for (i = 0; i < 20; i++)
		core_answer(&w, API1, RESULT_L7OK);
	core_settle(&w);
	assert_null(core_order(&w, API1));
	assert_true(ctl_target(w.ctl, API1).operator_hold);
	/* The weight is still ours to bring back. */
	core_see(&w, 0, API1, SERVER_READY, 10);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_UNKNOWN);
	assert_int_equal(core_order(&w, API1)->haproxy.weight_percent, 100);
	core_done(&w);
}

static void a_weight_on_its_way_is_still_ours(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	w.services[API].slow_start_us = 10 * SECOND;
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_settle(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	core_acted(&w, core_order(&w, API1)->id, NULL);
	core_acted(&w, core_store(&w, STORE_CLAIM)->id, NULL);
	core_forget(&w);
	core_see(&w, 0, API1, SERVER_READY, 100);
	/* The order for the weight is under way when an operator is seen. */
	assert_int_equal(core_order(&w, API1)->haproxy.weight_percent, 10);
	core_see(&w, 0, API1, SERVER_DRAIN, 100);
	assert_null(core_store(&w, STORE_UNCLAIM));
	core_acted(&w, core_order(&w, API1)->id, NULL);
	core_forget(&w);
	core_see(&w, 0, API1, SERVER_READY, 10);
	core_wait(&w, 2 * SECOND);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_UNKNOWN);
	assert_true(core_order(&w, API1)->haproxy.weight_percent > 10);
	core_done(&w);
}

static void a_weight_of_ours_does_not_make_maintenance_ours(void **state)
{
	const struct claim claims[] = { { 0, API1, true, false } };
	const struct stored stored = { .claims = claims, .claim_count = 1 };
	struct core_world w;

	(void)state;
	core_init(&w);
	core_start(&w, &stored);
	core_see_all(&w, 0, SERVER_MAINT);
	core_answers(&w, API1, 3, RESULT_L7OK);
	core_settle(&w);
	assert_null(core_order(&w, API1));
	assert_true(ctl_target(w.ctl, API1).operator_hold);
	core_done(&w);
}

static void
a_maintenance_taken_while_the_claim_is_written_is_not_ours(void **state)
{
	const struct action *claim;
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	claim = core_store(&w, STORE_CLAIM);
	core_see(&w, 0, API1, SERVER_MAINT, 100);
	assert_non_null(core_store(&w, STORE_UNCLAIM));
	core_acted(&w, claim->id, NULL);
	core_answers(&w, API1, 3, RESULT_L7OK);
	assert_null(core_order(&w, API1));
	core_done(&w);
}

static void an_order_lost_with_the_link_is_still_ours(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_acted(&w, core_store(&w, STORE_CLAIM)->id, NULL);
	core_acted(&w, core_order(&w, API1)->id, "connection lost");
	core_link_again(&w, 0);
	core_see(&w, 0, API1, SERVER_MAINT, 100);
	core_answers(&w, API1, 2, RESULT_L7OK);
	core_wait(&w, 2 * SECOND);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	core_done(&w);
}

/* It is well again when the link is back, but the order may come yet. */
static void in_doubt_nothing_is_given_up(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_acted(&w, core_store(&w, STORE_CLAIM)->id, NULL);
	core_acted(&w, core_order(&w, API1)->id, "connection lost");
	core_forget(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	core_link_again(&w, 0);
	core_see(&w, 0, API1, SERVER_READY, 100);
	assert_null(core_store(&w, STORE_UNCLAIM));
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	core_acted(&w, core_order(&w, API1)->id, NULL);
	assert_non_null(core_store(&w, STORE_UNCLAIM));
	core_done(&w);
}

static void a_refused_order_makes_no_maintenance_ours(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_acted(&w, core_store(&w, STORE_CLAIM)->id, NULL);
	core_acted(&w, core_order(&w, API1)->id, "Permission denied");
	core_see(&w, 0, API1, SERVER_MAINT, 100);
	core_forget(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	core_wait(&w, 2 * MINUTE);
	assert_null(core_order(&w, API1));
	core_done(&w);
}

/* api1 is DOWN, and what is written down is not done yet. */
static void claim_only(struct core_world *w)
{
	core_init(w);
	core_begin(w, NULL);
	core_answers(w, API1, 3, RESULT_L7STS);
	core_acted(w, core_store(w, STORE_CLAIM)->id, NULL);
	assert_int_equal(core_order(w, API1)->haproxy.state, SERVER_MAINT);
}

/* api1 is seen out of rotation, recovers, and is left so. */
static void assert_operators(struct core_world *w)
{
	core_see(w, 0, API1, SERVER_MAINT, 100);
	assert_non_null(core_store(w, STORE_UNCLAIM));
	core_forget(w);
	core_answers(w, API1, 3, RESULT_L7OK);
	core_wait(w, 2 * MINUTE);
	assert_null(core_order(w, API1));
	assert_true(ctl_target(w->ctl, API1).operator_hold);
	core_done(w);
}

/* The process that was told had left; what the next one has is not ours. */
static void a_new_process_was_told_nothing(void **state)
{
	struct core_world w;

	(void)state;
	claim_only(&w);
	core_acted(&w, core_order(&w, API1)->id, "Proxy is disabled.");
	core_link(&w, 0, true);
	assert_operators(&w);
	claim_only(&w);
	core_link(&w, 0, false);
	core_link(&w, 0, true);
	assert_operators(&w);
}

static void a_reload_of_ours_makes_no_maintenance_ours(void **state)
{
	struct core_world w;

	(void)state;
	claim_only(&w);
	core_reload(&w, &w.set);
	assert_operators(&w);
	claim_only(&w);
	core_reload(&w, &w.set);
	core_reload(&w, &w.set);
	assert_operators(&w);
}

/* Servers' states are kept over a reload of HAProxy by many. */
static void what_we_did_is_ours_at_a_new_process_too(void **state)
{
	struct core_world w;

	(void)state;
	claim_only(&w);
	core_settle(&w);
	core_link(&w, 0, true);
	core_see(&w, 0, API1, SERVER_MAINT, 100);
	core_answers(&w, API1, 3, RESULT_L7OK);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	core_done(&w);
}

static void drift_is_mended_and_said(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_settle(&w);
	core_see(&w, 0, API1, SERVER_READY, 100);
	assert_non_null(core_note(&w, NOTE_DRIFT));
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_MAINT);
	assert_int_equal(ctl_haproxy(w.ctl, 0).drifts, 1);
	core_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_operators_maintenance_is_left_and_said_once),
		cmocka_unit_test(an_operator_may_take_out_what_just_came_back),
		cmocka_unit_test(a_weight_on_its_way_is_still_ours),
		cmocka_unit_test(
			a_weight_of_ours_does_not_make_maintenance_ours),
		cmocka_unit_test(
			a_maintenance_taken_while_the_claim_is_written_is_not_ours),
		cmocka_unit_test(an_order_lost_with_the_link_is_still_ours),
		cmocka_unit_test(in_doubt_nothing_is_given_up),
		cmocka_unit_test(a_refused_order_makes_no_maintenance_ours),
		cmocka_unit_test(a_new_process_was_told_nothing),
		cmocka_unit_test(a_reload_of_ours_makes_no_maintenance_ours),
		cmocka_unit_test(what_we_did_is_ours_at_a_new_process_too),
		cmocka_unit_test(drift_is_mended_and_said),
	};

	return cmocka_run_group_tests_name("ctl_operator", tests, NULL, NULL);
}
