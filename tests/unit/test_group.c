/* A group of databases, fed by hand: adopted, failed over, handed over. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/group_world.h"

static void adopts_the_primary_that_it_finds(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tell_facts(&w, A);
	/* c may be a primary, too. */
	tell_facts(&w, B);
	assert_null(find(&w, GROUP_DECIDE));
	tell_facts(&w, C);
	assert_string_equal(find(&w, GROUP_DECIDE)->document.primary, "a");
	assert_int_equal(find(&w, GROUP_DECIDE)->document.epoch, 1);
	assert_null(find(&w, GROUP_ORDER));
	group_free(w.group);
}

static void guesses_nothing_where_two_are_found(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	w.facts[B].role = DATABASE_PRIMARY;
	tell_facts(&w, A);
	tell_facts(&w, B);
	tell_facts(&w, C);
	assert_null(find(&w, GROUP_DECIDE));
	assert_null(find(&w, GROUP_ORDER));
	assert_non_null(note(&w, GROUP_NOTE_AMBIGUOUS));
	group_free(w.group);
}

static void fences_then_compares_then_promotes(void **state)
{
	struct world w;
	uint64_t id;

	(void)state;
	begin_steady(&w);
	tell_health(&w, A, true);
	commit(&w);
	assert_int_equal(w.document.phase, PHASE_FENCING);
	assert_string_equal(w.document.leaving, "a");
	assert_int_equal(w.document.epoch, 1);
	assert_non_null(order(&w, DATABASE_FENCE));
	answer(&w, order(&w, DATABASE_FENCE)->id, "refused");
	assert_null(find(&w, GROUP_DECIDE));
	withdrawn(&w);
	/* All that answer are asked anew: c has more than was known. */
	assert_non_null(find(&w, GROUP_ASK));
	assert_null(find(&w, GROUP_DECIDE));
	w.facts[C].received.offset = 2000;
	tell_facts(&w, B);
	assert_null(find(&w, GROUP_DECIDE));
	tell_facts(&w, C);
	commit(&w);
	assert_int_equal(w.document.phase, PHASE_PROMOTING);
	assert_string_equal(w.document.primary, "c");
	assert_int_equal(w.document.epoch, 2);
	id = order(&w, DATABASE_PROMOTE)->id;
	assert_int_equal(order(&w, DATABASE_PROMOTE)->order.target, C);
	answer(&w, id, NULL);
	answer(&w, order(&w, DATABASE_CANARY)->id, NULL);
	commit(&w);
	assert_int_equal(w.document.phase, PHASE_STEADY);
	assert_non_null(note(&w, GROUP_NOTE_DONE));
	assert_int_equal(note(&w, GROUP_NOTE_DONE)->to, C);
	/* b follows the new one. */
	assert_int_equal(order(&w, DATABASE_FOLLOW)->order.target, B);
	assert_int_equal(order(&w, DATABASE_FOLLOW)->order.source, C);
	group_free(w.group);
}

static void a_replica_that_still_receives_speaks_for_its_primary(void **state)
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
	tell_health(&w, A, true);
	assert_null(find(&w, GROUP_DECIDE));
	assert_non_null(note(&w, GROUP_NOTE_HELD));
	/* It stopped: half a second later it is no word any more. */
	w.now.us += 501 * MS;
	feed(&w, (struct group_event){ .kind = GROUP_TICK });
	assert_non_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

