/* Instances that cannot become replicas as they are: who makes them anew. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/group_world.h"

/* b says that it is the primary, is told to stop, and cannot follow. */
static void part(struct world *w)
{
	w->facts[B].role = DATABASE_PRIMARY;
	w->facts[B].source_host[0] = '\0';
	tell_facts(w, B);
	answer(w, order(w, DATABASE_FENCE)->id, NULL);
	answer_parted(w, order(w, DATABASE_FOLLOW)->id);
}

static void follow(struct world *w)
{
	w->facts[B].role = DATABASE_REPLICA;
	w->facts[B].source_up = true;
	strcpy(w->facts[B].source_host, "10.0.0.1");
	tell_facts(w, B);
}

static void call(struct world *w, bool on)
{
	feed(w, (struct group_event){ .kind = GROUP_HEALTH,
				      .instance = B,
				      .health = { .called = on } });
}

static void leave_office(struct world *w)
{
	feed(w, (struct group_event){ .kind = GROUP_OFFICE });
}

static void one_without_a_node_is_rejoined_in_office(void **state)
{
	const struct group_action *act;
	struct world w;

	(void)state;
	begin_steady(&w);
	w.failover.rejoin = "/rejoin";
	part(&w);
	act = find(&w, GROUP_HOOK);
	assert_int_equal(act->hook.hook, DATABASE_HOOK_REJOIN);
	assert_int_equal(act->hook.instance, B);
	assert_int_equal(act->hook.source, A);
	assert_true(group_rejoins(w.group, B));
	/* While it runs nobody else speaks to it. */
	w.now.us += MINUTE;
	tell_facts(&w, A);
	tell_facts(&w, B);
	assert_null(find(&w, GROUP_HOOK));
	assert_null(find(&w, GROUP_ORDER));
	group_free(w.group);
}

static void one_that_follows_is_not_rejoined(void **state)
{
	struct world w;
	uint64_t id;

	(void)state;
	begin_steady(&w);
	w.failover.rejoin = "/rejoin";
	part(&w);
	id = find(&w, GROUP_HOOK)->id;
	answer(&w, id, NULL);
	follow(&w);
	assert_non_null(note(&w, GROUP_NOTE_REJOINED));
	assert_false(group_rejoins(w.group, B));
	/* Not at once either, by a call that is still heard. */
	call(&w, true);
	w.facts[B].source_up = false;
	tell_facts(&w, B);
	assert_null(find(&w, GROUP_HOOK));
	call(&w, false);
	w.now.us += MINUTE;
	tell_facts(&w, A);
	follow(&w);
	assert_null(find(&w, GROUP_HOOK));
	assert_null(note(&w, GROUP_NOTE_REJOINED));
	group_free(w.group);
}

static void without_a_hook_it_is_only_said(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	part(&w);
	assert_null(find(&w, GROUP_HOOK));
	assert_non_null(note(&w, GROUP_NOTE_NOT_REJOINED));
	group_free(w.group);
}

static void another_node_is_called_for_its_own(void **state)
{
	struct world w;

	(void)state;
	begin_on(&w, "na");
	part(&w);
	assert_null(find(&w, GROUP_HOOK));
	assert_true(group_rejoins(w.group, B));
	/* It is not heard to begin: that is said once. */
	w.now.us += 11 * SECOND;
	tell_facts(&w, A);
	assert_non_null(note(&w, GROUP_NOTE_NOT_REJOINED));
	assert_non_null(strstr(note(&w, GROUP_NOTE_NOT_REJOINED)->text, "nb"));
	tell_facts(&w, A);
	assert_null(note(&w, GROUP_NOTE_NOT_REJOINED));
	follow(&w);
	assert_non_null(note(&w, GROUP_NOTE_REJOINED));
	assert_false(group_rejoins(w.group, B));
	group_free(w.group);
}

static void one_that_its_node_works_on_is_left_alone(void **state)
{
	struct world w;

	(void)state;
	begin_on(&w, "na");
	feed(&w, (struct group_event){ .kind = GROUP_HEALTH,
				       .instance = B,
				       .health = { .at_work = true } });
	w.facts[B].role = DATABASE_PRIMARY;
	tell_facts(&w, B);
	assert_null(find(&w, GROUP_ORDER));
	group_free(w.group);
}

static void a_node_rejoins_what_it_hosts_when_called(void **state)
{
	struct world w;

	(void)state;
	begin_on(&w, "nb");
	leave_office(&w);
	w.facts[B].role = DATABASE_PRIMARY;
	tell_facts(&w, B);
	assert_null(find(&w, GROUP_HOOK));
	call(&w, true);
	assert_int_equal(find(&w, GROUP_HOOK)->hook.instance, B);
	assert_true(group_rejoins(w.group, B));
	/* What became of the call does not matter until it follows. */
	call(&w, false);
	answer(&w, 1000, NULL);
	assert_null(find(&w, GROUP_HOOK));
	group_free(w.group);
}

