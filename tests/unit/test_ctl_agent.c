/* Servers that obey the agent-check responder: what it is to say, what is
 * pushed, and whose the rest is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/core_world.h"

static void see(struct core_world *w, unsigned target, enum server_state state,
		bool theirs)
{
	struct event ev = { .kind = EVENT_HAPROXY_SEEN };

	ev.haproxy = (struct haproxy_seen){ .kind = HAPROXY_SERVER,
					    .target = target,
					    .state = state,
					    .weight_percent = 100,
					    .agent = true,
					    .theirs = theirs };
	core_feed(w, &ev);
}

/* It is not running, and its agent may be why. */
static void see_stopped(struct core_world *w, unsigned target)
{
	struct event ev = { .kind = EVENT_HAPROXY_SEEN };

	ev.haproxy = (struct haproxy_seen){ .kind = HAPROXY_SERVER,
					    .target = target,
					    .state = SERVER_READY,
					    .weight_percent = 100,
					    .agent = true,
					    .stopped = true };
	core_feed(w, &ev);
}

static void see_all(struct core_world *w)
{
	unsigned i;

	for (i = 0; i < CORE_TARGETS; i++)
		see(w, i, SERVER_READY, false);
}

static enum agent_word word(const struct core_world *w, unsigned target)
{
	const char *why;

	return ctl_agent(w->ctl, 0, target, &why);
}

/* All targets up, and all servers obey. */
static void begin(struct core_world *w)
{
	unsigned i;

	core_init(w);
	w->set.haproxy_count = 1;
	w->services[API].sessions = SESSIONS_END;
	core_start(w, NULL);
	core_link(w, 0, true);
	see_all(w);
	for (i = 0; i < CORE_TARGETS; i++)
		core_answer(w, i, RESULT_L7OK);
	core_settle(w);
	core_forget(w);
}

static void go_down(struct core_world *w, unsigned target)
{
	core_answers(w, target, 3, RESULT_L7STS);
}

static void the_word_changes_before_the_push(void **state)
{
	const struct action *order;
	struct core_world w;
	const char *why;

	(void)state;
	begin(&w);
	assert_int_equal(word(&w, API1), AGENT_UP);
	go_down(&w, API1);
	assert_int_equal(ctl_agent(w.ctl, 0, API1, &why), AGENT_DOWN);
	assert_string_equal(why, "L7STS");
	/* The claim is written and not waited for. */
	assert_int_equal(core_store(&w, STORE_CLAIM)->id, 0);
	order = core_order(&w, API1);
	assert_true(order->haproxy.agent);
	assert_int_equal(order->haproxy.state, SERVER_MAINT);
	assert_true(order->haproxy.end_sessions);
	assert_true(ctl_ends_sessions(w.ctl, 0, API1));
	assert_false(ctl_ends_sessions(w.ctl, 0, API2));
	core_settle(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_int_equal(word(&w, API1), AGENT_UP);
	assert_false(ctl_ends_sessions(w.ctl, 0, API1));
	order = core_order(&w, API1);
	assert_true(order->haproxy.agent);
	assert_int_equal(order->haproxy.state, SERVER_READY);
	core_carry_out(&w);
	assert_non_null(core_store(&w, STORE_UNCLAIM));
	assert_int_equal(ctl_haproxy(w.ctl, 0).drifts, 0);
	assert_int_equal(ctl_haproxy(w.ctl, 0).agents, CORE_TARGETS);
	core_done(&w);
}

static void sessions_are_kept_where_that_is_wanted(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	w.services[API].sessions = SESSIONS_END_WRITERS;
	go_down(&w, API1);
	assert_false(core_order(&w, API1)->haproxy.end_sessions);
	assert_false(ctl_ends_sessions(w.ctl, 0, API1));
	core_done(&w);
}

static void new_settings_end_sessions_that_were_kept(void **state)
{
	struct service_settings services[CORE_SERVICES];
	struct settings next;
	struct core_world w;

	(void)state;
	begin(&w);
	w.services[API].sessions = SESSIONS_KEEP;
	go_down(&w, API1);
	assert_false(core_order(&w, API1)->haproxy.end_sessions);
	core_settle(&w);
	next = w.set;
	next.services = services;
	memcpy(services, w.services, sizeof(services));
	services[API].sessions = SESSIONS_END;
	core_reload(&w, &next);
	core_forget(&w);
	see(&w, API2, SERVER_READY, false);
	see(&w, API1, SERVER_MAINT, false);
	assert_null(core_order(&w, API2));
	assert_true(core_order(&w, API1)->haproxy.end_sessions);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_UNKNOWN);
	core_settle(&w);
	core_forget(&w);
	see(&w, API1, SERVER_MAINT, false);
	assert_null(core_order(&w, API1));
	assert_null(core_note(&w, NOTE_DRIFT));
	core_done(&w);
}

