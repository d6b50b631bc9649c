/* One incident for three nodes: whatever becomes of the primary, the network
 * and the nodes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/share_world.h"

static void all_nodes_have_the_same_incident(void **state)
{
	unsigned i;

	(void)state;
	share_fails(1, API1);
	share_fails(0, API1);
	share_fails(2, API1);
	share_talk();
	share_assert_same(1);
	assert_int_equal(share_only(2)->nodes, 7);
	assert_true(incident_open(share_only(2)));
	for (i = 0; i < NODES; i++)
		share_recovers(i, API1);
	share_talk();
	share_assert_same(1);
	assert_false(incident_open(share_only(1)));
	for (i = 0; i < NODES; i++) {
		assert_null(ctl_incident(share.w[i].ctl, API));
		assert_int_equal(share.books[i].opened, 1);
	}
}

static void what_one_follower_sees_is_recorded_by_the_primary(void **state)
{
	(void)state;
	share_fails(2, API2);
	share_talk();
	share_assert_same(1);
	assert_int_equal(share_only(0)->nodes, 4);
	assert_int_equal(share_only(0)->target, API2);
	assert_int_equal(share_only(0)->outage_us, 0);
	share_recovers(2, API2);
	share_talk();
	assert_false(incident_open(share_only(2)));
}

static void the_first_to_find_it_says_since_when(void **state)
{
	const struct incident *inc;
	struct instant found;

	(void)state;
	core_answers(&share.w[2], API2, 3, RESULT_L7STS);
	found = share.w[2].now;
	/* On its way the datagram takes no time, but the clocks differ. */
	share_talk();
	inc = share_only(2);
	assert_int_equal(inc->detected.us, found.us);
	assert_int_equal(inc->cause.code, RESULT_L7STS);
	assert_true(incident_detection_us(inc) > 0);
	assert_int_equal(incident_detection_us(inc),
			 incident_detection_us(share_only(0)));
	/* What is found later belongs to it, and changes its beginning only
	 * when it is earlier. */
	core_wait(&share.w[2], 5 * SECOND);
	core_wait(&share.w[0], 5 * SECOND);
	share_fails(1, API1);
	share_talk();
	assert_int_equal(share_only(0)->cause.code, RESULT_L7STS);
	assert_int_equal(share_only(0)->target, API2);
	assert_int_equal(share_only(0)->nodes, 6);
	share_assert_same(1);
}

static void who_found_it_first_may_be_heard_last(void **state)
{
	struct instant found;

	(void)state;
	core_answers(&share.w[2], API2, 3, RESULT_L7STS);
	found = share.w[2].now;
	core_answers(&share.w[0], API2, 3, RESULT_L7STS);
	core_wait(&share.w[2], 300 * MS);
	share_talk();
	assert_int_equal(share_only(2)->detected.us, found.us);
	share_assert_same(1);
}

static void who_finds_it_too_is_named_though_its_word_was_lost(void **state)
{
	(void)state;
	share_fails(0, API1);
	share_talk();
	share_fails(2, API1);
	share_note_down(2);
	share.finds[2] = false;
	share_talk();
	assert_int_equal(share_only(0)->nodes, 5);
	share_assert_same(1);
}

/* The HAProxy of @node has done what it was told. */
static void withdraws(unsigned node, unsigned target)
{
	struct core_world *w = &share.w[node];

	core_acted(w, core_store(w, STORE_CLAIM)->id, NULL);
	core_acted(w, core_order(w, target)->id, NULL);
}

static void what_a_follower_alone_withdrew_was_acted_on_then(void **state)
{
	struct instant acted;

	(void)state;
	share_fails(2, API1);
	share_talk();
	assert_true(instant_is_none(share_only(0)->acted));
	core_wait(&share.w[2], 40 * MS);
	withdraws(2, API1);
	acted = share.w[2].now;
	/* It is lost, and said again. */
	share_note_down(2);
	assert_true(share.finds[2]);
	share.finds[2] = false;
	share_talk();
	assert_true(instant_is_none(share_only(0)->acted));
	share_wait(3 * SECOND);
	assert_int_equal(share_only(2)->acted.us, acted.us);
	assert_int_equal(incident_action_us(share_only(0)),
			 incident_action_us(share_only(2)));
	assert_true(incident_action_us(share_only(0)) >= 40 * MS);
	share_assert_same(1);
}

