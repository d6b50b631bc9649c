/* Peers: boots, sequence numbers, clocks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/peer.h"

struct world {
	struct rng rng;
	struct peer peer;
	struct message msg;
	struct instant now;
};

static void open_world(struct world *w)
{
	*w = (struct world){ .now = { 1000 * SECOND } };
	rng_init(&w->rng, 1);
	peer_init(&w->peer, &w->rng);
	w->msg.boot = 5;
	w->msg.challenge_echo = w->peer.challenge;
}

static enum peer_verdict admit(struct world *w, uint64_t sequence)
{
	w->msg.sequence = sequence;
	return peer_admit(&w->peer, &w->msg, w->now, &w->rng);
}

static void each_sequence_number_counts_once(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	assert_int_equal(admit(&w, 100), PEER_COUNTS);
	assert_int_equal(admit(&w, 100), PEER_REPEATED);
	assert_int_equal(admit(&w, 90), PEER_COUNTS);
	assert_int_equal(admit(&w, 90), PEER_REPEATED);
	assert_int_equal(admit(&w, 37), PEER_COUNTS);
	assert_int_equal(admit(&w, 36), PEER_REPEATED); /* too old */
	assert_int_equal(admit(&w, 500), PEER_COUNTS);
	assert_int_equal(admit(&w, 100), PEER_REPEATED);
	assert_int_equal(admit(&w, 499), PEER_COUNTS);
}

static void the_guard_has_numbers_of_its_own(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	assert_int_equal(admit(&w, MESSAGE_GUARD_SEQUENCE + 1), PEER_STRANGER);
	assert_int_equal(admit(&w, 100), PEER_COUNTS);
	assert_int_equal(admit(&w, MESSAGE_GUARD_SEQUENCE + 1), PEER_COUNTS);
	assert_int_equal(admit(&w, MESSAGE_GUARD_SEQUENCE + 1), PEER_REPEATED);
	assert_int_equal(admit(&w, 101), PEER_COUNTS);
}

static void an_earlier_boot_never_counts_again(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	assert_int_equal(admit(&w, 1), PEER_COUNTS);
	w.msg.boot = 6;
	assert_int_equal(admit(&w, 1), PEER_STRANGER); /* an old challenge */
	w.msg.challenge = 99;
	w.msg.challenge_echo = w.peer.challenge;
	assert_int_equal(admit(&w, 1), PEER_COUNTS);
	assert_int_equal(w.peer.their_challenge, 99);
	w.msg.boot = 5;
	assert_int_equal(admit(&w, 2), PEER_STRANGER);
}

/* The peer's clock runs @ppm faster; each message takes @delay_us. */
static bool drifts(int64_t ppm, int64_t delay_us)
{
	struct world w;
	bool found = false;
	unsigned i;

	open_world(&w);
	for (i = 0; i < 60; i++) {
		int64_t sent_us = w.now.us;

		w.msg.echo = (struct message_echo){ 7, sent_us - delay_us };
		w.msg.clock_us = sent_us + sent_us * ppm / 1000000;
		w.now.us += i % 2 == 0 ? delay_us : 100;
		found |= peer_drifts(&w.peer, &w.msg, 7, w.now, 20 * SECOND,
				     20000);
		w.now.us = sent_us + 1 * SECOND;
	}
	return found;
}

static void a_clock_beyond_the_bound_is_found_whatever_the_delays(void **state)
{
	(void)state;
	assert_false(drifts(0, 50 * MS));
	assert_false(drifts(19000, 50 * MS));
	assert_false(drifts(-19000, 400 * MS));
	assert_true(drifts(40000, 50 * MS));
	assert_true(drifts(-40000, 50 * MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_sequence_number_counts_once),
		cmocka_unit_test(the_guard_has_numbers_of_its_own),
		cmocka_unit_test(an_earlier_boot_never_counts_again),
		cmocka_unit_test(
			a_clock_beyond_the_bound_is_found_whatever_the_delays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
