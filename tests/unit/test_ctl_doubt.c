/* The controller in doubt of its own node: five targets on five hosts, this
 * node the first of three. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/core_world.h"

static struct core_world world;

static struct node_settings nodes[3] = { { .name = "node1" },
					 { .name = "node2" },
					 { .name = "node3" } };
static struct cluster_settings cluster = { .nodes = nodes,
					   .node_count = 3,
					   .lease_us = 500 * MS };

static const char *const apart[CORE_TARGETS] = { "10.0.0.1", "10.0.0.2",
						 "10.0.0.3", "10.0.0.4",
						 "10.0.0.5" };

static void heard(struct core_world *w, uint32_t mask)
{
	struct event ev = { .kind = EVENT_PEERS };

	ev.heard = mask;
	core_feed(w, &ev);
}

/* node2 says the same of all targets. */
static void finds(struct core_world *w, enum finding finding)
{
	struct opinion_heard list[CORE_TARGETS];
	struct event ev = { .kind = EVENT_OBSERVED };
	unsigned i;

	for (i = 0; i < CORE_TARGETS; i++)
		list[i] = (struct opinion_heard){
			.target = i,
			.down = finding == FINDING_DOWN,
			.whole = finding != FINDING_DOWN,
			.finding = finding,
		};
	ev.observed = (struct observed){ 1, list, CORE_TARGETS };
	core_feed(w, &ev);
}

/* A whole service on one host. */
static const char *const crowded[CORE_TARGETS] = { "10.0.0.1", "10.0.0.1",
						   "10.0.0.1", "10.0.0.4",
						   "10.0.0.5" };

static struct core_world *begin_on(const char *const *hosts, bool with_cluster)
{
	struct core_world *w = &world;
	unsigned i;

	core_init(w);
	for (i = 0; i < CORE_TARGETS; i++)
		w->targets[i].host = hosts[i];
	w->set.doubt_us = 10 * SECOND;
	w->set.cluster = with_cluster ? &cluster : NULL;
	core_start(w, NULL);
	core_see_all(w, 0, SERVER_READY);
	for (i = 0; i < CORE_TARGETS; i++)
		core_answers(w, i, 12, RESULT_L7OK);
	core_settle(w);
	core_forget(w);
	return w;
}

static struct core_world *begin(bool with_cluster)
{
	return begin_on(apart, with_cluster);
}

static unsigned down(const struct core_world *w)
{
	unsigned i, n = 0;

	for (i = 0; i < CORE_TARGETS; i++)
		n += ctl_target(w->ctl, i).health->state == HEALTH_DOWN;
	return n;
}

/* For so long those in the mask @bad fail in that way, the others are well. */
static void trouble(struct core_world *w, unsigned bad, enum result_code code,
		    int64_t span_us)
{
	struct instant end = instant_add(w->now, span_us);
	unsigned i;

	while (instant_before(w->now, end)) {
		for (i = 0; i < CORE_TARGETS; i++)
			if (w->checks[i] != 0)
				core_answer(w, i,
					    (bad >> i & 1) != 0 ? code
								: RESULT_L7OK);
		core_wait(w, 20 * MS);
	}
}

/* Every question is in vain for so long. */
static void silence(struct core_world *w, int64_t span_us)
{
	trouble(w, 31, RESULT_L4TOUT, span_us);
}

static void alone_it_waits_and_then_acts_all_the_same(void **state)
{
	struct core_world *w = begin(false);

	(void)state;
	silence(w, 9 * SECOND);
	assert_int_equal(down(w), 0);
	assert_non_null(core_note(w, NOTE_DOUBT_BEGUN));
	assert_int_equal(ctl_doubt(w->ctl).level, SELF_SICK);
	assert_false(ctl_doubt(w->ctl).spent);
	silence(w, 6 * SECOND);
	assert_non_null(core_note(w, NOTE_DOUBT_SPENT));
	assert_int_equal(down(w), CORE_TARGETS);
	core_done(w);
}

static void what_other_nodes_see_well_stays(void **state)
{
	struct core_world *w = begin(true);
	unsigned i;

	(void)state;
	heard(w, 7);
	for (i = 0; i < 9; i++) {
		finds(w, FINDING_WELL);
		silence(w, 1 * SECOND);
	}
	assert_int_equal(down(w), 0);
	assert_non_null(core_note(w, NOTE_DOUBT_BEGUN));
	core_done(w);
}

