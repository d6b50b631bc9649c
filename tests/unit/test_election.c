/* Following, standing and voting: rules 1, 3, 4, 5 and 9. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/quorum_world.h"

#define PROMISE_US (510 * MS)

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

static void ask(unsigned from, enum message_kind kind, uint64_t term,
		uint64_t wanted, struct position at)
{
	quorum_message(&w, from, kind, term);
	w.msg.vote.wanted = wanted;
	w.msg.vote.position = at;
	quorum_hear(&w);
}

static bool granted(unsigned to, enum message_kind kind)
{
	const struct message *msg = quorum_sent(&w, to, kind);

	assert_non_null(msg);
	return (msg->flags & MESSAGE_GRANTED) != 0;
}

static const struct position own = { 3, 7 }, behind = { 3, 6 };

/* Rule 1 */

static void grants_nothing_while_it_promised(void **state)
{
	(void)state;
	quorum_beat(&w, 1, 3);
	w.now = instant_add(w.now, PROMISE_US - 1);
	ask(2, MESSAGE_PRE_VOTE, 3, 4, own);
	assert_false(granted(2, MESSAGE_PRE_VOTE_ANSWER));
	ask(2, MESSAGE_VOTE, 4, 4, own);
	assert_false(granted(2, MESSAGE_VOTE_ANSWER));
	assert_int_equal(w.e->hard.term, 3);
	w.now = instant_add(w.now, 1);
	ask(2, MESSAGE_VOTE, 4, 4, own);
	assert_true(granted(2, MESSAGE_VOTE_ANSWER));
}

static void a_promise_ends_its_own_candidacy(void **state)
{
	(void)state;
	quorum_wait(&w, 200 * MS);
	assert_int_equal(w.e->role, ELECTION_ASKING);
	quorum_beat(&w, 2, 3);
	assert_int_equal(w.e->role, ELECTION_FOLLOWER);
	quorum_forget(&w);
	quorum_wait(&w, PROMISE_US - 1);
	assert_null(quorum_sent(&w, 1, MESSAGE_PRE_VOTE));
}

static void promises_after_a_start_and_no_resign_shortens_it(void **state)
{
	struct election *again;
	struct hard_state stored = w.disk;

	(void)state;
	stored.longest_lease_us = 1 * SECOND;
	stored.term = 3;
	again = w.e;
	w.e = election_new(&w.set, 2);
	quorum_feed(&w, (struct election_event){
				.kind = ELECTION_START,
				.start = { .stored = &stored, .boot = 78 } });
	election_free(again);
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_RELEASED,
						 .id = w.release_id });
	quorum_beat(&w, 1, 3);
	quorum_message(&w, 1, MESSAGE_RESIGN, 3);
	quorum_hear(&w);
	w.now = instant_add(w.now, 1020 * MS - 1);
	ask(2, MESSAGE_VOTE, 4, 4, own);
	assert_false(granted(2, MESSAGE_VOTE_ANSWER));
	w.now = instant_add(w.now, 1);
	ask(2, MESSAGE_VOTE, 4, 4, own);
	assert_true(granted(2, MESSAGE_VOTE_ANSWER));
}

static void acknowledges_what_renewed_its_promise(void **state)
{
	int64_t clock_us;
	const struct message *msg;

	(void)state;
	quorum_beat(&w, 1, 3);
	clock_us = w.msg.clock_us;
	msg = quorum_sent(&w, 1, MESSAGE_HEARTBEAT);
	assert_int_equal(msg->ack.boot, BOOT_OF(1));
	assert_int_equal(msg->ack.term, 3);
	assert_int_equal(msg->ack.clock_us, clock_us);
}

static void acknowledges_nothing_while_its_term_is_not_on_disk(void **state)
{
	(void)state;
	w.slow_disk = true;
	quorum_beat(&w, 1, 4);
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_HEARTBEAT)->ack.boot, 0);
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_STORED,
						 .id = w.store_id });
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_HEARTBEAT)->ack.term, 4);
}

/* Rule 3 */

