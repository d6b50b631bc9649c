/* How often a target came and went of late. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/flap.h"
#include "controller/core/instant.h"

static const struct service_settings svc = {
	.flap_limit = 5,
	.flap_half_life_us = 1 * MINUTE,
	.flap_max_us = 10 * MINUTE,
};

static void flap_times(struct flap *flap, unsigned times, int64_t apart_us)
{
	while (times-- > 0)
		flap_add(flap, &svc, apart_us);
}

static void halves_with_each_half_life(void **state)
{
	const struct flap flap = { .penalty = 4000 };

	(void)state;
	assert_int_equal(flap_penalty(&flap, &svc, 0), 4000);
	assert_int_equal(flap_penalty(&flap, &svc, 30 * SECOND), 3000);
	assert_int_equal(flap_penalty(&flap, &svc, 1 * MINUTE), 2000);
	assert_int_equal(flap_penalty(&flap, &svc, 3 * MINUTE), 500);
	assert_int_equal(flap_penalty(&flap, &svc, 10 * DAY), 0);
}

static void the_first_ones_hold_nobody_back(void **state)
{
	struct flap flap = { 0 };

	(void)state;
	flap_add(&flap, &svc, -1);
	assert_int_equal(flap.count, 1);
	assert_int_equal(flap_hold_us(&flap, &svc), 0);
	flap_times(&flap, 4, 1 * SECOND);
	assert_int_equal(flap.count, 5);
	assert_int_equal(flap_hold_us(&flap, &svc), 0);
}

static void the_sixth_in_a_row_is_held_back_until_half_the_limit(void **state)
{
	struct flap flap = { 0 };
	int64_t hold_us;

	(void)state;
	flap_times(&flap, 6, 0);
	hold_us = flap_hold_us(&flap, &svc);
	assert_int_equal(flap_penalty(&flap, &svc, hold_us), 2500);
	assert_in_range(hold_us, 1 * MINUTE, 2 * MINUTE);
}

static void the_penalty_has_a_ceiling(void **state)
{
	struct flap flap = { 0 };

	(void)state;
	flap_times(&flap, 10000, 0);
	assert_true(flap_penalty(&flap, &svc, svc.flap_max_us) <=
		    5 * FLAP_ONE / 2);
}

static void what_is_far_apart_is_no_flapping(void **state)
{
	struct flap flap = { 0 };

	(void)state;
	flap_times(&flap, 50, 5 * MINUTE);
	assert_int_equal(flap.count, 1);
	assert_int_equal(flap_hold_us(&flap, &svc), 0);
}

static void never_longer_than_flap_max(void **state)
{
	struct flap flap = { 0 };

	(void)state;
	flap_times(&flap, 1000000, 1 * MS);
	assert_in_range(flap_hold_us(&flap, &svc), 9 * MINUTE, 10 * MINUTE);
}

static void can_be_switched_off(void **state)
{
	static const struct service_settings off = { .flap_limit = 0 };
	struct flap flap = { 0 };
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++)
		flap_add(&flap, &off, 0);
	assert_int_equal(flap_hold_us(&flap, &off), 0);
	assert_int_equal(flap_penalty(&flap, &off, 0), 0);
}

static void the_widest_settings_do_not_overflow(void **state)
{
	static const struct service_settings widest = {
		.flap_limit = 100,
		.flap_half_life_us = 1 * HOUR,
		.flap_max_us = 1 * DAY,
	};
	struct flap flap = { 0 };
	unsigned i;

	(void)state;
	for (i = 0; i < 100000; i++)
		flap_add(&flap, &widest, 1);
	assert_in_range(flap_hold_us(&flap, &widest), 9 * HOUR, 1 * DAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(halves_with_each_half_life),
		cmocka_unit_test(the_first_ones_hold_nobody_back),
		cmocka_unit_test(
			the_sixth_in_a_row_is_held_back_until_half_the_limit),
		cmocka_unit_test(the_penalty_has_a_ceiling),
		cmocka_unit_test(what_is_far_apart_is_no_flapping),
		cmocka_unit_test(never_longer_than_flap_max),
		cmocka_unit_test(can_be_switched_off),
		cmocka_unit_test(the_widest_settings_do_not_overflow),
	};

	return cmocka_run_group_tests_name("flap", tests, NULL, NULL);
}
