/* A node that wants to be in maintenance: rule 12. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/quorum_world.h"

static struct quorum_world w;

static int open_world(void **state)
{
	(void)state;
	quorum_open(&w);
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	quorum_close(&w);
	return 0;
}

static void flagged(unsigned from, unsigned flags)
{
	quorum_message(&w, from, MESSAGE_HEARTBEAT, w.e->hard.term)->flags =
		flags;
	quorum_hear(&w);
}

static void nobody_relies_on_who_may_be_gone_at_any_moment(void **state)
{
	(void)state;
	flagged(1, MESSAGE_ELIGIBLE);
	flagged(2, MESSAGE_ELIGIBLE);
	assert_null(election_needs_self(w.e));
	flagged(1, MESSAGE_MAINTENANCE);
	assert_non_null(strstr(election_needs_self(w.e), "no quorum"));
	flagged(1, MESSAGE_BLANK);
	assert_non_null(strstr(election_needs_self(w.e), "no quorum"));
	w.now = instant_add(w.now, 400 * MS);
	flagged(1, 0);
	assert_null(election_needs_self(w.e));
	w.now = instant_add(w.now, 1);
	flagged(1, 0);
	assert_non_null(strstr(election_needs_self(w.e), "no quorum"));
}

static void wants_to_leave(void)
{
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_LEAVE,
						 .leave = true });
	w.now = instant_add(w.now, 2 * MS);
}

static void leaves_when_the_others_know_it_and_stay(void **state)
{
	(void)state;
	flagged(1, MESSAGE_ELIGIBLE);
	flagged(2, MESSAGE_ELIGIBLE);
	wants_to_leave();
	assert_true((quorum_sent(&w, 1, MESSAGE_HEARTBEAT)->flags &
		     MESSAGE_MAINTENANCE) != 0);
	assert_int_equal(election_may_leave(w.e, NULL), -EAGAIN);
	flagged(1, MESSAGE_ELIGIBLE);
	assert_int_equal(election_may_leave(w.e, NULL), -EAGAIN);
	quorum_message(&w, 2, MESSAGE_HEARTBEAT, w.e->hard.term);
	w.msg.echo.clock_us -= 2 * MS; /* has not heard of it yet */
	quorum_hear(&w);
	assert_int_equal(election_may_leave(w.e, NULL), -EAGAIN);
	flagged(2, MESSAGE_ELIGIBLE);
	assert_int_equal(election_may_leave(w.e, NULL), 0);
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_LEAVE });
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_HEARTBEAT)->flags &
				 MESSAGE_MAINTENANCE,
			 0);
}

static void of_two_that_want_to_leave_neither_relies_on_the_other(void **state)
{
	struct err err;

	(void)state;
	flagged(1, MESSAGE_ELIGIBLE);
	flagged(2, MESSAGE_ELIGIBLE);
	wants_to_leave();
	flagged(1, MESSAGE_MAINTENANCE);
	flagged(2, MESSAGE_ELIGIBLE);
	assert_int_equal(election_may_leave(w.e, &err), -EAGAIN);
	w.now = instant_add(w.now, 2 * SECOND + 398 * MS);
	flagged(1, MESSAGE_MAINTENANCE);
	flagged(2, MESSAGE_ELIGIBLE);
	assert_int_equal(election_may_leave(w.e, &err), -EPERM);
	assert_non_null(strstr(err.text, "no quorum"));
	flagged(1, MESSAGE_ELIGIBLE); /* was refused itself */
	assert_int_equal(election_may_leave(w.e, &err), 0);
}

static void the_last_that_could_lead_is_needed(void **state)
{
	(void)state;
	quorum_elect(&w);
	flagged(1, 0);
	flagged(2, 0);
	assert_non_null(strstr(election_needs_self(w.e), "no other"));
	flagged(2, MESSAGE_ELIGIBLE);
	assert_null(election_needs_self(w.e));
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nobody_relies_on_who_may_be_gone_at_any_moment),
		CASE(leaves_when_the_others_know_it_and_stay),
		CASE(of_two_that_want_to_leave_neither_relies_on_the_other),
		CASE(the_last_that_could_lead_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
