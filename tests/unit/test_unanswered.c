/* When requests that nobody answers say something of a server. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "haproxy/unanswered.h"

static struct unanswered silence;
static struct instant now;

static int set_up(void **state)
{
	(void)state;
	now = (struct instant){ HOUR };
	unanswered_init(&silence);
	return 0;
}

static bool look_after(int64_t us, unsigned began, unsigned answered, bool busy)
{
	now = instant_add(now, us);
	return unanswered_look(&silence, began, answered, busy, now);
}

/* One that thinks for @us, looked at each millisecond. */
static bool think(int64_t us)
{
	bool told = look_after(MS, 1, 0, true);

	for (; us > MS; us -= MS)
		told = look_after(MS, 0, 0, true) || told;
	return look_after(MS, 0, 1, false) || told;
}

static void a_request_that_nobody_answers_is_told_once(void **state)
{
	(void)state;
	assert_false(look_after(MS, 1, 0, true));
	assert_false(look_after(UNANSWERED_MIN_US - 1, 0, 0, true));
	assert_true(look_after(1, 0, 0, true));
	assert_false(look_after(SECOND, 3, 0, true));
}

static void
what_was_answered_before_the_next_look_is_silence_for_nobody(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++) {
		assert_false(look_after(20 * MS, 1, 0, true));
		assert_false(look_after(20 * MS, 1, 1, true));
	}
	/* And it taught nothing: how often is looked is no latency. */
	assert_false(look_after(MS, 1, 0, true));
	assert_true(look_after(UNANSWERED_MIN_US, 0, 0, true));
}

static void one_that_began_beside_an_answer_counts(void **state)
{
	(void)state;
	assert_false(look_after(20 * MS, 2, 1, true));
	assert_true(look_after(UNANSWERED_MIN_US, 0, 0, true));
}

static void long_sessions_without_new_ones_are_no_silence(void **state)
{
	unsigned i;

	(void)state;
	look_after(MS, 1, 1, true);
	for (i = 0; i < 100; i++)
		assert_false(look_after(20 * MS, 0, 0, true));
}

static void clients_that_left_end_it(void **state)
{
	(void)state;
	look_after(MS, 1, 0, true);
	assert_false(look_after(20 * MS, 0, 0, false));
	assert_false(look_after(20 * MS, 1, 0, true));
}

static void how_long_it_thinks_is_learned(void **state)
{
	(void)state;
	assert_true(think(30 * MS));
	assert_false(think(50 * MS));
	assert_true(think(110 * MS));
}

static void what_was_learned_is_forgotten(void **state)
{
	unsigned i;

	(void)state;
	think(40 * MS);
	for (i = 0; i < 200; i++)
		look_after(20 * MS, 1, 1, false);
	assert_true(think(30 * MS));
}

static void an_hour_teaches_a_second(void **state)
{
	(void)state;
	look_after(MS, 1, 0, true);
	look_after(HOUR, 0, 0, true);
	look_after(MS, 0, 1, false);
	look_after(MS, 1, 0, true);
	assert_true(look_after(2 * UNANSWERED_USUAL_US, 0, 0, true));
}

static void the_next_look_is_wanted_when_it_may_tell(void **state)
{
	(void)state;
	assert_true(instant_is_never(unanswered_due(&silence)));
	look_after(MS, 1, 0, true);
	assert_int_equal(instant_diff_us(now, unanswered_due(&silence)),
			 UNANSWERED_MIN_US);
	assert_true(look_after(UNANSWERED_MIN_US, 0, 0, true));
	assert_true(instant_is_never(unanswered_due(&silence)));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_that_nobody_answers_is_told_once),
		TEST(what_was_answered_before_the_next_look_is_silence_for_nobody),
		TEST(one_that_began_beside_an_answer_counts),
		TEST(long_sessions_without_new_ones_are_no_silence),
		TEST(clients_that_left_end_it),
		TEST(how_long_it_thinks_is_learned),
		TEST(what_was_learned_is_forgotten),
		TEST(an_hour_teaches_a_second),
		TEST(the_next_look_is_wanted_when_it_may_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
