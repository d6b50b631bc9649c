#include "controller/core/election_state.h"

#include <errno.h>

/* Leading: rules 2, 6, 7, 8 and 12 of docs/protocol.md. */

bool primary_in_office(const struct election *e)
{
	return e->role == ELECTION_LEADER || e->role == ELECTION_PRIMARY;
}

/* Rule 2: s + L; NONE while no quorum has acknowledged anything. */
struct instant primary_lease_end(const struct election *e)
{
	return instant_add(e->sent, e->set.lease_us);
}

/* Rule 8: s + L - R, when stepping down starts. */
struct instant primary_must_end(const struct election *e)
{
	return instant_add(e->sent, e->set.lease_us - e->budget_us);
}

/* Rule 2: the latest send time that a quorum has acknowledged, the leader
 * itself counted: the (quorum - 1)th latest of the others. */
static struct instant quorum_sent(const struct election *e)
{
	struct instant sorted[ELECTION_NODES_MAX];
	unsigned want = RULE(LEASE_QUORUM) || e->quorum < 2 ? e->quorum - 1 : 1;
	unsigned i, k, count = 0;

	if (want == 0)
		return e->last_beat;
	for (i = 0; i < e->set.node_count; i++) {
		struct instant acked = e->peers[i].acked;

		if (i == e->set.self)
			continue;
		for (k = count++; k > 0 && instant_before(sorted[k - 1], acked);
		     k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = acked;
	}
	return want <= count ? sorted[want - 1] : INSTANT_NONE;
}

/* Rule 2: acknowledged in a message of this term, and sent since it won. */
void primary_acked(struct election *e, unsigned from, const struct message *msg)
{
	struct peer *peer = &e->peers[from];
	struct instant sent = { msg->ack.clock_us };

	if (msg->ack.boot != e->boot)
		return;
	if ((msg->term != e->hard.term || msg->ack.term != e->hard.term ||
	     instant_before(sent, e->won_at)) &&
	    RULE(LEASE_THIS_TERM))
		return;
	if (!RULE(LEASE_SENT))
		sent = e->now;
	if (!instant_before(peer->acked, sent))
		return;
	peer->acked = sent;
	/* A peer that starts anew takes nothing back: it promises again. */
	e->sent = instant_max(e->sent, quorum_sent(e));
	if (!instant_before(e->sent, e->last_beat))
		e->next_beat = instant_add(e->last_beat, e->set.heartbeat_us);
	routing_by_office(e);
}

/* Rule 6: the leader writes the document anew in its own term. */
void primary_win(struct election *e)
{
	unsigned i;

	e->role = ELECTION_LEADER;
	e->leader = e->set.self;
	e->leader_primary = false;
	e->stand_at = INSTANT_NEVER;
	e->skip_pre_vote = false;
	e->won_at = e->now;
	e->sent = INSTANT_NONE;
	e->promoting = false;
	e->fence_count = 0;
	e->inherited = e->hard.document.position.term;
	e->leased_before = e->leased;
	e->committed = (struct position){ 0, 0 };
	for (i = 0; i < e->set.node_count; i++) {
		if (RULE(LEASE_THIS_TERM))
			e->peers[i].acked = INSTANT_NONE;
		e->peers[i].granted = INSTANT_NONE;
		e->peers[i].document_sent = INSTANT_NONE;
	}
	if (RULE(REWRITE)) {
		e->hard.document.position.term = e->hard.term;
		e->hard.document.position.version++;
	}
	election_note(e, ELECTION_NOTE_WON, e->set.self, ELECTION_REASON_NONE);
	election_take_document(e, NULL);
	e->next_beat = e->now;
	if (e->set.node_count > 1)
		return;
	e->last_beat = e->now;
	e->sent = e->now;
}

/* Rule 6: how many have the document of this term on disk.  A report counts
 * in a message of this term only: whoever has gone on to a higher one may
 * have voted before it stored. */
static unsigned stored_count(const struct election *e)
{
	struct position at = e->hard.document.position;
	unsigned i, count = position_same(e->disk.position, at);

	for (i = 0; i < e->set.node_count; i++) {
		const struct peer *peer = &e->peers[i];

		if (i == e->set.self)
			continue;
		if (RULE(REWRITE)) {
			count += peer->stored_term == e->hard.term &&
				 peer->stored.term == at.term &&
				 peer->stored.version >= at.version;
		} else {
			count += position_compare(peer->stored, at) >= 0;
		}
	}
	return count;
}

/* Whoever has it on disk obeys it when it is told so, not a heartbeat later. */
static void tell_committed(struct election *e)
{
	unsigned i;

	election_act(e, ELECTION_COMMITTED)->committed = e->committed;
	routing_by_office(e);
	routing_fence(e);
	for (i = 0; i < e->set.node_count; i++)
		if (i != e->set.self &&
		    position_same(e->peers[i].stored, e->committed))
			election_beat(e, i);
}

static void become_primary(struct election *e)
{
	struct election_action *act;

	e->role = ELECTION_PRIMARY;
	e->leader_primary = true;
	e->office_at = e->now;
	e->promoting = true;
	e->promoted = false;
	election_note(e, ELECTION_NOTE_PRIMARY, e->set.self,
		      ELECTION_REASON_NONE);
	act = election_act(e, ELECTION_PROMOTE);
	e->promote_id = act->id = ++e->last_id;
	act->not_after = primary_must_end(e);
	act->promote.term = e->hard.term;
	tell_committed(e);
	e->next_beat = e->now;
}

/* Rules 6 and 7: what a quorum has on disk is committed. */
void primary_commit(struct election *e)
{
	struct position at = e->hard.document.position;
	bool fresh = false;

	if (!primary_in_office(e))
		return;
	if (!position_same(e->committed, at)) {
		bool first = e->role == ELECTION_LEADER;

		if (stored_count(e) < e->quorum &&
		    (first ? RULE(PRIMARY_COMMIT) : RULE(COMMIT)))
			return;
		e->committed = at;
		fresh = true;
	}
	if (e->role == ELECTION_LEADER) {
		if (instant_before(e->now, primary_must_end(e)))
			become_primary(e);
	} else if (fresh) {
		tell_committed(e);
	}
}

/* Rule 8: RESIGN, and never again in this term. */
static void leave(struct election *e)
{
	e->role = ELECTION_FOLLOWER;
	e->leader = ELECTION_NOBODY;
	e->leader_primary = false;
	e->resigned = e->hard.term;
	e->left_term = e->hard.term;
	e->left_successor =
		e->successor == ELECTION_NOBODY ? 0 : e->ids[e->successor];
	e->resigns_left = 3;
	e->resign_at = e->now;
	e->resigned_at = e->now;
	standing_plan(e);
	e->stand_at = instant_add(e->stand_at, 3 * e->set.heartbeat_us);
	election_note(e, ELECTION_NOTE_RESIGNED, e->set.self, e->reason);
	primary_resign_again(e);
	if (RULE(COMEBACK) || e->reason == ELECTION_REASON_LEASE)
		return;
	e->role = ELECTION_LEADER;
	e->leader = e->set.self;
	e->stand_at = INSTANT_NEVER;
	e->won_at = e->now;
}

void primary_resign_again(struct election *e)
{
	struct message *msg;
	unsigned i;

	if (e->resigns_left == 0 || instant_before(e->now, e->resign_at))
		return;
	e->resigns_left--;
	e->resign_at = instant_add(e->now, e->set.heartbeat_us / 4);
	if (e->left_term != e->hard.term) {
		e->resigns_left = 0;
		return;
	}
	for (i = 0; i < e->set.node_count; i++) {
		if (i == e->set.self)
			continue;
		msg = election_send(e, i, MESSAGE_RESIGN);
		msg->resign.successor = e->left_successor;
		msg->resign.left = e->left;
	}
}

/* Whether people wanted it, or something failed. */
static enum message_left left_by(const struct election *e,
				 enum election_reason reason)
{
	unsigned wanted = ELECTION_MAINTENANCE | ELECTION_STOPPING;
	bool planned = reason == ELECTION_REASON_HAND_OVER ||
		       reason == ELECTION_REASON_PREEMPTED ||
		       (reason == ELECTION_REASON_OBSTACLE &&
			(election_obstacles(e) & ~wanted) == 0);