static void what_is_hosted_outlives_the_office(void **state)
{
	struct world w;
	uint64_t id;

	(void)state;
	begin_on(&w, "nb");
	part(&w);
	id = find(&w, GROUP_HOOK)->id;
	leave_office(&w);
	assert_true(group_rejoins(w.group, B));
	answer(&w, id, "disk full");
	assert_non_null(note(&w, GROUP_NOTE_NOT_REJOINED));
	w.now.us += 5 * SECOND;
	tell_facts(&w, A);
	tell_facts(&w, B);
	assert_non_null(find(&w, GROUP_HOOK));
	group_free(w.group);
}

static void a_hook_that_fails_is_run_again_later_and_later(void **state)
{
	static const int64_t wait_us[] = { 5 * SECOND, 10 * SECOND,
					   20 * SECOND };
	struct world w;
	unsigned i, said = 0, called = 0;

	(void)state;
	begin_on(&w, "nb");
	part(&w);
	for (i = 0; i < 3; i++) {
		answer(&w, find(&w, GROUP_HOOK)->id, "disk full");
		said += note(&w, GROUP_NOTE_NOT_REJOINED) != NULL;
		called += note(&w, GROUP_NOTE_STUCK) != NULL;
		assert_int_equal(called, i == 2);
		w.now.us += wait_us[i] - MS;
		tick(&w);
		assert_null(find(&w, GROUP_HOOK));
		w.now.us += MS;
		tick(&w);
		assert_non_null(find(&w, GROUP_HOOK));
	}
	assert_int_equal(said, 1);
	for (; i < 20; i++) {
		answer(&w, find(&w, GROUP_HOOK)->id, "disk full");
		assert_null(note(&w, GROUP_NOTE_STUCK));
		w.now.us += GROUP_REJOIN_US_MAX;
		tick(&w);
		assert_non_null(find(&w, GROUP_HOOK));
	}
	group_free(w.group);
}

static void a_hook_that_only_says_so_calls_a_person_too(void **state)
{
	struct world w;
	unsigned i;

	(void)state;
	begin_on(&w, "nb");
	part(&w);
	for (i = 0; i < 3; i++) {
		assert_null(note(&w, GROUP_NOTE_STUCK));
		answer(&w, find(&w, GROUP_HOOK)->id, NULL);
		w.now.us += MINUTE;
		tell_facts(&w, A);
		tell_facts(&w, B);
		answer_parted(&w, order(&w, DATABASE_FOLLOW)->id);
		assert_non_null(find(&w, GROUP_HOOK));
	}
	assert_non_null(note(&w, GROUP_NOTE_STUCK));
	group_free(w.group);
}

/* It says that it is done, and another primary was decided on meanwhile. */
static void what_is_done_is_not_done_again(void **state)
{
	struct world w;
	uint64_t id;

	(void)state;
	begin_on(&w, "nb");
	part(&w);
	id = find(&w, GROUP_HOOK)->id;
	leave_office(&w);
	w.document.epoch++;
	strcpy(w.document.primary, "c");
	feed(&w, (struct group_event){ .kind = GROUP_DOCUMENT,
				       .document = &w.document });
	answer(&w, id, NULL);
	w.now.us += MINUTE;
	follow(&w);
	tell_facts(&w, A);
	assert_null(find(&w, GROUP_HOOK));
	group_free(w.group);
}

static void what_a_killed_daemon_began_is_taken_up(void **state)
{
	struct world w;

	(void)state;
	begin_on(&w, "nb");
	leave_office(&w);
	feed(&w,
	     (struct group_event){ .kind = GROUP_INTERRUPTED, .instance = B });
	/* It follows after all. */
	follow(&w);
	tell_health(&w, B, true);
	assert_null(find(&w, GROUP_HOOK));
	tell_health(&w, B, false);
	/* Nothing is known of it any more, until it is down. */
	w.now.us += MINUTE;
	feed(&w,
	     (struct group_event){ .kind = GROUP_INTERRUPTED, .instance = B });
	assert_null(find(&w, GROUP_HOOK));
	tell_health(&w, B, true);
	assert_non_null(find(&w, GROUP_HOOK));
	group_free(w.group);
}

