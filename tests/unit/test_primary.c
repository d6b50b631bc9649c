/* Leading: rules 2, 6, 7, 8 and 12. */

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

/* Rule 2 */

static void a_lease_runs_from_the_time_of_sending(void **state)
{
	struct instant sent;

	(void)state;
	elect_and_forget();
	sent = w.e->last_beat;
	w.now = instant_add(w.now, 40 * MS);
	quorum_ack(&w, 1, sent, w.e->hard.document.position);
	assert_int_equal(lease_end().us, sent.us + 500 * MS);
}

static void acknowledgements_of_another_term_or_boot_do_not_count(void **state)
{
	struct instant before;

	(void)state;
	elect_and_forget();
	before = lease_end();
	quorum_wait(&w, 50 * MS);
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 4);
	w.msg.ack = (struct message_ack){ 77, 3, w.now.us };
	quorum_hear(&w);
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 4);
	w.msg.ack = (struct message_ack){ 76, 4, w.now.us };
	quorum_hear(&w);
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 3);
	w.msg.ack = (struct message_ack){ 77, 4, w.now.us };
	quorum_hear(&w);
	assert_int_equal(lease_end().us, before.us);
}

static void a_peer_that_starts_anew_takes_no_lease_back(void **state)
{
	struct instant end;

	(void)state;
	elect_and_forget();
	quorum_wait(&w, 30 * MS);
	quorum_ack(&w, 1, w.e->last_beat, w.e->hard.document.position);
	quorum_ack(&w, 2, w.e->last_beat, w.e->hard.document.position);
	end = lease_end();
	for (unsigned i = 1; i < 3; i++) {
		quorum_message(&w, i, MESSAGE_HEARTBEAT, 4)->boot = 9 + i;
		quorum_hear(&w);
		quorum_message(&w, i, MESSAGE_HEARTBEAT, 4)->boot = 9 + i;
		w.msg.ack = (struct message_ack){ 77, 4, w.e->won_at.us };
		quorum_hear(&w);
		assert_int_equal(w.e->role, ELECTION_PRIMARY);
		assert_int_equal(lease_end().us, end.us);
	}
}

static void repeats_a_heartbeat_that_no_quorum_acknowledged(void **state)
{
	(void)state;
	elect_and_forget();
	quorum_wait(&w, 26 * MS);
	assert_non_null(quorum_sent(&w, 1, MESSAGE_HEARTBEAT));
	assert_true(instant_diff_us(w.e->last_beat, w.now) < 25 * MS);
}

/* Rule 6 */

static void is_primary_with_lease_and_committed_document(void **state)
{
	struct position at = { 4, 8 };
	struct instant sent;

	(void)state;
	quorum_elect(&w);
	assert_true(position_same(w.e->committed, at));
	assert_int_equal(quorum_did(&w, ELECTION_PROMOTE)->not_after.us,
			 lease_end().us - 100 * MS);
	assert_true(position_same(quorum_did(&w, ELECTION_COMMITTED)->committed,
				  at));
	sent = w.e->won_at;
	assert_true(instant_before(sent, w.now));
}

static void a_winner_that_hears_nothing_resigns_after_a_lease(void **state)
{
	unsigned i;

	(void)state;
	quorum_elect(&w); /* then take the office of the next term unheard */
	told(ELECTION_CHECKS);
	feed(ELECTION_RELEASED, w.release_id);
	told(0);
	w.now = instant_add(w.now, 2 * SECOND);
	for (i = 0; w.e->role != ELECTION_CANDIDATE && i < 200; i++) {
		quorum_wait(&w, 10 * MS);
		quorum_message(&w, 1, MESSAGE_PRE_VOTE_ANSWER, 4);
		w.msg.flags = MESSAGE_GRANTED;
		w.msg.vote.wanted = 5;
		quorum_hear(&w);
	}
	quorum_message(&w, 1, MESSAGE_VOTE_ANSWER, 5);
	w.msg.flags = MESSAGE_GRANTED;
	w.msg.vote.wanted = 5;
	quorum_hear(&w);
	assert_int_equal(w.e->role, ELECTION_LEADER);
	quorum_forget(&w);
	quorum_wait(&w, 500 * MS);
	assert_int_equal(w.e->role, ELECTION_FOLLOWER);
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_RESIGN)->term, 5);
	assert_null(quorum_did(&w, ELECTION_PROMOTE));
}

