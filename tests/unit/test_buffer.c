/* The growing text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/instant.h"
#include "controller/daemon/buffer.h"

static void assert_seconds(int64_t span_us, const char *text)
{
	struct buffer to = { 0 };

	buffer_seconds(&to, span_us);
	assert_string_equal(to.buf, text);
	buffer_done(&to);
}

static void seconds_have_no_trailing_zeros(void **state)
{
	(void)state;
	assert_seconds(0, "0");
	assert_seconds(1, "0.000001");
	assert_seconds(1500 * MS, "1.5");
	assert_seconds(-250 * MS, "-0.25");
	assert_seconds(90 * DAY, "7776000");
	assert_seconds(10 * SECOND, "10");
}

static void numbers_of_every_size(void **state)
{
	struct buffer to = { 0 };

	(void)state;
	buffer_number(&to, 0);
	buffer_add(&to, " ");
	buffer_number(&to, INT64_MAX);
	buffer_add(&to, " ");
	buffer_number(&to, INT64_MIN);
	assert_string_equal(to.buf,
			    "0 9223372036854775807 -9223372036854775808");
	buffer_done(&to);
}

static void grows_and_keeps_what_it_holds(void **state)
{
	struct buffer to = { 0 };
	int i;

	(void)state;
	for (i = 0; i < 10000; i++)
		buffer_printf(&to, "%04d", i);
	assert_int_equal(to.used, 40000);
	assert_memory_equal(to.buf + 4 * 9999, "9999", 5);
	assert_memory_equal(to.buf, "0000", 4);
	buffer_reset(&to);
	buffer_add(&to, "again");
	assert_string_equal(to.buf, "again");
	buffer_done(&to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_have_no_trailing_zeros),
		cmocka_unit_test(numbers_of_every_size),
		cmocka_unit_test(grows_and_keeps_what_it_holds),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
