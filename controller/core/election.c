#include "controller/core/election_state.h"

#include <assert.h>
#include <stdlib.h>

/* The step: what has run out, the event, what follows from both. */

struct election *election_new(const struct election_settings *set,
			      uint64_t seed)
{
	struct election *e = calloc(1, sizeof(*e));
	unsigned i;

	if (e == NULL)
		return NULL;
	e->set = *set;
	for (i = 0; i < set->node_count; i++)
		e->ids[i] = message_id(set->nodes[i].name);
	e->digest = election_digest(set);
	e->quorum = set->node_count / 2 + 1;
	if (!RULE(QUORUM) && e->quorum > 1)
		e->quorum--;
	e->budget_us = election_release_budget_us(set);
	e->promise_us = RULE(PROMISE_DRIFT)
				? election_stretched_us(set, set->lease_us)
				: set->lease_us;
	rng_init(&e->rng, seed);
	for (i = 0; i < set->node_count; i++)
		peer_init(&e->peers[i], &e->rng);
	e->role = ELECTION_RELEASING;
	e->leader = e->successor = e->former = ELECTION_NOBODY;
	e->promise = e->boot_promise = e->leased = INSTANT_NONE;
	e->stand_at = INSTANT_NEVER;
	e->resigned_at = e->leaving = INSTANT_NONE;
	e->store_retry = e->sent = e->routing_end = INSTANT_NONE;
	e->next_beat = INSTANT_NEVER;
	return e;
}

void election_free(struct election *e)
{
	free(e);
}

struct election_action *election_act(struct election *e,
				     enum election_action_kind kind)
{
	struct election_action *act = &e->out->list[e->out->count++];

	assert(e->out->count <= ELECTION_ACTIONS_MAX);
	act->kind = kind;
	act->id = 0;
	act->not_after = INSTANT_NEVER;
	return act;
}

void election_note(struct election *e, enum election_note_kind kind,
		   unsigned node, enum election_reason reason)
{
	struct election_action *act = election_act(e, ELECTION_NOTE);

	act->note.kind = kind;
	act->note.reason = reason;
	act->note.term = e->hard.term;
	act->note.node = node;
	act->note.obstacles = election_obstacles(e);
}

/* Rule 12: eligible for others is who also hears a quorum and could stand now;
 * nothing is won by handing over to one that does not, or that is bound by the
 * promise of its start. */
static bool electable(const struct election *e)
{
	unsigned i, heard = 1;

	if (election_obstacles(e) != 0 ||
	    !instant_reached(e->now, e->boot_promise))
		return false;
	for (i = 0; i < e->set.node_count; i++)
		heard += i != e->set.self &&
			 election_heard(e, i, 2 * e->set.heartbeat_us);
	return heard >= e->quorum;
}

struct message *election_send(struct election *e, unsigned to,
			      enum message_kind kind)
{
	struct election_action *act = election_act(e, ELECTION_SEND);
	struct message *msg = &act->send.message;
	struct peer *peer = &e->peers[to];

	act->send.to = to;
	msg->kind = kind;
	msg->flags = 0;
	if (primary_in_office(e))
		msg->flags |= MESSAGE_LEADER;
	if (e->role == ELECTION_PRIMARY)
		msg->flags |= MESSAGE_PRIMARY |
			      (e->promoted ? 0u : MESSAGE_PROMOTING);
	if (electable(e))
		msg->flags |= MESSAGE_ELIGIBLE;
	if (e->hard.blank)
		msg->flags |= MESSAGE_BLANK;
	if ((e->obstacles & ELECTION_MAINTENANCE) != 0 ||
	    !instant_is_none(e->leaving))
		msg->flags |= MESSAGE_MAINTENANCE;
	msg->from = e->ids[e->set.self];
	msg->digest = e->digest;
	msg->boot = e->boot;
	msg->sequence = ++e->sequence;
	msg->term = e->hard.term;
	msg->clock_us = e->now.us;
	msg->challenge = peer->challenge;
	msg->challenge_echo = peer->their_challenge;
	msg->echo = peer->echo;
	msg->ack = (disk_current(e) || !RULE(ACK_SYNC)) && !e->hard.blank
			   ? e->ack
			   : (struct message_ack){ 0, 0, 0 };
	return msg;
}