static void what_the_recorder_withdraws_itself_it_says_itself(void **state)
{
	(void)state;
	share_fails(0, API1);
	share_fails(2, API1);
	withdraws(2, API1);
	share_talk();
	assert_true(instant_is_none(share_only(0)->acted));
	withdraws(0, API1);
	share_talk();
	assert_false(instant_is_none(share_only(0)->acted));
	share_assert_same(1);
}

/* What @node hears of @from, as it stands. */
static void hears(unsigned node, unsigned from, const struct incident *inc)
{
	const struct incident_heard heard = { .incident = *inc };
	struct event ev = { .kind = EVENT_INCIDENTS };

	ev.incidents = (struct incidents_heard){ from, &heard, 1 };
	core_feed(&share.w[node], &ev);
	share_note_down(node);
}

static struct incident record(unsigned node, uint32_t number, uint64_t term)
{
	struct instant now = share.w[node].now;

	return (struct incident){ .number = number,
				  .service = API,
				  .target = API1,
				  .severity = SEVERITY_P2,
				  .onset_min = now,
				  .onset_max = now,
				  .detected = now,
				  .acted = INSTANT_NONE,
				  .recovered = INSTANT_NONE,
				  .outage_since = INSTANT_NONE,
				  .term = term };
}

static void what_was_found_long_ago_may_be_over(void **state)
{
	struct incident finding = record(0, 0, 0);

	(void)state;
	finding.detected = instant_add(finding.detected, -2 * SECOND);
	hears(0, 1, &finding);
	assert_int_equal(share_entries(&share.books[0]), 0);
	finding.detected = share.w[0].now;
	hears(0, 1, &finding);
	assert_int_equal(share_entries(&share.books[0]), 1);
}

static void what_a_node_never_closed_is_closed(void **state)
{
	struct incident stray;

	(void)state;
	share_fails(0, API1);
	share_note_down(0);
	stray = record(0, 11, 0);
	hears(0, 1, &stray);
	assert_false(incident_open(share_find_in(&share.books[0], 11)));
	assert_int_equal(ctl_incident(share.w[0].ctl, API)->number, 1);
}

static void of_two_that_are_open_the_later_primarys_counts(void **state)
{
	struct incident inc;

	(void)state;
	share_fails(0, API1);
	share_talk();
	inc = record(2, 12, 2);
	hears(2, 1, &inc);
	assert_int_equal(ctl_incident(share.w[2].ctl, API)->number, 12);
	inc = record(2, 2, 1);
	hears(2, 1, &inc);
	assert_int_equal(ctl_incident(share.w[2].ctl, API)->number, 12);
}

static void what_was_found_is_not_lost_with_the_datagram(void **state)
{
	(void)state;
	share_fails(2, API2);
	share_note_down(2);
	share.finds[2] = false;
	share_talk();
	share_assert_same(1);
	assert_string_equal(share_only(0)->cause.text, "as other nodes find");
}

static void a_majority_opens_what_the_primary_does_not_see(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < NODES; i++)
		share.w[i].services[API].agree = AGREE_MAJORITY;
	share_fails(1, API1);
	share_talk();
	assert_int_equal(share_entries(&share.books[0]), 0);
	share_fails(2, API1);
	share_talk();
	share_assert_same(1);
	share_recovers(1, API1);
	share_talk();
	assert_false(incident_open(share_only(0)));
}