static void what_other_nodes_fail_to_reach_too_is_down_at_once(void **state)
{
	struct core_world *w = begin(true);

	(void)state;
	heard(w, 7);
	finds(w, FINDING_FAILING);
	silence(w, 3 * SECOND);
	assert_int_equal(down(w), CORE_TARGETS);
	assert_null(core_note(w, NOTE_DOUBT_BEGUN));
	core_done(w);
}

static void the_targets_of_one_host_are_one_host(void **state)
{
	struct core_world *w = begin_on(crowded, true);
	unsigned i;

	(void)state;
	heard(w, 7);
	for (i = 0; i < 6; i++) {
		finds(w, FINDING_WELL);
		trouble(w, 1 << API1 | 1 << API2 | 1 << API3, RESULT_L4TOUT,
			500 * MS);
	}
	assert_int_equal(down(w), 3);
	core_done(w);
}

static void a_host_is_not_its_own_witness(void **state)
{
	struct core_world *w = begin_on(crowded, false);

	(void)state;
	trouble(w, 1 << API1 | 1 << API3 | 1 << WEB1 | 1 << WEB2, RESULT_L4TOUT,
		3 * SECOND);
	assert_int_not_equal(ctl_target(w->ctl, API1).health->state,
			     HEALTH_DOWN);
	core_done(w);
}

/* What they said before it began to fail says nothing of it. */
static void an_old_word_of_another_node_excuses_nobody(void **state)
{
	struct core_world *w = begin(true);

	(void)state;
	heard(w, 7);
	finds(w, FINDING_WELL);
	trouble(w, 31, RESULT_L7STS, 2 * SECOND);
	assert_int_equal(down(w), CORE_TARGETS);
	core_done(w);
}

/* Two that are out already are no sign that the network is. */
static void those_that_are_out_do_not_count(struct core_world *w)
{
	unsigned i;

	for (i = 0; i < 6; i++) {
		finds(w, FINDING_WELL);
		trouble(w, 1 << API1 | 1 << API2 | 1 << API3, RESULT_L4TOUT,
			500 * MS);
	}
	assert_int_equal(ctl_target(w->ctl, API3).health->state, HEALTH_DOWN);
}

static void the_long_dead_are_not_silent_with_the_others(void **state)
{
	struct core_world *w = begin(true);

	(void)state;
	heard(w, 7);
	trouble(w, 1 << API1 | 1 << API2, RESULT_L4TOUT, 5 * SECOND);
	assert_int_equal(down(w), 2);
	trouble(w, 1 << API1 | 1 << API2, RESULT_L4TOUT, SELF_MOMENT_US);
	those_that_are_out_do_not_count(w);
	core_done(w);
}

static void who_is_in_maintenance_is_not_silent_with_the_others(void **state)
{
	struct maintenance m = { .on = true, .until = INSTANT_NEVER };
	struct core_world *w = begin(true);

	(void)state;
	heard(w, 7);
	for (m.target = API1; m.target <= API2; m.target++)
		core_admin(w, &m, m.target + 1);
	core_settle(w);
	those_that_are_out_do_not_count(w);
	core_done(w);
}

static void who_abstains_is_nobody_to_ask(void **state)
{
	struct core_world *w = begin(true);

	(void)state;
	heard(w, 7);
	finds(w, FINDING_NONE);
	silence(w, 9 * SECOND);
	assert_int_equal(down(w), 0);
	silence(w, 6 * SECOND);
	assert_int_equal(down(w), CORE_TARGETS);
	core_done(w);
}

static void cut_off_from_everybody_it_never_acts(void **state)
{
	struct core_world *w = begin(true);
	unsigned i;

	(void)state;
	heard(w, 1);
	for (i = 0; i < 30; i++) {
		silence(w, 1 * SECOND);
		assert_null(core_note(w, NOTE_DOUBT_SPENT));
		core_forget(w);
	}
	assert_int_equal(down(w), 0);
	core_done(w);
}

/* How often what it finds of @target was to be told the other nodes. */
static unsigned observed(const struct core_world *w, unsigned target)
{
	unsigned i, n = 0;

	for (i = 0; i < w->count; i++)
		n += w->log[i].kind == ACTION_OBSERVE &&
		     w->log[i].observe.target == target;
	return n;
}