/* Rule 10: `committed` is told while primary and before s + L - R. */
static struct position committed_now(struct election *e, struct peer *peer)
{
	if (e->role != ELECTION_PRIMARY ||
	    instant_reached(e->now, primary_must_end(e)))
		return (struct position){ 0, 0 };
	peer->granted = instant_max(peer->granted, peer->heard);
	return e->committed;
}

void election_beat(struct election *e, unsigned to)
{
	struct message *msg = election_send(e, to, MESSAGE_HEARTBEAT);

	msg->heartbeat.stored = RULE(DOCUMENT_SYNC) ? e->disk.position
						    : e->hard.document.position;
	msg->heartbeat.committed = committed_now(e, &e->peers[to]);
	msg->heartbeat.conforming = e->conforming;
	msg->heartbeat.priority = e->set.nodes[e->set.self].priority;
	msg->heartbeat.resigned = e->left_term;
	msg->heartbeat.successor = e->left_successor;
	msg->heartbeat.longest_routing_us = e->hard.longest_routing_us;
	msg->heartbeat.left = e->left;
	msg->heartbeat.left_ago_us = msg->heartbeat.whole_ago_us = 0;
	if (e->left == MESSAGE_LEFT_UNKNOWN)
		return;
	msg->heartbeat.left_ago_us = instant_diff_us(e->left_at, e->now);
	msg->heartbeat.whole_ago_us = instant_diff_us(e->left_whole, e->now);
}

/* To all each H.  One that had an answer within H / 2 was served by it.  A
 * leader whose last one no quorum has acknowledged repeats it after H / 4 to
 * those who have not. */
static void beat_if_due(struct election *e)
{
	int64_t beat_us = e->set.heartbeat_us;
	struct instant last = e->last_beat;
	bool office = primary_in_office(e) && e->quorum > 1;
	bool again;
	unsigned i;

	if (instant_before(e->now, e->next_beat))
		return;
	again = office && instant_before(e->sent, last) &&
		instant_diff_us(last, e->now) < beat_us;
	e->last_beat = e->now;
	for (i = 0; i < e->set.node_count; i++) {
		struct peer *peer = &e->peers[i];

		if (i == e->set.self ||
		    (again && !instant_before(peer->acked, last)))
			continue;
		if (office || instant_is_none(peer->answered) ||
		    instant_diff_us(peer->answered, e->now) > beat_us / 2)
			election_beat(e, i);
	}
	if (e->set.node_count == 1 && primary_in_office(e)) {
		e->sent = e->now;
		routing_by_office(e);
	}
	e->next_beat = instant_add(e->now, office ? beat_us / 4 : beat_us);
}

void election_send_document(struct election *e, unsigned to)
{
	struct message *msg;

	if (position_is_none(e->hard.document.position))
		return;
	e->peers[to].document_sent = e->now;
	msg = election_send(e, to, MESSAGE_DOCUMENT);
	msg->document.body = e->body;
	msg->document.size = e->body_size;
}

/* Rules 6 and 7: hold @doc (NULL: what is held was changed in place), obey it
 * at once, and write it down; a leader sends it to all. */
void election_take_document(struct election *e, const struct document *doc)
{
	unsigned i;

	if (doc != NULL)
		document_copy(&e->hard.document, doc);
	e->body_size =
		document_encode(&e->hard.document, e->body, sizeof(e->body));
	assert(e->body_size > 0);
	e->dirty = true;
	routing_obey(e);
	if (!primary_in_office(e))
		return;
	for (i = 0; i < e->set.node_count; i++)
		if (i != e->set.self)
			election_send_document(e, i);
}

/* Rule 5. */
void election_adopt(struct election *e, uint64_t term)
{
	e->hard.term = term;
	e->hard.voted_for = 0;
	e->vote_owed = 0;
	e->dirty = true;
	e->leader = ELECTION_NOBODY;
	e->leader_primary = false;
	if (e->role == ELECTION_ASKING || e->role == ELECTION_CANDIDATE)
		standing_stop(e);
}