static void nothing_is_rejoined_to_a_primary_that_is_down(void **state)
{
	struct world w;

	(void)state;
	begin_on(&w, "nb");
	leave_office(&w);
	tell_health(&w, A, true);
	w.facts[B].role = DATABASE_PRIMARY;
	tell_facts(&w, B);
	call(&w, true);
	assert_null(find(&w, GROUP_HOOK));
	/* It speaks, though its state says nothing yet. */
	tell_facts(&w, A);
	assert_non_null(find(&w, GROUP_HOOK));
	group_free(w.group);
}

static void one_in_maintenance_is_left_as_it_is(void **state)
{
	struct world w;

	(void)state;
	begin_on(&w, "nb");
	feed(&w, (struct group_event){
			 .kind = GROUP_HEALTH,
			 .instance = B,
			 .health = { .maintenance = true, .called = true } });
	assert_null(find(&w, GROUP_HOOK));
	group_free(w.group);
}

static void a_replica_that_lost_its_link_is_told_anew(void **state)
{
	struct world w;

	(void)state;
	begin_on(&w, "nb");
	w.facts[B].source_up = false;
	tell_facts(&w, B);
	assert_null(find(&w, GROUP_ORDER));
	w.now.us += 5 * SECOND;
	tell_facts(&w, B);
	assert_int_equal(order(&w, DATABASE_FOLLOW)->order.target, B);
	/* The answer tells whether it can. */
	answer_parted(&w, order(&w, DATABASE_FOLLOW)->id);
	assert_int_equal(find(&w, GROUP_HOOK)->hook.instance, B);
	group_free(w.group);
}

/* Else what works on it would stop the new primary. */
static void one_that_is_worked_on_is_not_promoted(void **state)
{
	struct plan plan;
	struct world w;

	(void)state;
	begin_on(&w, "na");
	feed(&w, (struct group_event){ .kind = GROUP_HEALTH,
				       .instance = B,
				       .health = { .at_work = true } });
	plan = group_plan(w.group, PLAN_NOBODY);
	assert_int_equal(plan.reject[B], PLAN_REJOINING);
	assert_int_equal(plan.successor, C);
	tell_health(&w, B, false);
	assert_int_equal(group_plan(w.group, PLAN_NOBODY).successor, B);
	group_free(w.group);
}

static void a_replica_with_writes_of_its_own_is_rejoined(void **state)
{
	struct world w;

	(void)state;
	begin_on(&w, "nb");
	w.facts[B].errant = true;
	tell_facts(&w, B);
	assert_int_equal(group_plan(w.group, PLAN_NOBODY).reject[B],
			 PLAN_DIVERGED);
	assert_null(find(&w, GROUP_HOOK));
	w.now.us += 5 * SECOND;
	tell_facts(&w, B);
	assert_null(find(&w, GROUP_ORDER));
	tick(&w);
	assert_int_equal(find(&w, GROUP_HOOK)->hook.instance, B);
	answer(&w, find(&w, GROUP_HOOK)->id, NULL);
	w.facts[B].errant = false;
	tell_facts(&w, B);
	assert_non_null(note(&w, GROUP_NOTE_REJOINED));
	group_free(w.group);
}

static void a_restarted_server_is_fenced_anew(void **state)
{
	struct world w;

	(void)state;
	begin_on(&w, "na");
	part(&w);
	w.facts[B].start = 99;
	w.now.us += MINUTE;
	tell_facts(&w, A);
	tell_facts(&w, B);
	assert_int_equal(order(&w, DATABASE_FENCE)->order.target, B);
	group_free(w.group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_without_a_node_is_rejoined_in_office),
		cmocka_unit_test(one_that_follows_is_not_rejoined),
		cmocka_unit_test(without_a_hook_it_is_only_said),
		cmocka_unit_test(another_node_is_called_for_its_own),
		cmocka_unit_test(one_that_its_node_works_on_is_left_alone),
		cmocka_unit_test(a_node_rejoins_what_it_hosts_when_called),
		cmocka_unit_test(what_is_hosted_outlives_the_office),
		cmocka_unit_test(
			a_hook_that_fails_is_run_again_later_and_later),
		cmocka_unit_test(a_hook_that_only_says_so_calls_a_person_too),
		cmocka_unit_test(what_is_done_is_not_done_again),
		cmocka_unit_test(what_a_killed_daemon_began_is_taken_up),
		cmocka_unit_test(nothing_is_rejoined_to_a_primary_that_is_down),
		cmocka_unit_test(one_in_maintenance_is_left_as_it_is),
		cmocka_unit_test(a_replica_that_lost_its_link_is_told_anew),
		cmocka_unit_test(one_that_is_worked_on_is_not_promoted),
		cmocka_unit_test(a_replica_with_writes_of_its_own_is_rejoined),
		cmocka_unit_test(a_restarted_server_is_fenced_anew),
	};

	return cmocka_run_group_tests_name("group_rejoin", tests, NULL, NULL);
}
