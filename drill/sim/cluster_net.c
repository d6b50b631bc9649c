#include "drill/sim/cluster_world.h"

#include <assert.h>
#include <string.h>

/* The network: loss, doubling, lateness, reordering, one-way cuts.  Messages
 * travel encoded. */

void net_init(struct cluster *cl)
{
	uint32_t i;

	for (i = 0; i < SLOTS_MAX; i++)
		cl->slots[i].next = i + 1;
	cl->slot_free = 0;
}

/* SLOTS_MAX when the network is full: what is sent then is lost. */
static uint32_t slot_take(struct cluster *cl)
{
	uint32_t slot = cl->slot_free;

	if (slot < SLOTS_MAX)
		cl->slot_free = cl->slots[slot].next;
	return slot;
}

static void slot_give(struct cluster *cl, uint32_t slot)
{
	cl->slots[slot].next = cl->slot_free;
	cl->slot_free = slot;
}

bool net_linked(const struct cluster *cl, unsigned a, unsigned b)
{
	return cl->cut[a][b] == 0 && cl->cut[b][a] == 0;
}

static void launch(struct cluster *cl, unsigned to, uint32_t slot)
{
	const struct weather *w = &cl->weather;
	int64_t span_us = w->delay_span_us, most_us, delay_us;

	/* After the last fault the network is as fast as the bound supposes. */
	most_us = cl->script->heartbeat_us / 5;
	if (cl->quiet_us != FOREVER_US && span_us > most_us)
		span_us = most_us;
	delay_us = w->delay_min_us + cluster_below(cl, span_us);

	if (cluster_chance(cl, w->late) && cl->quiet_us == FOREVER_US)
		delay_us += cluster_below(cl, w->late_span_us);
	cluster_at(cl, cl->now_us + delay_us, WHAT_MESSAGE, to, 0, slot);
}

void net_send(struct cluster *cl, unsigned from, unsigned to,
	      const struct message *msg)
{
	uint32_t slot, twin;

	cl->result->messages++;
	if (cl->cut[from][to] != 0 || cl->mute[from] == (int)msg->kind ||
	    (cl->quiet_us == FOREVER_US &&
	     cluster_chance(cl, cl->weather.loss + cl->loss)))
		return;
	slot = slot_take(cl);
	if (slot == SLOTS_MAX)
		return;
	cl->slots[slot].size = (uint32_t)message_encode(
		msg, cl->slots[slot].bytes, SLOT_BYTES);
	assert(cl->slots[slot].size > 0);
	twin = cluster_chance(cl, cl->weather.doubled) ? slot_take(cl)
						       : SLOTS_MAX;
	if (twin < SLOTS_MAX) {
		cl->slots[twin].size = cl->slots[slot].size;
		memcpy(cl->slots[twin].bytes, cl->slots[slot].bytes,
		       cl->slots[slot].size);
		launch(cl, to, twin);
	}
	launch(cl, to, slot);
}

void net_arrive(struct cluster *cl, unsigned to, uint32_t slot)
{
	const struct machine *m = &cl->machines[to];
	struct election_event ev = { .kind = ELECTION_MESSAGE };
	struct message msg;
	int r;

	if (m->election != NULL && daemon_frozen(cl, to)) {
		cluster_at(cl, m->thaw_us, WHAT_MESSAGE, to, 0, slot);
		return;
	}
	if (m->election != NULL) {
		r = message_decode(cl->slots[slot].bytes, cl->slots[slot].size,
				   &msg);
		assert(r == 0);
		(void)r;
		ev.message = &msg;
		daemon_feed(cl, to, &ev);
	}
	slot_give(cl, slot);
}
