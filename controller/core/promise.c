#include "controller/core/election_state.h"

/* Following, standing and voting: rules 1, 3, 4 and 9 of docs/protocol.md. */

/* Rule 1: while it stands, no vote and no pre-vote, the own included. */
bool promise_stands(const struct election *e)
{
	return instant_before(e->now, e->boot_promise) ||
	       instant_before(e->now, e->promise);
}

/* Rule 1: a heartbeat of the term's leader, received now. */
void promise_renew(struct election *e, unsigned from, const struct message *msg)
{
	struct message_ack ack = { msg->boot, msg->term, msg->clock_us };

	if (e->leader != ELECTION_NOBODY && e->leader != from)
		election_note(e, ELECTION_NOTE_TWO_LEADERS, from,
			      ELECTION_REASON_NONE);
	if (e->leader != from)
		election_note(e, ELECTION_NOTE_FOLLOWS, from,
			      ELECTION_REASON_NONE);
	e->leader = from;
	e->leader_primary = (msg->flags & MESSAGE_PRIMARY) != 0;
	e->leader_promoting = (msg->flags & MESSAGE_PROMOTING) != 0;
	if (e->leader_primary)
		e->former = from;
	if (RULE(PROMISE))
		e->promise = instant_max(e->promise,
					 instant_add(e->now, e->promise_us));
	e->leased = instant_max(e->leased, instant_add(e->now, e->promise_us));
	if (e->leader_primary && e->peers[from].led_term != msg->term) {
		e->peers[from].led_term = msg->term;
		e->peers[from].led_since = e->now;
	}
	if (e->ack.boot != ack.boot || e->ack.term != ack.term ||
	    e->ack.clock_us < ack.clock_us)
		e->ack = ack;
	standing_stop(e);
}

/* Rule 3: any candidacy ends. */
void standing_stop(struct election *e)
{
	if (!RULE(PROMISE_OWN) && promise_stands(e))
		return;
	if (e->role == ELECTION_ASKING || e->role == ELECTION_CANDIDATE)
		e->role = ELECTION_FOLLOWER;
	e->stand_at = INSTANT_NEVER;
	e->skip_pre_vote = false;
}

/* Rule 3: a random delay in [0, 2 H), and H / 2 for each better node. */
static int64_t standing_delay_us(struct election *e)
{
	int64_t beat_us = e->set.heartbeat_us;
	int64_t delay_us = (int64_t)rng_below(&e->rng, 2 * (uint64_t)beat_us);
	int32_t own = e->set.nodes[e->set.self].priority;
	unsigned i;

	for (i = 0; i < e->set.node_count; i++)
		if (i != e->set.self && e->peers[i].eligible &&
		    e->peers[i].priority > own &&
		    election_heard(e, i, 2 * beat_us))
			delay_us += beat_us / 2;
	return delay_us;
}

void standing_plan(struct election *e)
{
	e->stand_at = instant_add(e->now, standing_delay_us(e));
}

/* The document's term counts as well: it may have come from a node ahead
 * while a promise kept this one from the term, and what is written in the
 * new term must be newer than it. */
static uint64_t next_term(const struct election *e)
{
	uint64_t of_document = e->hard.document.position.term;

	return (of_document > e->hard.term ? of_document : e->hard.term) + 1;
}

static unsigned count_bits(uint32_t bits)
{
	unsigned count = 0;

	for (; bits != 0; bits &= bits - 1)
		count++;
	return count;
}

/* Ask whoever has not answered. */
static void ask(struct election *e)
{
	bool for_pre_vote = e->role == ELECTION_ASKING;
	struct message *msg;
	unsigned i;

	for (i = 0; i < e->set.node_count; i++) {
		if (i == e->set.self || (e->asked >> i & 1) != 0)
			continue;
		msg = election_send(
			e, i, for_pre_vote ? MESSAGE_PRE_VOTE : MESSAGE_VOTE);
		msg->vote.wanted = e->wanted;
		msg->vote.position = e->disk.position;
		msg->vote.left_us = 0;
	}
	e->ask_again = instant_add(e->now, e->set.heartbeat_us / 2);
}

static void begin(struct election *e, enum election_role role)
{
	e->role = role;
	e->votes = 0;
	e->asked = 0;
	e->attempt_end = instant_add(e->now, 2 * e->set.heartbeat_us);
	e->stand_at = INSTANT_NEVER;
}

/* Rule 3: raise the term, vote for itself, ask for votes.  The own vote
 * counts when it is on disk, and no term is won without it. */
