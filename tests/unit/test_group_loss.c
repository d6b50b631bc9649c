/* What a failover may cost, by its record. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/group_world.h"

#define WRITTEN 100 /* each 200 ms */

/* The primary writes for 2 s, and its replicas receive all but 10. */
static void write_on(struct world *w)
{
	unsigned i;

	for (i = 0; i < 10; i++) {
		w->now.us += 199 * MS;
		w->facts[A].applied.offset += WRITTEN;
		tell_facts(w, A);
	}
	w->facts[B].received.offset = w->facts[A].applied.offset - 10;
	w->facts[C].received.offset = w->facts[B].received.offset;
	tell_facts(w, B);
	tell_facts(w, C);
}

static void go_down(struct world *w, bool certain)
{
	feed(w, (struct group_event){ .kind = GROUP_HEALTH,
				      .instance = A,
				      .health = { .down = true,
						  .suspect = true,
						  .certain = certain,
						  .confirmed = true } });
	commit(w);
	assert_int_equal(w->document.phase, PHASE_FENCING);
}

/* From where it is withdrawn to the record of the failover. */
static const struct group_note *succeed(struct world *w)
{
	withdrawn(w);
	tell_facts(w, B);
	tell_facts(w, C);
	commit(w);
	answer(w, order(w, DATABASE_PROMOTE)->id, NULL);
	answer(w, order(w, DATABASE_CANARY)->id, NULL);
	commit(w);
	assert_non_null(note(w, GROUP_NOTE_DONE));
	return note(w, GROUP_NOTE_DONE);
}

static void what_nobody_saw_is_reckoned_by_its_pace(void **state)
{
	const struct group_note *done;
	struct world w;

	(void)state;
	begin_steady(&w);
	write_on(&w);
	go_down(&w, false);
	w.now.us += SECOND;
	done = succeed(&w);
	assert_true(done->loss_known && done->loss_most_known);
	assert_int_equal(done->loss_bytes, 10);
	assert_in_range(done->loss_most, 10 + 450, 10 + 550);
	group_free(w.group);
}

static void one_that_was_refused_wrote_no_more(void **state)
{
	const struct group_note *done;
	struct world w;

	(void)state;
	begin_steady(&w);
	write_on(&w);
	go_down(&w, true);
	w.now.us += SECOND;
	done = succeed(&w);
	assert_true(done->loss_most_known);
	assert_in_range(done->loss_most, 10, 20);
	group_free(w.group);
}

static void what_a_replica_received_meanwhile_is_not_lost(void **state)
{
	const struct group_note *done;
	struct world w;

	(void)state;
	begin_steady(&w);
	write_on(&w);
	go_down(&w, false);
	w.now.us += SECOND;
	w.facts[B].received.offset += 2000;
	done = succeed(&w);
	assert_int_equal(done->to, B);
	assert_int_equal(done->loss_bytes, 0);
	assert_int_equal(done->loss_most, 0);
	group_free(w.group);
}

static void the_pace_of_an_earlier_server_says_nothing(void **state)
{
	const struct group_note *done;
	struct world w;

	(void)state;
	begin_steady(&w);
	write_on(&w);
	w.facts[A].start = 2;
	tell_facts(&w, A);
	go_down(&w, false);
	w.now.us += SECOND;
	done = succeed(&w);
	assert_true(done->loss_known);
	assert_false(done->loss_most_known);
	group_free(w.group);
}

static void nothing_is_known_of_one_that_was_silent_for_long(void **state)
{
	const struct group_note *done;
	struct world w;

	(void)state;
	begin_steady(&w);
	write_on(&w);
	w.now.us += 4 * SECOND;
	go_down(&w, false);
	done = succeed(&w);
	assert_false(done->loss_known || done->loss_most_known);
	group_free(w.group);
}

static void
one_that_restarted_with_less_stays_when_nobody_has_more(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	/* The others were quicker to take over what it has now. */
	w.facts[A].start = 2;
	w.facts[A].system = 8;
	w.facts[A].applied.offset = 10;
	w.facts[B].system = w.facts[C].system = 8;
	w.facts[B].received.offset = w.facts[C].received.offset = 10;
	w.facts[C].source_up = false;
	tell_facts(&w, B);
	tell_facts(&w, C);
	tell_facts(&w, A);
	assert_null(note(&w, GROUP_NOTE_ABANDONED));
	assert_null(find(&w, GROUP_DECIDE));
	assert_non_null(group_look(w.group).held);
	w.facts[C].source_up = true;
	tell_facts(&w, C);
	assert_non_null(note(&w, GROUP_NOTE_ABANDONED));
	assert_null(group_look(w.group).held);
	tell_facts(&w, A);
	assert_null(find(&w, GROUP_DECIDE));
	assert_null(group_look(w.group).held);
	group_free(w.group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_saw_is_reckoned_by_its_pace),
		cmocka_unit_test(one_that_was_refused_wrote_no_more),
		cmocka_unit_test(what_a_replica_received_meanwhile_is_not_lost),
		cmocka_unit_test(the_pace_of_an_earlier_server_says_nothing),
		cmocka_unit_test(
			nothing_is_known_of_one_that_was_silent_for_long),
		cmocka_unit_test(
			one_that_restarted_with_less_stays_when_nobody_has_more),
	};

	return cmocka_run_group_tests_name("group_loss", tests, NULL, NULL);
}
