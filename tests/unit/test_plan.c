/* Who succeeds, and why not the others. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/plan.h"

enum { OLD, NEAR, FAR, COUNT };

struct question {
	struct failover_settings set;
	struct database_facts facts[COUNT], last;
	struct plan_question ask;
};

static void make(struct question *q)
{
	static const char *const names[] = { "old", "near", "far" };
	unsigned i;

	*q = (struct question){ 0 };
	q->ask = (struct plan_question){ .set = &q->set,
					 .count = COUNT,
					 .leaving = OLD,
					 .asked = PLAN_NOBODY,
					 .last = &q->last };
	q->last = (struct database_facts){ .role = DATABASE_PRIMARY,
					   .system = 7,
					   .applied = { 1, 1000 } };
	for (i = 0; i < COUNT; i++) {
		q->facts[i] = (struct database_facts){
			.role = DATABASE_REPLICA,
			.system = 7,
			.received = { 1, 1000 - 100 * i },
		};
		strcpy(q->facts[i].name, names[i]);
		q->ask.list[i].facts = &q->facts[i];
	}
	q->ask.list[OLD].down = true;
}

static void the_most_advanced_replica_succeeds(void **state)
{
	struct question q;
	struct plan plan;

	(void)state;
	make(&q);
	q.ask.list[FAR].priority = 100;
	plan = plan_make(&q.ask);
	assert_int_equal(plan.successor, NEAR);
	assert_int_equal(plan.reject[OLD], PLAN_IS_LEFT);
	assert_int_equal(plan.reject[FAR], PLAN_FIT);
	assert_int_equal(plan.behind[NEAR], 100);
	assert_true(plan.behind_known);
}

static void of_equals_the_higher_priority_succeeds(void **state)
{
	struct question q;

	(void)state;
	make(&q);
	q.facts[FAR].received = q.facts[NEAR].received;
	assert_int_equal(plan_make(&q.ask).successor, NEAR);
	q.ask.list[FAR].priority = 1;
	assert_int_equal(plan_make(&q.ask).successor, FAR);
}

static void says_why_each_other_one_is_not_fit(void **state)
{
	struct question q;

	(void)state;
	make(&q);
	q.ask.list[NEAR].down = true;
	assert_int_equal(plan_make(&q.ask).reject[NEAR], PLAN_DOWN);
	make(&q);
	q.ask.list[NEAR].maintenance = true;
	assert_int_equal(plan_make(&q.ask).reject[NEAR], PLAN_MAINTENANCE);
	make(&q);
	q.ask.list[NEAR].facts = NULL;
	assert_int_equal(plan_make(&q.ask).reject[NEAR], PLAN_UNKNOWN);
	make(&q);
	q.facts[NEAR].loading = true;
	assert_int_equal(plan_make(&q.ask).reject[NEAR], PLAN_LOADING);
	make(&q);
	q.facts[NEAR].role = DATABASE_PRIMARY;
	assert_int_equal(plan_make(&q.ask).reject[NEAR], PLAN_NO_REPLICA);
	make(&q);
	q.facts[NEAR].system = 8;
	assert_int_equal(plan_make(&q.ask).reject[NEAR], PLAN_FOREIGN);
	make(&q);
	q.facts[NEAR].received.timeline = 2;
	assert_int_equal(plan_make(&q.ask).reject[NEAR], PLAN_DIVERGED);
	make(&q);
	q.ask.list[NEAR].failed = true;
	assert_int_equal(plan_make(&q.ask).reject[NEAR], PLAN_FAILED);
	make(&q);
	q.ask.asked = FAR;
	assert_int_equal(plan_make(&q.ask).reject[NEAR], PLAN_NOT_ASKED_FOR);
	assert_int_equal(plan_make(&q.ask).successor, FAR);
	make(&q);
	q.set.max_lag_bytes = 150;
	assert_int_equal(plan_make(&q.ask).reject[NEAR], PLAN_FIT);
	assert_int_equal(plan_make(&q.ask).reject[FAR], PLAN_BEHIND);
}

static void synchronous(struct question *q, unsigned quorum)
{
	q->set.durability = DURABILITY_NO_LOSS;
	q->last.durable = true;
	q->last.quorum = quorum;
	q->last.replica_count = 2;
	strcpy(q->last.replicas[0].name, "near");
	strcpy(q->last.replicas[1].name, "far");
	q->last.replicas[0].synchronous = true;
	q->last.replicas[1].synchronous = true;
}

static void no_loss_needs_one_that_has_every_acknowledged_write(void **state)
{
	struct question q;

	(void)state;
	make(&q);
	synchronous(&q, 1);
	assert_int_equal(plan_make(&q.ask).successor, NEAR);
	/* The less advanced one may lack what NEAR has. */
	assert_int_equal(plan_make(&q.ask).reject[FAR], PLAN_MAY_LACK);
	/* A commit waited for any one of them, and one is silent. */
	q.ask.list[NEAR].down = true;
	assert_int_equal(plan_make(&q.ask).successor, PLAN_NOBODY);
	assert_int_equal(plan_make(&q.ask).reject[FAR], PLAN_MAY_LACK);
	/* It waited for both: the other has all. */
	synchronous(&q, 2);
	assert_int_equal(plan_make(&q.ask).successor, FAR);
}

