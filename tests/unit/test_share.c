/* One incident for three nodes: controllers that hear each other's records
 * and observations as their daemons would carry them, each with a clock of its
 * own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/incident_wire.h"
#include "tests/unit/core_world.h"

#define NODES    3
#define BOOK_MAX 32

/* What a node has stored: the last version of each number. */
struct book {
	struct incident list[BOOK_MAX];
	unsigned count, opened; /* opened: notes of it */
};

struct three {
	struct core_world w[NODES];
	struct cluster_settings cluster[NODES];
	struct book books[NODES];
	unsigned read[NODES]; /* of the world's log */
	bool cut[NODES];      /* hears nobody */
	bool dead[NODES];
};

static struct three three; /* too large for the stack */

static const struct incident *find(const struct book *book, uint32_t number)
{
	unsigned i;

	for (i = 0; i < book->count; i++)
		if (book->list[i].number == number)
			return &book->list[i];
	return NULL;
}

static void put(struct book *book, const struct incident *inc)
{
	struct incident *known = (struct incident *)find(book, inc->number);

	if (known == NULL) {
		assert_true(book->count < BOOK_MAX);
		known = &book->list[book->count++];
	}
	*known = *inc;
}

/* Records that are incidents still. */
static unsigned entries(const struct book *book)
{
	unsigned i, n = 0;

	for (i = 0; i < book->count; i++)
		n += book->list[i].merged_into == 0;
	return n;
}

static const struct incident *only(unsigned node)
{
	const struct book *book = &three.books[node];
	unsigned i;

	assert_int_equal(entries(book), 1);
	for (i = 0; book->list[i].merged_into != 0;)
		i++;
	return &book->list[i];
}

static bool hears(unsigned a, unsigned b)
{
	return a != b && !three.cut[a] && !three.cut[b] && !three.dead[a] &&
	       !three.dead[b];
}

static const struct incident *same(const struct book *book,
				   const struct incident *inc)
{
	unsigned i;

	for (i = 0; i < book->count; i++)
		if (!incident_open(&book->list[i]) &&
		    incident_same(&book->list[i], inc))
			return &book->list[i];
	return NULL;
}

/* As bytes from the clock of one to that of the other. */
static void tell(unsigned from, unsigned to, const struct incident *inc)
{
	const struct incident_ids ids = { inc->service, inc->target };
	struct event ev = { .kind = EVENT_INCIDENTS };
	uint8_t bytes[INCIDENT_WIRE_MAX];
	struct incident_heard heard;
	struct incident_ids back;
	size_t size;

	size = incident_encode(inc, &ids, three.w[from].now, bytes,
			       sizeof(bytes));
	assert_int_equal(incident_decode(bytes, size, three.w[to].now,
					 &heard.incident, &back),
			 size);
	heard.incident.service = back.service;
	heard.incident.target = back.target;
	heard.known = find(&three.books[to], inc->number);
	if (heard.known != NULL &&
	    !incident_newer(&heard.incident, heard.known))
		return;
	heard.same = same(&three.books[to], &heard.incident);
	ev.incidents.list = &heard;
	ev.incidents.count = 1;
	core_feed(&three.w[to], &ev);
}

/* Carry out what a node has said since the last time. */
static void note_down(unsigned node)
{
	struct core_world *w = &three.w[node];

	for (; three.read[node] < w->count; three.read[node]++) {
		const struct action *act = &w->log[three.read[node]];

		if (act->kind == ACTION_STORE &&
		    act->store.kind == STORE_INCIDENT)
			put(&three.books[node], &act->store.incident);
		if (act->kind == ACTION_NOTE &&
		    act->note.kind == NOTE_INCIDENT_OPENED)
			three.books[node].opened++;
	}
}

static void observe(unsigned from, unsigned to)
{
	struct opinion_heard list[CORE_TARGETS];
	struct event ev = { .kind = EVENT_OBSERVED };
	enum health_state state;
	unsigned i;

	for (i = 0; i < CORE_TARGETS; i++) {
		state = ctl_target(three.w[from].ctl, i).health->state;
		list[i] = (struct opinion_heard){
			.target = i,
			.down = state == HEALTH_DOWN,
			.whole = state != HEALTH_DOWN &&
				 state != HEALTH_RECOVERING,
		};
	}
	ev.observed = (struct observed){ from, list, CORE_TARGETS };
	core_feed(&three.w[to], &ev);
}

