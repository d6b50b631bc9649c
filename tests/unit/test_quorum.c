/* The nodes' opinions of a target, counted. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/quorum.h"

static struct cluster_settings cluster = { .node_count = 3, .self = 0 };
static const struct settings set = { .target_count = 2, .cluster = &cluster };
static const struct settings alone = { .target_count = 2 };

static const struct instant now = { 100 * SECOND };

static void without_a_cluster_the_own_view_is_enough(void **state)
{
	struct quorum *q = quorum_new(&alone);

	(void)state;
	quorum_hear(q, 1, 0, true, false, now);
	assert_true(quorum_in_touch(q));
	assert_true(quorum_agrees(q, AGREE_MAJORITY, 0, now));
	assert_false(quorum_others_down(q, 0, now));
	quorum_free(q);
}

static void a_majority_wants_a_second_of_three(void **state)
{
	struct quorum *q = quorum_new(&set);

	(void)state;
	quorum_set_heard(q, 7);
	assert_false(quorum_agrees(q, AGREE_MAJORITY, 0, now));
	quorum_hear(q, 1, 0, false, true, now);
	assert_false(quorum_agrees(q, AGREE_MAJORITY, 0, now));
	quorum_hear(q, 2, 0, true, false, now);
	assert_true(quorum_agrees(q, AGREE_MAJORITY, 0, now));
	assert_false(quorum_agrees(q, AGREE_MAJORITY, 1, now));
	assert_int_equal(quorum_count(q, 0, false, now), 1);
	quorum_free(q);
}

static void who_holds_it_back_gets_answers(void **state)
{
	struct quorum *q = quorum_new(&set);

	(void)state;
	quorum_set_heard(q, 7);
	quorum_hear(q, 1, 0, true, false, now);
	quorum_hear(q, 2, 0, true, false, now);
	assert_int_equal(quorum_deaf(q, 0, now), 2);
	quorum_hear_held_back(q, 2, 0, true);
	assert_int_equal(quorum_deaf(q, 0, now), 1);
	/* It counts as down all the same. */
	assert_int_equal(quorum_count(q, 0, false, now), 2);
	quorum_hear(q, 2, 0, true, false, now);
	assert_int_equal(quorum_deaf(q, 0, now), 2);
	quorum_free(q);
}

static void local_and_any_need_nobody_else(void **state)
{
	struct quorum *q = quorum_new(&set);

	(void)state;
	assert_true(quorum_agrees(q, AGREE_LOCAL, 0, now));
	assert_true(quorum_agrees(q, AGREE_ANY, 0, now));
	quorum_free(q);
}

static void who_is_not_heard_does_not_count(void **state)
{
	struct quorum *q = quorum_new(&set);

	(void)state;
	quorum_hear(q, 2, 0, true, false, now);
	assert_false(quorum_others_down(q, 0, now));
	assert_false(quorum_in_touch(q));
	quorum_set_heard(q, 1u << 2);
	assert_true(quorum_others_down(q, 0, now));
	assert_true(quorum_in_touch(q));
	quorum_set_heard(q, 1u << 0);
	assert_false(quorum_in_touch(q));
	quorum_free(q);
}

static void who_is_heard_again_must_speak_again(void **state)
{
	struct quorum *q = quorum_new(&set);

	(void)state;
	quorum_set_heard(q, 7);
	quorum_hear(q, 1, 0, true, false, now);
	quorum_hear_finding(q, 1, 0, FINDING_DOWN);
	quorum_hear(q, 2, 0, true, false, now);
	quorum_set_heard(q, 5);
	quorum_set_heard(q, 7);
	assert_int_equal(quorum_finders(q, 0, now), 1 << 2);
	assert_int_equal(quorum_worst(q, 0, INSTANT_NONE, now), FINDING_NONE);
	quorum_hear(q, 1, 0, true, false, now);
	assert_int_equal(quorum_finders(q, 0, now), 1 << 1 | 1 << 2);
	quorum_free(q);
}

static void an_old_word_does_not_count(void **state)
{
	struct quorum *q = quorum_new(&set);
	struct instant late = instant_add(now, QUORUM_FRESH_US);

	(void)state;
	quorum_set_heard(q, 7);
	quorum_hear(q, 1, 0, true, false, now);
	assert_true(quorum_others_down(q, 0, late));
	assert_false(quorum_others_down(q, 0, instant_add(late, 1)));
	quorum_free(q);
}

static void what_cannot_be_is_passed_over(void **state)
{
	struct quorum *q = quorum_new(&set);

	(void)state;
	quorum_set_heard(q, UINT32_MAX);
	quorum_hear(q, 0, 0, true, false, now);
	quorum_hear(q, 3, 0, true, false, now);
	quorum_hear(q, 1, 2, true, false, now);
	assert_int_equal(quorum_count(q, 0, false, now), 0);
	assert_int_equal(quorum_count(q, 1, false, now), 0);
	quorum_free(q);
	quorum_free(NULL);
}

static void a_finding_may_have_to_be_newer(void **state)
{
	struct quorum *q = quorum_new(&set);

	(void)state;
	quorum_set_heard(q, 7);
	assert_int_equal(quorum_worst(q, 0, INSTANT_NONE, now), FINDING_NONE);
	quorum_hear(q, 1, 0, false, true, now);
	quorum_hear_finding(q, 1, 0, FINDING_WELL);
	assert_int_equal(quorum_worst(q, 0, INSTANT_NONE, now), FINDING_WELL);
	assert_int_equal(quorum_worst(q, 0, now, now), FINDING_NONE);
	quorum_hear(q, 2, 0, false, true, now);
	quorum_hear_finding(q, 2, 0, FINDING_FAILING);
	assert_int_equal(quorum_worst(q, 0, now, now), FINDING_FAILING);
	quorum_set_heard(q, 3);
	assert_int_equal(quorum_worst(q, 0, INSTANT_NONE, now), FINDING_WELL);
	quorum_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_cluster_the_own_view_is_enough),
		cmocka_unit_test(a_majority_wants_a_second_of_three),
		cmocka_unit_test(who_holds_it_back_gets_answers),
		cmocka_unit_test(local_and_any_need_nobody_else),
		cmocka_unit_test(who_is_not_heard_does_not_count),
		cmocka_unit_test(who_is_heard_again_must_speak_again),
		cmocka_unit_test(an_old_word_does_not_count),
		cmocka_unit_test(a_finding_may_have_to_be_newer),
		cmocka_unit_test(what_cannot_be_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