static void takes_a_document_on_position_alone(void **state)
{
	static uint8_t buf[DOCUMENT_BYTES_MAX];
	struct document doc = { .position = { 3, 9 } };

	(void)state;
	quorum_message(&w, 2, MESSAGE_HEARTBEAT, 7);
	quorum_hear(&w);
	assert_int_equal(w.e->hard.term, 7);
	quorum_message(&w, 1, MESSAGE_DOCUMENT, 2);
	w.msg.document.size = document_encode(&doc, buf, sizeof(buf));
	w.msg.document.body = buf;
	quorum_hear(&w);
	assert_int_equal(w.disk.document.position.version, 9);
	doc.position.version = 10;
	quorum_message(&w, 1, MESSAGE_DOCUMENT, 2)->flags = MESSAGE_LEADER;
	w.msg.document.size = document_encode(&doc, buf, sizeof(buf));
	w.msg.document.body = buf;
	quorum_hear(&w);
	assert_int_equal(w.disk.document.position.version, 9);
}

/* Rule 7 */

static void a_decision_is_told_when_a_quorum_has_it(void **state)
{
	struct document doc;
	struct position at = { 4, 9 };

	(void)state;
	elect_and_forget();
	assert_true(election_may_decide(w.e));
	document_copy(&doc, election_document(w.e));
	doc.groups[0].epoch++;
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_DECIDE,
						 .document = &doc });
	assert_false(election_may_decide(w.e));
	assert_non_null(quorum_sent(&w, 2, MESSAGE_DOCUMENT));
	assert_null(quorum_did(&w, ELECTION_COMMITTED));
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_DECIDE,
						 .document = &doc });
	assert_int_equal(quorum_did(&w, ELECTION_NOTE)->note.kind,
			 ELECTION_NOTE_NOT_DECIDED);
	quorum_ack(&w, 2, w.e->last_beat, at);
	assert_true(position_same(quorum_did(&w, ELECTION_COMMITTED)->committed,
				  at));
	assert_true(election_may_decide(w.e));
}

static void
who_has_a_decision_is_told_at_once_that_it_is_committed(void **state)
{
	struct document doc;
	struct position at = { 4, 9 };

	(void)state;
	elect_and_forget();
	document_copy(&doc, election_document(w.e));
	doc.groups[0].epoch++;
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_DECIDE,
						 .document = &doc });
	quorum_forget(&w);
	quorum_ack(&w, 2, w.e->last_beat, at);
	assert_true(position_same(
		quorum_sent(&w, 2, MESSAGE_HEARTBEAT)->heartbeat.committed,
		at));
	/* It could do nothing with that yet. */
	assert_null(quorum_sent(&w, 1, MESSAGE_HEARTBEAT));
	quorum_forget(&w);
	quorum_ack(&w, 1, w.e->last_beat, at);
	assert_true(position_same(
		quorum_sent(&w, 1, MESSAGE_HEARTBEAT)->heartbeat.committed,
		at));
	/* Once. */
	quorum_forget(&w);
	quorum_ack(&w, 1, w.e->last_beat, at);
	assert_null(quorum_sent(&w, 1, MESSAGE_HEARTBEAT));
}

/* Rule 8 */

static void steps_down_before_the_lease_ends_and_resigns_released(void **state)
{
	struct instant end;

	(void)state;
	elect_and_forget();
	end = lease_end();
	w.now = instant_add(end, -100 * MS - 1);
	feed(ELECTION_TICK, 0);
	assert_int_equal(w.e->role, ELECTION_PRIMARY);
	w.now = instant_add(end, -100 * MS);
	feed(ELECTION_TICK, 0);
	assert_int_equal(w.e->role, ELECTION_RELEASING);
	assert_false(quorum_did(&w, ELECTION_RELEASE)->release.routes);
	assert_null(quorum_sent(&w, 1, MESSAGE_RESIGN));
	assert_int_equal(lease_end().us, end.us);
	feed(ELECTION_RELEASED, w.release_id);
	assert_int_equal(w.e->role, ELECTION_FOLLOWER);
	assert_non_null(quorum_sent(&w, 1, MESSAGE_RESIGN));
	assert_true(instant_is_none(lease_end()));
}