/* Everything is told to everybody, until nothing is new. */
static void talk(void)
{
	unsigned round, i, k, n;

	for (round = 0; round < 4; round++) {
		for (i = 0; i < NODES; i++)
			for (k = 0; k < NODES; k++)
				if (hears(i, k))
					observe(i, k);
		for (i = 0; i < NODES; i++)
			note_down(i);
		for (i = 0; i < NODES; i++)
			for (k = 0; k < NODES; k++)
				for (n = 0; n < three.books[i].count; n++)
					if (hears(i, k)) {
						tell(i, k,
						     &three.books[i].list[n]);
						note_down(k);
					}
	}
}

static void wait(int64_t span_us)
{
	unsigned i;

	for (; span_us > 0; span_us -= 1 * SECOND) {
		for (i = 0; i < NODES; i++)
			if (!three.dead[i])
				core_wait(&three.w[i], 1 * SECOND);
		talk();
	}
}

/* The nodes hear each other or not, and @primary is it for all that do. */
static void agree_on(unsigned primary, uint64_t term,
		     const struct node_loss *loss)
{
	struct event peers = { .kind = EVENT_PEERS };
	struct event seen;
	unsigned i, k, count;

	for (i = 0; i < NODES; i++) {
		if (three.dead[i])
			continue;
		peers.heard = 0;
		count = 1;
		for (k = 0; k < NODES; k++) {
			peers.heard |= hears(i, k) ? UINT32_C(1) << k : 0;
			count += hears(i, k);
		}
		core_feed(&three.w[i], &peers);
		seen = (struct event){ .kind = EVENT_PRIMARY };
		seen.primary.primary =
			i == primary || hears(i, primary) ? primary : NOTE_NONE;
		seen.primary.term = term;
		seen.primary.whole = i == primary && count == NODES;
		seen.primary.loss.node = NOTE_NONE;
		if (i == primary && loss != NULL)
			seen.primary.loss = *loss;
		core_feed(&three.w[i], &seen);
	}
	talk();
}

static int setup(void **state)
{
	static struct node_settings nodes[NODES] = { { .name = "n1" },
						     { .name = "n2" },
						     { .name = "n3" } };
	unsigned i, k;

	(void)state;
	memset(&three, 0, sizeof(three));
	for (i = 0; i < NODES; i++) {
		struct core_world *w = &three.w[i];

		core_init(w);
		three.cluster[i] = (struct cluster_settings){
			.nodes = nodes,
			.node_count = NODES,
			.self = i,
			.lease_us = 500 * MS,
			.heartbeat_us = 100 * MS,
		};
		w->set.cluster = &three.cluster[i];
		w->set.haproxy_count = 0;
		/* Nobody's clock reads as another's. */
		w->now.us += (int64_t)i * 1000 * SECOND;
		core_start(w, NULL);
		for (k = 0; k < CORE_TARGETS; k++)
			core_answer(w, k, RESULT_L7OK);
	}
	agree_on(0, 1, NULL);
	return 0;
}

static int teardown(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < NODES; i++)
		core_done(&three.w[i]);
	return 0;
}

static void fails(unsigned node, unsigned target)
{
	core_answers(&three.w[node], target, 3, RESULT_L4CON);
}

static void recovers(unsigned node, unsigned target)
{
	core_answers(&three.w[node], target, 2, RESULT_L7OK);
}

static void assert_one_and_the_same(uint32_t number)
{
	const struct incident *first = NULL, *inc;
	unsigned i;

	for (i = 0; i < NODES; i++) {
		if (three.dead[i])
			continue;
		inc = only(i);
		assert_int_equal(inc->number, number);
		if (first == NULL)
			first = inc;
		assert_int_equal(inc->onset_min_wall_us,
				 first->onset_min_wall_us);
		assert_int_equal(inc->detected_wall_us,
				 first->detected_wall_us);
		assert_int_equal(inc->recovered_wall_us,
				 first->recovered_wall_us);
		assert_int_equal(incident_detection_us(inc),
				 incident_detection_us(first));
		assert_int_equal(inc->revision, first->revision);
		assert_int_equal(inc->nodes, first->nodes);
	}
}