static void the_next_primary_goes_on_with_it(void **state)
{
	const struct incident *inc;

	(void)state;
	share_fails(0, API1);
	share_fails(1, API1);
	share_fails(2, API1);
	share_talk();
	share.dead[0] = true;
	share_agree_on(NODES, 1, NULL); /* nobody, for a while */
	share_wait(1 * SECOND);
	share_agree_on(1, 2, NULL);
	share_wait(3 * SECOND);
	assert_true(incident_open(share_only(1)));
	share_assert_same(1);
	share_recovers(1, API1);
	share_recovers(2, API1);
	share_talk();
	share_assert_same(1);
	inc = share_only(2);
	assert_false(incident_open(inc));
	assert_int_equal(inc->term, 2);
	assert_int_equal(inc->recovered_wall_us - inc->onset_min_wall_us,
			 incident_recovery_us(inc));
	assert_int_equal(share.books[2].opened, 1);
}

static void a_follower_waits_for_the_next_primary(void **state)
{
	(void)state;
	share.dead[0] = true;
	share_agree_on(NODES, 1, NULL);
	share_fails(1, API1);
	share_fails(2, API1);
	share_talk();
	assert_int_equal(share_entries(&share.books[1]), 0);
	share_agree_on(2, 2, NULL);
	share_assert_same(3); /* a number of the third node */
}

static void without_a_primary_each_records_and_one_is_left(void **state)
{
	unsigned i;

	(void)state;
	share.cut[2] = true;
	share_agree_on(0, 1, NULL);
	share_wait(3 * SECOND);
	for (i = 0; i < NODES; i++)
		share_fails(i, API1);
	share_talk();
	assert_int_equal(share_only(0)->number, 1);
	assert_int_equal(share_only(2)->number, 3);
	share.cut[2] = false;
	share_agree_on(0, 1, NULL);
	share_wait(1 * SECOND);
	share_assert_same(1);
	assert_int_equal(share_find_in(&share.books[2], 3)->merged_into, 1);
	assert_int_equal(share_find_in(&share.books[1], 3)->merged_into, 1);
	for (i = 0; i < NODES; i++)
		share_recovers(i, API1);
	share_talk();
	share_assert_same(1);
	assert_false(incident_open(share_only(2)));
}

static void what_both_sides_closed_is_one_too(void **state)
{
	unsigned i;

	(void)state;
	share.cut[0] = true;
	share_agree_on(1, 2, NULL);
	share_wait(3 * SECOND);
	/* The lower number is the lonely node's, and it wins. */
	for (i = 0; i < NODES; i++)
		share_fails(i, API1);
	share_talk();
	share_wait(2 * SECOND);
	for (i = 0; i < NODES; i++)
		share_recovers(i, API1);
	share_talk();
	share.cut[0] = false;
	share_agree_on(1, 2, NULL);
	share_wait(1 * SECOND);
	share_assert_same(1);
	assert_false(incident_open(share_only(1)));
	assert_int_equal(share_find_in(&share.books[2], 2)->merged_into, 1);
}

static void what_a_lonely_node_closed_is_the_primarys_to_close(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < NODES; i++)
		share_fails(i, API1);
	share_talk();
	share.cut[2] = true;
	share_agree_on(0, 1, NULL);
	share_wait(3 * SECOND);
	/* From where it stands all is well again; it is not for the others. */
	share_recovers(2, API1);
	share_note_down(2);
	assert_false(incident_open(share_only(2)));
	share.books[2].list[0].revision += 100; /* however often written */
	share.cut[2] = false;
	share_agree_on(0, 1, NULL);
	share_wait(1 * SECOND);
	share_assert_same(1);
	assert_true(incident_open(share_only(2)));
	assert_non_null(ctl_incident(share.w[2].ctl, API));
}

