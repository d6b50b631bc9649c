/* The controller, fed by hand: claims, withdrawals, holds, the
 * disk, HAProxy.  Whole stories are in tests/scenarios. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/core_world.h"

static void waits_for_the_claim_before_it_withdraws(void **state)
{
	const struct action *act;
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	act = core_store(&w, STORE_CLAIM);
	assert_non_null(act);
	assert_int_equal(act->store.claim.target, API1);
	assert_false(act->store.claim.weight_only);
	assert_null(core_order(&w, API1));
	core_acted(&w, act->id, NULL);
	act = core_order(&w, API1);
	assert_int_equal(act->haproxy.state, SERVER_MAINT);
	assert_false(ctl_target(w.ctl, API1).in_rotation);
	core_acted(&w, act->id, NULL);
	assert_non_null(core_note(&w, NOTE_WITHDRAWN));
	assert_int_equal(ctl_server(w.ctl, 0, API1), SERVER_MAINT);
	core_done(&w);
}

static const struct action *asked(struct core_world *w, unsigned target)
{
	unsigned i;

	for (i = 0; i < w->count; i++)
		if (w->log[i].kind == ACTION_CHECK &&
		    w->log[i].check.target == target)
			return &w->log[i];
	return NULL;
}

static void a_hint_asks_at_once_over_a_new_connection(void **state)
{
	struct event ev = { .kind = EVENT_HINT };
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_forget(&w);
	assert_null(asked(&w, API1));
	ev.hint.target = API1;
	ev.hint.kind = HINT_TETHER_CLOSED;
	core_feed(&w, &ev);
	assert_non_null(asked(&w, API1));
	assert_true(asked(&w, API1)->check.fresh);
	core_done(&w);
}

static void a_disk_that_hangs_delays_a_withdrawal_by_20_ms(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_wait(&w, 19 * MS);
	assert_null(core_order(&w, API1));
	core_wait(&w, 1 * MS);
	assert_non_null(core_order(&w, API1));
	assert_false(ctl_store_ok(w.ctl));
	assert_non_null(core_note(&w, NOTE_STORE_FAILED));
	core_done(&w);
}

static void a_disk_that_is_known_bad_delays_nothing(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_acted(&w, core_store(&w, STORE_CLAIM)->id, "the disk is full");
	assert_non_null(core_order(&w, API1));
	core_answers(&w, API2, 3, RESULT_L7STS);
	assert_non_null(core_order(&w, API2));
	core_acted(&w, core_store(&w, STORE_CLAIM)->id, NULL);
	assert_true(ctl_store_ok(w.ctl));
	assert_non_null(core_note(&w, NOTE_STORE_OK));
	core_done(&w);
}

static void after_a_stall_the_disk_gets_its_time_anew(void **state)
{
	struct event ev = { .kind = EVENT_DEADLINE };
	const struct action *claim;
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	claim = core_store(&w, STORE_CLAIM);
	w.now = instant_add(w.now, 5 * SECOND);
	core_feed(&w, &ev);
	assert_non_null(core_note(&w, NOTE_STALL));
	assert_true(ctl_store_ok(w.ctl));
	assert_null(core_order(&w, API1));
	core_acted(&w, claim->id, NULL);
	assert_non_null(core_order(&w, API1));
	core_done(&w);
}

static void holds_the_last_one_and_lets_it_go_when_another_is_back(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	for (i = API1; i <= API3; i++)
		core_answers(&w, i, 3, RESULT_L7STS);
	core_settle(&w);
	assert_true(ctl_target(w.ctl, API3).held);
	assert_true(ctl_target(w.ctl, API3).in_rotation);
	assert_int_equal(ctl_server(w.ctl, 0, API3), SERVER_READY);
	core_answers(&w, API1, 2, RESULT_L7OK);
	/* HAProxy has not answered yet: the last one stays. */
	assert_true(ctl_target(w.ctl, API3).held);
	core_acted(&w, core_order(&w, API1)->id, NULL);
	assert_false(ctl_target(w.ctl, API3).held);
	assert_false(ctl_target(w.ctl, API3).in_rotation);
	core_done(&w);
}

static void a_withdrawal_that_nobody_heard_of_is_thought_over(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	core_init(&w);
	core_start(&w, NULL);
	/* No HAProxy answers yet: two are to leave. */
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_answers(&w, API2, 3, RESULT_L7STS);
	core_answer(&w, API3, RESULT_L7OK);
	assert_true(ctl_target(w.ctl, API1).withdrawn);
	assert_true(ctl_target(w.ctl, API2).withdrawn);
	/* The third turns out to be in an operator's maintenance. */
	core_link(&w, 0, true);
	for (i = API1; i <= API2; i++)
		core_see(&w, 0, i, SERVER_READY, 100);
	core_see(&w, 0, API3, SERVER_MAINT, 100);
	core_settle(&w);
	core_settle(&w);
	assert_true(ctl_target(w.ctl, API3).operator_hold);
	assert_int_equal((ctl_server(w.ctl, 0, API1) == SERVER_READY) +
				 (ctl_server(w.ctl, 0, API2) == SERVER_READY),
			 1);
	core_done(&w);
}

