/* Spans and wall times as text, and the figures over a set of spans. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/instant.h"
#include "report/span.h"
#include "report/stats.h"

static void prints_spans_in_the_unit_that_fits(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} rows[] = {
		{ 0, "0 s" },
		{ 850, "850 us" },
		{ 12340, "12.3 ms" },
		{ 999499, "999 ms" },
		{ 999600, "1.00 s" },
		{ 1250 * MS, "1.25 s" },
		{ 59 * SECOND, "59.0 s" },
		{ 59970 * MS, "1 min" },
		{ 250 * SECOND, "4 min 10 s" },
		{ 3599600 * MS, "1 h" },
		{ 2 * HOUR + 5 * MINUTE, "2 h 5 min" },
		{ 3 * DAY + 4 * HOUR, "3 d 4 h" },
		{ 30 * DAY, "30 d" },
		{ -12340, "-12.3 ms" },
		{ SPAN_NONE, "-" },
	};
	char buf[SPAN_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(span_text(rows[i].us, buf), rows[i].text);
}

static void reads_the_wall_times_that_it_prints(void **state)
{
	char buf[WALL_TEXT_MAX];
	int64_t wall_us = 0;

	(void)state;
	wall_text(1785000000 * SECOND + 148 * MS, buf);
	assert_string_equal(buf, "2026-07-25T17:20:00.148Z");
	assert_int_equal(wall_parse(buf, &wall_us), 0);
	assert_int_equal(wall_us, 1785000000 * SECOND + 148 * MS);
	assert_int_equal(wall_parse("2026-07-25T17:20:00Z", &wall_us), 0);
	assert_int_equal(wall_us, 1785000000 * SECOND);
	assert_string_equal(wall_text(0, buf), "-");
}

static void refuses_what_is_no_wall_time(void **state)
{
	int64_t wall_us = 7;

	(void)state;
	assert_int_equal(wall_parse("", &wall_us), -EINVAL);
	assert_int_equal(wall_parse("2026-07-25", &wall_us), -EINVAL);
	assert_int_equal(wall_parse("2026-07-25T17:20:00", &wall_us), -EINVAL);
	assert_int_equal(wall_parse("2026-07-25T17:20:00Zx", &wall_us),
			 -EINVAL);
	assert_int_equal(wall_us, 7);
}

static void takes_percentiles_by_nearest_rank(void **state)
{
	int64_t values[] = { 5, 1, 4, 2, 3, 10, 9, 8, 7, 6 };
	struct stats st = stats_of(values, 10);

	(void)state;
	assert_int_equal(st.n, 10);
	assert_int_equal(st.min, 1);
	assert_int_equal(st.max, 10);
	assert_int_equal(st.p50, 5);
	assert_int_equal(st.p90, 9);
	assert_int_equal(st.p95, 10);
	assert_int_equal(st.p99, 10);
	assert_int_equal(st.stddev, 3);
}

static void makes_figures_of_one_value_and_of_none(void **state)
{
	int64_t value = 42;
	struct stats one = stats_of(&value, 1), none = stats_of(&value, 0);

	(void)state;
	assert_int_equal(one.p50, 42);
	assert_int_equal(one.p99, 42);
	assert_int_equal(one.stddev, 0);
	assert_int_equal(none.n, 0);
	assert_int_equal(none.max, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_spans_in_the_unit_that_fits),
		cmocka_unit_test(reads_the_wall_times_that_it_prints),
		cmocka_unit_test(refuses_what_is_no_wall_time),
		cmocka_unit_test(takes_percentiles_by_nearest_rank),
		cmocka_unit_test(makes_figures_of_one_value_and_of_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