static void an_old_primary_does_not_open_it_again(void **state)
{
	struct incident old;
	unsigned i;

	(void)state;
	for (i = 0; i < NODES; i++)
		share_fails(i, API1);
	share_talk();
	old = *share_only(0);
	/* All are alone; two of them close it, the third has not yet. */
	for (i = 0; i < NODES; i++)
		share.cut[i] = true;
	share_agree_on(NODES, 1, NULL);
	share_wait(3 * SECOND);
	for (i = 0; i < NODES; i++)
		share_recovers(i, API1);
	share_wait(2 * SECOND);
	assert_false(incident_open(share_only(1)));
	share.books[0].list[0] = old;
	for (i = 0; i < NODES; i++)
		share.cut[i] = false;
	share_agree_on(1, 2, NULL);
	share_assert_same(1);
	assert_false(incident_open(share_only(0)));
	assert_int_equal(share.books[1].opened, 1);
	/* When it ended, not when the old version was heard. */
	assert_true(share_only(1)->recovered.us <=
		    share.w[1].now.us - 2 * SECOND);
}

static void a_node_alone_waits_before_it_records(void **state)
{
	(void)state;
	share.dead[0] = share.dead[2] = true;
	share_agree_on(NODES, 1, NULL);
	share_fails(1, API1);
	share_talk();
	assert_int_equal(share_entries(&share.books[1]), 0);
	share_wait(3 * SECOND);
	assert_int_equal(share_only(1)->number, 2);
	assert_int_equal(share_only(1)->term, 0);
	assert_true(share_only(1)->detected.us <=
		    share.w[1].now.us - 2 * SECOND);
}

static void who_becomes_primary_looks_at_what_is_down(void **state)
{
	(void)state;
	share.dead[0] = share.dead[2] = true;
	share_agree_on(NODES, 1, NULL);
	share_fails(1, API1);
	share_note_down(1);
	assert_int_equal(share_entries(&share.books[1]), 0);
	share_agree_on(1, 2, NULL);
	assert_int_equal(share_only(1)->number, 2);
}

static void two_outages_are_two_incidents(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < NODES; i++)
		share_fails(i, API1);
	share_talk();
	for (i = 0; i < NODES; i++)
		share_recovers(i, API1);
	share_talk();
	share_fails(0, WEB1);
	share_talk();
	share_agree_on(1, 2, NULL);
	share_recovers(0, WEB1);
	share_talk();
	share_fails(1, API1);
	share_talk();
	for (i = 0; i < NODES; i++) {
		assert_int_equal(share_entries(&share.books[i]), 3);
		assert_non_null(share_find_in(&share.books[i], 1));
		assert_non_null(share_find_in(&share.books[i], 11));
		assert_non_null(share_find_in(&share.books[i], 12));
	}
}

static void a_restarted_node_goes_on_with_what_it_stored(void **state)
{
	struct incident open;
	struct stored stored = { .incidents = &open,
				 .incident_count = 1,
				 .last_incident = 1 };
	unsigned k;

	(void)state;
	share_fails(0, API1);
	share_talk();
	open = *share_only(2);
	assert_true(incident_open(&open));
	core_done(&share.w[2]);
	share.dead[2] = true;
	share_recovers(0, API1);
	share_wait(1 * SECOND);
	share.dead[2] = false;
	core_start(&share.w[2], &stored);
	for (k = 0; k < CORE_TARGETS; k++)
		core_answer(&share.w[2], k, RESULT_L7OK);
	/* It is not its to close. */
	assert_non_null(ctl_incident(share.w[2].ctl, API));
	share_agree_on(0, 1, NULL);
	assert_null(ctl_incident(share.w[2].ctl, API));
	share_assert_same(1);
}

static void the_lost_primary_is_an_incident_of_the_nodes(void **state)
{
	struct instant now = share.w[1].now;
	const struct node_loss loss = {
		.node = 0,
		.onset_min = instant_add(now, -500 * MS),
		.onset_max = instant_add(now, -400 * MS),
		.detected = instant_add(now, -50 * MS),
		.gone = instant_add(now, -100 * MS),
	};
	const struct incident *inc;

	(void)state;
	share.dead[0] = true;
	share_agree_on(1, 2, &loss);
	share_assert_same(2);
	inc = share_only(2);
	assert_int_equal(inc->service, INCIDENT_NODE);
	assert_int_equal(inc->target, 0);
	assert_int_equal(inc->severity, SEVERITY_P2);
	assert_int_equal(incident_detection_us(inc), 450 * MS);
	assert_int_equal(incident_action_us(inc), 50 * MS);
	assert_int_equal(inc->outage_us, 100 * MS);
	share_wait(1 * SECOND);
	assert_true(incident_open(share_only(1)));
	share.dead[0] = false;
	/* It has slept; what it heard of is over for it as well. */
	share.w[0].now = instant_add(share.w[0].now, 1 * SECOND);
	share_agree_on(1, 2, NULL);
	share_assert_same(2);
	assert_false(incident_open(share_only(0)));
	assert_null(ctl_incident(share.w[2].ctl, INCIDENT_NODE));
}

