/* The last hundred latencies and their percentiles. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/instant.h"
#include "controller/core/latency.h"

static void knows_nothing_at_first(void **state)
{
	struct latency lat;

	(void)state;
	latency_init(&lat);
	assert_int_equal(latency_known(&lat), 0);
	assert_int_equal(latency_percentile_us(&lat, 95), 0);
}

static void is_never_under_the_truth_and_at_most_a_sixteenth_over(void **state)
{
	struct latency lat;
	int64_t us, seen_us;

	(void)state;
	for (us = 256; us < 8 * SECOND; us += 1 + us / 7) {
		latency_init(&lat);
		latency_add(&lat, us);
		seen_us = latency_percentile_us(&lat, 95);
		assert_true(seen_us >= us);
		assert_true(seen_us <= us + us / 16 + 16);
	}
}

static void takes_the_percentile_of_what_is_known(void **state)
{
	struct latency lat;
	int i;

	(void)state;
	latency_init(&lat);
	for (i = 0; i < 95; i++)
		latency_add(&lat, 1 * MS);
	for (i = 0; i < 5; i++)
		latency_add(&lat, 100 * MS);
	assert_int_equal(latency_known(&lat), LATENCY_WINDOW);
	assert_true(latency_percentile_us(&lat, 95) < 2 * MS);
	assert_true(latency_percentile_us(&lat, 96) >= 100 * MS);
	latency_add(&lat, 100 * MS);
	assert_true(latency_percentile_us(&lat, 95) >= 100 * MS);
}

static void forgets_all_but_the_last_hundred(void **state)
{
	struct latency lat;
	int i;

	(void)state;
	latency_init(&lat);
	for (i = 0; i < 250; i++)
		latency_add(&lat, 3 * SECOND);
	for (i = 0; i < LATENCY_WINDOW; i++)
		latency_add(&lat, 1 * MS);
	assert_int_equal(latency_known(&lat), LATENCY_WINDOW);
	assert_true(latency_percentile_us(&lat, 100) < 2 * MS);
	assert_int_equal(lat.latest_us, 1 * MS);
}

static void bears_latencies_out_of_range(void **state)
{
	struct latency lat;

	(void)state;
	latency_init(&lat);
	latency_add(&lat, -5);
	assert_int_equal(latency_percentile_us(&lat, 95), 16);
	latency_add(&lat, 1 * HOUR);
	assert_true(latency_percentile_us(&lat, 100) > 8 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_nothing_at_first),
		cmocka_unit_test(
			is_never_under_the_truth_and_at_most_a_sixteenth_over),
		cmocka_unit_test(takes_the_percentile_of_what_is_known),
		cmocka_unit_test(forgets_all_but_the_last_hundred),
		cmocka_unit_test(bears_latencies_out_of_range),
	};

	return cmocka_run_group_tests_name("latency", tests, NULL, NULL);
}
