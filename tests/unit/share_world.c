#include "tests/unit/share_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/incident_wire.h"

struct share_world share;

const struct incident *share_find_in(const struct book *book, uint32_t number)
{
	unsigned i;

	for (i = 0; i < book->count; i++)
		if (book->list[i].number == number)
			return &book->list[i];
	return NULL;
}

static void put(struct book *book, const struct incident *inc)
{
	struct incident *known =
		(struct incident *)share_find_in(book, inc->number);

	if (known == NULL) {
		assert_true(book->count < BOOK_MAX);
		known = &book->list[book->count++];
	}
	*known = *inc;
}

/* Records that are incidents still. */
unsigned share_entries(const struct book *book)
{
	unsigned i, n = 0;

	for (i = 0; i < book->count; i++)
		n += book->list[i].merged_into == 0;
	return n;
}

const struct incident *share_only(unsigned node)
{
	const struct book *book = &share.books[node];
	unsigned i;

	assert_int_equal(share_entries(book), 1);
	for (i = 0; book->list[i].merged_into != 0;)
		i++;
	return &book->list[i];
}

static bool hears(unsigned a, unsigned b)
{
	return a != b && a < NODES && b < NODES && !share.cut[a] &&
	       !share.cut[b] && !share.dead[a] && !share.dead[b];
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

	size = incident_encode(inc, &ids, share.w[from].now, bytes,
			       sizeof(bytes));
	assert_int_equal(incident_decode(bytes, size, share.w[to].now,
					 &heard.incident, &back),
			 size);
	heard.incident.service = back.service;
	heard.incident.target = back.target;
	heard.known = share_find_in(&share.books[to], inc->number);
	if (heard.known != NULL &&
	    !incident_newer(&heard.incident, heard.known))
		return;
	heard.same = same(&share.books[to], &heard.incident);
	ev.incidents.node = from;
	ev.incidents.list = &heard;
	ev.incidents.count = 1;
	core_feed(&share.w[to], &ev);
}

/* Carry out what a node has said since the last time. */
void share_note_down(unsigned node)
{
	struct core_world *w = &share.w[node];

	for (; share.read[node] < w->count; share.read[node]++) {
		const struct action *act = &w->log[share.read[node]];

		if (act->kind == ACTION_STORE &&
		    act->store.kind == STORE_INCIDENT)
			put(&share.books[node], &act->store.incident);
		if (act->kind == ACTION_FOUND) {
			share.found[node] = act->found;
			share.finds[node] = true;
		}
		if (act->kind == ACTION_NOTE &&
		    act->note.kind == NOTE_INCIDENT_OPENED)
			share.books[node].opened++;
	}
}

static void observe(unsigned from, unsigned to)
{
	struct opinion_heard list[CORE_TARGETS];
	struct event ev = { .kind = EVENT_OBSERVED };
	enum health_state state;
	unsigned i;

	for (i = 0; i < CORE_TARGETS; i++) {
		state = ctl_target(share.w[from].ctl, i).health->state;
		list[i] = (struct opinion_heard){
			.target = i,
			.down = state == HEALTH_DOWN,
			.whole = state != HEALTH_DOWN &&
				 state != HEALTH_RECOVERING,
		};
	}
	ev.observed = (struct observed){ from, list, CORE_TARGETS };
	core_feed(&share.w[to], &ev);
}

static void tell_findings(void)
{
	unsigned i, k;

	for (i = 0; i < NODES; i++) {
		share_note_down(i);
		for (k = 0; k < NODES; k++)
			if (share.finds[i] && hears(i, k))
				tell(i, k, &share.found[i]);
		share.finds[i] = false;
	}
}

/* Everything is told to everybody, until nothing is new. */
void share_talk(void)
{
	unsigned round, i, k, n;

	for (round = 0; round < 4; round++) {
		tell_findings();
		for (i = 0; i < NODES; i++)
			for (k = 0; k < NODES; k++)
				if (hears(i, k))
					observe(i, k);
		for (i = 0; i < NODES; i++)
			share_note_down(i);
		for (i = 0; i < NODES; i++)
			for (k = 0; k < NODES; k++)
				for (n = 0; n < share.books[i].count; n++)
					if (hears(i, k)) {
						tell(i, k,
						     &share.books[i].list[n]);
						share_note_down(k);
					}
	}
}

void share_wait(int64_t span_us)
{
	unsigned i;

	for (; span_us > 0; span_us -= 1 * SECOND) {
		for (i = 0; i < NODES; i++)
			if (!share.dead[i])
				core_wait(&share.w[i], 1 * SECOND);
		share_talk();
	}
}

/* The nodes hear each other or not, and @primary is it for all that do. */
void share_agree_on(unsigned primary, uint64_t term,
		    const struct node_loss *loss)
{
	struct event peers = { .kind = EVENT_PEERS };
	struct event seen;
	unsigned i, k, count;

	for (i = 0; i < NODES; i++) {
		if (share.dead[i])
			continue;
		peers.heard = 0;
		count = 1;
		for (k = 0; k < NODES; k++) {
			peers.heard |= hears(i, k) ? UINT32_C(1) << k : 0;
			count += hears(i, k);
		}
		core_feed(&share.w[i], &peers);
		seen = (struct event){ .kind = EVENT_PRIMARY };
		seen.primary.primary =
			i == primary || hears(i, primary) ? primary : NOTE_NONE;
		seen.primary.term = term;
		seen.primary.whole = i == primary && count == NODES;
		seen.primary.loss.node = NOTE_NONE;
		if (i == primary && loss != NULL)
			seen.primary.loss = *loss;
		core_feed(&share.w[i], &seen);
	}
	share_talk();
}

/* @proxied: bit i, node i has a HAProxy. */
static int set_up(unsigned proxied)
{
	static struct node_settings nodes[NODES] = { { .name = "n1" },
						     { .name = "n2" },
						     { .name = "n3" } };
	unsigned i, k;

	memset(&share, 0, sizeof(share));
	for (i = 0; i < NODES; i++) {
		struct core_world *w = &share.w[i];

		core_init(w);
		share.cluster[i] = (struct cluster_settings){
			.nodes = nodes,
			.node_count = NODES,
			.self = i,
			.lease_us = 500 * MS,
			.heartbeat_us = 100 * MS,
		};
		w->set.cluster = &share.cluster[i];
		w->set.haproxy_count = proxied >> i & 1;
		/* Nobody's clock reads as another's. */
		w->now.us += (int64_t)i * 1000 * SECOND;
		core_start(w, NULL);
		for (k = 0; k < CORE_TARGETS; k++)
			core_answer(w, k, RESULT_L7OK);
		if (w->set.haproxy_count == 1)
			core_see_all(w, 0, SERVER_READY);
	}
	share_agree_on(0, 1, NULL);
	return 0;
}

int share_setup(void **state)
{
	(void)state;
	return set_up(0);
}

int share_setup_proxied(void **state)
{
	(void)state;
	return set_up(1 << 0 | 1 << 2);
}

int share_teardown(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < NODES; i++)
		core_done(&share.w[i]);
	return 0;
}

void share_fails(unsigned node, unsigned target)
{
	core_answers(&share.w[node], target, 3, RESULT_L4CON);
}

void share_recovers(unsigned node, unsigned target)
{
	core_answers(&share.w[node], target, 2, RESULT_L7OK);
}

void share_assert_same(uint32_t number)
{
	const struct incident *first = NULL, *inc;
	unsigned i;

	for (i = 0; i < NODES; i++) {
		if (share.dead[i])
			continue;
		inc = share_only(i);
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
