/* What results count: certain, likely, lost on the way; late answers; and the
 * evidence that a verdict keeps. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/loss.h"
#include "tests/unit/health_world.h"

/* An unanswered question, @after_us after the one before. */
static enum health_input silence(struct world *w, enum reach reach,
				 int64_t after_us)
{
	struct result res = result_make(
		reach == REACH_NOT_CONNECTED ? RESULT_L4TOUT : RESULT_L7TOUT, 0,
		after_us, NULL);
	enum health_input in;

	res.reach = reach;
	w->now = instant_add(w->now, after_us);
	in = health_digest(&w->h, &w->check, &res, &w->doubt, w->now);
	if (in != HEALTH_INPUTS)
		health_move(&w->h, in, w->now);
	return in;
}

static enum health_input late(struct world *w, int64_t latency_us)
{
	struct result res = result_make(RESULT_L7OK, 200, latency_us, NULL);
	enum health_input in;

	res.late = true;
	in = health_late(&w->h, &w->check, &res, &w->doubt, w->now);
	if (in != HEALTH_INPUTS)
		health_move(&w->h, in, w->now);
	return in;
}

static struct health_question ask(struct world *w)
{
	return health_ask(&w->h, &w->check, &w->doubt, false);
}

static void refused_twice_at_once_is_certain(void **state)
{
	struct world w;

	(void)state;
	world_up(&w);
	assert_int_equal(digest(&w, RESULT_L4CON, 0), HEALTH_DOUBT);
	assert_int_equal(health_interval_us(&w.h, &w.check), 0);
	assert_true(ask(&w).fresh);
	assert_int_equal(digest(&w, RESULT_L4CON, 0), HEALTH_FALL);
	assert_int_not_equal(health_interval_us(&w.h, &w.check), 0);
}

static void refused_once_is_one_failure(void **state)
{
	struct world w;
	int i;

	(void)state;
	world_up(&w);
	for (i = 0; i < 10; i++) {
		judge(&w, RESULT_L4CON, 0);
		judge(&w, RESULT_L7OK, MS);
	}
	assert_int_equal(w.h.state, HEALTH_UP);
	judge(&w, RESULT_L4CON, 0);
	judge(&w, RESULT_L7STS, MS);
	assert_int_equal(w.h.state, HEALTH_UP);
	judge(&w, RESULT_L4CON, 0);
	assert_int_equal(w.h.state, HEALTH_DOWN);
}

static void refusals_are_certain_only_one_after_the_other(void **state)
{
	struct world w;

	(void)state;
	world_up(&w);
	w.check.fall = 5;
	judge(&w, RESULT_L4CON, 0);
	judge(&w, RESULT_L7STS, MS);
	judge(&w, RESULT_L4CON, 0);
	assert_int_equal(w.h.state, HEALTH_UP);
	judge(&w, RESULT_L4CON, 0);
	assert_int_equal(w.h.state, HEALTH_DOWN);
}

static void poor_and_good_answers_count_only_in_a_row(void **state)
{
	struct world w;

	(void)state;
	world_up(&w);
	judge_times(&w, 2, RESULT_L7OK, 300 * MS);
	judge(&w, RESULT_L7OK, MS);
	judge_times(&w, 2, RESULT_L7OK, 300 * MS);
	assert_int_equal(w.h.state, HEALTH_UP);
	judge(&w, RESULT_L7OK, 300 * MS);
	assert_int_equal(w.h.state, HEALTH_DEGRADED);
	judge(&w, RESULT_L7OK, MS);
	judge(&w, RESULT_L7OK, 300 * MS);
	judge(&w, RESULT_L7OK, MS);
	assert_int_equal(w.h.state, HEALTH_DEGRADED);
	judge(&w, RESULT_L7OK, MS);
	assert_int_equal(w.h.state, HEALTH_UP);
}

static void no_way_there_is_not_refused(void **state)
{
	struct result res = result_make(RESULT_L4CON, 113, 0, NULL);
	struct world w;

	(void)state;
	world_up(&w);
	health_digest(&w.h, &w.check, &res, &w.doubt, w.now);
	assert_int_equal(health_interval_us(&w.h, &w.check), 100 * MS);
	assert_int_equal(health_digest(&w.h, &w.check, &res, &w.doubt, w.now),
			 HEALTH_FAIL);
	assert_int_equal(health_digest(&w.h, &w.check, &res, &w.doubt, w.now),
			 HEALTH_FALL);
}

