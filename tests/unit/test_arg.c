/* Words of a command line. */

#include "drill/arg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void holds_numbers_to_their_range(void **state)
{
	int64_t value = 42;

	(void)state;
	assert_int_equal(arg_number("0", 0, 9, &value, NULL), 0);
	assert_int_equal(value, 0);
	assert_int_equal(arg_number("9", 0, 9, &value, NULL), 0);
	assert_int_equal(value, 9);
	assert_int_equal(arg_number("10", 0, 9, &value, NULL), -EINVAL);
	assert_int_equal(arg_number("0", 1, 9, &value, NULL), -EINVAL);
	assert_int_equal(arg_number("3x", 0, 9, &value, NULL), -EINVAL);
	assert_int_equal(arg_number("", 0, 9, &value, NULL), -EINVAL);
	assert_int_equal(value, 9);
}

static void prints_an_endpoint_as_it_reads_it(void **state)
{
	static const char *const good[] = { "127.0.0.1:5000", "0.0.0.0:0",
					    "[::1]:5000", "[fe80::1]:65535" };
	char text[ENDPOINT_TEXT_MAX];
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(arg_endpoint(good[i], &endpoint, NULL), 0);
		endpoint_print(&endpoint, text);
		assert_string_equal(text, good[i]);
	}
	assert_int_equal(endpoint_port(&endpoint), 65535);
}

static void refuses_what_is_no_endpoint(void **state)
{
	static const char *const bad[] = {
		"",
		"127.0.0.1",
		"127.0.0.1:",
		"localhost:80",
		"::1:80",
		"[::1]80",
		"[::1:80",
		"127.0.0.1:65536",
		"127.0.0.1:a",
		"[]:80",
		"[1.2.3.4]:80",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80",
	};
	struct endpoint endpoint;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(arg_endpoint(bad[i], &endpoint, &err),
				 -EINVAL);
		assert_non_null(strstr(err.text, bad[i]));
	}
}

static void tells_loopback_from_the_rest(void **state)
{
	static const struct {
		const char *text;
		int loopback;
	} cases[] = {
		{ "127.0.0.1:1", 1 },
		{ "127.9.9.9:1", 1 },
		{ "[::1]:1", 1 },
		{ "[::ffff:127.0.0.1]:1", 1 },
		{ "10.0.0.1:1", 0 },
		{ "[::]:1", 0 },
		{ "[::ffff:10.0.0.1]:1", 0 },
	};
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(arg_endpoint(cases[i].text, &endpoint, NULL),
				 0);
		assert_int_equal(endpoint_is_loopback(&endpoint),
				 cases[i].loopback);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_numbers_to_their_range),
		cmocka_unit_test(prints_an_endpoint_as_it_reads_it),
		cmocka_unit_test(refuses_what_is_no_endpoint),
		cmocka_unit_test(tells_loopback_from_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
