/* What the controller makes of hints, of late answers and of silence. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/core_world.h"

/* All targets up, with known latencies. */
static void begin(struct core_world *w)
{
	unsigned i, k;

	core_init(w);
	core_start(w, NULL);
	core_see_all(w, 0, SERVER_READY);
	for (k = 0; k < 12; k++)
		for (i = 0; i < CORE_TARGETS; i++)
			core_answer(w, i, RESULT_L7OK);
	core_settle(w);
	core_forget(w);
}

static void hint(struct core_world *w, enum hint_kind kind)
{
	struct event ev = { .kind = EVENT_HINT };

	ev.hint.target = API1;
	ev.hint.kind = kind;
	core_feed(w, &ev);
}

/* How often API1 was asked since core_forget(). */
static unsigned asked(const struct core_world *w)
{
	unsigned i, n = 0;

	for (i = 0; i < w->count; i++)
		n += w->log[i].kind == ACTION_CHECK &&
		     w->log[i].check.target == API1;
	return n;
}

static const struct action *last_question(const struct core_world *w)
{
	unsigned i;

	for (i = w->count; i-- > 0;)
		if (w->log[i].kind == ACTION_CHECK &&
		    w->log[i].check.target == API1)
			return &w->log[i];
	return NULL;
}

/* Answer question @id of API1, @after_us from now. */
static void answer(struct core_world *w, uint64_t id, const struct result *res,
		   int64_t after_us)
{
	struct event ev = { .kind = EVENT_EVIDENCE };

	w->now = instant_add(w->now, after_us);
	ev.evidence.target = API1;
	ev.evidence.check = id;
	ev.evidence.result = *res;
	if (w->checks[API1] == id)
		w->checks[API1] = 0;
	core_feed(w, &ev);
}

static uint64_t silent(struct core_world *w)
{
	struct result res = result_make(RESULT_L7TOUT, 0, 20 * MS, NULL);
	uint64_t id;

	while (w->checks[API1] == 0)
		core_wait(w, 1 * MS);
	id = w->checks[API1];
	res.reach = REACH_ACKNOWLEDGED;
	answer(w, id, &res, 20 * MS);
	return id;
}

static void late(struct core_world *w, uint64_t id, int64_t latency_us)
{
	struct result res = result_make(RESULT_L7OK, 200, latency_us, NULL);

	res.late = true;
	answer(w, id, &res, 1 * MS);
}

static enum health_state state_of(const struct core_world *w)
{
	return ctl_target(w->ctl, API1).health->state;
}

static void a_killed_process_is_down_in_no_time(void **state)
{
	struct core_world w;
	struct instant before;

	(void)state;
	begin(&w);
	before = w.now;
	hint(&w, HINT_TETHER_CLOSED);
	core_answers(&w, API1, 2, RESULT_L4CON);
	assert_int_equal(state_of(&w), HEALTH_DOWN);
	assert_int_equal(w.now.us, before.us);
	assert_non_null(strstr(core_note(&w, NOTE_TARGET)->note.text,
			       "connection closed, refused x2"));
	core_done(&w);
}

/* Hints that come to nothing, until they are a habit. */
static void accustom(struct core_world *w)
{
	unsigned i;

	for (i = 0; i < 3; i++) {
		core_forget(w);
		hint(w, HINT_TETHER_CLOSED);
		assert_int_equal(asked(w), 1);
		core_answer(w, API1, RESULT_L7OK);
	}
	core_forget(w);
}

static void harmless_hints_of_a_habit_wait_longer_and_longer(void **state)
{
	static const int64_t waits_us[] = { 100 * MS, 200 * MS, 400 * MS,
					    800 * MS, SECOND,   SECOND };
	struct core_world w;
	unsigned i;

	(void)state;
	begin(&w);
	accustom(&w);
	for (i = 0; i < 6; i++) {
		struct instant then = w.now;

		core_forget(&w);
		hint(&w, HINT_TETHER_CLOSED);
		assert_int_equal(asked(&w), 0);
		while (asked(&w) == 0)
			core_wait(&w, 1 * MS);
		/* Its turn may come first. */
		assert_true(instant_diff_us(then, w.now) <= waits_us[i]);
		core_answer(&w, API1, RESULT_L7OK);
	}
	core_done(&w);
}

static void after_a_quiet_time_there_is_no_habit(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	begin(&w);
	accustom(&w);
	for (i = 0; i < 12; i++)
		core_answer(&w, API1, RESULT_L7OK);
	accustom(&w);
	core_done(&w);
}