static void all_nodes_have_the_same_incident(void **state)
{
	unsigned i;

	(void)state;
	fails(1, API1);
	fails(0, API1);
	fails(2, API1);
	talk();
	assert_one_and_the_same(1);
	assert_int_equal(only(2)->nodes, 7);
	assert_true(incident_open(only(2)));
	for (i = 0; i < NODES; i++)
		recovers(i, API1);
	talk();
	assert_one_and_the_same(1);
	assert_false(incident_open(only(1)));
	for (i = 0; i < NODES; i++) {
		assert_null(ctl_incident(three.w[i].ctl, API));
		assert_int_equal(three.books[i].opened, 1);
	}
}

static void what_one_follower_sees_is_recorded_by_the_primary(void **state)
{
	(void)state;
	fails(2, API2);
	talk();
	assert_one_and_the_same(1);
	assert_int_equal(only(0)->nodes, 4);
	assert_int_equal(only(0)->target, API2);
	assert_int_equal(only(0)->outage_us, 0);
	recovers(2, API2);
	talk();
	assert_false(incident_open(only(2)));
}

static void a_majority_opens_what_the_primary_does_not_see(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < NODES; i++)
		three.w[i].services[API].agree = AGREE_MAJORITY;
	fails(1, API1);
	talk();
	assert_int_equal(entries(&three.books[0]), 0);
	fails(2, API1);
	talk();
	assert_one_and_the_same(1);
	recovers(1, API1);
	talk();
	assert_false(incident_open(only(0)));
}

static void the_next_primary_goes_on_with_it(void **state)
{
	const struct incident *inc;

	(void)state;
	fails(0, API1);
	fails(1, API1);
	fails(2, API1);
	talk();
	three.dead[0] = true;
	agree_on(NODES, 1, NULL); /* nobody, for a while */
	wait(1 * SECOND);
	agree_on(1, 2, NULL);
	wait(3 * SECOND);
	assert_true(incident_open(only(1)));
	assert_one_and_the_same(1);
	recovers(1, API1);
	recovers(2, API1);
	talk();
	assert_one_and_the_same(1);
	inc = only(2);
	assert_false(incident_open(inc));
	assert_int_equal(inc->term, 2);
	assert_int_equal(inc->recovered_wall_us - inc->onset_min_wall_us,
			 incident_recovery_us(inc));
	assert_int_equal(three.books[2].opened, 1);
}

static void a_follower_waits_for_the_next_primary(void **state)
{
	(void)state;
	three.dead[0] = true;
	agree_on(NODES, 1, NULL);
	fails(1, API1);
	fails(2, API1);
	talk();
	assert_int_equal(entries(&three.books[1]), 0);
	agree_on(2, 2, NULL);
	assert_one_and_the_same(3); /* a number of the third node */
}

static void without_a_primary_each_records_and_one_is_left(void **state)
{
	unsigned i;

	(void)state;
	three.cut[2] = true;
	agree_on(0, 1, NULL);
	wait(3 * SECOND);
	for (i = 0; i < NODES; i++)
		fails(i, API1);
	talk();
	assert_int_equal(only(0)->number, 1);
	assert_int_equal(only(2)->number, 3);
	three.cut[2] = false;
	agree_on(0, 1, NULL);
	wait(1 * SECOND);
	assert_one_and_the_same(1);
	assert_int_equal(find(&three.books[2], 3)->merged_into, 1);
	assert_int_equal(find(&three.books[1], 3)->merged_into, 1);
	for (i = 0; i < NODES; i++)
		recovers(i, API1);
	talk();
	assert_one_and_the_same(1);
	assert_false(incident_open(only(2)));
}

static void what_both_sides_closed_is_one_too(void **state)
{
	unsigned i;

	(void)state;
	three.cut[0] = true;
	agree_on(1, 2, NULL);
	wait(3 * SECOND);
	/* The lower number is the lonely node's, and it wins. */
	for (i = 0; i < NODES; i++)
		fails(i, API1);
	talk();
	wait(2 * SECOND);
	for (i = 0; i < NODES; i++)
		recovers(i, API1);
	talk();
	three.cut[0] = false;
	agree_on(1, 2, NULL);
	wait(1 * SECOND);
	assert_one_and_the_same(1);
	assert_false(incident_open(only(1)));
	assert_int_equal(find(&three.books[2], 2)->merged_into, 1);
}