static void stand(struct election *e)
{
	e->hard.term = e->wanted;
	e->hard.voted_for = e->ids[e->set.self];
	e->dirty = true;
	e->leader = ELECTION_NOBODY;
	e->vote_owed = 0;
	begin(e, ELECTION_CANDIDATE);
	election_note(e, ELECTION_NOTE_STANDS, e->set.self,
		      ELECTION_REASON_NONE);
	ask(e);
}

static void ask_pre_votes(struct election *e)
{
	e->wanted = next_term(e);
	if (e->skip_pre_vote || e->quorum == 1 || !RULE(PRE_VOTE)) {
		e->skip_pre_vote = false;
		stand(e);
		return;
	}
	begin(e, ELECTION_ASKING);
	e->votes = (uint32_t)1 << e->set.self;
	ask(e);
}

/* What time alone brings about. */
void standing_run(struct election *e)
{
	bool may = e->role != ELECTION_LEADER && e->role != ELECTION_PRIMARY &&
		   e->role != ELECTION_RELEASING &&
		   (!promise_stands(e) || !RULE(PROMISE_OWN)) &&
		   election_obstacles(e) == 0;

	if (!may) {
		if (e->role == ELECTION_ASKING || e->role == ELECTION_CANDIDATE)
			standing_stop(e);
		e->stand_at = INSTANT_NEVER;
		e->skip_pre_vote = false;
		return;
	}
	if (e->role == ELECTION_ASKING || e->role == ELECTION_CANDIDATE) {
		if (instant_reached(e->now, e->attempt_end)) {
			standing_stop(e);
			standing_plan(e);
		} else if (instant_reached(e->now, e->ask_again)) {
			ask(e);
		}
		return;
	}
	if (instant_is_never(e->stand_at))
		standing_plan(e);
	if (instant_reached(e->now, e->stand_at))
		ask_pre_votes(e);
}

static void win_if_elected(struct election *e)
{
	if (e->role == ELECTION_CANDIDATE &&
	    count_bits(e->votes) >= e->quorum &&
	    (e->votes >> e->set.self & 1) != 0)
		primary_win(e);
}

/* What a voter says of leases that may still run. */
static void hear_left(struct election *e, int64_t left_us)
{
	int64_t most_us =
		election_stretched_us(&e->set, e->hard.longest_lease_us);

	if (!RULE(FORMER_TOLD))
		return;
	if (left_us < 0 || left_us > most_us)
		left_us = most_us;
	e->leased = instant_max(
		e->leased,
		instant_add(e->now, election_stretched_us(&e->set, left_us)));
}

void standing_answer(struct election *e, unsigned from,
		     const struct message *msg)
{
	bool granted = (msg->flags & MESSAGE_GRANTED) != 0;

	/* Also after it stood still: who voted may have started anew since. */
	if (msg->vote.wanted != e->wanted ||
	    instant_reached(e->now, e->attempt_end))
		return;
	if (msg->kind == MESSAGE_PRE_VOTE_ANSWER &&
	    e->role == ELECTION_ASKING) {
		e->asked |= (uint32_t)1 << from;
		if (granted)
			e->votes |= (uint32_t)1 << from;
		if (count_bits(e->votes) >= e->quorum)
			stand(e);
	} else if (msg->kind == MESSAGE_VOTE_ANSWER &&
		   e->role == ELECTION_CANDIDATE && msg->term == e->hard.term) {
		e->asked |= (uint32_t)1 << from;
		if (granted) {
			e->votes |= (uint32_t)1 << from;
			hear_left(e, msg->vote.left_us);
		}
		win_if_elected(e);
	}
}

/* The own vote is on disk. */
void standing_stored(struct election *e)
{
	if (e->role != ELECTION_CANDIDATE || e->disk.term != e->hard.term ||
	    e->disk.voted_for != e->ids[e->set.self])
		return;
	e->votes |= (uint32_t)1 << e->set.self;
	win_if_elected(e);
}

/* For how long, by what this node has promised and held itself, a lease of
 * whoever was primary may still run: a RESIGN ends the promise, not that. */
static int64_t left_us(const struct election *e)
{
	int64_t us = instant_is_none(e->leased)
			     ? 0
			     : instant_diff_us(e->now, e->leased);

	return us > 0 ? us : 0;
}