static void what_is_held_is_up(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	go_down(&w, WEB1);
	core_settle(&w);
	assert_int_equal(word(&w, WEB1), AGENT_DOWN);
	go_down(&w, WEB2);
	core_settle(&w);
	assert_int_equal(word(&w, WEB2), AGENT_UP);
	core_done(&w);
}

/* @out left, and @held, down as well, is the last that serves. */
static void expect_the_same_held(unsigned out, unsigned held)
{
	struct core_world w;

	begin(&w);
	go_down(&w, out);
	core_settle(&w);
	go_down(&w, held);
	core_settle(&w);
	core_link(&w, 0, true);
	assert_int_equal(word(&w, out), AGENT_DOWN);
	assert_int_equal(word(&w, held), AGENT_SILENT);
	core_forget(&w);
	see(&w, held, SERVER_READY, false);
	assert_int_equal(word(&w, held), AGENT_SILENT);
	see_all(&w);
	core_settle(&w);
	assert_int_equal(word(&w, out), AGENT_DOWN);
	assert_int_equal(word(&w, held), AGENT_UP);
	assert_true(ctl_target(w.ctl, held).held);
	assert_null(core_order(&w, held));
	core_done(&w);
}

static void a_new_process_is_never_told_that_all_are_down(void **state)
{
	(void)state;
	expect_the_same_held(WEB1, WEB2);
	expect_the_same_held(WEB2, WEB1);
}

static void a_new_process_is_pushed_what_it_has_heard(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	go_down(&w, API1);
	core_settle(&w);
	core_link(&w, 0, true);
	assert_int_equal(word(&w, API1), AGENT_DOWN);
	core_forget(&w);
	see(&w, API1, SERVER_MAINT, false);
	assert_true(core_order(&w, API1)->haproxy.agent);
	assert_null(core_note(&w, NOTE_DRIFT));
	assert_null(core_note(&w, NOTE_OPERATOR));
	core_done(&w);
}

static void claims_decide_until_the_checks_have(void **state)
{
	const struct claim claims[] = { { .target = API1 } };
	const struct stored stored = { .claims = claims, .claim_count = 1 };
	struct core_world w;

	(void)state;
	core_init(&w);
	w.set.haproxy_count = 1;
	core_start(&w, &stored);
	assert_int_equal(word(&w, API1), AGENT_DOWN);
	assert_int_equal(word(&w, API2), AGENT_SILENT);
	core_link(&w, 0, true);
	see_all(&w);
	core_settle(&w);
	assert_int_equal(word(&w, API1), AGENT_DOWN);
	assert_null(core_store(&w, STORE_UNCLAIM));
	core_forget(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_int_equal(word(&w, API1), AGENT_UP);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	core_carry_out(&w);
	assert_non_null(core_store(&w, STORE_UNCLAIM));
	core_done(&w);
}

/* Its agent check asks us no more, or nobody. */
static void see_left(struct core_world *w, enum server_state state,
		     bool stopped)
{
	struct event ev = { .kind = EVENT_HAPROXY_SEEN };

	ev.haproxy = (struct haproxy_seen){ .kind = HAPROXY_SERVER,
					    .target = API1,
					    .state = state,
					    .weight_percent = 100,
					    .stopped = stopped };
	core_feed(w, &ev);
}

static void a_word_that_is_left_behind_is_taken_back(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	go_down(&w, API1);
	core_settle(&w);
	see_left(&w, SERVER_READY, false);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_MAINT);
	assert_false(core_order(&w, API1)->haproxy.agent);
	core_carry_out(&w);
	/* It stays out by maintenance, and is heard of no more. */
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	assert_true(core_order(&w, API1)->haproxy.agent);
	core_settle(&w);
	assert_int_equal(ctl_server(w.ctl, 0, API1), SERVER_MAINT);
	core_forget(&w);
	see_left(&w, SERVER_MAINT, false);
	assert_null(core_order(&w, API1));
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	assert_false(core_order(&w, API1)->haproxy.agent);
	core_done(&w);
}

