/* What keeps a group from having a primary is said, and what to do. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/group_world.h"

static const struct group_note *unfit(const struct world *w, unsigned i)
{
	unsigned k;

	for (k = 0; k < w->out.count; k++)
		if (w->out.list[k].kind == GROUP_SAY &&
		    w->out.list[k].note.kind == GROUP_NOTE_UNFIT &&
		    w->out.list[k].note.to == i)
			return &w->out.list[k].note;
	return NULL;
}

static void each_that_is_not_fit_is_said_once_with_its_remedy(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.facts[B].system = 8;
	tell_facts(&w, B);
	tell_health(&w, C, true);
	tell_health(&w, A, true);
	assert_null(find(&w, GROUP_DECIDE));
	assert_int_equal(unfit(&w, B)->from, A);
	assert_string_equal(unfit(&w, B)->text,
			    "it holds the data of another cluster: make it "
			    "anew from the primary");
	assert_string_equal(unfit(&w, C)->text, "its checks fail");
	tick(&w);
	assert_null(note(&w, GROUP_NOTE_UNFIT));
	/* Well again, and once more. */
	tell_health(&w, A, false);
	tell_health(&w, A, true);
	assert_non_null(unfit(&w, B));
	group_free(w.group);
}

static void who_is_passed_over_for_a_better_one_is_not(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.facts[B].system = 8;
	tell_facts(&w, B);
	tell_health(&w, A, true);
	assert_non_null(find(&w, GROUP_DECIDE));
	assert_null(note(&w, GROUP_NOTE_UNFIT));
	group_free(w.group);
}

static void a_primary_that_somebody_made_a_replica_is_told_of(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.facts[A].role = DATABASE_REPLICA;
	w.facts[A].writable = false;
	tell_facts(&w, A);
	assert_non_null(strstr(note(&w, GROUP_NOTE_HELD)->text, "a replica"));
	assert_null(find(&w, GROUP_DECIDE));
	assert_null(find(&w, GROUP_ORDER));
	group_free(w.group);
}

static void what_nobody_tells_anew_is_no_longer_known(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	assert_non_null(group_facts(w.group, A));
	/* By itself, without another word of anybody. */
	while (group_facts(w.group, A) != NULL) {
		w.now = group_deadline(w.group);
		assert_true(w.now.us < MINUTE);
		tick(&w);
	}
	assert_null(group_facts(w.group, B));
	group_free(w.group);
}

static void what_a_primary_was_before_is_no_complaint(void **state)
{
	struct world w;

	(void)state;
	begin_steady(&w);
	w.document.epoch = 2;
	strcpy(w.document.primary, "b");
	w.document.phase = PHASE_PROMOTING;
	feed(&w, (struct group_event){ .kind = GROUP_DOCUMENT,
				       .document = &w.document });
	w.document.phase = PHASE_STEADY;
	feed(&w, (struct group_event){ .kind = GROUP_DOCUMENT,
				       .document = &w.document });
	tick(&w);
	assert_null(group_look(w.group).held);
	group_free(w.group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_that_is_not_fit_is_said_once_with_its_remedy),
		cmocka_unit_test(who_is_passed_over_for_a_better_one_is_not),
		cmocka_unit_test(
			a_primary_that_somebody_made_a_replica_is_told_of),
		cmocka_unit_test(what_nobody_tells_anew_is_no_longer_known),
		cmocka_unit_test(what_a_primary_was_before_is_no_complaint),
	};

	return cmocka_run_group_tests_name("group_why", tests, NULL, NULL);
}