static void a_hanging_process_is_asked_fall_times_at_once(void **state)
{
	struct world w;

	(void)state;
	world_up(&w);
	assert_int_equal(silence(&w, REACH_ACKNOWLEDGED, 20 * MS),
			 HEALTH_DOUBT);
	assert_int_equal(health_interval_us(&w.h, &w.check), 0);
	assert_int_equal(ask(&w).timeout_us, 20 * MS);
	assert_true(ask(&w).fresh);
	assert_int_equal(silence(&w, REACH_ACKNOWLEDGED, 20 * MS),
			 HEALTH_DOUBT);
	assert_int_equal(ask(&w).timeout_us, 20 * MS);
	assert_int_equal(silence(&w, REACH_ACKNOWLEDGED, 20 * MS), HEALTH_FALL);
}

static void a_late_answer_ends_the_row_and_is_learned(void **state)
{
	struct world w;

	(void)state;
	world_up(&w);
	silence(&w, REACH_ACKNOWLEDGED, 20 * MS);
	silence(&w, REACH_ACKNOWLEDGED, 20 * MS);
	assert_int_equal(late(&w, 45 * MS), HEALTH_POOR);
	assert_int_equal(w.h.bad, 0);
	assert_int_equal(health_timeout_us(&w.h, &w.check), 90 * MS);
	assert_int_equal(late(&w, 50 * MS), HEALTH_INPUTS);
}

static void a_late_answer_takes_back_a_verdict_by_silence(void **state)
{
	struct world w;
	int i;

	(void)state;
	world_up(&w);
	for (i = 0; i < 3; i++)
		silence(&w, REACH_ACKNOWLEDGED, 20 * MS);
	assert_int_equal(w.h.state, HEALTH_DOWN);
	assert_int_equal(late(&w, 501 * MS), HEALTH_INPUTS);
	assert_int_equal(late(&w, 90 * MS), HEALTH_ALIVE);
	assert_int_equal(w.h.state, HEALTH_DEGRADED);
	assert_int_equal(w.h.bad, 0);
}

static void a_late_answer_takes_back_no_other_verdict(void **state)
{
	struct world w;

	(void)state;
	world_up(&w);
	silence(&w, REACH_ACKNOWLEDGED, 20 * MS);
	judge_times(&w, 2, RESULT_L7STS, MS);
	assert_int_equal(w.h.state, HEALTH_DOWN);
	assert_int_equal(late(&w, 90 * MS), HEALTH_INPUTS);
	assert_int_equal(w.h.state, HEALTH_DOWN);
}

static void a_late_answer_in_maintenance_changes_nothing(void **state)
{
	struct world w;

	(void)state;
	world_up(&w);
	health_move(&w.h, HEALTH_HOLD, w.now);
	silence(&w, REACH_ACKNOWLEDGED, 20 * MS);
	assert_int_equal(w.h.bad, 1);
	assert_int_equal(late(&w, 25 * MS), HEALTH_INPUTS);
	assert_int_equal(w.h.bad, 1);
}

static void who_paused_lately_is_given_twice_that_time(void **state)
{
	struct instant began;
	struct world w;
	int i;

	(void)state;
	world_up(&w);
	for (i = 0; i < 3; i++)
		silence(&w, REACH_ACKNOWLEDGED, 20 * MS);
	late(&w, 90 * MS);
	judge_times(&w, 10, RESULT_L7OK, MS);
	assert_int_equal(w.h.state, HEALTH_UP);
	began = w.now;
	while (w.h.state == HEALTH_UP)
		silence(&w, REACH_ACKNOWLEDGED, 20 * MS);
	assert_in_range(instant_diff_us(began, w.now), 150 * MS, 200 * MS);
	judge_times(&w, 400, RESULT_L7OK, MS);
	health_move(&w.h, HEALTH_RAMPED, w.now);
	began = w.now;
	while (w.h.state == HEALTH_UP)
		silence(&w, REACH_ACKNOWLEDGED, 20 * MS);
	assert_in_range(instant_diff_us(began, w.now), 60 * MS, 80 * MS);
}

static void what_is_lost_is_asked_quickly_and_often(void **state)
{
	struct world w;
	int i;

	(void)state;
	world_up(&w);
	silence(&w, REACH_UNACKNOWLEDGED, 20 * MS);
	assert_int_equal(ask(&w).timeout_us, 8 * MS);
	for (i = 2; i < 10; i++)
		assert_int_equal(silence(&w, REACH_NOT_CONNECTED, 8 * MS),
				 HEALTH_DOUBT);
	assert_int_equal(silence(&w, REACH_NOT_CONNECTED, 8 * MS), HEALTH_FALL);
}

