/* What is to become of the door of an instance. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/permit.h"

static const struct instant now = { 10 * SECOND };
static const struct instant lease = { 11 * SECOND };

static const struct database_facts primary = { .role = DATABASE_PRIMARY,
					       .writable = true };
static const struct database_facts fenced = { .role = DATABASE_PRIMARY };
static const struct database_facts replica = { .role = DATABASE_REPLICA };
static const struct database_facts loading = { .role = DATABASE_PRIMARY,
					       .loading = true };

/* b was made the primary after a. */
static const struct document_group steady = { .primary = "b" };
static const struct document_group promoting = { .primary = "b",
						 .leaving = "a",
						 .phase = PHASE_PROMOTING };
static const struct document_group fencing = { .primary = "a",
					       .leaving = "a",
					       .phase = PHASE_FENCING };

static enum permit judge(const char *instance,
			 const struct document_group *document,
			 const struct database_facts *facts, bool doubted)
{
	const struct permit_question ask = { .lease = lease,
					     .document = document,
					     .instance = instance,
					     .facts = facts,
					     .doubted = doubted };

	return permit_judge(&ask, now);
}

static void without_a_lease_nothing_is_renewed(void **state)
{
	struct permit_question ask = { .lease = INSTANT_NONE,
				       .document = &steady,
				       .instance = "b",
				       .facts = &primary };

	(void)state;
	assert_int_equal(permit_judge(&ask, now), PERMIT_KEEP);
	ask.lease = now;
	assert_int_equal(permit_judge(&ask, now), PERMIT_KEEP);
	ask.lease.us++;
	assert_int_equal(permit_judge(&ask, now), PERMIT_OPEN);
	/* Nor is anything shut by a document that may be an old one. */
	ask.lease = INSTANT_NONE;
	ask.instance = "a";
	assert_int_equal(permit_judge(&ask, now), PERMIT_KEEP);
}

static void all_are_open_before_anything_is_decided(void **state)
{
	(void)state;
	assert_int_equal(judge("a", NULL, &primary, false), PERMIT_OPEN);
	assert_int_equal(judge("b", NULL, NULL, true), PERMIT_OPEN);
}

static void the_primary_is_open_whatever_its_checks_say(void **state)
{
	(void)state;
	assert_int_equal(judge("b", &steady, &primary, false), PERMIT_OPEN);
	assert_int_equal(judge("b", &steady, NULL, true), PERMIT_OPEN);
	assert_int_equal(judge("b", &promoting, &replica, false), PERMIT_OPEN);
	assert_int_equal(judge("b", &promoting, &primary, false), PERMIT_OPEN);
}

static void who_takes_no_writes_is_open(void **state)
{
	(void)state;
	assert_int_equal(judge("a", &steady, &replica, false), PERMIT_OPEN);
	assert_int_equal(judge("a", &steady, &fenced, false), PERMIT_OPEN);
	assert_int_equal(judge("a", &fencing, &fenced, false), PERMIT_OPEN);
	assert_int_equal(judge("a", &promoting, &fenced, false), PERMIT_OPEN);
	assert_int_equal(judge("c", &fencing, &replica, false), PERMIT_OPEN);
}

static void who_may_take_writes_by_and_by_is_not_renewed(void **state)
{
	(void)state;
	assert_int_equal(judge("a", &steady, &loading, false), PERMIT_KEEP);
	assert_int_equal(judge("a", &steady, &replica, true), PERMIT_KEEP);
	assert_int_equal(judge("a", &steady, NULL, false), PERMIT_KEEP);
}

static void an_old_primary_is_shut(void **state)
{
	(void)state;
	assert_int_equal(judge("a", &steady, &primary, false), PERMIT_SHUT);
	assert_int_equal(judge("a", &steady, &primary, true), PERMIT_SHUT);
	assert_int_equal(judge("a", &promoting, &primary, false), PERMIT_SHUT);
	assert_int_equal(judge("a", &promoting, NULL, false), PERMIT_SHUT);
}

static void who_is_left_is_shut_when_it_is_ill(void **state)
{
	(void)state;
	assert_int_equal(judge("a", &fencing, &primary, false), PERMIT_KEEP);
	assert_int_equal(judge("a", &fencing, &primary, true), PERMIT_SHUT);
	assert_int_equal(judge("a", &fencing, &replica, true), PERMIT_SHUT);
	assert_int_equal(judge("a", &fencing, NULL, false), PERMIT_SHUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_lease_nothing_is_renewed),
		cmocka_unit_test(all_are_open_before_anything_is_decided),
		cmocka_unit_test(the_primary_is_open_whatever_its_checks_say),
		cmocka_unit_test(who_takes_no_writes_is_open),
		cmocka_unit_test(who_may_take_writes_by_and_by_is_not_renewed),
		cmocka_unit_test(an_old_primary_is_shut),
		cmocka_unit_test(who_is_left_is_shut_when_it_is_ill),
	};

	return cmocka_run_group_tests_name("permit", tests, NULL, NULL);
}