static void asks_before_it_raises_its_term(void **state)
{
	(void)state;
	quorum_wait(&w, 200 * MS);
	assert_int_equal(w.e->role, ELECTION_ASKING);
	assert_int_equal(w.e->hard.term, 3);
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_PRE_VOTE)->vote.wanted, 4);
	quorum_message(&w, 2, MESSAGE_PRE_VOTE_ANSWER, 3);
	w.msg.flags = MESSAGE_GRANTED;
	w.msg.vote.wanted = 4;
	quorum_hear(&w);
	assert_int_equal(w.e->role, ELECTION_CANDIDATE);
	assert_int_equal(w.e->hard.term, 4);
	assert_int_equal(w.disk.voted_for, message_id("n1"));
}

static void an_attempt_ends_after_two_heartbeats(void **state)
{
	(void)state;
	quorum_wait(&w, 200 * MS);
	assert_int_equal(w.e->role, ELECTION_ASKING);
	w.now = w.e->attempt_end;
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_TICK });
	assert_int_equal(w.e->role, ELECTION_FOLLOWER);
	assert_false(instant_is_never(w.e->stand_at));
}

static void wins_no_term_before_its_own_vote_is_synced(void **state)
{
	uint64_t id;

	(void)state;
	quorum_wait(&w, 200 * MS);
	w.slow_disk = true;
	quorum_message(&w, 2, MESSAGE_PRE_VOTE_ANSWER, 3);
	w.msg.flags = MESSAGE_GRANTED;
	w.msg.vote.wanted = 4;
	quorum_hear(&w);
	id = w.store_id;
	for (unsigned i = 1; i < 3; i++) {
		quorum_message(&w, i, MESSAGE_VOTE_ANSWER, 4);
		w.msg.flags = MESSAGE_GRANTED;
		w.msg.vote.wanted = 4;
		quorum_hear(&w);
	}
	assert_int_equal(w.e->role, ELECTION_CANDIDATE);
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_STORED,
						 .id = id });
	assert_int_equal(w.e->role, ELECTION_LEADER);
}

static void a_witness_never_stands(void **state)
{
	(void)state;
	w.e->set.nodes[0].witness = true;
	quorum_wait(&w, 5 * SECOND);
	assert_null(quorum_sent(&w, 1, MESSAGE_PRE_VOTE));
}

/* Rule 4 */

static void votes_once_in_a_term(void **state)
{
	(void)state;
	ask(1, MESSAGE_VOTE, 4, 4, own);
	assert_true(granted(1, MESSAGE_VOTE_ANSWER));
	ask(2, MESSAGE_VOTE, 4, 4, own);
	assert_false(granted(2, MESSAGE_VOTE_ANSWER));
	quorum_forget(&w);
	ask(1, MESSAGE_VOTE, 4, 4, own);
	assert_true(granted(1, MESSAGE_VOTE_ANSWER));
}

static void answers_when_the_vote_is_synced(void **state)
{
	(void)state;
	w.slow_disk = true;
	ask(1, MESSAGE_VOTE, 4, 4, own);
	assert_null(quorum_sent(&w, 1, MESSAGE_VOTE_ANSWER));
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_STORED,
						 .id = w.store_id });
	assert_true(granted(1, MESSAGE_VOTE_ANSWER));
}

static void refuses_who_knows_less_and_tells_it(void **state)
{
	(void)state;
	ask(1, MESSAGE_VOTE, 4, 4, behind);
	assert_false(granted(1, MESSAGE_VOTE_ANSWER));
	assert_non_null(quorum_sent(&w, 1, MESSAGE_DOCUMENT));
}

static void a_failed_disk_abstains(void **state)
{
	(void)state;
	w.slow_disk = true;
	ask(1, MESSAGE_VOTE, 4, 4, own);
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_STORE_FAILED,
						 .id = w.store_id });
	assert_null(quorum_sent(&w, 1, MESSAGE_VOTE_ANSWER));
	assert_int_equal(quorum_did(&w, ELECTION_NOTE)->note.kind,
			 ELECTION_NOTE_DISK_FAILED);
	quorum_wait(&w, 1 * SECOND);
	assert_int_equal(w.e->role, ELECTION_FOLLOWER);
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_STORED,
						 .id = w.store_id });
	assert_true(granted(1, MESSAGE_VOTE_ANSWER));
}

