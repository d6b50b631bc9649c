/* Certificates: days left, and the name that is asked for. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "checks/tls.h"
#include "controller/core/instant.h"

#define NOW (1763658322 * SECOND)

static void counts_whole_days(void **state)
{
	(void)state;
	assert_int_equal(tls_days(NOW, NOW), 0);
	assert_int_equal(tls_days(NOW + DAY - 1, NOW), 0);
	assert_int_equal(tls_days(NOW + DAY, NOW), 1);
	assert_int_equal(tls_days(NOW - 1, NOW), -1);
	assert_int_equal(tls_days(NOW - DAY, NOW), -1);
	assert_int_equal(tls_days(NOW - DAY - 1, NOW), -2);
}

static struct result judge(enum result_code code, int64_t left_us,
			   int64_t within_us)
{
	const struct check_settings check = { .expires_within_us = within_us };
	struct result res = result_make(code, 0, 1, "text");

	tls_judge(&res, &check, NOW + left_us, NOW);
	return res;
}

static void a_near_end_makes_a_good_result_conditional(void **state)
{
	struct result res = judge(RESULT_L7OK, 5 * DAY, 6 * DAY);

	(void)state;
	assert_int_equal(res.code, RESULT_L7OKC);
	assert_int_equal(res.cert_days, 5);
	assert_string_equal(res.text, "the certificate expires in 5 days");
	res = judge(RESULT_L6OK, 6 * DAY, 6 * DAY);
	assert_int_equal(res.code, RESULT_L6OK);
	assert_int_equal(res.cert_days, 6);
	assert_string_equal(res.text, "text");
}

static void a_past_end_is_told_as_such(void **state)
{
	(void)state;
	assert_string_equal(judge(RESULT_L7OK, -1, 1).text,
			    "the certificate has expired");
}

static void the_warning_can_be_switched_off(void **state)
{
	struct result res = judge(RESULT_L7OK, -1, 0);

	(void)state;
	assert_int_equal(res.code, RESULT_L7OK);
	assert_int_equal(res.cert_days, -1);
}

static void a_bad_result_stays_bad(void **state)
{
	struct result res = judge(RESULT_L7STS, DAY, 9 * DAY);

	(void)state;
	assert_int_equal(res.code, RESULT_L7STS);
	assert_int_equal(res.cert_days, 1);
	assert_string_equal(res.text, "text");
}

static void an_unknown_end_says_nothing(void **state)
{
	const struct check_settings check = { .expires_within_us = DAY };
	struct result res = result_make(RESULT_L7OK, 0, 1, NULL);

	(void)state;
	tls_judge(&res, &check, 0, NOW);
	assert_int_equal(res.code, RESULT_L7OK);
	assert_int_equal(res.cert_days, RESULT_NO_CERT);
}

static void assert_name(const char *server_name, const char *host,
			const char *wanted)
{
	const struct check_settings check = { .server_name = server_name,
					      .host = host };
	char buf[TLS_NAME_MAX];

	assert_string_equal(tls_name(&check, "10.0.0.1", buf, sizeof(buf)),
			    wanted);
}

static void the_name_comes_from_what_is_given(void **state)
{
	(void)state;
	assert_name("a.example", "b.example:8443", "a.example");
	assert_name(NULL, "b.example:8443", "b.example");
	assert_name(NULL, "b.example", "b.example");
	assert_name(NULL, "[::1]:8443", "::1");
	assert_name(NULL, NULL, "10.0.0.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_whole_days),
		cmocka_unit_test(a_near_end_makes_a_good_result_conditional),
		cmocka_unit_test(a_past_end_is_told_as_such),
		cmocka_unit_test(the_warning_can_be_switched_off),
		cmocka_unit_test(a_bad_result_stays_bad),
		cmocka_unit_test(an_unknown_end_says_nothing),
		cmocka_unit_test(the_name_comes_from_what_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
