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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_withdrawn_passes_rise_and_trial),
		cmocka_unit_test(a_bad_answer_in_between_begins_anew),
		cmocka_unit_test(what_is_down_still_has_not_flapped),
		cmocka_unit_test(what_is_in_use_again_is_judged_as_any),
		cmocka_unit_test(a_slow_start_goes_on),
		cmocka_unit_test(after_maintenance_it_is_judged_as_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
