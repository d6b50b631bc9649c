/* Who routes where, until when: rule 10. */

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

static void feed(enum election_event_kind kind, uint64_t id)
{
	quorum_feed(&w, (struct election_event){ .kind = kind, .id = id });
}

/* A heartbeat of n2 as primary, which has committed @at. */
static void primary_beat(struct position at)
{
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 3)->flags |=
		MESSAGE_LEADER | MESSAGE_PRIMARY;
	w.msg.heartbeat.committed = at;
	quorum_hear(&w);
}

static const struct position steady = { 3, 7 }, fencing = { 3, 8 };

static void document_of(uint64_t version, enum phase phase)
{
	static uint8_t buf[DOCUMENT_BYTES_MAX];
	struct document doc = *election_document(w.e);

	doc.position.version = version;
	doc.groups[0].phase = phase;
	quorum_message(&w, 1, MESSAGE_DOCUMENT, 3)->flags = MESSAGE_LEADER;
	w.msg.document.size = document_encode(&doc, buf, sizeof(buf));
	w.msg.document.body = buf;
	quorum_hear(&w);
}

static struct guard_page page(void)
{
	struct guard_page page;

	election_page(w.e, &page);
	return page;
}

static void routes_until_its_own_echoed_time_and_the_lease(void **state)
{
	const struct election_action *act;
	int64_t end_us;

	(void)state;
	primary_beat(steady);
	end_us = w.msg.echo.clock_us + 1 * SECOND;
	act = quorum_did(&w, ELECTION_ROUTE);
	assert_string_equal(act->route.group, "db");
	assert_string_equal(act->route.instance, "pg1");
	assert_int_equal(act->not_after.us, end_us - 100 * MS);
	assert_int_equal(page().routing_end.us, end_us);
	feed(ELECTION_ROUTED, w.route_id);
	quorum_forget(&w);
	w.now.us = end_us - 100 * MS - 1;
	feed(ELECTION_TICK, 0);
	assert_null(quorum_did(&w, ELECTION_ROUTE));
	w.now.us++;
	feed(ELECTION_TICK, 0);
	assert_string_equal(quorum_did(&w, ELECTION_ROUTE)->route.instance, "");
	feed(ELECTION_ROUTED, w.route_id);
	assert_true(instant_is_none(page().routing_end));
}

static void lets_write_by_a_lease_for_its_document_alone(void **state)
{
	int64_t end_us;

	(void)state;
	assert_true(instant_is_none(election_permit(w.e)));
	primary_beat(steady);
	end_us = w.msg.echo.clock_us + 1 * SECOND;
	assert_int_equal(election_permit(w.e).us, end_us);
	feed(ELECTION_ROUTED, w.route_id);
	/* Another one, which is not known to be committed, nor on disk. */
	document_of(8, PHASE_FENCING);
	assert_true(instant_is_none(election_permit(w.e)));
}

static void lets_write_until_the_lease_ends(void **state)
{
	(void)state;
	primary_beat(steady);
	w.now.us = w.msg.echo.clock_us + 1 * SECOND;
	feed(ELECTION_TICK, 0);
	assert_true(instant_is_none(election_permit(w.e)));
}

static void routes_by_nothing_but_the_committed_document(void **state)
{
	(void)state;
	primary_beat(fencing);
	primary_beat((struct position){ 0, 0 });
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 3)->flags |= MESSAGE_LEADER;
	w.msg.heartbeat.committed = steady;
	quorum_hear(&w);
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 3)->flags |=
		MESSAGE_LEADER | MESSAGE_PRIMARY;
	w.msg.heartbeat.committed = steady;
	w.msg.echo.boot = 1;
	quorum_hear(&w);
	assert_null(quorum_did(&w, ELECTION_ROUTE));
}

static void withdraws_what_a_newer_document_does_not_name(void **state)
{
	(void)state;
	primary_beat(steady);
	feed(ELECTION_ROUTED, w.route_id);
	w.slow_disk = true; /* it counts before it is synced */
	document_of(8, PHASE_FENCING);
	assert_string_equal(quorum_did(&w, ELECTION_ROUTE)->route.instance, "");
	assert_true(position_same(w.e->conforming, steady));
	feed(ELECTION_ROUTED, w.route_id);
	assert_true(position_same(w.e->conforming, fencing));
	assert_true(position_same(
		quorum_sent(&w, 1, MESSAGE_HEARTBEAT)->heartbeat.conforming,
		fencing));
}