static void does_nothing_that_it_may_not(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.failover.mode = FAILOVER_MANUAL;
	tell_health(&w, A, true);
	assert_null(find(&w, GROUP_DECIDE));
	w.failover.mode = FAILOVER_AUTOMATIC;
	feed(&w, (struct group_event){ .kind = GROUP_PERMIT,
				       .forbids = "another one is under way" });
	assert_null(find(&w, GROUP_DECIDE));
	assert_non_null(group_look(w.group).held);
	feed(&w, (struct group_event){ .kind = GROUP_PERMIT });
	assert_non_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

static void one_that_cannot_be_promoted_is_followed_by_the_next(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	tell_health(&w, A, true);
	commit(&w);
	withdrawn(&w);
	tell_facts(&w, B);
	tell_facts(&w, C);
	commit(&w);
	assert_string_equal(w.document.primary, "b");
	answer(&w, order(&w, DATABASE_PROMOTE)->id, "disk full");
	assert_non_null(note(&w, GROUP_NOTE_NOT_PROMOTED));
	commit(&w);
	assert_string_equal(w.document.primary, "c");
	assert_int_equal(w.document.epoch, 3);
	answer(&w, order(&w, DATABASE_PROMOTE)->id, "disk full");
	assert_non_null(note(&w, GROUP_NOTE_STUCK));
	assert_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

static void a_fence_hook_that_fails_is_run_again_and_not_spun_on(void **state)
{
	struct world w;
	uint64_t id;

	(void)state;
	begin_steady(&w);
	w.failover.fence = "/fence";
	tell_health(&w, A, true);
	commit(&w);
	id = find(&w, GROUP_HOOK)->id;
	answer(&w, order(&w, DATABASE_FENCE)->id, "refused");
	withdrawn(&w);
	answer(&w, id, "no answer");
	assert_non_null(note(&w, GROUP_NOTE_STUCK));
	assert_null(find(&w, GROUP_HOOK));
	w.now = group_deadline(w.group);
	feed(&w, (struct group_event){ .kind = GROUP_TICK });
	assert_non_null(find(&w, GROUP_HOOK));
	/* While it runs nothing is due that is past. */
	assert_true(instant_before(w.now, group_deadline(w.group)));
	id = find(&w, GROUP_HOOK)->id;
	tell_facts(&w, B);
	tell_facts(&w, C);
	answer(&w, id, NULL);
	commit(&w);
	assert_int_equal(w.document.phase, PHASE_PROMOTING);
	group_free(w.group);
}

static void whoever_comes_into_office_goes_on(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	feed(&w, (struct group_event){ .kind = GROUP_OFFICE });
	w.document.phase = PHASE_PROMOTING;
	w.document.epoch = 2;
	strcpy(w.document.primary, "b");
	strcpy(w.document.leaving, "a");
	feed(&w, (struct group_event){ .kind = GROUP_DOCUMENT,
				       .document = &w.document });
	assert_null(find(&w, GROUP_ORDER));
	feed(&w, (struct group_event){ .kind = GROUP_OFFICE, .office = true });
	assert_int_equal(order(&w, DATABASE_PROMOTE)->order.target, B);
	group_free(w.group);
}

static void what_is_withdrawn_may_be_heard_before_the_office(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	feed(&w, (struct group_event){ .kind = GROUP_OFFICE });
	w.document.phase = PHASE_FENCING;
	strcpy(w.document.leaving, "a");
	feed(&w, (struct group_event){ .kind = GROUP_DOCUMENT,
				       .document = &w.document });
	withdrawn(&w);
	feed(&w, (struct group_event){ .kind = GROUP_OFFICE, .office = true });
	tell_health(&w, A, true);
	tell_facts(&w, B);
	tell_facts(&w, C);
	assert_non_null(find(&w, GROUP_DECIDE));
	/* Of an earlier office it says nothing. */
	feed(&w, (struct group_event){ .kind = GROUP_OFFICE });
	feed(&w, (struct group_event){ .kind = GROUP_OFFICE, .office = true });
	tell_facts(&w, B);
	tell_facts(&w, C);
	assert_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

/* A check that was under way when positions came to rest. */
static void facts_from_before_do_not_count(void **state)
{
	struct instant before;
	struct world w;

	(void)state;
	begin_steady(&w);
	tell_health(&w, A, true);
	commit(&w);
	before = w.now;
	withdrawn(&w);
	tell_facts(&w, B);
	feed(&w, (struct group_event){ .kind = GROUP_FACTS,
				       .instance = C,
				       .asked = before,
				       .facts = &w.facts[C] });
	assert_null(find(&w, GROUP_DECIDE));
	tell_facts(&w, C);
	assert_non_null(find(&w, GROUP_DECIDE));
	group_free(w.group);
}

static void a_decision_never_goes_back(void **state)
{
	struct document doc = { 0 };
	struct document_group now = { .name = "g", .epoch = 3, .primary = "c" };
	struct document_group want = now;

	(void)state;
	assert_true(document_decide(&doc, &now));
	assert_false(document_decide(&doc, &want));
	want.epoch = 2;
	want.phase = PHASE_PROMOTING;
	strcpy(want.primary, "b");
	assert_false(document_decide(&doc, &want));
	want.epoch = 4;
	assert_false(document_decide(&doc, &want));
	want = now;
	want.phase = PHASE_FENCING;
	assert_true(document_decide(&doc, &want));
	want.phase = PHASE_PROMOTING;
	want.epoch = 4;
	strcpy(want.primary, "b");
	assert_true(document_decide(&doc, &want));
	want = now;
	assert_false(document_decide(&doc, &want));
	assert_int_equal(doc.groups[0].epoch, 4);
}

static void a_switchover_loses_nothing(void **state)
{
	const struct group_action *act;
	struct world w;
	uint64_t fence;

	(void)state;
	begin_steady(&w);
	feed(&w, (struct group_event){ .kind = GROUP_SWITCHOVER,
				       .switchover = { C, 99 } });
	commit(&w);
	fence = order(&w, DATABASE_FENCE)->id;
	withdrawn(&w);
	assert_null(find(&w, GROUP_DECIDE));
	answer(&w, fence, NULL);
	w.facts[A].applied.offset = 3000;
	tell_facts(&w, A);
	tell_facts(&w, B);
	tell_facts(&w, C);
	act = order(&w, DATABASE_CATCH_UP);
	assert_non_null(act);
	assert_int_equal(act->order.target, C);
	assert_int_equal(act->order.position.offset, 3000);
	answer(&w, act->id, NULL);
	commit(&w);
	assert_string_equal(w.document.primary, "c");
	answer(&w, order(&w, DATABASE_PROMOTE)->id, NULL);
	answer(&w, order(&w, DATABASE_CANARY)->id, NULL);
	commit(&w);
	assert_int_equal(find(&w, GROUP_REPLY)->reply.error, 0);
	assert_int_equal(find(&w, GROUP_REPLY)->reply.token, 99);
	group_free(w.group);
}

static void while_it_waits_nothing_is_due(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	feed(&w, (struct group_event){ .kind = GROUP_SWITCHOVER,
				       .switchover = { C, 99 } });
	commit(&w);
	answer(&w, order(&w, DATABASE_FENCE)->id, NULL);
	withdrawn(&w);
	tell_facts(&w, A);
	tell_facts(&w, B);
	tell_facts(&w, C);
	assert_non_null(order(&w, DATABASE_CATCH_UP));
	/* Long after the time in which all should have answered. */
	w.now.us += 2 * SECOND;
	feed(&w, (struct group_event){ .kind = GROUP_TICK });
	assert_true(instant_before(w.now, group_deadline(w.group)));
	group_free(w.group);
}

static void a_switchover_that_cannot_be_goes_back(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	feed(&w, (struct group_event){ .kind = GROUP_SWITCHOVER,
				       .switchover = { PLAN_NOBODY, 99 } });
	commit(&w);
	answer(&w, order(&w, DATABASE_FENCE)->id, "no rights");
	assert_int_equal(find(&w, GROUP_REPLY)->reply.error, -ECANCELED);
	assert_non_null(order(&w, DATABASE_UNFENCE));
	commit(&w);
	assert_int_equal(w.document.phase, PHASE_STEADY);
	assert_string_equal(w.document.primary, "a");
	assert_int_equal(w.document.epoch, 1);
	group_free(w.group);
}

static void an_old_primary_is_fenced_before_it_follows(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.facts[B].role = DATABASE_PRIMARY;
	tell_facts(&w, B);
	assert_non_null(note(&w, GROUP_NOTE_RETURNED));
	assert_int_equal(order(&w, DATABASE_FENCE)->order.target, B);
	answer(&w, order(&w, DATABASE_FENCE)->id, NULL);
	assert_int_equal(order(&w, DATABASE_FOLLOW)->order.target, B);
	answer(&w, order(&w, DATABASE_FOLLOW)->id, NULL);
	/* What it was is over: it is asked what it is. */
	assert_int_equal(find(&w, GROUP_ASK)->ask, B);
	assert_null(find(&w, GROUP_ORDER));
	feed(&w, (struct group_event){ .kind = GROUP_TICK });
	assert_null(find(&w, GROUP_ORDER));
	w.facts[B].role = DATABASE_REPLICA;
	tell_facts(&w, B);
	assert_non_null(note(&w, GROUP_NOTE_REJOINED));
	group_free(w.group);
}

/* Its new primary refused it only after it had said that it follows. */
static void an_old_primary_that_is_stranded_is_told_again(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.facts[B].role = DATABASE_PRIMARY;
	tell_facts(&w, B);
	answer(&w, order(&w, DATABASE_FENCE)->id, NULL);
	answer(&w, order(&w, DATABASE_FOLLOW)->id, NULL);
	w.facts[B].role = DATABASE_REPLICA;
	w.facts[B].source_up = false;
	tell_facts(&w, B);
	assert_null(find(&w, GROUP_ORDER));
	w.now.us += GROUP_JOIN_US;
	tell_facts(&w, B);
	assert_int_equal(order(&w, DATABASE_FOLLOW)->order.target, B);
	answer(&w, order(&w, DATABASE_FOLLOW)->id, "it has writes of its own");
	assert_string_equal(note(&w, GROUP_NOTE_NOT_REJOINED)->text,
			    "it has writes of its own");
	/* Whoever follows is left alone. */
	w.facts[B].source_up = true;
	w.now.us += MINUTE;
	tell_facts(&w, B);
	assert_non_null(note(&w, GROUP_NOTE_REJOINED));
	assert_null(find(&w, GROUP_ORDER));
	group_free(w.group);
}

static void a_primary_that_takes_no_writes_is_told_to(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.facts[A].writable = false;
	tell_facts(&w, A);
	assert_int_equal(order(&w, DATABASE_UNFENCE)->order.target, A);
	answer(&w, order(&w, DATABASE_UNFENCE)->id, NULL);
	assert_int_equal(find(&w, GROUP_ASK)->ask, A);
	/* Something else keeps it: it is not told again at once. */
	tell_facts(&w, A);
	assert_null(find(&w, GROUP_ORDER));
	w.now.us += 5 * SECOND;
	tell_facts(&w, A);
	assert_non_null(order(&w, DATABASE_UNFENCE));
	answer(&w, order(&w, DATABASE_UNFENCE)->id, "no right to");
	assert_non_null(note(&w, GROUP_NOTE_STUCK));
	w.now.us += 5 * SECOND;
	tell_facts(&w, A);
	answer(&w, order(&w, DATABASE_UNFENCE)->id, "no right to");
	assert_null(note(&w, GROUP_NOTE_STUCK));
	w.now.us += 5 * SECOND;
	w.facts[A].writable = true;
	tell_facts(&w, A);
	assert_null(find(&w, GROUP_ORDER));
	group_free(w.group);
}

static void a_primary_in_maintenance_is_left_as_it_is(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	feed(&w, (struct group_event){ .kind = GROUP_HEALTH,
				       .instance = A,
				       .health = { .maintenance = true } });
	w.facts[A].writable = false;
	tell_facts(&w, A);
	assert_null(find(&w, GROUP_ORDER));
	group_free(w.group);
}

static void whoever_is_away_is_told_when_it_speaks_again(void **state)
{
	uint64_t fence;
	struct world w;

	(void)state;
	begin_steady(&w);
	w.facts[B].role = DATABASE_PRIMARY;
	tell_facts(&w, B);
	fence = order(&w, DATABASE_FENCE)->id;
	/* It dies with that. */
	tell_health(&w, B, true);
	answer(&w, fence, "refused");
	assert_null(find(&w, GROUP_ORDER));
	w.now.us += 100 * MS;
	feed(&w, (struct group_event){ .kind = GROUP_TICK });
	assert_null(find(&w, GROUP_ORDER));
	/* Long before anything would be tried again. */
	tell_facts(&w, B);
	assert_int_equal(order(&w, DATABASE_FENCE)->order.target, B);
	group_free(w.group);
}

static void a_primary_that_restarts_with_less_is_left(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.facts[A].start = 2;
	w.facts[A].applied.offset = 0;
	tell_facts(&w, A);
	assert_int_equal(find(&w, GROUP_DECIDE)->document.phase, PHASE_FENCING);
	group_free(w.group);
}

/* c has succeeded a after b could not, and b follows it. */
static void succeeded_by_the_next(struct world *w)
{
	begin_steady(w);
	w->failover.cooldown_us = 0;
	tell_health(w, A, true);
	commit(w);
	withdrawn(w);
	tell_facts(w, B);
	tell_facts(w, C);
	commit(w);
	answer(w, order(w, DATABASE_PROMOTE)->id, "disk full");
	commit(w);
	answer(w, order(w, DATABASE_PROMOTE)->id, NULL);
	answer(w, order(w, DATABASE_CANARY)->id, NULL);
	commit(w);
	w->facts[C].role = DATABASE_PRIMARY;
	w->facts[C].writable = true;
	w->facts[B].source_port = 5002;
	w->facts[B].received = w->facts[C].applied;
	tell_facts(w, C);
	tell_facts(w, B);
}

static void who_could_not_be_promoted_once_is_tried_next_time(void **state)
{
	struct world w;

	(void)state;
	succeeded_by_the_next(&w);
	assert_string_equal(w.document.primary, "c");
	tell_health(&w, C, true);
	assert_int_equal(find(&w, GROUP_DECIDE)->document.phase, PHASE_FENCING);
	group_free(w.group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adopts_the_primary_that_it_finds),
		cmocka_unit_test(guesses_nothing_where_two_are_found),
		cmocka_unit_test(fences_then_compares_then_promotes),
		cmocka_unit_test(
			a_replica_that_still_receives_speaks_for_its_primary),
		cmocka_unit_test(does_nothing_that_it_may_not),
		cmocka_unit_test(
			one_that_cannot_be_promoted_is_followed_by_the_next),
		cmocka_unit_test(
			a_fence_hook_that_fails_is_run_again_and_not_spun_on),
		cmocka_unit_test(whoever_comes_into_office_goes_on),
		cmocka_unit_test(
			what_is_withdrawn_may_be_heard_before_the_office),
		cmocka_unit_test(facts_from_before_do_not_count),
		cmocka_unit_test(a_decision_never_goes_back),
		cmocka_unit_test(a_switchover_loses_nothing),
		cmocka_unit_test(while_it_waits_nothing_is_due),
		cmocka_unit_test(a_switchover_that_cannot_be_goes_back),
		cmocka_unit_test(an_old_primary_is_fenced_before_it_follows),
		cmocka_unit_test(an_old_primary_that_is_stranded_is_told_again),
		cmocka_unit_test(a_primary_that_takes_no_writes_is_told_to),
		cmocka_unit_test(a_primary_in_maintenance_is_left_as_it_is),
		cmocka_unit_test(whoever_is_away_is_told_when_it_speaks_again),
		cmocka_unit_test(a_primary_that_restarts_with_less_is_left),
		cmocka_unit_test(
			who_could_not_be_promoted_once_is_tried_next_time),
	};

	return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
