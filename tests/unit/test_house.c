/* The house itself: a unit test is built, run and counted. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void runs_a_unit_test(void **state)
{
	(void)state;
	assert_int_equal(sizeof(int64_t), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_a_unit_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