static void what_is_being_withdrawn_gets_no_longer_lease(void **state)
{
	struct instant end;

	(void)state;
	primary_beat(steady);
	feed(ELECTION_ROUTED, w.route_id);
	end = page().routing_end;
	document_of(8, PHASE_FENCING);
	w.now = instant_add(w.now, 50 * MS);
	primary_beat(fencing);
	assert_int_equal(page().routing_end.us, end.us);
}

static void withdraws_again_after_a_failure(void **state)
{
	(void)state;
	primary_beat(steady);
	feed(ELECTION_ROUTE_FAILED, w.route_id); /* perhaps done in part */
	quorum_forget(&w);
	quorum_wait(&w, 26 * MS);
	assert_string_equal(quorum_did(&w, ELECTION_ROUTE)->route.instance, "");
	feed(ELECTION_ROUTED, w.route_id);
	assert_string_equal(quorum_did(&w, ELECTION_ROUTE)->route.instance,
			    "pg1");
}

/* As primary */

static void decide(enum phase phase)
{
	struct document doc = *election_document(w.e);

	doc.groups[0].phase = phase;
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_DECIDE,
						 .document = &doc });
}

/* n2 answers on; what it has stored and obeys is @at. */
static void n2_obeys(struct position at)
{
	quorum_message(&w, 1, MESSAGE_HEARTBEAT, 4);
	w.msg.ack = (struct message_ack){ 77, 4, w.e->last_beat.us };
	w.msg.heartbeat.stored = at;
	w.msg.heartbeat.conforming = at;
	quorum_hear(&w);
}

static void waits_for_who_has_not_confirmed(void **state)
{
	struct position at = { 4, 9 };
	struct instant last;
	unsigned i;

	(void)state;
	quorum_elect(&w);
	assert_string_equal(quorum_did(&w, ELECTION_ROUTE)->route.instance,
			    "pg1");
	feed(ELECTION_ROUTED, w.route_id);
	quorum_wait(&w, 30 * MS);
	last = w.e->peers[2].granted; /* n3 is not heard any more */
	decide(PHASE_FENCING);
	feed(ELECTION_ROUTED, w.route_id);
	n2_obeys(at);
	quorum_forget(&w);
	for (i = 0; i < 200 && quorum_did(&w, ELECTION_WITHDRAWN) == NULL;
	     i++) {
		n2_obeys(at);
		quorum_forget(&w);
		quorum_wait(&w, 10 * MS);
	}
	assert_non_null(quorum_did(&w, ELECTION_WITHDRAWN));
	last = instant_add(last, 1020 * MS);
	assert_true(instant_reached(w.now, last));
	assert_true(instant_diff_us(last, w.now) <= 10 * MS);
}

static void goes_on_when_all_have_confirmed(void **state)
{
	struct position at = { 4, 9 };

	(void)state;
	quorum_elect(&w);
	feed(ELECTION_ROUTED, w.route_id);
	decide(PHASE_FENCING);
	feed(ELECTION_ROUTED, w.route_id);
	n2_obeys(at);
	assert_null(quorum_did(&w, ELECTION_WITHDRAWN));
	quorum_message(&w, 2, MESSAGE_HEARTBEAT, 4);
	w.msg.heartbeat.conforming = at;
	quorum_hear(&w);
	assert_string_equal(quorum_did(&w, ELECTION_WITHDRAWN)->withdrawn.group,
			    "db");
}

static void a_new_primary_waits_from_when_it_took_office(void **state)
{
	unsigned i;

	(void)state;
	document_of(8, PHASE_FENCING);
	quorum_elect(&w);
	assert_int_equal(w.e->role, ELECTION_PRIMARY);
	for (i = 0; i < 3; i++)
		assert_int_equal(w.e->fences[0].until[i].us,
				 w.e->office_at.us + 1020 * MS);
}

/* n2 was primary and is heard no more; n3 votes, and says that a lease may run
 * for @left_us still. */