static void a_long_way_is_not_asked_faster_than_it_takes(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	judge_times(&w, 100, RESULT_L7OK, 30 * MS);
	silence(&w, REACH_NOT_CONNECTED, 90 * MS);
	assert_in_range(ask(&w).timeout_us, 90 * MS, 96 * MS);
	judge_times(&w, 100, RESULT_L7OK, 160 * MS);
	silence(&w, REACH_NOT_CONNECTED, 500 * MS);
	assert_int_equal(ask(&w).timeout_us, 2 * 500 * MS / 9);
}

static void a_hurried_question_is_no_silence(void **state)
{
	struct world w;
	int i;

	(void)state;
	world_up(&w);
	for (i = 0; i < 9; i++) {
		assert_int_equal(ask(&w).timeout_us, 20 * MS);
		silence(&w, REACH_UNACKNOWLEDGED, 20 * MS);
		assert_int_equal(ask(&w).timeout_us, 8 * MS);
		assert_int_equal(silence(&w, REACH_ACKNOWLEDGED, 8 * MS),
				 HEALTH_DOUBT);
	}
	assert_int_equal(w.h.mute, 0);
	assert_int_equal(w.h.lost, 9);
}

/* Rows of one lost trip, and of an answer that shows it was chance. */
static void lose(struct world *w, unsigned rows)
{
	while (rows-- > 0) {
		ask(w);
		silence(w, REACH_UNACKNOWLEDGED, 20 * MS);
		ask(w);
		silence(w, REACH_NOT_CONNECTED, 8 * MS);
		ask(w);
		judge(w, RESULT_L7OK, MS);
	}
}

static unsigned lost_until_down(struct world *w)
{
	unsigned n = 0;

	while (w->h.state != HEALTH_DOWN) {
		silence(w, REACH_NOT_CONNECTED, 8 * MS);
		n++;
	}
	return n;
}

static void more_must_be_lost_where_packets_are(void **state)
{
	struct world w;

	(void)state;
	world_up(&w);
	lose(&w, 1);
	assert_in_range(lost_until_down(&w), 12, 14);
	world_up(&w);
	lose(&w, 50);
	assert_in_range(lost_until_down(&w), 30, 50);
	world_up(&w);
	lose(&w, 50);
	w.check.lost_max = 20;
	assert_int_equal(lost_until_down(&w), 20);
}

static void no_fewer_may_be_lost_than_fall(void **state)
{
	struct world w;

	(void)state;
	world_up(&w);
	w.check.lost = 2;
	assert_int_equal(lost_until_down(&w), 3);
}

/* Which TCP has not yet sent again. */
static void short_timeouts_are_no_reason_to_forget_what_is_lost(void **state)
{
	struct world w;
	unsigned i;

	(void)state;
	world_up(&w);
	w.check.timeout_us = 100 * MS;
	w.check.fall = 2;
	w.loss = LOSS_ONE / 2;
	for (i = 0; i < 15; i++)
		silence(&w, REACH_NOT_CONNECTED, 50 * MS);
	assert_int_equal(w.h.state, HEALTH_UP);
	silence(&w, REACH_NOT_CONNECTED, 3 * SECOND);
	assert_int_equal(w.h.state, HEALTH_DOWN);
}

/* By then TCP has sent again whatever was lost. */
static void after_a_time_no_loss_on_the_way_excuses(void **state)
{
	struct world w;
	unsigned i;

	(void)state;
	world_up(&w);
	w.loss = LOSS_ONE / 2;
	for (i = 0; i < 12; i++)
		silence(&w, REACH_NOT_CONNECTED, 8 * MS);
	assert_int_equal(w.h.state, HEALTH_UP);
	silence(&w, REACH_NOT_CONNECTED, 2 * 3 * w.check.timeout_us);
	assert_int_equal(w.h.state, HEALTH_DOWN);
}

static void what_was_sent_again_was_lost_and_teaches_no_latency(void **state)
{
	struct result res = result_make(RESULT_L7OK, 200, 210 * MS, NULL);
	struct world w;

	(void)state;
	world_up(&w);
	ask(&w);
	res.retransmits = 1;
	health_digest(&w.h, &w.check, &res, &w.doubt, w.now);
	assert_int_equal(w.h.latency.latest_us, MS);
	assert_int_equal(ask(&w).timeout_us, 20 * MS);
	assert_true(w.h.loss > 0);
	assert_in_range(lost_until_down(&w), 11, 14);
}

