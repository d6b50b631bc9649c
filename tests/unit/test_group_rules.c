/* A group of databases: what keeps a failover from beginning, and who may be
 * read from. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/group_world.h"

static void assert_held(const struct world *w, const char *why)
{
	assert_null(find(w, GROUP_DECIDE));
	assert_non_null(group_look(w->group).held);
	assert_non_null(strstr(group_look(w->group).held, why));
}

/* From a to b. */
static void fail_over(struct world *w)
{
	tell_health(w, A, true);
	commit(w);
	withdrawn(w);
	tell_facts(w, B);
	tell_facts(w, C);
	commit(w);
	answer(w, order(w, DATABASE_PROMOTE)->id, NULL);
	answer(w, order(w, DATABASE_CANARY)->id, NULL);
	commit(w);
	assert_string_equal(w->document.primary, "b");
	assert_int_equal(w->document.phase, PHASE_STEADY);
}

static void too_few_nodes_begin_no_failover(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	feed(&w, (struct group_event){
			 .kind = GROUP_HEALTH,
			 .instance = A,
			 .health = { .down = true, .suspect = true } });
	assert_held(&w, "too few nodes find it down");
	tell_health(&w, A, true);
	assert_non_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

static void a_primary_in_maintenance_may_be_down(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	feed(&w, (struct group_event){ .kind = GROUP_HEALTH,
				       .instance = A,
				       .health = { .down = true,
						   .suspect = true,
						   .confirmed = true,
						   .maintenance = true } });
	assert_held(&w, "it is in maintenance");
	group_free(w.group);
}

static void the_next_failover_waits_for_the_cooldown(void **state)
{
	struct instant end;
	struct world w;

	(void)state;
	begin_steady(&w);
	fail_over(&w);
	end = instant_add(w.now, MINUTE);
	w.facts[B].role = DATABASE_PRIMARY;
	w.facts[B].writable = true;
	tell_facts(&w, B);
	tell_health(&w, B, true);
	assert_held(&w, "cooldown");
	while (instant_before(group_deadline(w.group), end)) {
		w.now = group_deadline(w.group);
		tick(&w);
		assert_null(find(&w, GROUP_DECIDE));
	}
	assert_int_equal(group_deadline(w.group).us, end.us);
	w.now = end;
	w.facts[C].source_port = 5001;
	tell_facts(&w, C);
	assert_non_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

static void the_cooldown_counts_from_what_another_node_did(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	feed(&w, (struct group_event){ .kind = GROUP_OFFICE, .office = false });
	w.document.epoch++;
	strcpy(w.document.primary, "b");
	feed(&w, (struct group_event){ .kind = GROUP_DOCUMENT,
				       .document = &w.document });
	feed(&w, (struct group_event){ .kind = GROUP_OFFICE, .office = true });
	tell_health(&w, B, true);
	assert_held(&w, "cooldown");
	group_free(w.group);
}

static void a_person_decides_in_manual_mode(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.failover.mode = FAILOVER_MANUAL;
	tell_health(&w, A, true);
	assert_held(&w, "a person decides");
	w.now.us += MINUTE;
	tick(&w);
	assert_held(&w, "a person decides");
	tell_facts(&w, B);
	tell_facts(&w, C);
	feed(&w, (struct group_event){ .kind = GROUP_SWITCHOVER,
				       .switchover = { .to = B } });
	assert_int_equal(find(&w, GROUP_DECIDE)->document.phase, PHASE_FENCING);
	group_free(w.group);
}

static void who_observes_decides_nothing(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.failover.mode = FAILOVER_OBSERVE;
	tell_health(&w, A, true);
	assert_held(&w, "observe");
	group_free(w.group);
	/* Nor does it adopt whom it finds. */
	begin(&w);
	w.failover.mode = FAILOVER_OBSERVE;
	tell_facts(&w, B);
	tell_facts(&w, C);
	tell_facts(&w, A);
	assert_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

static void what_was_under_way_when_doubt_began_is_no_word(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	feed(&w, (struct group_event){ .kind = GROUP_HEALTH,
				       .instance = A,
				       .health = { .suspect = true } });
	w.facts[B].received.offset += 50;
	tell_facts(&w, B);
	tell_health(&w, A, true);
	assert_non_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

static void who_is_certainly_gone_needs_no_word_of_replicas(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	feed(&w, (struct group_event){ .kind = GROUP_HEALTH,
				       .instance = A,
				       .health = { .suspect = true } });
	tell_facts(&w, B);
	w.facts[B].received.offset += 50;
	tell_facts(&w, B);
	feed(&w, (struct group_event){ .kind = GROUP_HEALTH,
				       .instance = A,
				       .health = { .down = true,
						   .suspect = true,
						   .confirmed = true,
						   .certain = true } });
	assert_non_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

static void facts_that_are_old_are_none(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.now.us += 9 * SECOND;
	assert_non_null(group_facts(w.group, A));
	w.now.us += 2 * SECOND;
	tell_facts(&w, C);
	assert_null(group_facts(w.group, B));
	tell_health(&w, A, true);
	assert_int_equal(group_plan(w.group, PLAN_NOBODY).reject[B],
			 PLAN_UNKNOWN);
	assert_int_equal(group_plan(w.group, PLAN_NOBODY).successor, C);
	group_free(w.group);
}

static void who_observes_gives_no_orders(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.failover.mode = FAILOVER_OBSERVE;
	w.facts[A].writable = false;
	tell_facts(&w, A);
	w.facts[B].source_port = 5002;
	tell_facts(&w, B);
	w.facts[C].role = DATABASE_PRIMARY;
	tell_facts(&w, C);
	assert_null(find(&w, GROUP_ORDER));
	w.failover.mode = FAILOVER_MANUAL;
	tell_facts(&w, A);
	assert_non_null(find(&w, GROUP_ORDER));
	group_free(w.group);
}

static void one_that_is_silent_may_be_another_primary(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tell_facts(&w, A);
	tell_facts(&w, B);
	assert_null(find(&w, GROUP_DECIDE));
	/* Nobody waits for one that is down. */
	tell_health(&w, C, true);
	assert_string_equal(find(&w, GROUP_DECIDE)->document.primary, "a");
	group_free(w.group);
}

static void a_replica_is_pointed_once_in_each_epoch(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	fail_over(&w);
	assert_int_equal(order(&w, DATABASE_FOLLOW)->order.target, C);
	answer(&w, order(&w, DATABASE_FOLLOW)->id, NULL);
	/* Its operator points it elsewhere. */
	tell_facts(&w, C);
	assert_null(order(&w, DATABASE_FOLLOW));
	w.now.us += 5 * SECOND;
	tell_facts(&w, C);
	assert_null(order(&w, DATABASE_FOLLOW));
	group_free(w.group);
}

static void readers_get_what_follows_and_is_near(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.failover.max_lag_bytes = 150;
	assert_false(group_reads(w.group, A));
	assert_true(group_reads(w.group, B));
	assert_false(group_reads(w.group, C));
	w.failover.max_lag_bytes = 0;
	assert_true(group_reads(w.group, C));
	w.facts[B].source_up = false;
	tell_facts(&w, B);
	assert_false(group_reads(w.group, B));
	w.facts[B].source_up = true;
	w.facts[B].source_port = 5002;
	tell_facts(&w, B);
	assert_false(group_reads(w.group, B));
	tell_health(&w, C, true);
	assert_false(group_reads(w.group, C));
	group_free(w.group);
}

static void who_is_not_in_office_does_nothing(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	feed(&w, (struct group_event){ .kind = GROUP_OFFICE });
	tell_health(&w, A, true);
	tick(&w);
	assert_null(find(&w, GROUP_DECIDE));
	assert_null(find(&w, GROUP_ORDER));
	feed(&w, (struct group_event){ .kind = GROUP_OFFICE, .office = true });
	assert_non_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

/* The one that is asked to catch up is another one than the one that is well
 * when the answer comes. */
static void who_has_not_caught_up_is_not_handed_over_to(void **state)
{
	struct world w;
	uint64_t b, c;

	(void)state;
	begin_steady(&w);
	feed(&w, (struct group_event){ .kind = GROUP_SWITCHOVER,
				       .switchover = { PLAN_NOBODY, 99 } });
	commit(&w);
	answer(&w, order(&w, DATABASE_FENCE)->id, NULL);
	withdrawn(&w);
	w.facts[C].received.offset = w.facts[B].received.offset + 1;
	tell_facts(&w, A);
	tell_facts(&w, B);
	tell_facts(&w, C);
	assert_int_equal(order(&w, DATABASE_CATCH_UP)->order.target, C);
	c = order(&w, DATABASE_CATCH_UP)->id;
	w.facts[B].received.offset = w.facts[C].received.offset + 1;
	tell_facts(&w, B);
	assert_int_equal(order(&w, DATABASE_CATCH_UP)->order.target, B);
	b = order(&w, DATABASE_CATCH_UP)->id;
	answer(&w, c, NULL);
	assert_null(find(&w, GROUP_DECIDE));
	answer(&w, b, NULL);
	assert_non_null(find(&w, GROUP_DECIDE));
	commit(&w);
	assert_string_equal(w.document.primary, "b");
	group_free(w.group);
}

/* It restarted before it took the write that was to prove it. */
static void who_takes_no_write_is_promoted_anew(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	tell_health(&w, A, true);
	commit(&w);
	withdrawn(&w);
	tell_facts(&w, B);
	w.facts[C].role = DATABASE_UNKNOWN;
	tell_facts(&w, C);
	commit(&w);
	assert_string_equal(w.document.primary, "b");
	answer(&w, order(&w, DATABASE_PROMOTE)->id, NULL);
	answer(&w, order(&w, DATABASE_CANARY)->id, "it is read-only");
	w.now = instant_add(w.now, GROUP_RETRY_US);
	tick(&w);
	assert_non_null(order(&w, DATABASE_PROMOTE));
	group_free(w.group);
}

/* It was told to follow, and is promoted before it has answered. */
static void an_answer_to_something_else_is_no_promotion(void **state)
{
	struct world w;
	uint64_t follow;

	(void)state;
	begin_steady(&w);
	w.facts[B].source_port = 5003;
	tell_facts(&w, B);
	follow = order(&w, DATABASE_FOLLOW)->id;
	w.facts[B].source_port = 5001;
	w.facts[B].received.offset = w.facts[A].applied.offset + 1;
	tell_health(&w, A, true);
	commit(&w);
	withdrawn(&w);
	tell_facts(&w, B);
	tell_facts(&w, C);
	commit(&w);
	assert_string_equal(w.document.primary, "b");
	assert_null(order(&w, DATABASE_PROMOTE));
	answer(&w, follow, NULL);
	assert_non_null(order(&w, DATABASE_PROMOTE));
	group_free(w.group);
}

/* It was told to take writes, and is left before it has answered. */
static void an_answer_to_something_else_is_no_fence(void **state)
{
	struct world w;
	uint64_t unfence;

	(void)state;
	begin_steady(&w);
	w.facts[A].writable = false;
	tell_facts(&w, A);
	unfence = order(&w, DATABASE_UNFENCE)->id;
	tell_health(&w, A, true);
	commit(&w);
	assert_null(order(&w, DATABASE_FENCE));
	answer(&w, unfence, NULL);
	assert_non_null(order(&w, DATABASE_FENCE));
	group_free(w.group);
}

/* Its data were others then. */
static void what_it_said_in_an_earlier_reign_is_over(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.document.epoch = 3;
	feed(&w, (struct group_event){ .kind = GROUP_DOCUMENT,
				       .document = &w.document });
	tell_facts(&w, A);
	w.document.epoch = 5;
	feed(&w, (struct group_event){ .kind = GROUP_DOCUMENT,
				       .document = &w.document });
	w.facts[A].start = 2;
	w.facts[A].applied.offset = 500;
	tell_facts(&w, A);
	assert_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

static void list_replicas(struct world *w, const char *names)
{
	struct database_facts *facts = &w->facts[A];

	facts->durable = true;
	facts->quorum = 1;
	facts->replica_count = 0;
	for (; *names != '\0'; names++)
		facts->replicas[facts->replica_count++] =
			(struct database_replica){ .name = { *names },
						   .synchronous = true };
}

/* The one that confirmed the last write may be gone before the primary is. */
static void a_synchronous_replica_that_has_gone_may_have_more(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.failover.durability = DURABILITY_NO_LOSS;
	strcpy(w.facts[B].name, "b");
	strcpy(w.facts[C].name, "c");
	tell_facts(&w, B);
	list_replicas(&w, "bc");
	tell_facts(&w, A);
	list_replicas(&w, "c");
	w.facts[A].applied.offset = 1005;
	tell_facts(&w, A);
	w.facts[A].applied.offset = 1010;
	tell_facts(&w, A);
	tell_health(&w, B, true);
	w.facts[C].received.offset = 1004;
	tell_facts(&w, C);
	assert_int_equal(group_plan(w.group, PLAN_NOBODY).reject[C],
			 PLAN_MAY_LACK);
	w.facts[C].received.offset = 1005;
	tell_facts(&w, C);
	assert_int_equal(group_plan(w.group, PLAN_NOBODY).reject[C], PLAN_FIT);
	/* It is back, and gone again. */
	list_replicas(&w, "bc");
	tell_facts(&w, A);
	list_replicas(&w, "c");
	tell_facts(&w, A);
	assert_int_equal(group_plan(w.group, PLAN_NOBODY).reject[C],
			 PLAN_MAY_LACK);
	/* No commit waits for it. */
	list_replicas(&w, "bc");
	w.facts[A].replicas[0].synchronous = false;
	tell_facts(&w, A);
	list_replicas(&w, "c");
	tell_facts(&w, A);
	assert_int_equal(group_plan(w.group, PLAN_NOBODY).reject[C], PLAN_FIT);
	group_free(w.group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_not_caught_up_is_not_handed_over_to),
		cmocka_unit_test(an_answer_to_something_else_is_no_promotion),
		cmocka_unit_test(who_takes_no_write_is_promoted_anew),
		cmocka_unit_test(an_answer_to_something_else_is_no_fence),
		cmocka_unit_test(what_it_said_in_an_earlier_reign_is_over),
		cmocka_unit_test(
			a_synchronous_replica_that_has_gone_may_have_more),
		cmocka_unit_test(too_few_nodes_begin_no_failover),
		cmocka_unit_test(a_primary_in_maintenance_may_be_down),
		cmocka_unit_test(the_next_failover_waits_for_the_cooldown),
		cmocka_unit_test(
			what_was_under_way_when_doubt_began_is_no_word),
		cmocka_unit_test(
			who_is_certainly_gone_needs_no_word_of_replicas),
		cmocka_unit_test(facts_that_are_old_are_none),
		cmocka_unit_test(
			the_cooldown_counts_from_what_another_node_did),
		cmocka_unit_test(a_person_decides_in_manual_mode),
		cmocka_unit_test(who_observes_decides_nothing),
		cmocka_unit_test(who_observes_gives_no_orders),
		cmocka_unit_test(one_that_is_silent_may_be_another_primary),
		cmocka_unit_test(a_replica_is_pointed_once_in_each_epoch),
		cmocka_unit_test(readers_get_what_follows_and_is_near),
		cmocka_unit_test(who_is_not_in_office_does_nothing),
	};

	return cmocka_run_group_tests_name("group rules", tests, NULL, NULL);
}