static void a_habit_waits_no_longer_than_the_interval(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	begin(&w);
	accustom(&w);
	for (i = 0; i < 8; i++) {
		hint(&w, HINT_TETHER_CLOSED);
		core_answer(&w, API1, RESULT_L7OK);
	}
	for (i = 0; i < 2; i++)
		core_answer(&w, API1, RESULT_L7OK);
	core_forget(&w);
	hint(&w, HINT_TETHER_CLOSED);
	assert_int_equal(asked(&w), 1);
	core_done(&w);
}

static void our_own_trouble_makes_no_habit(void **state)
{
	struct core_world w;
	unsigned i;

	(void)state;
	begin(&w);
	for (i = 0; i < 4; i++) {
		core_forget(&w);
		hint(&w, HINT_TETHER_CLOSED);
		assert_int_equal(asked(&w), 1);
		core_answer(&w, API1, RESULT_SOCKERR);
	}
	core_done(&w);
}

static void every_tenth_question_is_over_a_new_connection(void **state)
{
	unsigned i, fresh = 0;
	struct core_world w;

	(void)state;
	begin(&w);
	for (i = 0; i < 30; i++) {
		core_answer(&w, API1, RESULT_L7OK);
		fresh += last_question(&w)->check.fresh;
	}
	assert_int_equal(fresh, 3);
	core_done(&w);
}

static void a_reload_keeps_habits_and_hints(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	accustom(&w);
	core_reload(&w, &w.set);
	hint(&w, HINT_TETHER_CLOSED);
	assert_int_equal(asked(&w), 0);
	core_done(&w);
	begin(&w);
	while (w.checks[API1] == 0)
		core_wait(&w, 1 * MS);
	core_forget(&w);
	hint(&w, HINT_PROCESS_GONE);
	assert_int_equal(asked(&w), 0);
	core_reload(&w, &w.set);
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_equal(asked(&w), 1);
	core_done(&w);
}

static void a_server_that_closes_each_connection_makes_no_loop(void **state)
{
	struct core_world w;
	struct instant end;
	unsigned n = 0;

	(void)state;
	begin(&w);
	end = instant_add(w.now, 20 * SECOND);
	while (instant_before(w.now, end)) {
		core_forget(&w);
		hint(&w, HINT_TETHER_CLOSED);
		core_wait(&w, 1 * MS);
		if (w.checks[API1] != 0)
			core_answer(&w, API1, RESULT_L7OK);
		n += asked(&w);
		if (w.checks[API2] != 0)
			core_answer(&w, API2, RESULT_L7OK);
	}
	/* Those until it is a habit are more than one in an interval. */
	assert_in_range(n, 20, 30);
	core_done(&w);
}

static void an_idle_close_is_the_question_of_its_interval(void **state)
{
	struct instant closed, end;
	struct core_world w;

	(void)state;
	begin(&w);
	closed = INSTANT_NEVER;
	end = instant_add(w.now, 40 * SECOND);
	while (instant_before(w.now, end)) {
		core_wait(&w, 10 * MS);
		if (instant_diff_us(w.now, end) == 20 * SECOND)
			core_forget(&w);
		if (w.checks[API1] != 0) {
			core_answer(&w, API1, RESULT_L7OK);
			/* It closes what was silent for 300 ms. */
			closed = instant_add(w.now, 300 * MS);
		}
		if (!instant_before(closed, w.now))
			continue;
		closed = INSTANT_NEVER;
		hint(&w, HINT_TETHER_CLOSED);
	}
	assert_in_range(asked(&w), 19, 21);
	core_done(&w);
}

static void a_process_that_is_gone_waits_for_no_habit(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	accustom(&w);
	hint(&w, HINT_TETHER_CLOSED);
	assert_int_equal(asked(&w), 0);
	hint(&w, HINT_PROCESS_GONE);
	assert_int_equal(asked(&w), 1);
	core_done(&w);
}

static void a_hint_that_proved_right_ends_the_waiting(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	accustom(&w);
	core_wait(&w, 150 * MS);
	hint(&w, HINT_TETHER_RESET);
	core_answer(&w, API1, RESULT_L7STS);
	core_answer(&w, API1, RESULT_L7OK);
	accustom(&w);
	core_done(&w);
}