static void succeed_n2(int64_t left_us)
{
	struct instant sent;
	unsigned i;

	for (i = 0; w.e->role != ELECTION_ASKING && i < 100; i++)
		quorum_wait(&w, 10 * MS);
	quorum_message(&w, 2, MESSAGE_PRE_VOTE_ANSWER, 3);
	w.msg.flags = MESSAGE_GRANTED;
	w.msg.vote.wanted = w.e->wanted;
	quorum_hear(&w);
	quorum_message(&w, 2, MESSAGE_VOTE_ANSWER, w.e->hard.term);
	w.msg.flags = MESSAGE_GRANTED;
	w.msg.vote.wanted = w.e->wanted;
	w.msg.vote.left_us = left_us;
	quorum_hear(&w);
	sent = w.now;
	w.now = instant_add(w.now, 1 * MS);
	quorum_ack(&w, 2, sent, w.e->hard.document.position);
	assert_int_equal(w.e->role, ELECTION_PRIMARY);
}

static void the_last_primarys_wait_counts_from_when_it_was_heard(void **state)
{
	struct instant heard;

	(void)state;
	primary_beat(steady);
	document_of(8, PHASE_FENCING);
	heard = w.now;
	succeed_n2(0);
	assert_true(instant_diff_us(heard, w.e->office_at) > 400 * MS);
	assert_int_equal(w.e->fences[0].until[1].us, heard.us + 1020 * MS);
	assert_int_equal(w.e->fences[0].until[2].us,
			 w.e->office_at.us + 1020 * MS);
}

static void a_lease_that_a_voter_says_may_run_is_waited_for(void **state)
{
	(void)state;
	primary_beat(steady);
	document_of(8, PHASE_FENCING);
	w.e->peers[1].led_since = INSTANT_NONE;
	w.e->peers[1].heard = INSTANT_NONE;
	succeed_n2(300 * MS);
	assert_int_equal(w.e->fences[0].until[1].us, w.e->leased_before.us);
	assert_true(w.e->leased_before.us >= w.e->won_at.us + 306 * MS);
}

static void who_does_not_say_it_may_mean_the_whole_lease(void **state)
{
	(void)state;
	primary_beat(steady);
	succeed_n2(-1);
	assert_true(
		instant_diff_us(w.e->won_at, w.e->leased_before) >=
		election_stretched_us(&w.e->set, w.e->hard.longest_lease_us));
}

static void a_primary_of_an_earlier_term_is_waited_for_from_office(void **state)
{
	(void)state;
	primary_beat(steady);
	document_of(8, PHASE_FENCING);
	w.e->hard.document.position.term = 4;
	w.e->hard.document.position.version = 9;
	w.e->disk.position = w.e->hard.document.position;
	succeed_n2(0);
	assert_int_equal(w.e->fences[0].until[1].us,
			 w.e->office_at.us + 1020 * MS);
}

static void waits_for_the_longest_lease_that_anybody_ran_with(void **state)
{
	(void)state;
	quorum_message(&w, 2, MESSAGE_HEARTBEAT, 3);
	w.msg.heartbeat.longest_routing_us = 3 * SECOND;
	quorum_hear(&w);
	assert_int_equal(w.disk.longest_routing_us, 3 * SECOND);
	document_of(8, PHASE_FENCING);
	quorum_elect(&w);
	assert_int_equal(w.e->fences[0].until[1].us,
			 w.e->office_at.us + 3060 * MS);
}

static void tells_nothing_committed_when_the_lease_is_nearly_over(void **state)
{
	struct guard_page p;

	(void)state;
	quorum_elect(&w);
	p = page();
	w.now = instant_add(p.lease_end, -100 * MS);
	quorum_forget(&w);
	quorum_wait(&w, 1 * MS);
	quorum_wait(&w, 100 * MS);
	assert_true(position_is_none(
		quorum_sent(&w, 1, MESSAGE_HEARTBEAT)->heartbeat.committed));
}

static void hold(const char *group)
{
	struct election_holds holds = { .count = 1 };

	strcpy(holds.groups[0], group);
	quorum_feed(&w, (struct election_event){ .kind = ELECTION_HOLD,
						 .holds = &holds });
}

