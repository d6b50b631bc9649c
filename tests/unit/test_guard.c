/* The guard: when it acts, and in which order. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/guard.h"

#define BUDGET_US (100 * MS)

static const struct guard_page idle = {
	.lease_end = { INT64_MIN },
	.routing_end = { INT64_MIN },
};

static struct instant at(int64_t us)
{
	return (struct instant){ us };
}

static struct guard guard_new_one(void)
{
	struct guard guard;

	guard_init(&guard, BUDGET_US);
	return guard;
}

static void acts_half_a_budget_before_the_lease_ends(void **state)
{
	struct guard guard = guard_new_one();
	struct guard_page page = idle;

	(void)state;
	page.lease_end = at(10 * SECOND);
	assert_int_equal(guard_deadline(&guard, &page).us,
			 10 * SECOND - 50 * MS);
	assert_int_equal(guard_step(&guard, GUARD_TICK, &page,
				    at(10 * SECOND - 50 * MS - 1)),
			 GUARD_NOTHING);
	assert_int_equal(guard_step(&guard, GUARD_TICK, &page,
				    at(10 * SECOND - 50 * MS)),
			 GUARD_KILL);
}

static void watches_routes_as_well(void **state)
{
	struct guard guard = guard_new_one();
	struct guard_page page = idle;

	(void)state;
	page.lease_end = at(10 * SECOND);
	page.routing_end = at(9 * SECOND);
	assert_int_equal(guard_deadline(&guard, &page).us,
			 9 * SECOND - 50 * MS);
	assert_true(instant_is_never(guard_deadline(&guard, &idle)));
}

static void kills_then_releases_then_resigns(void **state)
{
	struct guard guard = guard_new_one();
	struct guard_page page = idle;

	(void)state;
	page.leader = true;
	assert_int_equal(guard_step(&guard, GUARD_PIPE_CLOSED, &page, at(5)),
			 GUARD_KILL);
	assert_int_equal(guard_step(&guard, GUARD_RELEASED, &page, at(6)),
			 GUARD_NOTHING);
	assert_int_equal(guard_step(&guard, GUARD_KILLED, &page, at(7)),
			 GUARD_RELEASE);
	assert_int_equal(guard_step(&guard, GUARD_KILLED, &page, at(8)),
			 GUARD_NOTHING);
	assert_true(instant_is_never(guard_deadline(&guard, &page)));
	assert_int_equal(guard_step(&guard, GUARD_RELEASED, &page, at(9)),
			 GUARD_RESIGN);
	assert_int_equal(guard_step(&guard, GUARD_TICK, &page, at(10)),
			 GUARD_NOTHING);
}

static void a_followers_guard_resigns_nothing(void **state)
{
	struct guard guard = guard_new_one();

	(void)state;
	guard_step(&guard, GUARD_PIPE_CLOSED, &idle, at(5));
	guard_step(&guard, GUARD_KILLED, &idle, at(6));
	assert_int_equal(guard_step(&guard, GUARD_RELEASED, &idle, at(7)),
			 GUARD_END);
}

static void its_resign_is_of_the_page(void **state)
{
	struct guard_page page = idle;
	struct message msg;

	(void)state;
	page.term = 7;
	page.boot = 8;
	page.digest = 9;
	page.node = 10;
	page.successor = 11;
	guard_resign(&page, at(5), 2, &msg);
	assert_int_equal(msg.kind, MESSAGE_RESIGN);
	assert_int_equal(msg.term, 7);
	assert_int_equal(msg.boot, 8);
	assert_int_equal(msg.digest, 9);
	assert_int_equal(msg.from, 10);
	assert_int_equal(msg.resign.successor, 11);
	assert_true(msg.sequence == MESSAGE_GUARD_SEQUENCE + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acts_half_a_budget_before_the_lease_ends),
		cmocka_unit_test(watches_routes_as_well),
		cmocka_unit_test(kills_then_releases_then_resigns),
		cmocka_unit_test(a_followers_guard_resigns_nothing),
		cmocka_unit_test(its_resign_is_of_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