static void the_other_nodes_are_told_at_once_what_fails_from_here(void **state)
{
	struct core_world *w = begin(true);

	(void)state;
	heard(w, 7);
	finds(w, FINDING_WELL);
	silence(w, 2 * SECOND);
	assert_int_equal(down(w), 0);
	assert_int_not_equal(observed(w, API1), 0);
	core_done(w);
}

/* For which one failure is enough, but none that may be ours. */
static void in_doubt_a_slow_start_goes_on(void **state)
{
	struct core_world *w = begin(true);
	struct event ev = { .kind = EVENT_EVIDENCE };

	(void)state;
	w->services[API].slow_start_us = 10 * SECOND;
	heard(w, 7);
	core_answers(w, API1, 2, RESULT_L4CON);
	core_settle(w);
	core_wait(w, SELF_MOMENT_US);
	core_answers(w, API1, 2, RESULT_L7OK);
	core_settle(w);
	finds(w, FINDING_WELL);
	trouble(w, 1 << API2 | 1 << API3 | 1 << WEB1, RESULT_L4TOUT,
		1 * SECOND);
	assert_int_equal(ctl_doubt(w->ctl).level, SELF_SICK);
	assert_int_equal(ctl_target(w->ctl, API1).health->state,
			 HEALTH_RECOVERING);
	while (w->checks[API1] == 0)
		core_wait(w, 1 * MS);
	ev.evidence.target = API1;
	ev.evidence.check = w->checks[API1];
	ev.evidence.result = result_make(RESULT_L4CON, EHOSTUNREACH, 0, NULL);
	w->checks[API1] = 0;
	core_feed(w, &ev);
	assert_int_equal(ctl_target(w->ctl, API1).health->state,
			 HEALTH_RECOVERING);
	core_done(w);
}

static void learn(struct core_world *w, int64_t canary_us)
{
	struct event ev = { .kind = EVENT_SELF };

	ev.self.canary_us = canary_us;
	core_feed(w, &ev);
}

/* What waited all the while is answered, and told, later than the rest. */
static void a_stall_is_told_once(void **state)
{
	struct core_world *w = begin(false);

	(void)state;
	while (w->checks[API1] == 0)
		core_wait(w, 1 * MS);
	w->now = instant_add(w->now, 5 * SECOND);
	learn(w, 0);
	assert_non_null(core_note(w, NOTE_STALL));
	core_wait(w, 900 * MS);
	core_forget(w);
	learn(w, 5 * SECOND);
	assert_int_equal(ctl_doubt(w->ctl).level, SELF_SICK);
	core_wait(w, 2 * SECOND);
	assert_null(core_note(w, NOTE_DOUBT_BEGUN));
	assert_null(core_note(w, NOTE_STALL));
	/* What it waits for from now on is another matter. */
	learn(w, 300 * MS);
	assert_non_null(core_note(w, NOTE_DOUBT_BEGUN));
	core_done(w);
}

static void where_any_is_enough_another_nodes_word_is(void **state)
{
	struct core_world *w = begin(true);

	(void)state;
	w->services[API].agree = AGREE_ANY;
	heard(w, 7);
	finds(w, FINDING_DOWN);
	core_settle(w);
	assert_int_equal(ctl_server(w->ctl, 0, API1), SERVER_MAINT);
	assert_int_equal(ctl_server(w->ctl, 0, WEB1), SERVER_READY);
	assert_int_equal(down(w), 0);
	core_done(w);
}

/* A target that another node finds down is asked at once. */
static void another_nodes_word_is_a_reason_to_ask(void **state)
{
	struct core_world *w = begin(true);
	unsigned i;

	(void)state;
	heard(w, 7);
	for (i = 0; i < CORE_TARGETS; i++)
		core_answer(w, i, RESULT_L7OK);
	while (w->checks[API1] != 0)
		core_answer(w, API1, RESULT_L7OK);
	finds(w, FINDING_DOWN);
	assert_int_not_equal(w->checks[API1], 0);
	core_done(w);
}

static void the_other_nodes_are_told_that_it_has_no_opinion(void **state)
{
	struct core_world *w = begin(true);
	unsigned i;

	(void)state;
	heard(w, 7);
	finds(w, FINDING_WELL);
	silence(w, 2 * SECOND);
	assert_int_equal(observed(w, NOTE_NONE), 1);
	for (i = 0; i < CORE_TARGETS; i++)
		core_answers(w, i, 2, RESULT_L7OK);
	core_wait(w, SELF_SETTLE_US);
	assert_int_equal(ctl_doubt(w->ctl).level, SELF_FINE);
	assert_int_equal(observed(w, NOTE_NONE), 2);
	assert_non_null(core_note(w, NOTE_DOUBT_OVER));
	core_done(w);
}

