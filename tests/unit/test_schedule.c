/* When things are due: order, ties, replacing, against a plain array. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/rng.h"
#include "controller/core/schedule.h"

static struct instant at(int64_t us)
{
	return (struct instant){ us };
}

static void is_empty_at_first(void **state)
{
	struct schedule *sch = schedule_new(3);
	unsigned slot;

	(void)state;
	assert_true(instant_is_never(schedule_next(sch)));
	assert_true(instant_is_never(schedule_get(sch, 2)));
	assert_false(schedule_pop(sch, at(INT64_MAX - 1), &slot));
	schedule_free(sch);
	schedule_free(NULL);
}

static void gives_what_is_due_and_no_more(void **state)
{
	struct schedule *sch = schedule_new(3);
	unsigned slot = 99;

	(void)state;
	schedule_set(sch, 0, at(30));
	schedule_set(sch, 1, at(10));
	schedule_set(sch, 2, at(20));
	assert_int_equal(schedule_next(sch).us, 10);
	assert_true(schedule_pop(sch, at(20), &slot));
	assert_int_equal(slot, 1);
	assert_true(schedule_pop(sch, at(20), &slot));
	assert_int_equal(slot, 2);
	assert_false(schedule_pop(sch, at(29), &slot));
	assert_int_equal(schedule_get(sch, 0).us, 30);
	schedule_free(sch);
}

static void equal_instants_come_in_the_order_of_setting(void **state)
{
	struct schedule *sch = schedule_new(50);
	unsigned i, slot = 99;

	(void)state;
	for (i = 0; i < 50; i++)
		schedule_set(sch, 49 - i, at(7));
	for (i = 0; i < 50; i++) {
		assert_true(schedule_pop(sch, at(7), &slot));
		assert_int_equal(slot, 49 - i);
	}
	schedule_free(sch);
}

static void a_later_call_replaces_and_never_takes_out(void **state)
{
	struct schedule *sch = schedule_new(2);
	unsigned slot = 99;

	(void)state;
	schedule_set(sch, 0, at(10));
	schedule_set(sch, 0, at(40));
	schedule_set(sch, 1, at(20));
	schedule_set(sch, 1, INSTANT_NEVER);
	assert_int_equal(schedule_next(sch).us, 40);
	assert_true(schedule_pop(sch, at(40), &slot));
	assert_int_equal(slot, 0);
	assert_true(instant_is_never(schedule_next(sch)));
	schedule_free(sch);
}

/* The earliest of a plain array must be what the heap gives. */
static void agrees_with_a_plain_array(void **state)
{
	enum { SLOTS = 97 };
	struct schedule *sch = schedule_new(SLOTS);
	struct instant due[SLOTS];
	struct rng rng;
	unsigned i, slot = 0, round;

	(void)state;
	rng_init(&rng, 4711);
	for (i = 0; i < SLOTS; i++)
		due[i] = INSTANT_NEVER;
	for (round = 0; round < 20000; round++) {
		struct instant first = INSTANT_NEVER;
		uint64_t when;

		i = (unsigned)rng_below(&rng, SLOTS);
		when = rng_below(&rng, 1000);
		due[i] = when < 100 ? INSTANT_NEVER : at((int64_t)when);
		schedule_set(sch, i, due[i]);
		for (i = 0; i < SLOTS; i++)
			first = instant_min(first, due[i]);
		assert_int_equal(schedule_next(sch).us, first.us);
		if (round % 3 == 0 && schedule_pop(sch, at(300), &slot)) {
			assert_int_equal(due[slot].us, first.us);
			due[slot] = INSTANT_NEVER;
		}
	}
	schedule_free(sch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_empty_at_first),
		cmocka_unit_test(gives_what_is_due_and_no_more),
		cmocka_unit_test(equal_instants_come_in_the_order_of_setting),
		cmocka_unit_test(a_later_call_replaces_and_never_takes_out),
		cmocka_unit_test(agrees_with_a_plain_array),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