	return planned ? MESSAGE_LEFT_PLANNED : MESSAGE_LEFT_FAILED;
}

void primary_step_down(struct election *e, enum election_reason reason,
		       unsigned successor)
{
	struct election_action *act;

	election_note(e, ELECTION_NOTE_STEPS_DOWN, e->set.self, reason);
	e->reason = reason;
	e->left = left_by(e, reason);
	e->left_at = e->now;
	e->left_whole = reason == ELECTION_REASON_LEASE ? e->sent : e->now;
	e->successor = successor;
	e->former = ELECTION_NOBODY;
	e->leased = instant_max(e->leased, primary_lease_end(e));
	if (!e->promoting) {
		leave(e);
		return;
	}
	e->role = ELECTION_RELEASING;
	e->release_end = primary_lease_end(e);
	e->released_late = false;
	act = election_act(e, ELECTION_RELEASE);
	e->release_id = act->id = ++e->last_id;
	act->release.routes = false;
	if (RULE(RESIGN_RELEASED))
		return;
	e->left_term = e->hard.term;
	e->left_successor =
		successor == ELECTION_NOBODY ? 0 : e->ids[successor];
	e->resigns_left = 3;
	e->resign_at = e->now;
	primary_resign_again(e);
}

/* The next heartbeat says that it serves. */
void primary_promoted(struct election *e, uint64_t id)
{
	if (e->role != ELECTION_PRIMARY || id != e->promote_id)
		return;
	e->promoted = true;
}

void primary_released(struct election *e)
{
	if (e->role != ELECTION_RELEASING)
		return;
	if (e->promoting) {
		e->promoting = false;
		leave(e);
		return;
	}
	e->role = ELECTION_FOLLOWER; /* the first act of a start */
	routing_conform(e);
}

/* At once it would be tried without end when it fails at once. */
void primary_release_failed(struct election *e, uint64_t id)
{
	if (id != e->release_id || e->role != ELECTION_RELEASING)
		return;
	e->release_id = 0;
	e->release_at = instant_add(e->now, e->set.heartbeat_us / 4);
}

void primary_release_again(struct election *e)
{
	struct election_action *act;

	if (e->role != ELECTION_RELEASING || e->release_id != 0 ||
	    instant_before(e->now, e->release_at))
		return;
	act = election_act(e, ELECTION_RELEASE);
	e->release_id = act->id = ++e->last_id;
	act->release.routes = !e->promoting;
}

void primary_expire(struct election *e)
{
	struct instant late = instant_add(e->won_at, e->set.lease_us);

	if (e->role == ELECTION_RELEASING && e->promoting &&
	    !e->released_late && instant_reached(e->now, e->release_end)) {
		e->released_late = true;
		election_note(e, ELECTION_NOTE_OVERRUN, e->set.self, e->reason);
	}
	if (e->role == ELECTION_PRIMARY &&
	    instant_reached(e->now, primary_must_end(e)))
		primary_step_down(e, ELECTION_REASON_LEASE,
				  primary_successor(e));
	else if (e->role == ELECTION_LEADER && instant_reached(e->now, late) &&
		 RULE(DEAF))
		primary_step_down(e, ELECTION_REASON_LATE,
				  primary_successor(e));
	else if (primary_in_office(e) && election_obstacles(e) != 0)
		primary_step_down(e, ELECTION_REASON_OBSTACLE,
				  primary_successor(e));
}

static bool can_succeed(const struct election *e, unsigned node)
{
	const struct peer *peer = &e->peers[node];

	return node != e->set.self && peer->eligible &&
	       election_heard(e, node, 2 * e->set.heartbeat_us) &&
	       position_compare(peer->stored, e->disk.position) >= 0;
}

/* Rule 9: the best eligible follower. */
unsigned primary_successor(const struct election *e)
{
	unsigned i, best = ELECTION_NOBODY;

	for (i = 0; i < e->set.node_count; i++)
		if (can_succeed(e, i) &&
		    (best == ELECTION_NOBODY ||
		     e->peers[i].priority > e->peers[best].priority))
			best = i;
	return best;
}

/* Rule 12: when a better node has been eligible for the delay, in this
 * office: else two that cannot win from each other would pass it to and fro.
 * NEVER when there is none. */
struct instant primary_preempted_at(const struct election *e)
{
	unsigned best;