static void what_was_counted_in_doubt_is_forgotten(void **state)
{
	struct core_world *w = begin(false);
	unsigned i;

	(void)state;
	silence(w, 2 * SECOND);
	for (i = API2; i < CORE_TARGETS; i++)
		core_answer(w, i, RESULT_L7OK);
	while (ctl_doubt(w->ctl).level == SELF_SICK)
		core_wait(w, 10 * MS);
	assert_int_equal(ctl_target(w->ctl, API1).health->bad, 0);
	core_answer(w, API1, RESULT_L4TOUT);
	assert_int_equal(down(w), 0);
	core_done(w);
}

static void a_silent_one_makes_others_be_asked_at_once(void **state)
{
	struct core_world *w = begin(false);
	struct instant before;
	unsigned i, asked = 0;

	(void)state;
	core_wait(w, 1 * SECOND);
	for (i = 0; i < CORE_TARGETS; i++)
		if (i != API1 && w->checks[i] != 0)
			core_answer(w, i, RESULT_L7OK);
	while (w->checks[API1] == 0)
		core_wait(w, 1 * MS);
	for (i = 0; i < CORE_TARGETS; i++)
		if (i != API1 && w->checks[i] != 0)
			core_answer(w, i, RESULT_L7OK);
	before = w->now;
	core_answer(w, API1, RESULT_L4TOUT);
	for (i = 0; i < CORE_TARGETS; i++)
		asked += i != API1 && w->checks[i] != 0;
	assert_int_equal(asked, 3);
	assert_int_equal(w->now.us, before.us);
	core_done(w);
}

/* Of the last question to API1, after an answer. */
static int64_t timeout_us(struct core_world *w)
{
	unsigned i;

	core_answer(w, API1, RESULT_L7OK);
	while (w->checks[API1] == 0)
		core_wait(w, 1 * MS);
	for (i = w->count; i-- > 0;)
		if (w->log[i].kind == ACTION_CHECK &&
		    w->log[i].check.target == API1)
			return w->log[i].check.timeout_us;
	return 0;
}

static void a_strained_node_waits_longer(void **state)
{
	struct core_world *w = begin(false);
	struct event ev = { .kind = EVENT_SELF };
	int64_t was_us;

	(void)state;
	was_us = timeout_us(w);
	ev.self.lag_us = 45 * MS;
	core_feed(w, &ev);
	assert_int_equal(timeout_us(w), 3 * was_us);
	core_done(w);
}

int main(void)
{
	const struct CMUnitTest ctl_doubt[] = {
		cmocka_unit_test(alone_it_waits_and_then_acts_all_the_same),
		cmocka_unit_test(what_other_nodes_see_well_stays),
		cmocka_unit_test(
			what_other_nodes_fail_to_reach_too_is_down_at_once),
		cmocka_unit_test(the_targets_of_one_host_are_one_host),
		cmocka_unit_test(a_host_is_not_its_own_witness),
		cmocka_unit_test(an_old_word_of_another_node_excuses_nobody),
		cmocka_unit_test(the_long_dead_are_not_silent_with_the_others),
		cmocka_unit_test(
			who_is_in_maintenance_is_not_silent_with_the_others),
		cmocka_unit_test(
			the_other_nodes_are_told_at_once_what_fails_from_here),
		cmocka_unit_test(in_doubt_a_slow_start_goes_on),
		cmocka_unit_test(where_any_is_enough_another_nodes_word_is),
		cmocka_unit_test(another_nodes_word_is_a_reason_to_ask),
		cmocka_unit_test(who_abstains_is_nobody_to_ask),
		cmocka_unit_test(cut_off_from_everybody_it_never_acts),
		cmocka_unit_test(
			the_other_nodes_are_told_that_it_has_no_opinion),
		cmocka_unit_test(what_was_counted_in_doubt_is_forgotten),
		cmocka_unit_test(a_stall_is_told_once),
		cmocka_unit_test(a_silent_one_makes_others_be_asked_at_once),
		cmocka_unit_test(a_strained_node_waits_longer),
	};

	return cmocka_run_group_tests(ctl_doubt, NULL, NULL);
}