static void grants_nothing_before_its_release_is_confirmed(void **state)
{
	(void)state;
	elect_and_forget();
	told(ELECTION_MAINTENANCE);
	w.now = instant_add(w.now, 5 * SECOND);
	quorum_message(&w, 1, MESSAGE_VOTE, 5);
	w.msg.vote.wanted = 5;
	w.msg.vote.position = (struct position){ 5, 9 };
	quorum_hear(&w);
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_VOTE_ANSWER)->flags &
				 MESSAGE_GRANTED,
			 0);
	assert_int_equal(w.e->hard.term, 4);
}

static void a_late_release_is_told(void **state)
{
	(void)state;
	elect_and_forget();
	told(ELECTION_CHECKS);
	w.now = lease_end();
	feed(ELECTION_TICK, 0);
	assert_int_equal(quorum_did(&w, ELECTION_NOTE)->note.kind,
			 ELECTION_NOTE_OVERRUN);
}

/* Not without pause: what fails at once would take the whole processor. */
static void a_release_that_fails_is_ordered_again(void **state)
{
	uint64_t first;

	(void)state;
	elect_and_forget();
	told(ELECTION_CHECKS);
	first = w.release_id;
	quorum_forget(&w);
	feed(ELECTION_RELEASE_FAILED, first);
	assert_int_equal(w.e->role, ELECTION_RELEASING);
	assert_null(quorum_did(&w, ELECTION_RELEASE));
	quorum_wait(&w, 25 * MS);
	assert_int_not_equal(quorum_did(&w, ELECTION_RELEASE)->id, first);
	feed(ELECTION_RELEASED, w.release_id);
	assert_int_equal(w.e->role, ELECTION_FOLLOWER);
}

static void steps_down_when_it_sees_a_higher_term(void **state)
{
	(void)state;
	elect_and_forget();
	quorum_message(&w, 2, MESSAGE_PRE_VOTE_ANSWER, 9);
	quorum_hear(&w);
	assert_int_equal(w.e->role, ELECTION_RELEASING);
	assert_int_equal(w.e->reason, ELECTION_REASON_TERM);
}

static void a_failing_promote_hands_over(void **state)
{
	(void)state;
	elect_and_forget();
	feed(ELECTION_PROMOTE_FAILED, w.promote_id);
	assert_int_equal(w.e->role, ELECTION_RELEASING);
	feed(ELECTION_RELEASED, w.release_id);
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_RESIGN)->resign.successor,
			 message_id("n2"));
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_RESIGN)->resign.left,
			 MESSAGE_LEFT_FAILED);
}

static void says_until_when_its_promote_work_is_under_way(void **state)
{
	struct election_view view;

	(void)state;
	elect_and_forget();
	election_look(w.e, &view);
	assert_true(view.leader_primary && !view.leader_promoted);
	feed(ELECTION_PROMOTED, w.promote_id + 1);
	election_look(w.e, &view);
	assert_false(view.leader_promoted);
	feed(ELECTION_PROMOTED, w.promote_id);
	quorum_wait(&w, 100 * MS);
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_HEARTBEAT)->flags &
				 (MESSAGE_PRIMARY | MESSAGE_PROMOTING),
			 MESSAGE_PRIMARY);
	election_look(w.e, &view);
	assert_true(view.leader_promoted);
}

/* Rules 9 and 12 */

static void hands_over_to_whom_it_is_told(void **state)
{
	(void)state;
	elect_and_forget();
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_HAND_OVER,
						 .to = 2 });
	feed(ELECTION_RELEASED, w.release_id);
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_RESIGN)->resign.successor,
			 message_id("n3"));
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_RESIGN)->resign.left,
			 MESSAGE_LEFT_PLANNED);
}