	if (!e->set.preempt || e->role != ELECTION_PRIMARY)
		return INSTANT_NEVER;
	best = primary_successor(e);
	if (best == ELECTION_NOBODY ||
	    e->peers[best].priority <= e->set.nodes[e->set.self].priority)
		return INSTANT_NEVER;
	return instant_add(
		instant_max(e->peers[best].eligible_since, e->office_at),
		e->set.preempt_delay_us);
}

void primary_preempt(struct election *e)
{
	if (instant_reached(e->now, primary_preempted_at(e)))
		primary_step_down(e, ELECTION_REASON_PREEMPTED,
				  primary_successor(e));
}

int election_can_hand_over(const struct election *e, unsigned to,
			   struct err *err)
{
	if (e->role != ELECTION_PRIMARY)
		return err_set(err, -ENOTCONN,
			       "this node is not the primary: ask there");
	if (to == ELECTION_NOBODY) {
		if (primary_successor(e) != ELECTION_NOBODY)
			return 0;
		return err_set(err, -EHOSTUNREACH,
			       "no other node could take over");
	}
	if (to >= e->set.node_count)
		return err_set(err, -EINVAL, "there is no such node");
	if (to == e->set.self)
		return err_set(err, -EALREADY, "%s is the primary already",
			       e->set.nodes[to].name);
	if (e->set.nodes[to].witness)
		return err_set(err, -EINVAL, "%s is a witness and never leads",
			       e->set.nodes[to].name);
	if (!can_succeed(e, to))
		return err_set(err, -EHOSTUNREACH,
			       "%s is not ready: not heard, not eligible or "
			       "behind",
			       e->set.nodes[to].name);
	return 0;
}