/* Rule 5: a term higher than the own one. */
static void hear_term(struct election *e, const struct message *msg)
{
	if (msg->term <= e->hard.term)
		return;
	if (primary_in_office(e))
		primary_step_down(e, ELECTION_REASON_TERM, ELECTION_NOBODY);
	else if ((e->role != ELECTION_RELEASING || !RULE(VOTE_IN_OFFICE)) &&
		 ((!promise_stands(e) && RULE(TERMS)) ||
		  (msg->flags & MESSAGE_LEADER) != 0))
		election_adopt(e, msg->term);
}

static void note_peer(struct election *e, unsigned from,
		      const struct message *msg)
{
	struct peer *peer = &e->peers[from];
	bool eligible = (msg->flags & MESSAGE_ELIGIBLE) != 0;

	if (eligible && !peer->eligible)
		peer->eligible_since = e->now;
	peer->told = true;
	peer->eligible = eligible;
	peer->blank = (msg->flags & MESSAGE_BLANK) != 0;
	peer->maintenance = (msg->flags & MESSAGE_MAINTENANCE) != 0;
	peer->priority = msg->heartbeat.priority;
	peer->stored = msg->heartbeat.stored;
	peer->stored_term = msg->term;
	peer->conforming = msg->heartbeat.conforming;
	disk_hear_routing(e, msg->heartbeat.longest_routing_us);
	if (!peer->drifting && peer_drifts(peer, msg, e->boot, e->now,
					   20 * SECOND, e->set.drift_ppm)) {
		peer->drifting = true;
		election_note(e, ELECTION_NOTE_DRIFTS, from,
			      ELECTION_REASON_NONE);
	}
}

/* Rule 1: whom a follower follows. */
static void hear_leader(struct election *e, unsigned from,
			const struct message *msg)
{
	if ((msg->flags & MESSAGE_LEADER) == 0 || msg->term != e->hard.term ||
	    msg->term == e->resigned || primary_in_office(e) ||
	    e->role == ELECTION_RELEASING)
		return;
	promise_renew(e, from, msg);
	routing_granted(e, msg);
	e->peers[from].answered = e->now;
	election_beat(e, from);
}

static void hear_heartbeat(struct election *e, unsigned from,
			   const struct message *msg)
{
	struct peer *peer = &e->peers[from];
	struct position stored = peer->stored;
	int64_t half_us = e->set.heartbeat_us / 2;

	note_peer(e, from, msg);
	hear_leader(e, from, msg);
	/* It came after the quorum that committed what it has now. */
	if (e->role == ELECTION_PRIMARY &&
	    !position_same(stored, peer->stored) &&
	    position_same(peer->stored, e->committed))
		election_beat(e, from);
	if (msg->heartbeat.resigned != 0)
		resign_heard(e, from, msg->heartbeat.resigned,
			     msg->heartbeat.successor, msg->heartbeat.left);
	if (e->hard.blank)
		disk_hear_when_blank(e, msg);
	if (primary_in_office(e) &&
	    position_compare(peer->stored, e->hard.document.position) < 0 &&
	    (instant_is_none(peer->document_sent) ||
	     instant_diff_us(peer->document_sent, e->now) >= half_us))
		election_send_document(e, from);
}

/* Rule 6: from a node that does not lead a document is taken on its position
 * alone, whatever its term; from one that leads, in its own term. */
static void hear_document(struct election *e, unsigned from,
			  const struct message *msg)
{
	bool leads = (msg->flags & MESSAGE_LEADER) != 0;
	struct document doc;

	if (primary_in_office(e) || e->role == ELECTION_RELEASING ||
	    (leads && msg->term < e->hard.term))
		return;
	if (document_decode(msg->document.body, msg->document.size, &doc,
			    NULL) < 0) {
		election_note(e, ELECTION_NOTE_DOCUMENT_REFUSED, from,
			      ELECTION_REASON_NONE);
		return;
	}
	if (doc.position.term < e->hard.term && !RULE(AHEAD))
		return;
	if (position_compare(doc.position, e->hard.document.position) > 0)
		election_take_document(e, &doc);
}