static void an_overdue_write_counts_as_a_failed_disk(void **state)
{
	(void)state;
	w.slow_disk = true;
	ask(1, MESSAGE_VOTE, 4, 4, own);
	quorum_wait(&w, 1 * SECOND + 2);
	assert_true(w.e->disk_failed);
	assert_int_equal(election_obstacles(w.e), ELECTION_DISK);
}

/* Rule 5 */

static void takes_over_a_higher_term_only_without_a_promise(void **state)
{
	(void)state;
	quorum_beat(&w, 1, 3);
	quorum_message(&w, 2, MESSAGE_HEARTBEAT, 9);
	quorum_hear(&w);
	assert_int_equal(w.e->hard.term, 3);
	quorum_beat(&w, 2, 9);
	assert_int_equal(w.e->hard.term, 9);
	w.now = instant_add(w.now, PROMISE_US);
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 12);
	quorum_hear(&w);
	assert_int_equal(w.disk.term, 12);
}

static void stands_above_the_term_of_its_document(void **state)
{
	static uint8_t buf[DOCUMENT_BYTES_MAX];
	struct document ahead = { .position = { 8, 2 } };

	(void)state;
	quorum_beat(&w, 1, 3);
	quorum_message(&w, 2, MESSAGE_DOCUMENT, 3);
	w.msg.document.size = document_encode(&ahead, buf, sizeof(buf));
	w.msg.document.body = buf;
	quorum_hear(&w);
	assert_int_equal(w.disk.document.position.term, 8);
	assert_int_equal(w.e->hard.term, 3);
	quorum_wait(&w, 720 * MS);
	assert_int_equal(quorum_sent(&w, 1, MESSAGE_PRE_VOTE)->vote.wanted, 9);
}

/* Rule 9 */

static void resign(unsigned from, uint64_t term, uint32_t successor)
{
	quorum_message(&w, from, MESSAGE_RESIGN, term);
	w.msg.resign.successor = successor;
	quorum_hear(&w);
}

static void the_successor_stands_at_once_without_pre_votes(void **state)
{
	(void)state;
	quorum_beat(&w, 1, 3);
	resign(1, 3, message_id("n1"));
	assert_int_equal(w.e->role, ELECTION_CANDIDATE);
	assert_int_equal(quorum_sent(&w, 2, MESSAGE_VOTE)->vote.wanted, 4);
}

/* The voter heard of it after it was asked. */
static void
a_resign_that_is_repeated_has_those_asked_who_said_nothing(void **state)
{
	(void)state;
	quorum_beat(&w, 1, 3);
	resign(1, 3, message_id("n1"));
	quorum_forget(&w);
	resign(1, 3, message_id("n1"));
	assert_int_equal(quorum_sent(&w, 2, MESSAGE_VOTE)->vote.wanted, 4);
	/* Of another term it has nothing to do with that. */
	quorum_forget(&w);
	resign(1, 2, message_id("n1"));
	assert_null(quorum_sent(&w, 2, MESSAGE_VOTE));
}

static void others_let_the_successor_go_first(void **state)
{
	(void)state;
	quorum_beat(&w, 1, 3);
	resign(1, 3, message_id("n3"));
	assert_false(promise_stands(w.e));
	assert_true(instant_diff_us(w.now, w.e->stand_at) >= 300 * MS);
}

static void without_a_successor_all_stand_soon(void **state)
{
	(void)state;
	quorum_beat(&w, 1, 3);
	resign(1, 3, 0);
	assert_true(instant_diff_us(w.now, w.e->stand_at) < 50 * MS);
}

static void only_the_leader_of_the_present_term_resigns(void **state)
{
	(void)state;
	quorum_beat(&w, 1, 3);
	resign(2, 3, 0);
	assert_true(promise_stands(w.e));
	resign(1, 2, 0);
	assert_true(promise_stands(w.e));
	resign(1, 3, 0);
	assert_false(promise_stands(w.e));
}

