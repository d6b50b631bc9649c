/* How long each kind of fault stays unseen at worst. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/instant.h"
#include "controller/core/worst.h"

static struct check_settings check_of(enum check_type type)
{
	return (struct check_settings){
		.type = type,
		.tether = true,
		.interval_us = 1 * SECOND,
		.fast_interval_us = 100 * MS,
		.timeout_us = 500 * MS,
		.fall = 3,
		.fresh_every = 10,
		.lost = 10,
		.lost_max = 64,
		.lost_interval_us = 8 * MS,
	};
}

static void each_kind_of_fault_has_its_own(void **state)
{
	struct check_settings check = check_of(CHECK_HTTP);
	struct worst worst = worst_of(&check);

	(void)state;
	/* Refused twice is certain, whatever `fall` says. */
	assert_int_equal(worst.refused_us, 1000 * MS);
	assert_int_equal(worst.answer_us, 1200 * MS);
	assert_int_equal(worst.silence_us, 2700 * MS);
}

static void
a_held_connection_hides_the_listener_for_fresh_every_checks(void **state)
{
	struct check_settings check = check_of(CHECK_HTTP);

	(void)state;
	assert_int_equal(worst_of(&check).listener_us, 11700 * MS);
	check.fresh_every = 1;
	assert_int_equal(worst_of(&check).listener_us, 2700 * MS);
	check.fresh_every = 10;
	check.tether = false;
	assert_int_equal(worst_of(&check).listener_us, 2700 * MS);
	check = check_of(CHECK_REDIS);
	assert_int_equal(worst_of(&check).listener_us, 11700 * MS);
	check = check_of(CHECK_TCP);
	assert_int_equal(worst_of(&check).listener_us, 2700 * MS);
}

static void a_program_refuses_nothing(void **state)
{
	struct check_settings check = check_of(CHECK_EXEC);

	(void)state;
	assert_int_equal(worst_of(&check).refused_us, 1200 * MS);
}

static void many_lost_trips_may_take_longer_than_fall_timeouts(void **state)
{
	struct check_settings check = check_of(CHECK_HTTP);

	(void)state;
	check.fall = 1;
	check.timeout_us = 50 * MS;
	/* One timeout, and nine times lost_interval. */
	assert_int_equal(worst_of(&check).silence_us, 1122 * MS);
}

static void strain_makes_verdicts_wait(void **state)
{
	struct check_settings check = check_of(CHECK_HTTP);

	(void)state;
	/* Two more trips than ten, four times as far apart. */
	assert_in_range(worst_of(&check).strained_us, 6830 * MS, 6835 * MS);
	/* Until losses are forgotten, and one more. */
	check.lost = 1;
	check.fall = 4;
	assert_int_equal(worst_of(&check).strained_us, 6000 * MS);
	/* Which is not before TCP has sent three times. */
	check.fall = 1;
	assert_int_equal(worst_of(&check).strained_us, 5000 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_fault_has_its_own),
		cmocka_unit_test(
			a_held_connection_hides_the_listener_for_fresh_every_checks),
		cmocka_unit_test(a_program_refuses_nothing),
		cmocka_unit_test(
			many_lost_trips_may_take_longer_than_fall_timeouts),
		cmocka_unit_test(strain_makes_verdicts_wait),
	};

	return cmocka_run_group_tests_name("worst", tests, NULL, NULL);
}
