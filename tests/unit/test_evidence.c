/* Observations, what they are worth, and the row that is kept of them; how many
 * lost trips are too many. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/evidence.h"
#include "controller/core/loss.h"

static struct instant at(int64_t us)
{
	return (struct instant){ 1000 * SECOND + us };
}

static enum evidence_kind of(enum result_code code, enum reach reach,
			     int status)
{
	struct result res = result_make(code, status, MS, NULL);

	res.reach = reach;
	return evidence_of(&res, false);
}

static void silence_is_told_apart_by_how_far_it_came(void **state)
{
	(void)state;
	assert_int_equal(of(RESULT_L7TOUT, REACH_ACKNOWLEDGED, 0),
			 EVIDENCE_MUTE);
	assert_int_equal(of(RESULT_L7TOUT, REACH_UNACKNOWLEDGED, 0),
			 EVIDENCE_LOST);
	assert_int_equal(of(RESULT_L4TOUT, REACH_NOT_CONNECTED, 0),
			 EVIDENCE_LOST);
	assert_int_equal(of(RESULT_L4TOUT, REACH_UNKNOWN, 0), EVIDENCE_LOST);
	assert_int_equal(of(RESULT_L7TOUT, REACH_UNKNOWN, 0), EVIDENCE_SILENT);
	assert_int_equal(of(RESULT_PROCTOUT, REACH_UNKNOWN, 0),
			 EVIDENCE_SILENT);
}

static void only_the_target_refuses(void **state)
{
	(void)state;
	assert_int_equal(of(RESULT_L4CON, REACH_UNKNOWN, ECONNREFUSED),
			 EVIDENCE_REFUSED);
	assert_int_equal(of(RESULT_L4CON, REACH_UNKNOWN, ECONNRESET),
			 EVIDENCE_REFUSED);
	assert_int_equal(of(RESULT_L4CON, REACH_UNKNOWN, EHOSTUNREACH),
			 EVIDENCE_UNREACHABLE);
	assert_int_equal(of(RESULT_L4CON, REACH_UNKNOWN, ENETDOWN),
			 EVIDENCE_UNREACHABLE);
}

/* A process that is killed closes its connections before its listener: what
 * connects in between is reset when it asks. */
static void a_reset_is_no_answer_but_a_refusal(void **state)
{
	(void)state;
	assert_int_equal(of(RESULT_L7RSP, REACH_UNKNOWN, ECONNRESET),
			 EVIDENCE_REFUSED);
	assert_int_equal(of(RESULT_L6RSP, REACH_UNKNOWN, ECONNRESET),
			 EVIDENCE_REFUSED);
	assert_int_equal(of(RESULT_L7RSP, REACH_UNKNOWN, EPIPE),
			 EVIDENCE_REFUSED);
	assert_int_equal(of(RESULT_L7RSP, REACH_UNKNOWN, 0), EVIDENCE_BAD);
	assert_int_equal(of(RESULT_L7STS, REACH_UNKNOWN, 104), EVIDENCE_BAD);
}

/* Every code of a result, with each reach, late or not, slow or not. */
static void every_result_is_some_evidence(void **state)
{
	enum consequence follows;
	enum verdict verdict;
	unsigned code, i;

	(void)state;
	for (code = 0; code < RESULT_CODES; code++)
		for (i = 0; i < 16; i++) {
			struct result res = { .code = code,
					      .reach = i % 4,
					      .late = (i & 4) != 0 };

			verdict = result_verdict(code);
			follows = evidence_follows(
				evidence_of(&res, (i & 8) != 0));
			assert_int_equal(follows == FOLLOWS_NOTHING,
					 verdict == VERDICT_NONE);
			assert_int_equal(follows == FOLLOWS_END,
					 verdict == VERDICT_PASS ||
						 verdict == VERDICT_WARN);
			assert_int_not_equal(follows, FOLLOWS_ASK);
		}
}

static void a_hint_is_never_counted(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < EVIDENCE_KINDS; i++) {
		bool hint = evidence_certainty(i) == CERTAINTY_HINT;

		assert_non_null(evidence_name(i));
		assert_non_null(certainty_name(evidence_certainty(i)));
		assert_int_equal(hint, evidence_follows(i) == FOLLOWS_ASK);
		assert_true(hint || !evidence_is_habit(i));
	}
	assert_false(evidence_is_habit(EVIDENCE_PROCESS));
	assert_true(evidence_is_habit(EVIDENCE_CLOSED));
}

