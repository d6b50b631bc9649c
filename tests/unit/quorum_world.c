#include "tests/unit/quorum_world.h"

#include <assert.h>
#include <string.h>

static void note_action(struct quorum_world *w,
			const struct election_action *act)
{
	assert(w->count < 512);
	w->list[w->count++] = *act;
	if (act->kind == ELECTION_STORE) {
		w->store_id = act->id;
		w->disk = *act->store;
	} else if (act->kind == ELECTION_PROMOTE) {
		w->promote_id = act->id;
	} else if (act->kind == ELECTION_RELEASE) {
		w->release_id = act->id;
	} else if (act->kind == ELECTION_ROUTE) {
		w->route_id = act->id;
	}
}

void quorum_feed(struct quorum_world *w, struct election_event ev)
{
	static struct election_actions out;
	uint64_t id;
	unsigned i;

	ev.now = w->now;
	election_step(w->e, &ev, &out);
	for (i = 0; i < out.count; i++)
		note_action(w, &out.list[i]);
	if (w->store_id == 0 || w->slow_disk)
		return;
	id = w->store_id;
	w->store_id = 0;
	quorum_feed(w, (struct election_event){ .kind = ELECTION_STORED,
						.id = id });
}

/* Time passes with each deadline kept. */
void quorum_wait(struct quorum_world *w, int64_t span_us)
{
	struct instant end = instant_add(w->now, span_us), due;

	for (;;) {
		due = election_deadline(w->e);
		if (!instant_before(due, end))
			break;
		w->now = instant_max(due, w->now);
		quorum_feed(w,
			    (struct election_event){ .kind = ELECTION_TICK });
	}
	w->now = end;
	quorum_feed(w, (struct election_event){ .kind = ELECTION_TICK });
}

void quorum_forget(struct quorum_world *w)
{
	w->count = 0;
}

struct message *quorum_message(struct quorum_world *w, unsigned from,
			       enum message_kind kind, uint64_t term)
{
	struct message *msg = &w->msg;

	memset(msg, 0, sizeof(*msg));
	msg->kind = kind;
	msg->from = w->e->ids[from];
	msg->digest = w->e->digest;
	msg->boot = BOOT_OF(from);
	msg->sequence = ++w->sequence;
	msg->term = term;
	msg->clock_us = w->now.us + from * HOUR;
	msg->challenge_echo = w->e->peers[from].challenge;
	msg->echo.boot = w->e->boot;
	msg->echo.clock_us = w->now.us - 1 * MS;
	if (kind == MESSAGE_HEARTBEAT) {
		msg->flags = MESSAGE_ELIGIBLE;
		msg->heartbeat.stored = w->e->disk.position;
		msg->heartbeat.priority = 50;
	}
	return msg;
}

void quorum_hear(struct quorum_world *w)
{
	quorum_feed(w, (struct election_event){ .kind = ELECTION_MESSAGE,
						.message = &w->msg });
}

void quorum_beat(struct quorum_world *w, unsigned from, uint64_t term)
{
	quorum_message(w, from, MESSAGE_HEARTBEAT, term)->flags |=
		MESSAGE_LEADER;
	quorum_hear(w);
}

void quorum_ack(struct quorum_world *w, unsigned from, struct instant sent,
		struct position stored)
{
	struct message *msg =
		quorum_message(w, from, MESSAGE_HEARTBEAT, w->e->hard.term);

	msg->ack.boot = w->e->boot;
	msg->ack.term = w->e->hard.term;
	msg->ack.clock_us = sent.us;
	msg->heartbeat.stored = stored;
	quorum_hear(w);
}

const struct election_action *quorum_did(const struct quorum_world *w,
					 enum election_action_kind kind)
{
	unsigned i;

	for (i = w->count; i-- > 0;)
		if (w->list[i].kind == kind)
			return &w->list[i];
	return NULL;
}

const struct message *quorum_sent(const struct quorum_world *w, unsigned to,
				  enum message_kind kind)
{
	unsigned i;

	for (i = w->count; i-- > 0;)
		if (w->list[i].kind == ELECTION_SEND &&
		    w->list[i].send.to == to &&
		    w->list[i].send.message.kind == kind)
			return &w->list[i].send.message;
	return NULL;
}

static const struct election_settings settings = {
	.cluster = "test",
	.nodes = { { .name = "n1", .priority = 100 },
		   { .name = "n2", .priority = 90 },
		   { .name = "n3", .priority = 80 } },
	.node_count = 3,
	.heartbeat_us = 100 * MS,
	.lease_us = 500 * MS,
	.routing_lease_us = 1 * SECOND,
	.drift_ppm = 20000,
	.preempt_delay_us = 2 * SECOND,
};

void quorum_open(struct quorum_world *w)
{
	static const struct hard_state stored = {
		.term = 3,
		.longest_lease_us = 500 * MS,
		.longest_routing_us = 1 * SECOND,
		.document = { .position = { 3, 7 },
			      .group_count = 1,
			      .groups = { { .name = "db",
					    .epoch = 1,
					    .primary = "pg1" } } },
	};

	memset(w, 0, sizeof(*w));
	w->set = settings;
	w->e = election_new(&w->set, 1);
	w->now.us = 1000 * SECOND;
	quorum_feed(w, (struct election_event){
			       .kind = ELECTION_START,
			       .start = { .stored = &stored, .boot = 77 } });
	quorum_feed(w, (struct election_event){ .kind = ELECTION_RELEASED,
						.id = w->release_id });
	quorum_message(w, 1, MESSAGE_HEARTBEAT, 3);
	quorum_hear(w);
	quorum_message(w, 2, MESSAGE_HEARTBEAT, 3);
	quorum_hear(w);
	w->now = instant_add(w->now, 510 * MS);
	quorum_forget(w);
}

void quorum_close(struct quorum_world *w)
{
	election_free(w->e);
}

void quorum_elect(struct quorum_world *w)
{
	struct instant sent;
	unsigned i;

	for (i = 0; w->e->role != ELECTION_ASKING && i < 100; i++)
		quorum_wait(w, 10 * MS);
	quorum_message(w, 1, MESSAGE_PRE_VOTE_ANSWER, 3);
	w->msg.flags = MESSAGE_GRANTED;
	w->msg.vote.wanted = w->e->wanted;
	quorum_hear(w);
	quorum_message(w, 1, MESSAGE_VOTE_ANSWER, w->e->hard.term);
	w->msg.flags = MESSAGE_GRANTED;
	w->msg.vote.wanted = w->e->wanted;
	quorum_hear(w);
	sent = w->now;
	w->now = instant_add(w->now, 1 * MS);
	for (i = 1; i < 3; i++)
		quorum_ack(w, i, sent, w->e->hard.document.position);
}
