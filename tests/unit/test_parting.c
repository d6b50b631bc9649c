/* What a leader says of how it left office, and of when: rule 8. */

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

static void elect_and_forget(void)
{
	quorum_elect(&w);
	assert_int_equal(w.e->role, ELECTION_PRIMARY);
	quorum_forget(&w);
}

static void feed(enum election_event_kind kind, uint64_t id)
{
	quorum_feed(&w, (struct election_event){ .kind = kind, .id = id });
}

static void told(unsigned obstacles)
{
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_LOCAL,
						 .obstacles = obstacles });
}

static struct instant lease_end(void)
{
	struct guard_page page;

	election_page(w.e, &page);
	return page.lease_end;
}

static enum message_left left_for(unsigned obstacles)
{
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_LOCAL,
						 .obstacles = obstacles });
	feed(ELECTION_RELEASED, w.release_id);
	return (enum message_left)quorum_sent(&w, 1, MESSAGE_RESIGN)
		->resign.left;
}

/* What it was, and when it still heard a quorum, for who records it. */
static void says_since_when_it_had_no_quorum(void **state)
{
	const struct message *msg;
	struct election_view view;
	struct instant end;

	(void)state;
	elect_and_forget();
	end = lease_end();
	w.now = instant_add(end, -100 * MS);
	feed(ELECTION_TICK, 0);
	feed(ELECTION_RELEASED, w.release_id);
	w.now = instant_add(end, 100 * MS);
	feed(ELECTION_TICK, 0);
	msg = quorum_sent(&w, 1, MESSAGE_HEARTBEAT);
	assert_int_equal(msg->heartbeat.left, MESSAGE_LEFT_FAILED);
	assert_int_equal(msg->heartbeat.left_ago_us, 200 * MS);
	assert_int_equal(msg->heartbeat.whole_ago_us, 600 * MS);
	election_look(w.e, &view);
	assert_int_equal(view.left_whole.us, end.us - 500 * MS);
}

static void a_hook_that_failed_says_nothing_of_the_quorum(void **state)
{
	const struct message *msg;

	(void)state;
	elect_and_forget();
	w.now = instant_add(w.now, 50 * MS);
	feed(ELECTION_PROMOTE_FAILED, w.promote_id);
	w.now = instant_add(w.now, 100 * MS);
	feed(ELECTION_TICK, 0);
	msg = quorum_sent(&w, 1, MESSAGE_HEARTBEAT);
	assert_int_equal(msg->heartbeat.left_ago_us, 100 * MS);
	assert_int_equal(msg->heartbeat.whole_ago_us, 100 * MS);
}

static void says_which_obstacle_ended_its_office(void **state)
{
	struct election_note note = { .kind = ELECTION_NOTE_STEPS_DOWN,
				      .reason = ELECTION_REASON_OBSTACLE,
				      .term = 1,
				      .obstacles = ELECTION_STOPPING };
	char text[160];

	(void)state;
	election_note_text(&note, &w.set, text, sizeof(text));
	assert_non_null(strstr(text, "it is being stopped"));
	note.obstacles |= ELECTION_GUARDLESS;
	election_note_text(&note, &w.set, text, sizeof(text));
	assert_non_null(strstr(text, "its guard is gone"));
}

static void says_that_its_maintenance_was_planned(void **state)
{
	(void)state;
	elect_and_forget();
	assert_int_equal(left_for(ELECTION_MAINTENANCE), MESSAGE_LEFT_PLANNED);
}

static void says_that_its_stop_was_planned(void **state)
{
	(void)state;
	elect_and_forget();
	assert_int_equal(left_for(ELECTION_STOPPING), MESSAGE_LEFT_PLANNED);
}

/* A heartbeat says the same, and the daemon must not end before. */
static void is_resigning_until_a_heartbeat_has_told_it(void **state)
{
	const struct message *msg;
	struct election_view view;

	(void)state;
	elect_and_forget();
	told(ELECTION_STOPPING);
	w.now = instant_add(w.now, 10 * MS);
	feed(ELECTION_RELEASED, w.release_id);
	assert_null(quorum_sent(&w, 1, MESSAGE_HEARTBEAT));
	quorum_wait(&w, 25 * MS);
	election_look(w.e, &view);
	assert_true(view.resigning);
	quorum_wait(&w, 100 * MS);
	msg = quorum_sent(&w, 1, MESSAGE_HEARTBEAT);
	assert_int_equal(msg->heartbeat.resigned, 4);
	assert_int_equal(msg->heartbeat.left, MESSAGE_LEFT_PLANNED);
	election_look(w.e, &view);
	assert_false(view.resigning);
}

static void a_guard_that_died_was_not_planned(void **state)
{
	(void)state;
	elect_and_forget();
	assert_int_equal(left_for(ELECTION_GUARDLESS | ELECTION_STOPPING),
			 MESSAGE_LEFT_FAILED);
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(says_since_when_it_had_no_quorum),
		CASE(a_hook_that_failed_says_nothing_of_the_quorum),
		CASE(says_which_obstacle_ended_its_office),
		CASE(says_that_its_maintenance_was_planned),
		CASE(says_that_its_stop_was_planned),
		CASE(is_resigning_until_a_heartbeat_has_told_it),
		CASE(a_guard_that_died_was_not_planned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
