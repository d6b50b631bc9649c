/* What forbids a withdrawal. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/governor.h"

static void min_up_stay(void **state)
{
	struct service_settings svc = { .min_up = 2, .target_count = 3 };

	(void)state;
	assert_null(governor_withdraw(&svc, 3, 1));
	assert_string_equal(governor_withdraw(&svc, 2, 1),
			    "min_up allows no further withdrawal");
	assert_non_null(governor_withdraw(&svc, 0, 1));
}

static void no_more_than_max_withdrawn_leave(void **state)
{
	struct service_settings svc = { .max_withdrawn = 50,
					.target_count = 5 };

	(void)state;
	assert_null(governor_withdraw(&svc, 4, 2));
	assert_string_equal(governor_withdraw(&svc, 3, 3),
			    "max_withdrawn allows no further withdrawal");
}

static void one_may_always_leave(void **state)
{
	struct service_settings svc = { .max_withdrawn = 10,
					.target_count = 3 };

	(void)state;
	assert_int_equal(governor_withdrawable(&svc), 1);
	assert_null(governor_withdraw(&svc, 3, 1));
	assert_non_null(governor_withdraw(&svc, 2, 2));
}

static void all_may_leave_where_nobody_set_a_limit(void **state)
{
	struct service_settings svc = { .target_count = 20000 };

	(void)state;
	assert_int_equal(governor_withdrawable(&svc), 20000);
	svc.max_withdrawn = 100;
	assert_int_equal(governor_withdrawable(&svc), 20000);
}

static void panics_when_the_bad_cannot_all_leave(void **state)
{
	struct service_settings svc = { .min_up = 1,
					.max_withdrawn = 50,
					.target_count = 4 };

	(void)state;
	assert_false(governor_panics(&svc, 4, 0, 0));
	assert_false(governor_panics(&svc, 2, 2, 0));
	assert_true(governor_panics(&svc, 1, 3, 0));
	assert_true(governor_panics(&svc, 2, 2, 1));
	assert_false(governor_panics(&svc, 0, 0, 4));
}

static void panics_when_nobody_serves(void **state)
{
	struct service_settings svc = { .target_count = 2 };

	(void)state;
	assert_true(governor_panics(&svc, 0, 2, 0));
	assert_false(governor_panics(&svc, 1, 1, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(min_up_stay),
		cmocka_unit_test(no_more_than_max_withdrawn_leave),
		cmocka_unit_test(one_may_always_leave),
		cmocka_unit_test(all_may_leave_where_nobody_set_a_limit),
		cmocka_unit_test(panics_when_the_bad_cannot_all_leave),
		cmocka_unit_test(panics_when_nobody_serves),
	};

	return cmocka_run_group_tests_name("governor", tests, NULL, NULL);
}