static void a_stale_claim_does_not_empty_the_pool(void **state)
{
	const struct claim claims[] = { { 0, API1, false, false },
					{ 0, API2, false, false },
					{ 0, API3, false, false } };
	const struct stored stored = { .claims = claims, .claim_count = 3 };
	struct core_world w;
	unsigned i;

	(void)state;
	core_init(&w);
	core_start(&w, &stored);
	for (i = API1; i <= API3; i++)
		core_answers(&w, i, 3, RESULT_L7STS);
	core_see_all(&w, 0, SERVER_READY);
	core_settle(&w);
	core_settle(&w);
	assert_int_equal((ctl_server(w.ctl, 0, API1) == SERVER_READY) +
				 (ctl_server(w.ctl, 0, API2) == SERVER_READY) +
				 (ctl_server(w.ctl, 0, API3) == SERVER_READY),
			 1);
	core_done(&w);
}

static void servers_that_no_haproxy_knows_hold_nobody_up(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_see(&w, 0, API1, SERVER_ABSENT, 0);
	core_see(&w, 0, API2, SERVER_ABSENT, 0);
	core_answers(&w, API3, 3, RESULT_L7STS);
	assert_true(ctl_target(w.ctl, API3).held);
	assert_int_equal(ctl_haproxy(w.ctl, 0).absent, 2);
	core_see(&w, 0, API1, SERVER_READY, 100);
	assert_false(ctl_target(w.ctl, API3).held);
	core_done(&w);
}

static void refused_orders_are_said_once_and_tried_less_often(void **state)
{
	const struct action *act;
	struct core_world w;
	unsigned said = 0, tried = 0, i;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_acted(&w, core_store(&w, STORE_CLAIM)->id, NULL);
	for (i = 0; i < 600; i++) {
		act = core_order(&w, API1);
		if (act != NULL) {
			uint64_t id = act->id;

			tried++;
			core_forget(&w);
			core_acted(&w, id, "Permission denied");
			said += core_note(&w, NOTE_HAPROXY_REFUSED) != NULL;
		}
		core_wait(&w, 1 * SECOND);
	}
	assert_int_equal(said, 1);
	assert_in_range(tried, 10, 30);
	assert_int_equal(ctl_haproxy(w.ctl, 0).failures, tried);
	core_done(&w);
}