static void hear_kind(struct election *e, unsigned from,
		      const struct message *msg)
{
	switch (msg->kind) {
	case MESSAGE_HEARTBEAT:
		hear_heartbeat(e, from, msg);
		break;
	case MESSAGE_PRE_VOTE:
	case MESSAGE_VOTE:
		voting_asked(e, from, msg);
		break;
	case MESSAGE_PRE_VOTE_ANSWER:
	case MESSAGE_VOTE_ANSWER:
		standing_answer(e, from, msg);
		break;
	case MESSAGE_DOCUMENT:
		hear_document(e, from, msg);
		break;
	case MESSAGE_RESIGN:
		resign_heard(e, from, msg->term, msg->resign.successor,
			     msg->resign.left);
		break;
	case MESSAGE_OBSERVATION:
	case MESSAGE_INCIDENTS: {
		struct election_action *act =
			election_act(e, ELECTION_OBSERVED);

		act->observed.from = from;
		act->observed.message = msg;
		break;
	}
	case MESSAGE_KINDS:
		break;
	}
}

/* Whether a message counts, and of whom it is. */
static bool admit(struct election *e, const struct message *msg,
		  unsigned *ret_from)
{
	unsigned from = election_find(e, msg->from);
	uint64_t *const counts[] = {
		[PEER_COUNTS] = &e->heard.taken,
		[PEER_STRANGER] = &e->heard.stale,
		[PEER_REPEATED] = &e->heard.repeated,
	};
	enum peer_verdict verdict;
	struct peer *peer;

	if (from == ELECTION_NOBODY || from == e->set.self) {
		*(from == ELECTION_NOBODY ? &e->heard.misconfigured
					  : &e->heard.repeated) += 1;
		return false;
	}
	peer = &e->peers[from];
	if (msg->digest != e->digest) {
		if (!peer->misconfigured)
			election_note(e, ELECTION_NOTE_MISCONFIGURED, from,
				      ELECTION_REASON_NONE);
		peer->misconfigured = true;
		e->heard.misconfigured++;
		return false;
	}
	peer->misconfigured = false;
	verdict = peer_admit(peer, msg, e->now, &e->rng);
	*counts[verdict] += 1;
	*ret_from = from;
	return verdict == PEER_COUNTS;
}

/* What the daemon itself has heard of us; its guard echoes nothing. */
static void note_echo(struct election *e, unsigned from,
		      const struct message *msg)
{
	struct peer *peer = &e->peers[from];
	struct instant ours = { msg->echo.clock_us };

	if (msg->echo.boot != e->boot ||
	    msg->sequence >= MESSAGE_GUARD_SEQUENCE ||
	    instant_before(ours, peer->echoed))
		return;
	peer->echoed = ours;
	peer->echoed_term = msg->term;
	peer->echoed_flags = msg->flags;
}

static void hear(struct election *e, const struct message *msg)
{
	unsigned from = ELECTION_NOBODY;

	if (!admit(e, msg, &from))
		return;
	note_echo(e, from, msg);
	hear_term(e, msg);
	if (primary_in_office(e) && msg->kind == MESSAGE_HEARTBEAT)
		primary_acked(e, from, msg);
	hear_kind(e, from, msg);
}

/* Never as primary by memory: with a release and a promise. */
static void start(struct election *e, const struct election_event *ev)
{
	struct election_action *act;
	int64_t lease_us;

	e->boot = ev->start.boot;
	disk_start(e, ev->start.stored);
	e->body_size =
		document_encode(&e->hard.document, e->body, sizeof(e->body));
	lease_us = RULE(PROMISE_LONGEST) ? e->hard.longest_lease_us
					 : e->set.lease_us;
	if (RULE(PROMISE_BOOT))
		e->boot_promise = instant_add(
			e->now, election_stretched_us(&e->set, lease_us));
	act = election_act(e, ELECTION_RELEASE);
	e->release_id = act->id = ++e->last_id;
	act->release.routes = true;
	e->next_beat = e->now;
}

