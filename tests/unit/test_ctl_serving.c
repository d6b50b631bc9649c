/* Who serves: what outages are counted by, and drains forbidden. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/core_world.h"

static void what_an_operator_keeps_out_serves_nobody(void **state)
{
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_see(&w, 0, WEB1, SERVER_MAINT, 100);
	core_answers(&w, WEB2, 3, RESULT_L4CON);
	assert_true(ctl_service(w.ctl, SHOP).incident->total);
	core_wait(&w, 1 * SECOND);
	core_see(&w, 0, WEB1, SERVER_READY, 100);
	assert_true(ctl_service(w.ctl, SHOP).incident->outage_us >= 1 * SECOND);
	assert_true(instant_is_none(
		ctl_service(w.ctl, SHOP).incident->outage_since));
	core_done(&w);
}

static void one_in_maintenance_serves_as_long_as_it_answers(void **state)
{
	const struct maintenance m = { .target = WEB1,
				       .on = true,
				       .until = INSTANT_NEVER };
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_admin(&w, &m, 1);
	core_answers(&w, WEB1, 1, RESULT_L7OK);
	core_answers(&w, WEB2, 3, RESULT_L4CON);
	assert_false(ctl_service(w.ctl, SHOP).incident->total);
	core_answers(&w, WEB1, 1, RESULT_L4CON);
	assert_true(ctl_service(w.ctl, SHOP).incident->total);
	core_answers(&w, WEB1, 1, RESULT_L7OK);
	assert_true(instant_is_none(
		ctl_service(w.ctl, SHOP).incident->outage_since));
	core_done(&w);
}

static void does_not_drain_the_last_one_that_answers(void **state)
{
	struct maintenance m = { .target = API1,
				 .on = true,
				 .until = INSTANT_NEVER };
	struct core_world w;

	(void)state;
	core_init(&w);
	core_begin(&w, NULL);
	core_admin(&w, &m, 1);
	core_answers(&w, API1, 3, RESULT_L4CON);
	m.drain = true;
	m.target = API2;
	core_admin(&w, &m, 2);
	core_settle(&w);
	assert_true(ctl_target(w.ctl, API2).withdrawn);
	m.target = API3;
	core_admin(&w, &m, 3);
	assert_int_equal(core_reply(&w)->reply.error, -EPERM);
	core_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_operator_keeps_out_serves_nobody),
		cmocka_unit_test(
			one_in_maintenance_serves_as_long_as_it_answers),
		cmocka_unit_test(does_not_drain_the_last_one_that_answers),
	};

	return cmocka_run_group_tests_name("ctl serving", tests, NULL, NULL);
}