static void answer(struct election *e, unsigned to, bool pre, uint64_t wanted,
		   bool granted)
{
	struct message *msg = election_send(
		e, to, pre ? MESSAGE_PRE_VOTE_ANSWER : MESSAGE_VOTE_ANSWER);

	if (granted)
		msg->flags |= MESSAGE_GRANTED;
	msg->vote.wanted = wanted;
	msg->vote.position = e->disk.position;
	msg->vote.left_us = left_us(e);
}

/* Rule 4, and "Disk": what must be true of a voter itself. */
static bool may_vote(const struct election *e)
{
	if ((e->role == ELECTION_LEADER || e->role == ELECTION_PRIMARY ||
	     e->role == ELECTION_RELEASING) &&
	    RULE(VOTE_IN_OFFICE))
		return false;
	return !promise_stands(e) && !e->disk_failed && !e->hard.blank;
}

/* Rule 4: a document at least as new as the own one, synced or not. */
static bool position_suffices(const struct election *e,
			      const struct message *msg)
{
	return position_compare(msg->vote.position,
				e->hard.document.position) >= 0 ||
	       !RULE(VOTE_POSITION);
}

static void give_vote(struct election *e, unsigned to)
{
	if (e->hard.voted_for != e->ids[to]) {
		standing_stop(e);
		e->hard.voted_for = e->ids[to];
		e->dirty = true;
		/* Leave the winner the time to say so. */
		standing_plan(e);
		e->stand_at = instant_add(e->stand_at, 2 * e->set.heartbeat_us);
	}
	e->vote_owed = e->ids[to];
	if (RULE(VOTE_SYNC))
		voting_stored(e);
	else
		answer(e, to, false, e->hard.term, true);
}

/* Rule 4: the answer follows the vote onto the disk. */
void voting_stored(struct election *e)
{
	if (e->vote_owed == 0 || !disk_current(e) ||
	    e->disk.voted_for != e->vote_owed)
		return;
	answer(e, election_find(e, e->vote_owed), false, e->hard.term, true);
	e->vote_owed = 0;
}

void voting_asked(struct election *e, unsigned from, const struct message *msg)
{
	bool pre = msg->kind == MESSAGE_PRE_VOTE;
	bool suffices = position_suffices(e, msg);
	bool free_to = e->hard.voted_for == 0 ||
		       e->hard.voted_for == e->ids[from] || !RULE(VOTE_ONCE);

	if (!suffices)
		election_send_document(e, from);
	if (!may_vote(e) || !suffices) {
		answer(e, from, pre, msg->vote.wanted, false);
	} else if (pre) {
		answer(e, from, pre, msg->vote.wanted,
		       msg->vote.wanted > e->hard.term);
	} else if (msg->vote.wanted != e->hard.term || !free_to) {
		answer(e, from, pre, msg->vote.wanted, false);
	} else {
		give_vote(e, from);
	}
}

/* Who succeeds it wants to know; its guard cannot say. */
static void note_parting(struct election *e, uint64_t term, uint32_t left)
{
	if (term < e->parted ||
	    (term == e->parted && e->parted_by != MESSAGE_LEFT_UNKNOWN))
		return;
	e->parted = term;
	e->parted_by = left;
}

/* Rule 9: by the term's leader or its guard, and once. */
void resign_heard(struct election *e, unsigned from, uint64_t term,
		  uint32_t successor, uint32_t left)
{
	int64_t beat_us = e->set.heartbeat_us;

	note_parting(e, term, left);
	if (primary_in_office(e) || e->role == ELECTION_RELEASING)
		return;
	/* Who had not heard it when asked, and so kept to its promise, has by
	 * now. */
	if (e->role == ELECTION_CANDIDATE && term == e->resigned &&
	    successor == e->ids[e->set.self]) {
		ask(e);
		return;
	}
	if ((term != e->hard.term || term == e->resigned) && RULE(RESIGN_TERM))
		return;
	if (e->leader != from && e->leader != ELECTION_NOBODY &&
	    RULE(RESIGN_LEADER))
		return;
	e->resigned = term;
	e->promise = INSTANT_NONE;
	e->leader = ELECTION_NOBODY;
	e->leader_primary = false;
	standing_stop(e);
	if (successor == e->ids[e->set.self]) {
		e->skip_pre_vote = true;
		e->stand_at = e->now;
		return;
	}
	standing_plan(e);
	if (successor != 0)
		e->stand_at = instant_add(e->stand_at, 3 * beat_us);
	else
		e->stand_at = instant_add(
			e->now,
			(int64_t)rng_below(&e->rng, (uint64_t)beat_us / 2));
}