static void what_others_lose_counts_too(void **state)
{
	struct world w;

	(void)state;
	world_up(&w);
	w.loss = LOSS_ONE / 2;
	assert_int_equal(lost_until_down(&w), 24);
}

static void more_silence_is_needed_where_packets_are_lost(void **state)
{
	struct world w;
	unsigned n = 0;

	(void)state;
	world_up(&w);
	w.loss = LOSS_ONE / 2;
	while (w.h.state != HEALTH_DOWN) {
		silence(&w, REACH_ACKNOWLEDGED, 20 * MS);
		n++;
	}
	assert_int_equal(n, 12);
}

static void answers_while_down_are_not_typical(void **state)
{
	struct world w;

	(void)state;
	world_up(&w);
	judge_times(&w, 3, RESULT_L7STS, MS);
	judge_times(&w, 2, RESULT_L7OK, 400 * MS);
	assert_int_equal(w.h.state, HEALTH_RECOVERING);
	assert_int_equal(health_timeout_us(&w.h, &w.check), 20 * MS);
}

static void a_dead_target_teaches_no_loss(void **state)
{
	struct world w;

	(void)state;
	world_up(&w);
	lost_until_down(&w);
	judge_times(&w, 2, RESULT_L7OK, MS);
	assert_int_equal(w.h.loss, 0);
	assert_int_equal(w.loss, 0);
}

static void doubt_in_ourselves_waits_longer_and_asks_more(void **state)
{
	struct world w;

	(void)state;
	world_up(&w);
	w.doubt.patience = 3;
	assert_int_equal(ask(&w).timeout_us, 60 * MS);
	assert_int_equal(lost_until_down(&w), 12);
}

static void the_verdict_keeps_its_evidence(void **state)
{
	char text[100];
	struct world w;

	(void)state;
	world_up(&w);
	judge(&w, RESULT_L7STS, MS);
	judge(&w, RESULT_L7OK, MS);
	health_hint(&w.h, EVIDENCE_CLOSED, EVIDENCE_SELF, 0, w.now);
	judge_times(&w, 5, RESULT_L4CON, 0);
	assert_string_equal(evidence_text(&w.h.evidence, text, sizeof(text)),
			    "connection closed, refused x2 within 200.0 ms");
	judge_times(&w, 2, RESULT_L7OK, MS);
	assert_int_equal(w.h.evidence.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_twice_at_once_is_certain),
		cmocka_unit_test(refused_once_is_one_failure),
		cmocka_unit_test(refusals_are_certain_only_one_after_the_other),
		cmocka_unit_test(poor_and_good_answers_count_only_in_a_row),
		cmocka_unit_test(no_way_there_is_not_refused),
		cmocka_unit_test(a_late_answer_in_maintenance_changes_nothing),
		cmocka_unit_test(no_fewer_may_be_lost_than_fall),
		cmocka_unit_test(
			short_timeouts_are_no_reason_to_forget_what_is_lost),
		cmocka_unit_test(after_a_time_no_loss_on_the_way_excuses),
		cmocka_unit_test(a_hanging_process_is_asked_fall_times_at_once),
		cmocka_unit_test(a_late_answer_ends_the_row_and_is_learned),
		cmocka_unit_test(a_late_answer_takes_back_a_verdict_by_silence),
		cmocka_unit_test(a_late_answer_takes_back_no_other_verdict),
		cmocka_unit_test(who_paused_lately_is_given_twice_that_time),
		cmocka_unit_test(what_is_lost_is_asked_quickly_and_often),
		cmocka_unit_test(a_long_way_is_not_asked_faster_than_it_takes),
		cmocka_unit_test(a_hurried_question_is_no_silence),
		cmocka_unit_test(more_must_be_lost_where_packets_are),
		cmocka_unit_test(
			what_was_sent_again_was_lost_and_teaches_no_latency),
		cmocka_unit_test(what_others_lose_counts_too),
		cmocka_unit_test(more_silence_is_needed_where_packets_are_lost),
		cmocka_unit_test(answers_while_down_are_not_typical),
		cmocka_unit_test(a_dead_target_teaches_no_loss),
		cmocka_unit_test(doubt_in_ourselves_waits_longer_and_asks_more),
		cmocka_unit_test(the_verdict_keeps_its_evidence),
	};

	return cmocka_run_group_tests_name("health_judge", tests, NULL, NULL);
}