static void says_why_it_cannot_hand_over(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(election_can_hand_over(w.e, 1, &err), -ENOTCONN);
	elect_and_forget();
	assert_int_equal(election_can_hand_over(w.e, ELECTION_NOBODY, &err), 0);
	assert_int_equal(election_can_hand_over(w.e, 0, &err), -EALREADY);
	assert_int_equal(election_can_hand_over(w.e, 7, &err), -EINVAL);
	w.e->set.nodes[2].witness = true;
	assert_int_equal(election_can_hand_over(w.e, 2, &err), -EINVAL);
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 4)->flags = 0;
	quorum_hear(&w);
	assert_int_equal(election_can_hand_over(w.e, 1, &err), -EHOSTUNREACH);
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_HAND_OVER,
						 .to = 1 });
	assert_int_equal(w.e->role, ELECTION_PRIMARY);
	quorum_message(&w, 2, MESSAGE_HEARTBEAT, 4)->flags = 0;
	quorum_hear(&w);
	assert_int_equal(election_can_hand_over(w.e, ELECTION_NOBODY, &err),
			 -EHOSTUNREACH);
}

static void preempts_only_when_asked_to_and_after_the_delay(void **state)
{
	unsigned i;

	(void)state;
	elect_and_forget();
	for (i = 0; i < 70; i++) {
		w.e->set.preempt = i >= 30;
		quorum_message(&w, 1, MESSAGE_HEARTBEAT, 4);
		w.msg.heartbeat.priority = 200;
		w.msg.ack = (struct message_ack){ 77, 4, w.e->last_beat.us };
		quorum_hear(&w);
		quorum_wait(&w, 50 * MS);
		if (i == 35)
			assert_int_equal(w.e->role, ELECTION_PRIMARY);
	}
	assert_int_equal(w.e->role, ELECTION_RELEASING);
	assert_int_equal(w.e->reason, ELECTION_REASON_PREEMPTED);
}

static void an_obstacle_ends_office_and_shows_in_heartbeats(void **state)
{
	(void)state;
	elect_and_forget();
	told(ELECTION_GUARDLESS);
	assert_int_equal(w.e->role, ELECTION_RELEASING);
	quorum_wait(&w, 200 * MS);
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_HEARTBEAT)->flags &
				 (MESSAGE_ELIGIBLE | MESSAGE_LEADER),
			 0);
}

/* What others see */

static void the_view_shows_terms_leases_and_peers(void **state)
{
	struct election_view view;
	char text[200];

	(void)state;
	quorum_elect(&w);
	election_look(w.e, &view);
	assert_int_equal(view.role, ELECTION_PRIMARY);
	assert_int_equal(view.term, 4);
	assert_int_equal(view.leader, 0);
	assert_true(view.peers[1].up);
	assert_int_equal(view.lease_end.us, lease_end().us);
	assert_string_equal(
		election_note_text(
			&(struct election_note){ ELECTION_NOTE_STEPS_DOWN,
						 ELECTION_REASON_LEASE, 4, 1,
						 0 },
			&w.set, text, sizeof(text)),
		"node n2 steps down in term 4: no quorum acknowledged it in "
		"time");
}

static void observations_travel(void **state)
{
	static uint8_t buf[64];
	struct observation obs = { 5, 1, 2, 300 };

	(void)state;
	quorum_message(&w, 1, MESSAGE_OBSERVATION, 3);
	observation_encode(&obs, 1, buf, sizeof(buf));
	w.msg.observation.body = buf;
	w.msg.observation.count = 1;
	quorum_hear(&w);
	assert_int_equal(quorum_did(&w, ELECTION_OBSERVED)->observed.from, 1);
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_OBSERVE,
						 .observe = { buf, 1 } });
	assert_int_equal(
		quorum_sent(&w, 2, MESSAGE_OBSERVATION)->observation.count, 1);
}

static void a_node_without_state_waits_for_a_primarys_document(void **state)
{
	(void)state;
	election_free(w.e);
	w.e = election_new(&w.set, 3);
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_START,
						 .start = { .boot = 79 } });
	feed(ELECTION_RELEASED, w.release_id);
	assert_true(w.disk.blank);
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 3);
	w.msg.heartbeat.stored = (struct position){ 3, 7 };
	quorum_hear(&w);
	quorum_message(&w, 2, MESSAGE_HEARTBEAT, 3);
	quorum_hear(&w);
	quorum_wait(&w, 2 * SECOND);
	assert_int_equal(election_obstacles(w.e), ELECTION_BLANK);
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 3);
	quorum_hear(&w); /* now all say that they have none */
	assert_int_equal(election_obstacles(w.e), 0);
	assert_false(w.disk.blank);
}