static void only_the_primary_says_that_the_nodes_are_whole(void **state)
{
	struct event ev = { .kind = EVENT_PRIMARY };
	struct node_loss loss = { .node = 0 };

	(void)state;
	loss.onset_min = loss.onset_max = loss.detected = loss.gone =
		share.w[1].now;
	share.dead[0] = true;
	share_agree_on(1, 2, &loss);
	ev.primary = (struct primary_seen){ .primary = 1,
					    .term = 2,
					    .whole = true,
					    .loss = { .node = NOTE_NONE } };
	core_feed(&share.w[2], &ev);
	assert_non_null(ctl_incident(share.w[2].ctl, INCIDENT_NODE));
}

static void a_second_loss_raises_the_first(void **state)
{
	struct node_loss loss = { .node = 0, .late = true };

	(void)state;
	loss.onset_min = loss.onset_max = loss.detected = loss.gone =
		share.w[1].now;
	share.dead[0] = true;
	share_agree_on(1, 2, &loss);
	assert_int_equal(share_only(1)->severity, SEVERITY_P1);
	share.dead[0] = false;
	share.dead[1] = true;
	loss = (struct node_loss){ .node = 1 };
	loss.onset_min = loss.onset_max = loss.detected = loss.gone =
		share.w[2].now;
	share_agree_on(2, 3, &loss);
	share_assert_same(2);
	assert_int_equal(share_only(2)->targets_down_max, 2);
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, share_setup, share_teardown)

int main(void)
{
	const struct CMUnitTest cases[] = {
		CASE(all_nodes_have_the_same_incident),
		CASE(what_one_follower_sees_is_recorded_by_the_primary),
		CASE(the_first_to_find_it_says_since_when),
		CASE(who_found_it_first_may_be_heard_last),
		CASE(who_finds_it_too_is_named_though_its_word_was_lost),
		cmocka_unit_test_setup_teardown(
			what_a_follower_alone_withdrew_was_acted_on_then,
			share_setup_proxied, share_teardown),
		cmocka_unit_test_setup_teardown(
			what_the_recorder_withdraws_itself_it_says_itself,
			share_setup_proxied, share_teardown),
		CASE(what_was_found_long_ago_may_be_over),
		CASE(what_a_node_never_closed_is_closed),
		CASE(of_two_that_are_open_the_later_primarys_counts),
		CASE(only_the_primary_says_that_the_nodes_are_whole),
		CASE(what_was_found_is_not_lost_with_the_datagram),
		CASE(a_majority_opens_what_the_primary_does_not_see),
		CASE(the_next_primary_goes_on_with_it),
		CASE(a_follower_waits_for_the_next_primary),
		CASE(without_a_primary_each_records_and_one_is_left),
		CASE(what_both_sides_closed_is_one_too),
		CASE(what_a_lonely_node_closed_is_the_primarys_to_close),
		CASE(an_old_primary_does_not_open_it_again),
		CASE(a_node_alone_waits_before_it_records),
		CASE(who_becomes_primary_looks_at_what_is_down),
		CASE(two_outages_are_two_incidents),
		CASE(a_restarted_node_goes_on_with_what_it_stored),
		CASE(the_lost_primary_is_an_incident_of_the_nodes),
		CASE(a_second_loss_raises_the_first),
	};

	return cmocka_run_group_tests_name("share", cases, NULL, NULL);
}