static void two_outages_are_two_incidents(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < NODES; i++) {
		fails(i, API1);
		recovers(i, API1);
	}
	talk();
	fails(0, WEB1);
	talk();
	agree_on(1, 2, NULL);
	recovers(0, WEB1);
	talk();
	fails(1, API1);
	talk();
	for (i = 0; i < NODES; i++) {
		assert_int_equal(entries(&three.books[i]), 3);
		assert_non_null(find(&three.books[i], 1));
		assert_non_null(find(&three.books[i], 11));
		assert_non_null(find(&three.books[i], 12));
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
	fails(0, API1);
	talk();
	open = *only(2);
	assert_true(incident_open(&open));
	core_done(&three.w[2]);
	three.dead[2] = true;
	recovers(0, API1);
	wait(1 * SECOND);
	three.dead[2] = false;
	core_start(&three.w[2], &stored);
	for (k = 0; k < CORE_TARGETS; k++)
		core_answer(&three.w[2], k, RESULT_L7OK);
	/* It is not its to close. */
	assert_non_null(ctl_incident(three.w[2].ctl, API));
	agree_on(0, 1, NULL);
	assert_null(ctl_incident(three.w[2].ctl, API));
	assert_one_and_the_same(1);
}

static void the_lost_primary_is_an_incident_of_the_nodes(void **state)
{
	struct instant now = three.w[1].now;
	const struct node_loss loss = {
		.node = 0,
		.onset_min = instant_add(now, -500 * MS),
		.onset_max = instant_add(now, -400 * MS),
		.detected = instant_add(now, -50 * MS),
	};
	const struct incident *inc;

	(void)state;
	three.dead[0] = true;
	agree_on(1, 2, &loss);
	assert_one_and_the_same(2);
	inc = only(2);
	assert_int_equal(inc->service, INCIDENT_NODE);
	assert_int_equal(inc->target, 0);
	assert_int_equal(inc->severity, SEVERITY_P2);
	assert_int_equal(incident_detection_us(inc), 450 * MS);
	assert_int_equal(incident_action_us(inc), 50 * MS);
	assert_int_equal(inc->outage_us, 500 * MS);
	wait(1 * SECOND);
	assert_true(incident_open(only(1)));
	three.dead[0] = false;
	/* It has slept; what it heard of is over for it as well. */
	three.w[0].now = instant_add(three.w[0].now, 1 * SECOND);
	agree_on(1, 2, NULL);
	assert_one_and_the_same(2);
	assert_false(incident_open(only(0)));
	assert_null(ctl_incident(three.w[2].ctl, INCIDENT_NODE));
}

static void a_second_loss_raises_the_first(void **state)
{
	struct node_loss loss = { .node = 0, .late = true };

	(void)state;
	loss.onset_min = loss.onset_max = loss.detected = three.w[1].now;
	three.dead[0] = true;
	agree_on(1, 2, &loss);
	assert_int_equal(only(1)->severity, SEVERITY_P1);
	three.dead[0] = false;
	three.dead[1] = true;
	loss = (struct node_loss){ .node = 1 };
	loss.onset_min = loss.onset_max = loss.detected = three.w[2].now;
	agree_on(2, 3, &loss);
	assert_one_and_the_same(2);
	assert_int_equal(only(2)->targets_down_max, 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest cases[] = {
		CASE(all_nodes_have_the_same_incident),
		CASE(what_one_follower_sees_is_recorded_by_the_primary),
		CASE(a_majority_opens_what_the_primary_does_not_see),
		CASE(the_next_primary_goes_on_with_it),
		CASE(a_follower_waits_for_the_next_primary),
		CASE(without_a_primary_each_records_and_one_is_left),
		CASE(what_both_sides_closed_is_one_too),
		CASE(two_outages_are_two_incidents),
		CASE(a_restarted_node_goes_on_with_what_it_stored),
		CASE(the_lost_primary_is_an_incident_of_the_nodes),
		CASE(a_second_loss_raises_the_first),
	};

	return cmocka_run_group_tests_name("share", cases, NULL, NULL);
}