/* n2 is primary of term 3, and its document is on disk here. */
static void lead(struct position committed)
{
	w.now = instant_add(w.now, 2 * MS);
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 3)->flags |=
		MESSAGE_LEADER | MESSAGE_PRIMARY;
	w.msg.heartbeat.stored = committed;
	w.msg.heartbeat.committed = committed;
	quorum_hear(&w);
}

static void what_it_has_forgotten_must_not_count_twice(void **state)
{
	static struct document doc = { .position = { 3, 7 } };
	static uint8_t body[DOCUMENT_BYTES_MAX];

	(void)state;
	election_free(w.e);
	w.e = election_new(&w.set, 3);
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_START,
						 .start = { .boot = 79 } });
	feed(ELECTION_RELEASED, w.release_id);
	lead((struct position){ 3, 7 });
	quorum_message(&w, 1, MESSAGE_DOCUMENT, 3)->flags |= MESSAGE_LEADER;
	w.msg.document.size = document_encode(&doc, body, sizeof(body));
	w.msg.document.body = body;
	quorum_hear(&w);
	quorum_message(&w, 2, MESSAGE_HEARTBEAT, 3);
	quorum_hear(&w);
	lead((struct position){ 3, 7 });
	assert_true(position_same(w.disk.document.position, doc.position));
	assert_true(w.disk.blank); /* its promise is not over */
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_HEARTBEAT)->ack.term, 0);
	quorum_wait(&w, 520 * MS);
	lead((struct position){ 3, 7 });
	assert_true(w.disk.blank); /* n3 has not been heard since */
	quorum_message(&w, 2, MESSAGE_HEARTBEAT, 4);
	quorum_hear(&w);
	lead((struct position){ 3, 7 });
	assert_true(w.disk.blank); /* n3 may be in 4 by a vote of n1 */
	w.now = instant_add(w.now, 2 * MS);
	quorum_message(&w, 2, MESSAGE_HEARTBEAT, 3);
	quorum_hear(&w);
	lead((struct position){ 3, 7 });
	assert_false(w.disk.blank);
	assert_int_equal(w.disk.voted_for, w.e->ids[0]);
	lead((struct position){ 3, 7 });
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_HEARTBEAT)->ack.term, 3);
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_lease_runs_from_the_time_of_sending),
		CASE(acknowledgements_of_another_term_or_boot_do_not_count),
		CASE(a_peer_that_starts_anew_takes_no_lease_back),
		CASE(repeats_a_heartbeat_that_no_quorum_acknowledged),
		CASE(is_primary_with_lease_and_committed_document),
		CASE(a_winner_that_hears_nothing_resigns_after_a_lease),
		CASE(takes_a_document_on_position_alone),
		CASE(a_decision_is_told_when_a_quorum_has_it),
		CASE(who_has_a_decision_is_told_at_once_that_it_is_committed),
		CASE(steps_down_before_the_lease_ends_and_resigns_released),
		CASE(grants_nothing_before_its_release_is_confirmed),
		CASE(a_late_release_is_told),
		CASE(a_release_that_fails_is_ordered_again),
		CASE(steps_down_when_it_sees_a_higher_term),
		CASE(a_failing_promote_hands_over),
		CASE(says_until_when_its_promote_work_is_under_way),
		CASE(hands_over_to_whom_it_is_told),
		CASE(says_why_it_cannot_hand_over),
		CASE(preempts_only_when_asked_to_and_after_the_delay),
		CASE(an_obstacle_ends_office_and_shows_in_heartbeats),
		CASE(the_view_shows_terms_leases_and_peers),
		CASE(observations_travel),
		CASE(a_node_without_state_waits_for_a_primarys_document),
		CASE(what_it_has_forgotten_must_not_count_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