static void equal_ones_in_a_row_are_one(void **state)
{
	struct evidence ev = { 0 };
	char text[100];
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		evidence_add(&ev, EVIDENCE_BAD, EVIDENCE_SELF, 503,
			     at(i * 100 * MS));
	assert_int_equal(ev.count, 1);
	assert_int_equal(ev.list[0].count, 3);
	assert_int_equal(ev.list[0].span_us, 200 * MS);
	assert_int_equal(ev.list[0].detail, 503);
	assert_string_equal(evidence_text(&ev, text, sizeof(text)),
			    "bad answer x3 within 200.0 ms");
	evidence_add(&ev, EVIDENCE_NODE, 1, 0, at(SECOND));
	evidence_add(&ev, EVIDENCE_NODE, 2, 0, at(SECOND));
	assert_int_equal(ev.count, 3);
}

static void a_new_row_begins_when_the_last_is_over(void **state)
{
	struct evidence ev = { 0 };

	(void)state;
	evidence_add(&ev, EVIDENCE_BAD, EVIDENCE_SELF, 503, at(0));
	evidence_end(&ev);
	assert_int_equal(ev.count, 1);
	evidence_add(&ev, EVIDENCE_REFUSED, EVIDENCE_SELF, 111, at(SECOND));
	assert_int_equal(ev.count, 1);
	assert_int_equal(ev.list[0].kind, EVIDENCE_REFUSED);
}

static void of_a_long_row_the_ends_are_kept(void **state)
{
	struct evidence ev = { 0 };
	char text[30];
	unsigned i;

	(void)state;
	for (i = 0; i < 20; i++)
		evidence_add(&ev, i % 2 == 0 ? EVIDENCE_LOST : EVIDENCE_MUTE,
			     EVIDENCE_SELF, (int)i, at(i * MS));
	assert_int_equal(ev.count, EVIDENCE_MAX);
	assert_int_equal(ev.dropped, 12);
	for (i = 0; i < EVIDENCE_MAX; i++)
		assert_int_equal(ev.list[i].detail,
				 i < EVIDENCE_MAX / 2 ? i : i + 12);
	assert_int_equal(strlen(evidence_text(&ev, text, sizeof(text))), 29);
}

static void it_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct evidence) <= 200);
}

static void nothing_seen_is_no_text(void **state)
{
	struct evidence ev = { 0 };
	char text[10] = "x";

	(void)state;
	assert_string_equal(evidence_text(&ev, text, sizeof(text)), "");
}

static void more_trips_are_needed_the_more_are_lost(void **state)
{
	unsigned share, n = 1;

	(void)state;
	for (share = 0; share <= LOSS_ONE; share += 16) {
		assert_true(loss_trips(share) >= n);
		n = loss_trips(share);
	}
	assert_int_equal(loss_trips(0), 1);
	assert_int_equal(loss_trips(LOSS_ONE / 4), 12);
	assert_int_equal(loss_trips(LOSS_ONE / 2), 24);
	assert_int_equal(loss_trips(LOSS_ONE), LOSS_TRIPS_MAX);
}

static void the_first_loss_is_believed_and_forgotten_slowly(void **state)
{
	unsigned share = loss_add(0, true, false), i;

	(void)state;
	assert_int_equal(share, LOSS_ONE / 4);
	for (i = 0; i < 20; i++)
		share = loss_add(share, false, true);
	assert_in_range(share, LOSS_ONE / 10, LOSS_ONE / 6);
	for (i = 0; i < 200; i++)
		share = loss_add(share, false, true);
	assert_in_range(share, 0, LOSS_ONE / 100);
}

static void a_connection_that_stood_proves_less(void **state)
{
	unsigned share = loss_add(0, true, true), i;

	(void)state;
	for (i = 0; i < 20; i++)
		share = loss_add(share, false, false);
	assert_in_range(share, LOSS_ONE / 5, LOSS_ONE / 4);
}

static void an_estimate_is_rather_high_than_low(void **state)
{
	unsigned share = 0, i, random = 1, low = 0;

	(void)state;
	for (i = 0; i < 100000; i++) {
		random = random * 1103515245u + 12345u;
		share = loss_add(share, (random >> 16) % 100 < 36, true);
		low += share < LOSS_ONE / 100 * 36;
	}
	assert_in_range(low, 0, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_told_apart_by_how_far_it_came),
		cmocka_unit_test(only_the_target_refuses),
		cmocka_unit_test(a_reset_is_no_answer_but_a_refusal),
		cmocka_unit_test(every_result_is_some_evidence),
		cmocka_unit_test(a_hint_is_never_counted),
		cmocka_unit_test(equal_ones_in_a_row_are_one),
		cmocka_unit_test(a_new_row_begins_when_the_last_is_over),
		cmocka_unit_test(of_a_long_row_the_ends_are_kept),
		cmocka_unit_test(it_is_small),
		cmocka_unit_test(nothing_seen_is_no_text),
		cmocka_unit_test(more_trips_are_needed_the_more_are_lost),
		cmocka_unit_test(
			the_first_loss_is_believed_and_forgotten_slowly),
		cmocka_unit_test(a_connection_that_stood_proves_less),
		cmocka_unit_test(an_estimate_is_rather_high_than_low),
	};

	return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