static void a_hint_during_a_question_is_followed_after_it(void **state)
{
	struct core_world w;

	(void)state;
	begin(&w);
	while (w.checks[API1] == 0)
		core_wait(&w, 1 * MS);
	core_forget(&w);
	hint(&w, HINT_HAPROXY_ERRORS);
	assert_int_equal(asked(&w), 0);
	core_answer(&w, API1, RESULT_L7OK);
	assert_int_equal(asked(&w), 1);
	assert_true(last_question(&w)->check.fresh);
	core_done(&w);
}

static void silence_is_asked_again_while_the_first_may_answer(void **state)
{
	struct core_world w;
	struct instant before;
	uint64_t first;

	(void)state;
	begin(&w);
	first = silent(&w);
	before = w.now;
	assert_int_equal(asked(&w), 2);
	assert_true(last_question(&w)->check.fresh);
	assert_int_equal(last_question(&w)->check.timeout_us, 20 * MS);
	late(&w, first, 25 * MS);
	assert_int_equal(ctl_target(w.ctl, API1).health->bad, 0);
	assert_int_equal(instant_diff_us(before, w.now), 1 * MS);
	core_done(&w);
}

static void what_was_asked_in_doubt_counts_for_nothing_after_it(void **state)
{
	struct core_world w;
	uint64_t first;

	(void)state;
	begin(&w);
	first = silent(&w);
	late(&w, first, 25 * MS);
	silent(&w);
	assert_int_equal(ctl_target(w.ctl, API1).health->bad, 0);
	assert_true(last_question(&w)->check.timeout_us >= 50 * MS);
	silent(&w);
	assert_int_equal(ctl_target(w.ctl, API1).health->bad, 1);
	core_done(&w);
}

static void a_late_answer_brings_back_what_silence_took(void **state)
{
	struct core_world w;
	uint64_t first;

	(void)state;
	begin(&w);
	first = silent(&w);
	silent(&w);
	silent(&w);
	assert_int_equal(state_of(&w), HEALTH_DOWN);
	late(&w, first, 70 * MS);
	assert_int_equal(state_of(&w), HEALTH_DEGRADED);
	core_settle(&w);
	assert_true(ctl_target(w.ctl, API1).in_rotation);
	core_done(&w);
}

static void a_late_answer_from_before_a_stall_is_not_heard(void **state)
{
	struct event ev = { .kind = EVENT_DEADLINE };
	struct core_world w;
	uint64_t first;

	(void)state;
	begin(&w);
	first = silent(&w);
	w.now = instant_add(w.now, 5 * SECOND);
	core_feed(&w, &ev);
	late(&w, first, 5 * SECOND);
	assert_true(ctl_target(w.ctl, API1).health->last.latency_us < SECOND);
	core_done(&w);
}

static void a_late_answer_of_another_row_is_not_heard(void **state)
{
	struct core_world w;
	uint64_t first;

	(void)state;
	begin(&w);
	first = silent(&w);
	core_answer(&w, API1, RESULT_L7OK);
	silent(&w);
	late(&w, first, 60 * MS);
	assert_int_equal(ctl_target(w.ctl, API1).health->bad, 1);
	core_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_process_is_down_in_no_time),
		cmocka_unit_test(
			harmless_hints_of_a_habit_wait_longer_and_longer),
		cmocka_unit_test(
			a_server_that_closes_each_connection_makes_no_loop),
		cmocka_unit_test(after_a_quiet_time_there_is_no_habit),
		cmocka_unit_test(a_habit_waits_no_longer_than_the_interval),
		cmocka_unit_test(our_own_trouble_makes_no_habit),
		cmocka_unit_test(every_tenth_question_is_over_a_new_connection),
		cmocka_unit_test(a_reload_keeps_habits_and_hints),
		cmocka_unit_test(an_idle_close_is_the_question_of_its_interval),
		cmocka_unit_test(a_process_that_is_gone_waits_for_no_habit),
		cmocka_unit_test(a_hint_that_proved_right_ends_the_waiting),
		cmocka_unit_test(a_hint_during_a_question_is_followed_after_it),
		cmocka_unit_test(
			silence_is_asked_again_while_the_first_may_answer),
		cmocka_unit_test(
			what_was_asked_in_doubt_counts_for_nothing_after_it),
		cmocka_unit_test(a_late_answer_brings_back_what_silence_took),
		cmocka_unit_test(
			a_late_answer_from_before_a_stall_is_not_heard),
		cmocka_unit_test(a_late_answer_of_another_row_is_not_heard),
	};

	return cmocka_run_group_tests_name("ctl_hints", tests, NULL, NULL);
}
