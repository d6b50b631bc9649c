/* The Nagios plugin convention: exit status and first line. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "checks/nagios.h"

static void judges_the_four_statuses(void **state)
{
	(void)state;
	assert_int_equal(nagios_judge(0, "", 1).code, RESULT_PROCOK);
	assert_int_equal(nagios_judge(1, "", 1).code, RESULT_PROCWARN);
	assert_int_equal(nagios_judge(2, "", 1).code, RESULT_PROCERR);
	assert_int_equal(nagios_judge(3, "", 1).code, RESULT_PROCUNK);
}

static void any_other_status_is_no_verdict(void **state)
{
	struct result res = nagios_judge(127, "sh: not found\n", 9);

	(void)state;
	assert_int_equal(res.code, RESULT_PROCUNK);
	assert_int_equal(res.status, 127);
	assert_int_equal(res.latency_us, 9);
	assert_string_equal(res.text, "exit 127 is none of 0 to 3: "
				      "sh: not found");
}

static void keeps_the_first_line_without_figures(void **state)
{
	(void)state;
	assert_string_equal(nagios_judge(0, "OK: all | a=1\nmore", 1).text,
			    "OK: all");
	assert_string_equal(nagios_judge(0, "OK\r\nmore", 1).text, "OK");
	assert_string_equal(nagios_judge(0, "|a=1", 1).text, "");
	assert_string_equal(nagios_judge(0, "a\tb\1", 1).text, "a?b?");
}

static void cuts_a_long_line(void **state)
{
	char line[500];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(line) - 1; i++)
		line[i] = 'x';
	line[i] = '\0';
	assert_int_equal(strlen(nagios_judge(2, line, 1).text),
			 RESULT_TEXT_MAX - 1);
	assert_int_equal(strlen(nagios_judge(9, line, 1).text),
			 RESULT_TEXT_MAX - 1);
}

static void a_signal_is_bad(void **state)
{
	struct result res = nagios_judge_signal(11, 5);

	(void)state;
	assert_int_equal(res.code, RESULT_PROCERR);
	assert_string_equal(res.text, "killed by signal 11");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judges_the_four_statuses),
		cmocka_unit_test(any_other_status_is_no_verdict),
		cmocka_unit_test(keeps_the_first_line_without_figures),
		cmocka_unit_test(cuts_a_long_line),
		cmocka_unit_test(a_signal_is_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
