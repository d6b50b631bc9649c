/* The cluster's maintenance: rule 13. */

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

static void elect_and_forget(void)
{
	quorum_elect(&w);
	assert_int_equal(w.e->role, ELECTION_PRIMARY);
	quorum_forget(&w);
}

static void ask_to_keep(enum document_keep want)
{
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_KEEP,
						 .keep = want });
}

static enum document_keep kept(void)
{
	return election_document(w.e)->maintenance;
}

/* Both others have what is held; one says that it routes by it. */
static void have(bool conforms)
{
	struct position at = w.e->hard.document.position;
	unsigned i;

	for (i = 1; i <= 2; i++) {
		struct message *msg = quorum_message(&w, i, MESSAGE_HEARTBEAT,
						     w.e->hard.term);

		msg->ack.boot = w.e->boot;
		msg->ack.term = w.e->hard.term;
		msg->ack.clock_us = w.e->last_beat.us;
		msg->heartbeat.stored = at;
		if (i == 1 || conforms)
			msg->heartbeat.conforming = at;
		quorum_hear(&w);
	}
}

static void keeping_is_on_once_its_begin_is_committed(void **state)
{
	struct document doc;

	(void)state;
	elect_and_forget();
	ask_to_keep(KEEP_ON);
	assert_int_equal(kept(), KEEP_BEGINS);
	have(true);
	assert_int_equal(kept(), KEEP_ON);
	assert_true(election_keeps(w.e));
	have(true);
	assert_int_equal(kept(), KEEP_ON);
	/* Nothing moves in it. */
	quorum_forget(&w);
	document_copy(&doc, election_document(w.e));
	doc.groups[0].phase = PHASE_FENCING;
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_DECIDE,
						 .document = &doc });
	assert_int_equal(quorum_did(&w, ELECTION_NOTE)->note.kind,
			 ELECTION_NOTE_NOT_DECIDED);
	assert_int_equal(election_document(w.e)->groups[0].phase, PHASE_STEADY);
}

static void keeping_ends_when_each_node_is_under_a_lease_again(void **state)
{
	(void)state;
	elect_and_forget();
	ask_to_keep(KEEP_ON);
	have(true);
	have(true);
	ask_to_keep(KEEP_ENDS);
	assert_int_equal(kept(), KEEP_ENDS);
	have(false);
	assert_int_equal(kept(), KEEP_ENDS);
	assert_int_equal(election_waits_for(w.e), 1 << 2);
	have(true);
	assert_int_equal(kept(), KEEP_OFF);
}

static void a_person_may_vouch_for_those_that_are_gone(void **state)
{
	(void)state;
	elect_and_forget();
	assert_int_equal(election_can_keep(w.e, KEEP_OFF, NULL), -EALREADY);
	ask_to_keep(KEEP_ON);
	have(true);
	assert_int_equal(election_can_keep(w.e, KEEP_ENDS, NULL), -EAGAIN);
	have(true);
	assert_int_equal(election_can_keep(w.e, KEEP_ON, NULL), -EALREADY);
	ask_to_keep(KEEP_ENDS);
	have(false);
	ask_to_keep(KEEP_OFF);
	assert_int_equal(kept(), KEEP_OFF);
}

static void nothing_is_kept_while_a_group_moves(void **state)
{
	struct document doc;

	(void)state;
	elect_and_forget();
	document_copy(&doc, election_document(w.e));
	doc.groups[0].phase = PHASE_FENCING;
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_DECIDE,
						 .document = &doc });
	have(true);
	assert_int_equal(election_can_keep(w.e, KEEP_ON, NULL), -EBUSY);
	ask_to_keep(KEEP_ON);
	assert_int_equal(kept(), KEEP_OFF);
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(keeping_is_on_once_its_begin_is_committed),
		CASE(keeping_ends_when_each_node_is_under_a_lease_again),
		CASE(a_person_may_vouch_for_those_that_are_gone),
		CASE(nothing_is_kept_while_a_group_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