static void heartbeats_of_a_resigned_term_renew_nothing(void **state)
{
	(void)state;
	quorum_beat(&w, 1, 3);
	resign(1, 3, 0);
	quorum_beat(&w, 1, 3);
	assert_false(promise_stands(w.e));
}

static void a_heartbeat_tells_of_the_resign_that_was_lost(void **state)
{
	(void)state;
	quorum_beat(&w, 1, 3);
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 3);
	w.msg.heartbeat.resigned = 3;
	w.msg.heartbeat.successor = message_id("n1");
	quorum_hear(&w);
	assert_int_equal(w.e->role, ELECTION_CANDIDATE);
}

static void assert_parted(uint64_t term, enum message_left how)
{
	struct election_view view;

	election_look(w.e, &view);
	assert_int_equal(view.parted, term);
	assert_int_equal(view.parted_by, how);
}

static void learns_how_office_was_left_from_whatever_says_so(void **state)
{
	(void)state;
	quorum_beat(&w, 1, 3);
	resign(1, 3, 0); /* by its guard */
	assert_parted(3, MESSAGE_LEFT_UNKNOWN);
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 3);
	w.msg.heartbeat.resigned = 3;
	w.msg.heartbeat.left = MESSAGE_LEFT_PLANNED;
	quorum_hear(&w);
	assert_parted(3, MESSAGE_LEFT_PLANNED);
	/* What came before it is no news, nor what was said already. */
	w.msg.sequence = ++w.sequence;
	w.msg.heartbeat.resigned = 2;
	w.msg.heartbeat.left = MESSAGE_LEFT_FAILED;
	quorum_hear(&w);
	assert_parted(3, MESSAGE_LEFT_PLANNED);
}

/* Settings and peers */

static void from_a_peer_with_other_settings_nothing_counts(void **state)
{
	(void)state;
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 9)->flags |= MESSAGE_LEADER;
	w.msg.digest++;
	quorum_hear(&w);
	assert_false(promise_stands(w.e));
	assert_int_equal(w.e->hard.term, 3);
	assert_int_equal(quorum_did(&w, ELECTION_NOTE)->note.kind,
			 ELECTION_NOTE_MISCONFIGURED);
	/* Those that opened the world, and no more. */
	assert_int_equal(w.e->heard.misconfigured, 1);
	assert_int_equal(w.e->heard.taken, 2);
}

static void a_repeated_message_does_nothing(void **state)
{
	(void)state;
	quorum_beat(&w, 1, 3);
	w.now = instant_add(w.now, PROMISE_US);
	quorum_hear(&w);
	assert_false(promise_stands(w.e));
	assert_int_equal(w.e->heard.taken, 3);
	assert_int_equal(w.e->heard.repeated, 1);
}

static void a_new_boot_counts_when_it_has_echoed_the_challenge(void **state)
{
	(void)state;
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 3)->flags |= MESSAGE_LEADER;
	w.msg.boot = 5;
	w.msg.challenge_echo ^= 1;
	quorum_hear(&w);
	assert_false(promise_stands(w.e));
	w.msg.challenge_echo ^= 1;
	quorum_hear(&w);
	assert_true(promise_stands(w.e));
	assert_int_equal(w.e->heard.stale, 1);
	assert_int_equal(w.e->heard.taken, 3);
}

static void settings_that_cannot_hold_are_refused(void **state)
{
	struct election_settings set = w.set;
	struct err err;

	(void)state;
	assert_int_equal(election_settings_check(&set, &err), 0);
	set.lease_us = 499 * MS;
	assert_true(election_settings_check(&set, &err) < 0);
	set = w.set;
	set.routing_lease_us = 400 * MS;
	assert_true(election_settings_check(&set, &err) < 0);
	set = w.set;
	set.heartbeat_us = 9 * MS;
	assert_true(election_settings_check(&set, &err) < 0);
	set = w.set;
	set.nodes[2].name = "n1";
	assert_true(election_settings_check(&set, &err) < 0);
	set = w.set;
	set.nodes[0].witness = set.nodes[1].witness = set.nodes[2].witness =
		true;
	assert_true(election_settings_check(&set, &err) < 0);
	set = w.set;
	set.self = 3;
	assert_true(election_settings_check(&set, &err) < 0);
}

