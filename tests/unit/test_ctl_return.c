/* When one that was DOWN may come back, and how. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/core_world.h"

static enum health_state state_of(const struct core_world *w, unsigned target)
{
	return ctl_target(w->ctl, target).health->state;
}

/* It is seen where it is wanted. */
static void follow(struct core_world *w, unsigned target)
{
	struct target_view t = ctl_target(w->ctl, target);

	core_settle(w);
	core_see(w, 0, target, t.withdrawn ? SERVER_MAINT : SERVER_READY,
		 t.weight_percent);
	core_settle(w);
}

static void fall(struct core_world *w, unsigned target)
{
	core_answers(w, target, 2, RESULT_L4CON);
	assert_int_equal(state_of(w, target), HEALTH_DOWN);
	follow(w, target);
}

static void who_recovers_early_is_asked_back_in_time(void **state)
{
	struct core_world w;
	struct instant fell;

	(void)state;
	core_init(&w);
	w.services[API].recovery_timeout_us = 10 * SECOND;
	core_begin(&w, NULL);
	fall(&w, API1);
	fell = w.now;
	core_answers(&w, API1, 3, RESULT_L7OK);
	assert_int_equal(state_of(&w, API1), HEALTH_DOWN);
	assert_string_equal(core_note(&w, NOTE_HELD_BACK)->note.text,
			    "recovery_timeout");
	core_forget(&w);
	core_answer(&w, API1, RESULT_L7OK);
	assert_null(core_note(&w, NOTE_HELD_BACK));
	/* Nothing more is heard of it. */
	core_wait(&w, 10 * SECOND - instant_diff_us(fell, w.now) - 1);
	assert_int_equal(state_of(&w, API1), HEALTH_DOWN);
	core_wait(&w, 1);
	assert_int_not_equal(state_of(&w, API1), HEALTH_DOWN);
	core_done(&w);
}

static void who_fails_again_meanwhile_is_not_asked_back(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	w.services[API].recovery_timeout_us = 10 * SECOND;
	core_begin(&w, NULL);
	fall(&w, API1);
	core_answers(&w, API1, 3, RESULT_L7OK);
	core_answer(&w, API1, RESULT_L7STS);
	core_wait(&w, 20 * SECOND);
	assert_int_equal(state_of(&w, API1), HEALTH_DOWN);
	core_done(&w);
}

static void who_is_needed_is_not_held_back(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	w.services[SHOP].recovery_timeout_us = HOUR;
	core_begin(&w, NULL);
	fall(&w, WEB1);
	core_answers(&w, WEB2, 2, RESULT_L4CON);
	core_answers(&w, WEB1, 2, RESULT_L7OK);
	assert_int_not_equal(state_of(&w, WEB1), HEALTH_DOWN);
	core_done(&w);
}

static void in_a_panic_nobody_is_held_back(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	w.services[API].recovery_timeout_us = HOUR;
	w.services[API].max_withdrawn = 34;
	core_begin(&w, NULL);
	fall(&w, API1);
	core_answers(&w, API2, 2, RESULT_L4CON);
	assert_true(ctl_service(w.ctl, API).panic);
	assert_int_equal(ctl_service(w.ctl, API).serving, 1);
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_int_not_equal(state_of(&w, API1), HEALTH_DOWN);
	core_done(&w);
}

static void who_flaps_stays_out_longer(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	core_init(&w);
	w.services[API].flap_limit = 3;
	w.services[API].flap_half_life_us = HOUR;
	w.services[API].flap_max_us = 2 * HOUR;
	core_begin(&w, NULL);
	for (i = 1; i <= 4; i++) {
		fall(&w, API1);
		assert_int_equal(ctl_target(w.ctl, API1).flaps, i);
		core_answers(&w, API1, 2, RESULT_L7OK);
		if (i < 4)
			assert_int_not_equal(state_of(&w, API1), HEALTH_DOWN);
	}
	assert_int_equal(state_of(&w, API1), HEALTH_DOWN);
	assert_string_equal(ctl_target(w.ctl, API1).held_back_by, "it flapped");
	core_done(&w);
}