static void a_word_of_the_last_run_is_taken_back(void **state)
{
	const struct claim claims[] = { { .target = API1 } };
	const struct stored stored = { .claims = claims, .claim_count = 1 };
	struct core_world w;

	(void)state;
	core_init(&w);
	w.set.haproxy_count = 1;
	core_start(&w, &stored);
	core_link(&w, 0, true);
	see_left(&w, SERVER_READY, true);
	core_settle(&w);
	core_forget(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	assert_true(core_order(&w, API1)->haproxy.agent);
	core_carry_out(&w);
	assert_non_null(core_store(&w, STORE_UNCLAIM));
	core_done(&w);
}

static void a_word_under_an_operators_maintenance_is_taken_back(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	go_down(&w, API1);
	core_settle(&w);
	see(&w, API1, SERVER_MAINT, true);
	core_forget(&w);
	see_left(&w, SERVER_MAINT, false);
	assert_true(ctl_target(w.ctl, API1).operator_hold);
	assert_null(core_note(&w, NOTE_OPERATOR_OVER));
	assert_true(core_order(&w, API1)->haproxy.agent);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	core_settle(&w);
	core_forget(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_null(core_order(&w, API1));
	core_done(&w);
}

static void what_the_last_run_withdrew_is_not_held_in(void **state)
{
	const struct claim claims[] = { { .target = WEB1 } };
	const struct stored stored = { .claims = claims, .claim_count = 1 };
	struct core_world w;

	(void)state;
	core_init(&w);
	w.set.haproxy_count = 1;
	core_start(&w, &stored);
	core_link(&w, 0, true);
	see_all(&w);
	see_stopped(&w, WEB1);
	see_stopped(&w, WEB2);
	assert_int_equal(ctl_server(w.ctl, 0, WEB1), SERVER_MAINT);
	assert_int_equal(ctl_server(w.ctl, 0, WEB2), SERVER_READY);
	core_forget(&w);
	go_down(&w, WEB2);
	core_settle(&w);
	go_down(&w, WEB1);
	assert_true(ctl_target(w.ctl, WEB2).held);
	assert_int_equal(word(&w, WEB2), AGENT_UP);
	assert_false(ctl_target(w.ctl, WEB1).held);
	assert_int_equal(word(&w, WEB1), AGENT_DOWN);
	assert_int_equal(core_order(&w, WEB1)->haproxy.state, SERVER_MAINT);
	core_done(&w);
}

static void an_operators_maintenance_takes_nothing_of_ours(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	go_down(&w, API1);
	core_settle(&w);
	see(&w, API1, SERVER_MAINT, true);
	assert_true(ctl_target(w.ctl, API1).operator_hold);
	core_forget(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	core_settle(&w);
	assert_null(core_order(&w, API1));
	assert_int_equal(word(&w, API1), AGENT_UP);
	/* He has it back; what we pushed stands still. */
	see(&w, API1, SERVER_MAINT, false);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	assert_true(core_order(&w, API1)->haproxy.agent);
	core_done(&w);
}

static void our_order_does_not_hide_an_operators_maintenance(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	go_down(&w, API1);
	core_settle(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	see(&w, API1, SERVER_DRAIN, true);
	core_acted(&w, core_order(&w, API1)->id, NULL);
	assert_int_equal(ctl_server(w.ctl, 0, API1), SERVER_DRAIN);
	core_done(&w);
}

static void maintenance_of_ours_ends_as_it_began(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	begin(&w);
	for (i = 0; i < CORE_TARGETS; i++)
		core_see(&w, 0, i, SERVER_READY, 100);
	go_down(&w, API1);
	core_carry_out(&w);
	assert_false(core_order(&w, API1)->haproxy.agent);
	/* Now it has an agent check that asks us. */
	see(&w, API1, SERVER_MAINT, true);
	assert_false(ctl_target(w.ctl, API1).operator_hold);
	core_forget(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_false(core_order(&w, API1)->haproxy.agent);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	core_settle(&w);
	core_forget(&w);
	go_down(&w, API1);
	assert_true(core_order(&w, API1)->haproxy.agent);
	core_done(&w);
}

/* Of the last run's maintenance the claim tells, and what HAProxy shows. */
static void maintenance_of_the_last_run_ends_as_it_began(void **state)
{
	const struct claim claims[] = { { .target = API1 } };
	const struct stored stored = { .claims = claims, .claim_count = 1 };
	struct core_world w;

	(void)state;
	core_init(&w);
	w.set.haproxy_count = 1;
	core_start(&w, &stored);
	core_link(&w, 0, true);
	core_see(&w, 0, API1, SERVER_MAINT, 100);
	see(&w, API1, SERVER_MAINT, true);
	assert_false(ctl_target(w.ctl, API1).operator_hold);
	core_forget(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	assert_false(core_order(&w, API1)->haproxy.agent);
	core_done(&w);
}

static void maintenance_of_a_new_process_is_not_ours(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	begin(&w);
	for (i = 0; i < CORE_TARGETS; i++)
		core_see(&w, 0, i, SERVER_READY, 100);
	go_down(&w, API1);
	core_carry_out(&w);
	core_link(&w, 0, true);
	see(&w, API1, SERVER_MAINT, true);
	assert_true(ctl_target(w.ctl, API1).operator_hold);
	core_done(&w);
}

static void sessions_of_what_an_operator_holds_are_his(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	see(&w, API1, SERVER_DRAIN, true);
	go_down(&w, API1);
	core_carry_out(&w);
	assert_false(ctl_ends_sessions(w.ctl, 0, API1));
	core_done(&w);
}

static void who_takes_our_maintenance_away_leaves_it_to_the_agent(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	begin(&w);
	for (i = 0; i < CORE_TARGETS; i++)
		core_see(&w, 0, i, SERVER_READY, 100);
	go_down(&w, API1);
	core_carry_out(&w);
	see(&w, API1, SERVER_MAINT, true);
	core_forget(&w);
	see(&w, API1, SERVER_READY, false);
	assert_true(core_order(&w, API1)->haproxy.agent);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_MAINT);
	core_done(&w);
}

static void the_maintenance_of_what_we_added_is_ours(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	core_init(&w);
	w.set.haproxy_count = 1;
	w.services[API].add_servers = true;
	core_start(&w, NULL);
	core_link(&w, 0, true);
	for (i = 0; i < CORE_TARGETS; i++)
		core_see(&w, 0, i, i == API1 ? SERVER_ABSENT : SERVER_READY,
			 100);
	core_carry_out(&w);
	assert_true(core_order(&w, API1)->haproxy.add);
	core_acted(&w, core_order(&w, API1)->id, NULL);
	see(&w, API1, SERVER_MAINT, true);
	assert_false(ctl_target(w.ctl, API1).operator_hold);
	core_forget(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	assert_false(core_order(&w, API1)->haproxy.agent);
	core_done(&w);
}

static void a_planned_withdrawal_says_down_and_why(void **state)
{
	struct maintenance m = { .target = API1,
				 .on = true,
				 .drain = true,
				 .until = INSTANT_NEVER };
	struct core_world w;
	const char *why;

	(void)state;
	begin(&w);
	w.services[API].drain_us = 5 * SECOND;
	core_admin(&w, &m, 1);
	core_carry_out(&w);
	assert_int_equal(ctl_agent(w.ctl, 0, API1, &why), AGENT_DOWN);
	assert_string_equal(why, "maintenance");
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_DRAIN);
	assert_false(ctl_ends_sessions(w.ctl, 0, API1));
	core_wait(&w, w.services[API].drain_us + SECOND);
	core_carry_out(&w);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_MAINT);
	assert_true(core_order(&w, API1)->haproxy.end_sessions);
	assert_true(ctl_ends_sessions(w.ctl, 0, API1));
	core_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_word_changes_before_the_push),
		cmocka_unit_test(sessions_are_kept_where_that_is_wanted),
		cmocka_unit_test(new_settings_end_sessions_that_were_kept),
		cmocka_unit_test(what_is_held_is_up),
		cmocka_unit_test(a_new_process_is_never_told_that_all_are_down),
		cmocka_unit_test(a_new_process_is_pushed_what_it_has_heard),
		cmocka_unit_test(claims_decide_until_the_checks_have),
		cmocka_unit_test(a_word_that_is_left_behind_is_taken_back),
		cmocka_unit_test(a_word_of_the_last_run_is_taken_back),
		cmocka_unit_test(
			a_word_under_an_operators_maintenance_is_taken_back),
		cmocka_unit_test(what_the_last_run_withdrew_is_not_held_in),
		cmocka_unit_test(
			an_operators_maintenance_takes_nothing_of_ours),
		cmocka_unit_test(
			our_order_does_not_hide_an_operators_maintenance),
		cmocka_unit_test(maintenance_of_ours_ends_as_it_began),
		cmocka_unit_test(maintenance_of_the_last_run_ends_as_it_began),
		cmocka_unit_test(
			who_takes_our_maintenance_away_leaves_it_to_the_agent),
		cmocka_unit_test(maintenance_of_a_new_process_is_not_ours),
		cmocka_unit_test(sessions_of_what_an_operator_holds_are_his),
		cmocka_unit_test(the_maintenance_of_what_we_added_is_ours),
		cmocka_unit_test(a_planned_withdrawal_says_down_and_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
