/* When the requests of an open-loop load are due. */

#include "drill/load/arrivals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct instant begin = { 1000 };

static int64_t take(struct arrivals *arrivals)
{
	struct instant next = arrivals_next(arrivals);

	arrivals->next++;
	return instant_diff_us(begin, next);
}

static void spaces_them_evenly(void **state)
{
	struct arrivals arrivals;

	(void)state;
	arrivals_init(&arrivals, begin, 200, SECOND);
	assert_int_equal(take(&arrivals), 0);
	assert_int_equal(take(&arrivals), 5 * MS);
	assert_int_equal(take(&arrivals), 10 * MS);
}

static void ends_with_the_duration(void **state)
{
	static const struct {
		int64_t rate, duration_us, count;
	} cases[] = {
		{ 200, 10 * SECOND, 2000 }, { 1, 1500 * MS, 2 },
		{ 3, SECOND, 3 },           { 1000, 1, 1 },
		{ 7, 2500 * MS, 18 },
	};
	struct arrivals arrivals;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		arrivals_init(&arrivals, begin, cases[i].rate,
			      cases[i].duration_us);
		for (int64_t n = 0; n < cases[i].count; n++)
			assert_true(take(&arrivals) < cases[i].duration_us);
		assert_true(instant_is_never(arrivals_next(&arrivals)));
	}
}

static void does_not_drift_where_the_step_is_no_whole_number(void **state)
{
	struct arrivals arrivals;

	(void)state;
	arrivals_init(&arrivals, begin, 3, 0);
	assert_int_equal(take(&arrivals), 0);
	assert_int_equal(take(&arrivals), 333333);
	assert_int_equal(take(&arrivals), 666666);
	assert_int_equal(take(&arrivals), SECOND);
	arrivals_init(&arrivals, begin, 300, 0);
	arrivals.next = 299;
	assert_int_equal(take(&arrivals), 996666);
	arrivals_init(&arrivals, begin, 3, 0);
	arrivals.next = 3 * INT64_C(31536000);
	assert_int_equal(take(&arrivals), 365 * DAY);
}

static void goes_on_without_a_duration_until_stopped(void **state)
{
	struct arrivals arrivals;

	(void)state;
	arrivals_init(&arrivals, begin, 100000, 0);
	arrivals.next = INT64_C(1) << 50;
	assert_false(instant_is_never(arrivals_next(&arrivals)));
	arrivals_stop(&arrivals);
	assert_true(instant_is_never(arrivals_next(&arrivals)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spaces_them_evenly),
		cmocka_unit_test(ends_with_the_duration),
		cmocka_unit_test(
			does_not_drift_where_the_step_is_no_whole_number),
		cmocka_unit_test(goes_on_without_a_duration_until_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
