/* A start with what an earlier run left: what was withdrawn comes back as it
 * would have without the restart. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/core_world.h"

static const struct claim out = { .target = API1 };
static const struct claim light = { .target = API1, .weight_only = true };

/* HAProxy shows API1 so. */
static void begin(struct core_world *w, const struct claim *claim,
		  enum server_state state, unsigned weight)
{
	const struct stored stored = { .claims = claim, .claim_count = 1 };
	unsigned i;

	core_init(w);
	w->set.haproxy_count = 1;
	w->services[API].trial = 2;
	w->services[API].slow_start_us = 10 * SECOND;
	core_start(w, &stored);
	core_link_again(w, 0);
	core_see(w, 0, API1, state, weight);
	for (i = API2; i < CORE_TARGETS; i++)
		core_see(w, 0, i, SERVER_READY, 100);
}

static enum health_state state_of(const struct core_world *w)
{
	return ctl_target(w->ctl, API1).health->state;
}

static void what_was_withdrawn_passes_rise_and_trial(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w, &out, SERVER_MAINT, 100);
	core_forget(&w);
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_equal(state_of(&w), HEALTH_UNKNOWN);
	assert_null(core_order(&w, API1));
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_equal(state_of(&w), HEALTH_RECOVERING);
	assert_int_equal(core_order(&w, API1)->haproxy.state, SERVER_READY);
	assert_int_equal(core_order(&w, API1)->haproxy.weight_percent, 10);
	core_settle(&w);
	core_answers(&w, API1, 2, RESULT_L7OK);
	core_settle(&w);
	assert_int_equal(state_of(&w), HEALTH_RECOVERING);
	core_done(&w);
}

static void a_bad_answer_in_between_begins_anew(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w, &out, SERVER_MAINT, 100);
	core_answer(&w, API1, RESULT_L7OK);
	core_answer(&w, API1, RESULT_L7STS);
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_equal(state_of(&w), HEALTH_UNKNOWN);
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_equal(state_of(&w), HEALTH_RECOVERING);
	core_done(&w);
}

/* The outage goes on: that is no new one. */
static void what_is_down_still_has_not_flapped(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w, &out, SERVER_MAINT, 100);
	core_answers(&w, API1, 3, RESULT_L7STS);
	core_answers(&w, API2, 3, RESULT_L7STS);
	assert_int_equal(state_of(&w), HEALTH_DOWN);
	assert_int_equal(ctl_target(w.ctl, API1).flaps, 0);
	assert_int_equal(ctl_target(w.ctl, API2).flaps, 1);
	core_done(&w);
}

/* HAProxy has a new process, or somebody put it back. */
static void what_is_in_use_again_is_judged_as_any(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w, &out, SERVER_READY, 100);
	core_settle(&w);
	core_forget(&w);
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_equal(state_of(&w), HEALTH_UP);
	assert_null(core_order(&w, API1));
	core_done(&w);
}

static void a_slow_start_goes_on(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w, &light, SERVER_READY, 10);
	core_forget(&w);
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_equal(state_of(&w), HEALTH_RECOVERING);
	assert_int_equal(ctl_target(w.ctl, API1).weight_percent, 10);
	core_done(&w);
}

static void after_maintenance_it_is_judged_as_any(void **state)
{
	struct maintenance m = { .target = API1,
				 .on = true,
				 .until = INSTANT_NEVER };
	struct core_world w;

	(void)state;
	begin(&w, &out, SERVER_MAINT, 100);
	core_admin(&w, &m, 1);
	core_settle(&w);
	m.on = false;
	core_admin(&w, &m, 2);
	core_settle(&w);
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_equal(state_of(&w), HEALTH_UP);
	core_done(&w);
}

/* It was withdrawn a minute ago, for the fourth time. */
static void begin_after(struct core_world *w, struct instant at)
{
	const struct fall fall = {
		.target = API1, .penalty = 4000, .count = 4, .at = at
	};
	const struct stored stored = { .claims = &out,
				       .claim_count = 1,
				       .falls = &fall,
				       .fall_count = 1 };

	core_init(w);
	w->set.haproxy_count = 1;
	w->services[API].flap_limit = 3;
	w->services[API].flap_half_life_us = 10 * MINUTE;
	w->services[API].flap_max_us = 20 * MINUTE;
	core_start(w, &stored);
	core_link_again(w, 0);
	core_see(w, 0, API1, SERVER_MAINT, 100);
}

static void the_flap_penalty_outlives_a_restart(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	core_init(&w);
	begin_after(&w, instant_add(w.now, -1 * MINUTE));
	for (i = API2; i < CORE_TARGETS; i++) {
		core_see(&w, 0, i, SERVER_READY, 100);
		core_answer(&w, i, RESULT_L7OK);
	}
	core_answers(&w, API1, 5, RESULT_L7OK);
	assert_int_equal(state_of(&w), HEALTH_UNKNOWN);
	assert_string_equal(core_note(&w, NOTE_HELD_BACK)->note.text,
			    "it flapped");
	assert_false(instant_is_none(ctl_target(w.ctl, API1).held_back));
	assert_int_equal(ctl_target(w.ctl, API1).flaps, 4);
	core_wait(&w, 20 * MINUTE);
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_not_equal(state_of(&w), HEALTH_UNKNOWN);
	core_done(&w);
}

/* The clock was set back over the restart. */
static void a_withdrawal_to_come_was_just_now(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	begin_after(&w, instant_add(w.now, 1000 * HOUR));
	assert_true(instant_diff_us(w.now, ctl_target(w.ctl, API1).held_back) <=
		    20 * MINUTE);
	core_done(&w);
}

/* Nobody else is well: rather one that flaps than none. */
static void what_flapped_and_is_needed_comes_back(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	begin_after(&w, instant_add(w.now, -1 * MINUTE));
	core_answers(&w, API2, 3, RESULT_L7STS);
	core_answers(&w, API3, 3, RESULT_L7STS);
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_int_not_equal(state_of(&w), HEALTH_UNKNOWN);
	core_done(&w);
}

static void each_withdrawal_is_written_down(void **state)
{
	const struct action *act;
	struct core_world w;

	(void)state;
	core_init(&w);
	w.services[API].flap_limit = 3;
	w.services[API].flap_half_life_us = 10 * MINUTE;
	core_start(&w, NULL);
	core_answers(&w, API1, 3, RESULT_L7STS);
	act = core_store(&w, STORE_FALL);
	assert_non_null(act);
	assert_int_equal(act->id, 0);
	assert_int_equal(act->store.fall.target, API1);
	assert_int_equal(act->store.fall.penalty, 1000);
	assert_int_equal(act->store.fall.count, 1);
	core_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_withdrawn_passes_rise_and_trial),
		cmocka_unit_test(a_bad_answer_in_between_begins_anew),
		cmocka_unit_test(what_is_down_still_has_not_flapped),
		cmocka_unit_test(what_is_in_use_again_is_judged_as_any),
		cmocka_unit_test(a_slow_start_goes_on),
		cmocka_unit_test(after_maintenance_it_is_judged_as_any),
		cmocka_unit_test(the_flap_penalty_outlives_a_restart),
		cmocka_unit_test(a_withdrawal_to_come_was_just_now),
		cmocka_unit_test(what_flapped_and_is_needed_comes_back),
		cmocka_unit_test(each_withdrawal_is_written_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