/* What is opaque to the election goes to all. */
static void tell_all(struct election *e, const struct election_event *ev)
{
	bool share = ev->kind == ELECTION_SHARE;
	struct message *msg;
	unsigned i;

	for (i = 0; i < e->set.node_count; i++) {
		if (i == e->set.self)
			continue;
		msg = election_send(
			e, i, share ? MESSAGE_INCIDENTS : MESSAGE_OBSERVATION);
		if (share) {
			msg->incidents.body = ev->share.body;
			msg->incidents.size = ev->share.size;
		} else {
			msg->observation.body = ev->observe.body;
			msg->observation.count = ev->observe.count;
		}
	}
}

static void hand_over(struct election *e, unsigned to)
{
	if (election_can_hand_over(e, to, NULL) < 0)
		return;
	primary_step_down(e, ELECTION_REASON_HAND_OVER,
			  to == ELECTION_NOBODY ? primary_successor(e) : to);
}

/* A write came to its end: what waited for it goes out. */
static void stored(struct election *e, uint64_t id, bool done)
{
	if (id != e->store_id)
		return;
	disk_answered(e, done);
	if (!done)
		return;
	standing_stored(e);
	voting_stored(e);
	routing_conform(e);
	if (e->leader != ELECTION_NOBODY && e->leader != e->set.self)
		election_beat(e, e->leader);
}

static void handle(struct election *e, const struct election_event *ev)
{
	switch (ev->kind) {
	case ELECTION_START:
		start(e, ev);
		break;
	case ELECTION_TICK:
		break;
	case ELECTION_PROMOTED:
		primary_promoted(e, ev->id);
		break;
	case ELECTION_MESSAGE:
		hear(e, ev->message);
		break;
	case ELECTION_STORED:
	case ELECTION_STORE_FAILED:
		stored(e, ev->id, ev->kind == ELECTION_STORED);
		break;
	case ELECTION_LOCAL:
		e->obstacles = ev->obstacles;
		break;
	case ELECTION_PROMOTE_FAILED:
		if (e->role == ELECTION_PRIMARY && ev->id == e->promote_id)
			primary_step_down(e, ELECTION_REASON_PROMOTE,
					  primary_successor(e));
		break;
	case ELECTION_RELEASED:
		if (ev->id == e->release_id)
			primary_released(e);
		break;
	case ELECTION_RELEASE_FAILED:
		primary_release_failed(e, ev->id);
		break;
	case ELECTION_ROUTED:
	case ELECTION_ROUTE_FAILED:
		routing_answered(e, ev->id, ev->kind == ELECTION_ROUTED);
		break;
	case ELECTION_HAND_OVER:
		hand_over(e, ev->to);
		break;
	case ELECTION_LEAVE:
		leaving_tell(e, ev->leave);
		break;
	case ELECTION_OBSERVE:
	case ELECTION_SHARE:
		tell_all(e, ev);
		break;
	case ELECTION_DECIDE:
		keeping_decide(e, ev->document);
		break;
	case ELECTION_KEEP:
		keeping_want(e, ev->keep);
		break;
	case ELECTION_HOLD:
		e->holds = *ev->holds;
		break;
	}
}

/* Rule 11: every event first ends what has run out. */
static void expire(struct election *e)
{
	disk_expire(e);
	primary_expire(e);
	routing_expire(e);
}

void election_step(struct election *e, const struct election_event *ev,
		   struct election_actions *out)
{
	e->now = ev->now;
	e->out = out;
	out->count = 0;
	expire(e);
	handle(e, ev);
	if (election_obstacles(e) != 0)
		primary_expire(e);
	primary_commit(e);
	keeping_run(e);
	primary_preempt(e);
	primary_resign_again(e);
	primary_release_again(e);
	standing_run(e);
	disk_write(e);
	beat_if_due(e);
	routing_watch(e);
	e->out = NULL;
}
