/* What nodes tell each other of incidents, and what they take of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/daemon/shared.h"
#include "tests/unit/sample.h"

#define WALL ((int64_t)1785000000 * SECOND)

static const struct instant begin = { 100 * HOUR };

/* One node tells, the other hears; both have the same settings. */
struct world {
	struct sample sample;
	struct cluster_settings cluster;
	struct node_settings nodes[2];
	struct shared *teller, *hearer;
	struct window *told, *known;
	uint8_t bytes[MESSAGE_INCIDENTS_BYTES_MAX];
	size_t size;
	unsigned messages;
};

static int set_up(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	sample_init(&w.sample);
	w.nodes[0].name = "n1";
	w.nodes[1].name = "n2";
	w.cluster.nodes = w.nodes;
	w.cluster.node_count = 2;
	w.sample.set.cluster = &w.cluster;
	w.sample.set.history_us = 90 * DAY;
	w.teller = shared_new(&w.sample.set);
	w.hearer = shared_new(&w.sample.set);
	w.told = window_new(&w.sample.set, WALL);
	w.known = window_new(&w.sample.set, WALL);
	*state = &w;
	return w.teller == NULL || w.hearer == NULL || w.told == NULL ||
	       w.known == NULL;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	shared_free(w->teller);
	shared_free(w->hearer);
	window_free(w->told);
	window_free(w->known);
	sample_done(&w->sample);
	return 0;
}

static struct incident make(uint32_t number, bool open)
{
	struct incident inc = {
		.number = number,
		.service = SAMPLE_SHOP,
		.target = SHOP_API1,
		.severity = SEVERITY_P2,
		.revision = 1,
		.onset_min = begin,
		.onset_max = begin,
		.detected = begin,
		.acted = INSTANT_NONE,
		.recovered = INSTANT_NONE,
		.outage_since = INSTANT_NONE,
	};

	if (!open)
		inc.recovered = instant_add(begin, number);
	return inc;
}

static void take(void *arg, const uint8_t *body, size_t size)
{
	struct world *w = arg;

	assert_true(size <= sizeof(w->bytes));
	memcpy(w->bytes, body, size);
	w->size = size;
	w->messages++;
}

static void tell(struct world *w, int64_t after_us)
{
	w->messages = 0;
	w->size = 0;
	shared_tell(w->teller, w->told, instant_add(begin, after_us), take, w);
}

static struct incidents_heard hear(struct world *w, int64_t after_us)
{
	struct message msg = { .kind = MESSAGE_INCIDENTS };

	msg.incidents.body = w->bytes;
	msg.incidents.size = w->size;
	return shared_hear(w->hearer, w->known, 1, &msg,
			   instant_add(begin, after_us));
}

static void names_become_indices_again(void **state)
{
	struct incident inc = make(11, true), node = make(12, true);
	struct incidents_heard heard;
	struct world *w = *state;

	node.service = INCIDENT_NODE;
	node.target = 1;
	tell(w, 0); /* the refresh: nothing */
	assert_int_equal(w->messages, 0);
	shared_changed(w->teller, &inc);
	shared_changed(w->teller, &node);
	assert_true(instant_is_none(shared_deadline(w->teller)));
	tell(w, 1);
	assert_int_equal(w->messages, 1);
	heard = hear(w, 1);
	assert_int_equal(heard.node, 1);
	assert_int_equal(heard.count, 2);
	assert_int_equal(heard.list[0].incident.service, SAMPLE_SHOP);
	assert_int_equal(heard.list[0].incident.target, SHOP_API1);
	assert_int_equal(heard.list[1].incident.service, INCIDENT_NODE);
	assert_int_equal(heard.list[1].incident.target, 1);
	tell(w, 2);
	assert_int_equal(w->messages, 0);
}

static void what_is_open_is_told_each_second(void **state)
{
	struct incident inc = make(11, true);
	struct world *w = *state;

	window_incident(w->told, &inc);
	tell(w, 0);
	assert_int_equal(hear(w, 0).count, 1);
	tell(w, 999 * MS);
	assert_int_equal(w->messages, 0);
	tell(w, 1 * SECOND);
	assert_int_equal(hear(w, 0).count, 1);
}

static void everything_closed_has_its_turn(void **state)
{
	struct incidents_heard heard;
	struct world *w = *state;
	struct incident inc;
	uint32_t seen = 0;
	unsigned i, second;

	for (i = 1; i <= 20; i++) {
		inc = make(i, false);
		window_incident(w->told, &inc);
	}
	for (second = 0; second < 4; second++) {
		tell(w, second * SECOND);
		heard = hear(w, second * SECOND);
		assert_true(heard.count <= 8);
		for (i = 0; i < heard.count; i++)
			seen |= UINT32_C(1) << heard.list[i].incident.number;
	}
	assert_int_equal(seen, 0x1ffffe);
}

static void only_what_is_newer_is_news(void **state)
{
	struct incident inc = make(11, true);
	struct world *w = *state;

	shared_changed(w->teller, &inc);
	tell(w, 0);
	window_incident(w->known, &inc);
	assert_int_equal(hear(w, 0).count, 0);
	inc.revision = 0;
	window_incident(w->known, &inc);
	assert_int_equal(hear(w, 0).count, 1);
	assert_int_equal(hear(w, 0).list[0].known->number, 11);
	inc.term = 1;
	window_incident(w->known, &inc);
	assert_int_equal(hear(w, 0).count, 0);
}

static void another_number_for_the_same_is_found(void **state)
{
	struct incident inc = make(11, true), other = make(22, false);
	struct incident mine = make(31, false);
	struct world *w = *state;

	/* Numbers of one node are never the same outage. */
	mine.recovered = other.recovered = instant_add(begin, 5 * SECOND);
	window_incident(w->known, &mine);
	shared_changed(w->teller, &inc);
	tell(w, 0);
	assert_null(hear(w, 0).list[0].same);
	window_incident(w->known, &other);
	assert_int_equal(hear(w, 0).list[0].same->number, 22);
}

static void what_is_not_kept_any_more_is_not_brought_back(void **state)
{
	struct incident inc = make(11, false);
	struct world *w = *state;
	struct settings less = w->sample.set;

	window_incident(w->told, &inc);
	tell(w, 1 * HOUR);
	assert_int_equal(hear(w, 0).count, 1);
	less.history_us = 59 * MINUTE;
	shared_reload(w->hearer, &less);
	assert_int_equal(hear(w, 0).count, 0);
	tell(w, 91 * DAY);
	assert_int_equal(w->messages, 0);
}

static void a_service_that_is_not_here_is_passed_over(void **state)
{
	struct incident inc = make(11, true), here = make(21, true);
	struct incidents_heard heard;
	struct world *w = *state;
	struct settings fewer = w->sample.set;

	here.service = SAMPLE_API;
	here.target = API2;
	shared_changed(w->teller, &inc);
	shared_changed(w->teller, &here);
	tell(w, 0);
	fewer.service_count = 1;
	shared_reload(w->hearer, &fewer);
	heard = hear(w, 0);
	assert_int_equal(heard.count, 1);
	assert_int_equal(heard.list[0].incident.number, 21);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest cases[] = {
		CASE(names_become_indices_again),
		CASE(what_is_open_is_told_each_second),
		CASE(everything_closed_has_its_turn),
		CASE(only_what_is_newer_is_news),
		CASE(another_number_for_the_same_is_found),
		CASE(what_is_not_kept_any_more_is_not_brought_back),
		CASE(a_service_that_is_not_here_is_passed_over),
	};

	return cmocka_run_group_tests_name("shared", cases, NULL, NULL);
}