static void a_former_primary_that_is_heard_again_is_none(void **state)
{
	struct election_view view;

	(void)state;
	quorum_wait(&w, 2 * SECOND);
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 4)->flags |=
		MESSAGE_LEADER | MESSAGE_PRIMARY;
	quorum_hear(&w);
	election_look(w.e, &view);
	assert_int_equal(view.leader, 1);
	assert_true(view.leader_primary);
	quorum_wait(&w, PROMISE_US);
	quorum_message(&w, 1, MESSAGE_PRE_VOTE, 4);
	quorum_hear(&w);
	election_look(w.e, &view);
	assert_true(view.peers[1].up);
	assert_false(view.leader_primary);
}

static void an_answer_after_the_attempt_elects_nobody(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; w.e->role != ELECTION_ASKING && i < 100; i++)
		quorum_wait(&w, 10 * MS);
	quorum_message(&w, 1, MESSAGE_PRE_VOTE_ANSWER, 3);
	w.msg.flags = MESSAGE_GRANTED;
	w.msg.vote.wanted = w.e->wanted;
	quorum_hear(&w);
	assert_int_equal(w.e->role, ELECTION_CANDIDATE);
	w.now = w.e->attempt_end; /* it stood still */
	quorum_message(&w, 1, MESSAGE_VOTE_ANSWER, w.e->hard.term);
	w.msg.flags = MESSAGE_GRANTED;
	w.msg.vote.wanted = w.e->wanted;
	quorum_hear(&w);
	assert_int_equal(w.e->role, ELECTION_FOLLOWER);
}

static void in_maintenance_a_node_says_so_and_votes(void **state)
{
	(void)state;
	quorum_feed(&w, (struct election_event){
				.kind = ELECTION_LOCAL,
				.obstacles = ELECTION_MAINTENANCE });
	quorum_wait(&w, 1 * SECOND);
	assert_int_equal(w.e->role, ELECTION_FOLLOWER);
	assert_true((quorum_sent(&w, 1, MESSAGE_HEARTBEAT)->flags &
		     MESSAGE_MAINTENANCE) != 0);
	ask(2, MESSAGE_VOTE, 4, 4, own);
	assert_true(granted(2, MESSAGE_VOTE_ANSWER));
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(grants_nothing_while_it_promised),
		CASE(a_former_primary_that_is_heard_again_is_none),
		CASE(a_promise_ends_its_own_candidacy),
		CASE(promises_after_a_start_and_no_resign_shortens_it),
		CASE(acknowledges_what_renewed_its_promise),
		CASE(acknowledges_nothing_while_its_term_is_not_on_disk),
		CASE(asks_before_it_raises_its_term),
		CASE(an_attempt_ends_after_two_heartbeats),
		CASE(wins_no_term_before_its_own_vote_is_synced),
		CASE(a_witness_never_stands),
		CASE(votes_once_in_a_term),
		CASE(answers_when_the_vote_is_synced),
		CASE(refuses_who_knows_less_and_tells_it),
		CASE(a_failed_disk_abstains),
		CASE(an_overdue_write_counts_as_a_failed_disk),
		CASE(takes_over_a_higher_term_only_without_a_promise),
		CASE(stands_above_the_term_of_its_document),
		CASE(the_successor_stands_at_once_without_pre_votes),
		CASE(others_let_the_successor_go_first),
		CASE(without_a_successor_all_stand_soon),
		CASE(a_resign_that_is_repeated_has_those_asked_who_said_nothing),
		CASE(only_the_leader_of_the_present_term_resigns),
		CASE(heartbeats_of_a_resigned_term_renew_nothing),
		CASE(a_heartbeat_tells_of_the_resign_that_was_lost),
		CASE(learns_how_office_was_left_from_whatever_says_so),
		CASE(from_a_peer_with_other_settings_nothing_counts),
		CASE(a_repeated_message_does_nothing),
		CASE(a_new_boot_counts_when_it_has_echoed_the_challenge),
		CASE(an_answer_after_the_attempt_elects_nobody),
		CASE(settings_that_cannot_hold_are_refused),
		CASE(in_maintenance_a_node_says_so_and_votes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