/* API1 comes back, and has a tenth of its weight. */
static void begin_on_trial(struct core_world *w, unsigned trial)
{
	core_init(w);
	w->services[API].trial = trial;
	core_begin(w, NULL);
	fall(w, API1);
	core_answers(w, API1, 2, RESULT_L7OK);
	assert_int_equal(ctl_target(w->ctl, API1).weight_percent, 10);
}

static void a_trial_counts_answers_that_serve_whatever_they_are(void **state)
{
	struct core_world w;

	(void)state;
	begin_on_trial(&w, 6);
	core_answer(&w, API1, RESULT_L7OKC);
	core_answers(&w, API1, 2, RESULT_L7OK);
	core_answers(&w, API1, 2, RESULT_L7OKC);
	assert_int_equal(ctl_target(w.ctl, API1).weight_percent, 10);
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_equal(ctl_target(w.ctl, API1).weight_percent, 100);
	assert_int_equal(state_of(&w, API1), HEALTH_UP);
	core_done(&w);
}

static void a_trial_ends_at_the_first_failure(void **state)
{
	struct core_world w;

	(void)state;
	begin_on_trial(&w, 4);
	core_answers(&w, API1, 3, RESULT_L7OK);
	core_answer(&w, API1, RESULT_L7STS);
	assert_int_equal(state_of(&w, API1), HEALTH_DOWN);
	follow(&w, API1);
	/* What was counted then counts no more. */
	core_answers(&w, API1, 5, RESULT_L7OK);
	assert_int_equal(ctl_target(w.ctl, API1).weight_percent, 10);
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_equal(ctl_target(w.ctl, API1).weight_percent, 100);
	core_done(&w);
}

static void a_trial_counts_anew_after_a_refusal_that_was_none(void **state)
{
	struct core_world w;

	(void)state;
	begin_on_trial(&w, 3);
	core_answers(&w, API1, 2, RESULT_L7OK);
	core_answer(&w, API1, RESULT_L4CON);
	core_answers(&w, API1, 2, RESULT_L7OK);
	assert_int_equal(ctl_target(w.ctl, API1).weight_percent, 10);
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_equal(ctl_target(w.ctl, API1).weight_percent, 100);
	core_done(&w);
}

static void a_panic_that_opens_has_no_slow_start(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	w.services[API].slow_start_us = HOUR;
	w.services[API].max_withdrawn = 34;
	w.services[API].on_panic = PANIC_OPEN;
	core_begin(&w, NULL);
	fall(&w, API1);
	core_answers(&w, API1, 2, RESULT_L7OK);
	follow(&w, API1);
	assert_int_equal(ctl_target(w.ctl, API1).weight_percent, 10);
	core_answers(&w, API2, 2, RESULT_L4CON);
	assert_false(ctl_service(w.ctl, API).panic);
	core_answers(&w, API3, 2, RESULT_L4CON);
	assert_true(ctl_service(w.ctl, API).panic);
	assert_int_equal(ctl_target(w.ctl, API1).weight_percent, 100);
	core_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_recovers_early_is_asked_back_in_time),
		cmocka_unit_test(who_fails_again_meanwhile_is_not_asked_back),
		cmocka_unit_test(who_is_needed_is_not_held_back),
		cmocka_unit_test(in_a_panic_nobody_is_held_back),
		cmocka_unit_test(who_flaps_stays_out_longer),
		cmocka_unit_test(
			a_trial_counts_answers_that_serve_whatever_they_are),
		cmocka_unit_test(a_trial_ends_at_the_first_failure),
		cmocka_unit_test(
			a_trial_counts_anew_after_a_refusal_that_was_none),
		cmocka_unit_test(a_panic_that_opens_has_no_slow_start),
	};

	return cmocka_run_group_tests_name("ctl return", tests, NULL, NULL);
}