static void what_is_held_stays_when_its_lease_ends(void **state)
{
	(void)state;
	hold("db");
	primary_beat(steady);
	feed(ELECTION_ROUTED, w.route_id);
	assert_true(instant_is_none(page().routing_end));
	quorum_forget(&w);
	quorum_wait(&w, 10 * SECOND);
	assert_null(quorum_did(&w, ELECTION_ROUTE));
	/* It obeys, and has time for it. */
	document_of(8, PHASE_FENCING);
	assert_string_equal(quorum_did(&w, ELECTION_ROUTE)->route.instance, "");
	assert_true(instant_before(w.now, page().routing_end));
	hold("other");
	feed(ELECTION_ROUTED, w.route_id);
	assert_true(position_same(w.e->conforming, fencing));
}

/* The document at @version, with the cluster's maintenance as @keep. */
static void document_keeps(uint64_t version, enum document_keep keep)
{
	static uint8_t buf[DOCUMENT_BYTES_MAX];
	struct document doc = *election_document(w.e);

	doc.position.version = version;
	doc.maintenance = keep;
	quorum_message(&w, 1, MESSAGE_DOCUMENT, 3)->flags = MESSAGE_LEADER;
	w.msg.document.size = document_encode(&doc, buf, sizeof(buf));
	w.msg.document.body = buf;
	quorum_hear(&w);
}

static void what_is_kept_needs_no_lease_until_it_has_one_again(void **state)
{
	(void)state;
	primary_beat(steady);
	feed(ELECTION_ROUTED, w.route_id);
	document_keeps(8, KEEP_BEGINS);
	assert_false(election_keeps(w.e));
	assert_false(instant_is_none(page().routing_end));
	document_keeps(9, KEEP_ON);
	assert_true(election_keeps(w.e));
	assert_true(instant_is_none(page().routing_end));
	assert_true(position_same(w.e->conforming, (struct position){ 3, 9 }));
	quorum_forget(&w);
	quorum_wait(&w, 10 * SECOND);
	assert_null(quorum_did(&w, ELECTION_ROUTE));
	document_keeps(10, KEEP_ENDS);
	assert_false(election_keeps(w.e));
	assert_true(instant_is_none(page().routing_end));
	assert_true(position_same(w.e->conforming, (struct position){ 3, 9 }));
	primary_beat((struct position){ 3, 10 });
	assert_null(quorum_did(&w, ELECTION_ROUTE));
	assert_false(instant_is_none(page().routing_end));
	assert_true(position_same(w.e->conforming, (struct position){ 3, 10 }));
}

static void what_is_not_on_disk_keeps_nothing(void **state)
{
	(void)state;
	primary_beat(steady);
	feed(ELECTION_ROUTED, w.route_id);
	w.slow_disk = true;
	document_keeps(8, KEEP_ON);
	assert_false(election_keeps(w.e));
	quorum_forget(&w);
	quorum_wait(&w, 2 * SECOND);
	assert_string_equal(quorum_did(&w, ELECTION_ROUTE)->route.instance, "");
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(routes_until_its_own_echoed_time_and_the_lease),
		CASE(lets_write_by_a_lease_for_its_document_alone),
		CASE(lets_write_until_the_lease_ends),
		CASE(routes_by_nothing_but_the_committed_document),
		CASE(withdraws_what_a_newer_document_does_not_name),
		CASE(what_is_being_withdrawn_gets_no_longer_lease),
		CASE(withdraws_again_after_a_failure),
		CASE(waits_for_who_has_not_confirmed),
		CASE(goes_on_when_all_have_confirmed),
		CASE(a_new_primary_waits_from_when_it_took_office),
		CASE(the_last_primarys_wait_counts_from_when_it_was_heard),
		CASE(a_lease_that_a_voter_says_may_run_is_waited_for),
		CASE(who_does_not_say_it_may_mean_the_whole_lease),
		CASE(a_primary_of_an_earlier_term_is_waited_for_from_office),
		CASE(waits_for_the_longest_lease_that_anybody_ran_with),
		CASE(tells_nothing_committed_when_the_lease_is_nearly_over),
		CASE(what_is_held_stays_when_its_lease_ends),
		CASE(what_is_kept_needs_no_lease_until_it_has_one_again),
		CASE(what_is_not_on_disk_keeps_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