static void no_loss_believes_no_primary_that_did_not_wait(void **state)
{
	struct question q;

	(void)state;
	make(&q);
	synchronous(&q, 1);
	q.last.durable = false;
	assert_int_equal(plan_make(&q.ask).successor, PLAN_NOBODY);
	q.ask.last = NULL;
	assert_int_equal(plan_make(&q.ask).successor, PLAN_NOBODY);
}

static void no_loss_waits_for_one_that_has_more_and_is_not_fit(void **state)
{
	struct question q;

	(void)state;
	make(&q);
	synchronous(&q, 1);
	q.ask.list[NEAR].failed = true;
	assert_int_equal(plan_make(&q.ask).successor, PLAN_NOBODY);
	assert_int_equal(plan_make(&q.ask).reject[FAR], PLAN_MAY_LACK);
	q.ask.list[NEAR].failed = false;
	q.ask.list[NEAR].maintenance = true;
	assert_int_equal(plan_make(&q.ask).successor, PLAN_NOBODY);
	q.facts[FAR].received = q.facts[NEAR].received;
	assert_int_equal(plan_make(&q.ask).successor, FAR);
}

static void no_loss_counts_who_was_a_replica_just_now(void **state)
{
	struct question q;

	(void)state;
	make(&q);
	synchronous(&q, 1);
	/* NEAR's link ended when 950 was written, and then its host's. */
	q.last.replica_count = 1;
	strcpy(q.last.replicas[0].name, "far");
	q.ask.list[NEAR].facts = NULL;
	q.ask.list[NEAR].absent = true;
	q.ask.list[NEAR].absent_at = (struct database_position){ 1, 950 };
	assert_int_equal(plan_make(&q.ask).reject[FAR], PLAN_MAY_LACK);
	/* What came later waited for FAR, which has all until then. */
	q.facts[FAR].received.offset = 950;
	assert_int_equal(plan_make(&q.ask).successor, FAR);
	/* It speaks, and has no more. */
	q.facts[FAR].received.offset = 940;
	q.ask.list[NEAR].facts = &q.facts[NEAR];
	q.facts[NEAR].received.offset = 940;
	assert_int_equal(plan_make(&q.ask).reject[FAR], PLAN_FIT);
	/* Both must have confirmed it: FAR has it. */
	q.ask.list[NEAR].facts = NULL;
	synchronous(&q, 2);
	q.last.replica_count = 1;
	strcpy(q.last.replicas[0].name, "far");
	assert_int_equal(plan_make(&q.ask).successor, FAR);
}

static void one_that_never_received_may_have_other_data(void **state)
{
	struct question q;

	(void)state;
	make(&q);
	q.ask.list[NEAR].apart = true;
	/* The system tells whose data it is. */
	assert_int_equal(plan_make(&q.ask).successor, NEAR);
	assert_false(plan_make(&q.ask).strange);
	q.last.system = q.facts[NEAR].system = q.facts[FAR].system = 0;
	/* What is lost with one that was not seen to take anything? */
	assert_true(plan_make(&q.ask).strange);
	q.ask.list[FAR].linked = true;
	assert_false(plan_make(&q.ask).strange);
	assert_int_equal(plan_make(&q.ask).successor, FAR);
	assert_int_equal(plan_make(&q.ask).reject[NEAR], PLAN_DIVERGED);
	/* What it may have is not known. */
	synchronous(&q, 1);
	assert_int_equal(plan_make(&q.ask).successor, PLAN_NOBODY);
}

static void one_that_was_seen_to_receive_goes_first(void **state)
{
	struct question q;

	(void)state;
	make(&q);
	q.ask.list[FAR].linked = true;
	assert_int_equal(plan_make(&q.ask).successor, NEAR);
	q.last.system = q.facts[NEAR].system = q.facts[FAR].system = 0;
	assert_int_equal(plan_make(&q.ask).successor, FAR);
	q.ask.list[NEAR].linked = true;
	assert_int_equal(plan_make(&q.ask).successor, NEAR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_advanced_replica_succeeds),
		cmocka_unit_test(of_equals_the_higher_priority_succeeds),
		cmocka_unit_test(says_why_each_other_one_is_not_fit),
		cmocka_unit_test(
			no_loss_needs_one_that_has_every_acknowledged_write),
		cmocka_unit_test(no_loss_believes_no_primary_that_did_not_wait),
		cmocka_unit_test(
			no_loss_waits_for_one_that_has_more_and_is_not_fit),
		cmocka_unit_test(no_loss_counts_who_was_a_replica_just_now),
		cmocka_unit_test(one_that_was_seen_to_receive_goes_first),
		cmocka_unit_test(one_that_never_received_may_have_other_data),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