static void what_recovers_without_a_slow_start_ends_none(void **state)
{
	struct core_world w;
	const char *why;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_settle(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_int_equal(ctl_target(w.ctl, API1).health->state, HEALTH_UP);
	why = ctl_target(w.ctl, API1).why;
	assert_null(strstr(why, "slow start"));
	assert_string_equal(core_note(&w, NOTE_TARGET)->note.text, why);
	core_done(&w);
}

static void a_slow_start_ramps_only_what_recovers(void **state)
{
	struct core_world w;
	unsigned last = 0;

	(void)state;
	core_init(&w);
	w.services[API].slow_start_us = 10 * SECOND;
	core_begin(&w, NULL);
	assert_int_equal(ctl_target(w.ctl, API1).weight_percent, 100);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_settle(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	while (ctl_target(w.ctl, API1).health->state == HEALTH_RECOVERING) {
		unsigned weight = ctl_target(w.ctl, API1).weight_percent;

		assert_true(weight >= last);
		last = weight;
		core_settle(&w);
		core_answer(&w, API1, RESULT_L7OK);
	}
	core_settle(&w);
	core_settle(&w);
	assert_int_equal(last, 100);
	assert_int_equal(ctl_target(w.ctl, API1).weight_percent, 100);
	core_wait(&w, 20 * SECOND);
	assert_int_equal(ctl_target(w.ctl, API1).weight_percent, 100);
	core_done(&w);
}

static void a_late_timer_is_noticed_while_a_question_is_under_way(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	core_init(&w);
	w.services[API].check.interval_us = 1 * HOUR;
	w.services[SHOP].check.interval_us = 1 * HOUR;
	w.services[API].check.fall = 1;
	core_begin(&w, NULL);
	core_wait(&w, 1 * HOUR);
	for (i = 0; i < CORE_TARGETS; i++)
		if (w.checks[i] != 0 && i != API1)
			core_answer(&w, i, RESULT_L7OK);
	assert_true(w.checks[API1] != 0);
	w.now = instant_add(w.now, 5 * SECOND);
	core_answer(&w, API1, RESULT_L7TOUT);
	assert_int_equal(ctl_target(w.ctl, API1).health->state, HEALTH_UP);
	assert_non_null(core_note(&w, NOTE_STALL));
	core_done(&w);
}

static void what_comes_from_nowhere_is_dropped(void **state)
{
	struct event ev = { .kind = EVENT_EVIDENCE };
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	ev.evidence.target = 77;
	core_feed(&w, &ev);
	ev.evidence.target = API1;
	ev.evidence.check = 12345;
	ev.evidence.result = result_make(RESULT_L4CON, 0, 0, NULL);
	core_feed(&w, &ev);
	core_link(&w, 9, true);
	core_see(&w, 0, 77, SERVER_MAINT, 100);
	core_acted(&w, 0, NULL);
	core_acted(&w, (uint64_t)2 << 60 | (uint64_t)200 << 52, NULL);
	core_acted(&w, (uint64_t)3 << 60 | (uint64_t)200 << 52, NULL);
	core_acted(&w, (uint64_t)2 << 60, "late");
	core_acted(&w, (uint64_t)5 << 60, "late");
	assert_int_equal(ctl_target(w.ctl, API1).health->bad, 0);
	assert_true(ctl_haproxy(w.ctl, 0).up);
	core_done(&w);
}

static void sixteen_haproxies_fit_into_one_step(void **state)
{
	struct core_world w;
	unsigned i, h;

	(void)state;
	core_init(&w);
	w.set.haproxy_count = 16;
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_acted(&w, core_store(&w, STORE_CLAIM)->id, "full");
	for (h = 0; h < 16; h++)
		core_see(&w, h, API1, SERVER_MAINT, 100);
	for (i = 0; i < 3; i++)
		core_settle(&w);
	for (h = 0; h < 16; h++)
		core_see(&w, h, API1, SERVER_READY, 100);
	for (h = 0; h < 16; h++)
		core_link(&w, h, h % 2);
	for (i = API1; i <= API3; i++)
		core_answers(&w, i, 3, RESULT_L7STS);
	core_settle(&w);
	core_done(&w);
}

static void an_end_leaves_haproxy_as_it_is(void **state)
{
	struct event ev = { .kind = EVENT_STOP };
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_settle(&w);
	core_feed(&w, &ev);
	assert_non_null(core_note(&w, NOTE_STOPPING));
	assert_true(instant_is_never(ctl_deadline(w.ctl)));
	core_see(&w, 0, API1, SERVER_READY, 100);
	assert_null(core_order(&w, API1));
	core_done(&w);
}

static void checks_wait_for_a_place_and_that_is_said_once(void **state)
{
	struct core_world w;
	unsigned i, said = 0;

	(void)state;
	core_init(&w);
	w.services[API].concurrency = 1;
	core_start(&w, NULL);
	core_wait(&w, 5 * SECOND);
	for (i = 0; i < w.count; i++)
		said += w.log[i].kind == ACTION_NOTE &&
			w.log[i].note.kind == NOTE_CHECKS_LATE;
	assert_int_equal(said, 1);
	assert_int_equal((w.checks[API1] != 0) + (w.checks[API2] != 0) +
				 (w.checks[API3] != 0),
			 1);
	for (i = 0; i < 10; i++) {
		unsigned t = w.checks[API1] != 0   ? API1
			     : w.checks[API2] != 0 ? API2
						   : API3;

		core_answer(&w, t, RESULT_L7OK);
		core_wait(&w, 1 * SECOND);
	}
	for (i = API1; i <= API3; i++)
		assert_int_equal(ctl_target(w.ctl, i).health->state, HEALTH_UP);
	core_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_the_claim_before_it_withdraws),
		cmocka_unit_test(a_hint_asks_at_once_over_a_new_connection),
		cmocka_unit_test(
			a_disk_that_hangs_delays_a_withdrawal_by_20_ms),
		cmocka_unit_test(a_disk_that_is_known_bad_delays_nothing),
		cmocka_unit_test(after_a_stall_the_disk_gets_its_time_anew),
		cmocka_unit_test(
			holds_the_last_one_and_lets_it_go_when_another_is_back),
		cmocka_unit_test(
			a_withdrawal_that_nobody_heard_of_is_thought_over),
		cmocka_unit_test(a_stale_claim_does_not_empty_the_pool),
		cmocka_unit_test(servers_that_no_haproxy_knows_hold_nobody_up),
		cmocka_unit_test(
			refused_orders_are_said_once_and_tried_less_often),
		cmocka_unit_test(what_recovers_without_a_slow_start_ends_none),
		cmocka_unit_test(a_slow_start_ramps_only_what_recovers),
		cmocka_unit_test(
			a_late_timer_is_noticed_while_a_question_is_under_way),
		cmocka_unit_test(what_comes_from_nowhere_is_dropped),
		cmocka_unit_test(sixteen_haproxies_fit_into_one_step),
		cmocka_unit_test(an_end_leaves_haproxy_as_it_is),
		cmocka_unit_test(checks_wait_for_a_place_and_that_is_said_once),
	};

	return cmocka_run_group_tests_name("ctl", tests, NULL, NULL);
}
