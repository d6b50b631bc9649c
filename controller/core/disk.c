#include "controller/core/election_state.h"

/* "Disk" of docs/protocol.md: one write at a time, in order; what is being
 * written counts at once where it forbids, and when synced where it allows. */

void disk_start(struct election *e, const struct hard_state *stored)
{
	int64_t lease_us = e->set.lease_us;

	if (stored != NULL) {
		e->hard = *stored;
		e->disk.term = stored->term;
		e->disk.voted_for = stored->voted_for;
		e->disk.longest_lease_us = stored->longest_lease_us;
		e->disk.longest_routing_us = stored->longest_routing_us;
		e->disk.position = stored->document.position;
	} else {
		/* Alone, it has said all that there is to say. */
		e->hard.blank = e->set.node_count > 1;
		e->dirty = true;
	}
	if (e->hard.longest_lease_us < lease_us) {
		e->hard.longest_lease_us = lease_us;
		e->dirty = true;
	}
	if (e->hard.longest_routing_us < e->set.routing_lease_us) {
		e->hard.longest_routing_us = e->set.routing_lease_us;
		e->dirty = true;
	}
}

/* Rule 10: the longest G that this node or one that it heard ever ran with.
 * Every quorum has a node that knows it.  What no configuration allows is not
 * believed. */
void disk_hear_routing(struct election *e, int64_t longest_us)
{
	if (e->hard.longest_routing_us >= longest_us || longest_us > HOUR)
		return;
	e->hard.longest_routing_us = longest_us;
	e->dirty = true;
}

static bool nobody_has_any(const struct election *e)
{
	bool none = position_is_none(e->hard.document.position);
	unsigned i;

	for (i = 0; i < e->set.node_count; i++)
		if (i != e->set.self && (!e->peers[i].told ||
					 !position_is_none(e->peers[i].stored)))
			none = false;
	return none;
}

/* Whether no term above the own one has been won with a vote that is
 * forgotten: such a vote was counted within 2 H, so before the promise of the
 * start ended, by a quorum; enough of the others have said since that they
 * are in no higher term to have one of it among them. */
static bool forgot_nothing(const struct election *e)
{
	unsigned i, said = 0;

	for (i = 0; i < e->set.node_count; i++)
		said += i != e->set.self &&
			!instant_before(e->peers[i].echoed, e->boot_promise) &&
			e->peers[i].echoed_term <= e->hard.term;
	return instant_reached(e->now, e->boot_promise) &&
	       said >= e->set.node_count - e->quorum + 1;
}

/* A node whose state is missing counts again when a primary's document has
 * reached it, or when nobody has any.  In the term of that document it has
 * voted, for all that it knows. */
void disk_hear_when_blank(struct election *e, const struct message *msg)
{
	struct position committed = msg->heartbeat.committed;

	if (!nobody_has_any(e)) {
		if (position_is_none(committed) ||
		    !position_same(committed, e->disk.position) ||
		    !forgot_nothing(e))
			return;
		if (e->hard.voted_for == 0)
			e->hard.voted_for = e->ids[e->set.self];
	}
	e->hard.blank = false;
	e->dirty = true;
}

/* Whether what forbids is on disk, so that promises can be told.  The longest
 * lease is part of it: the promise after the next start depends on it. */
bool disk_current(const struct election *e)
{
	return !e->disk_failed && e->disk.term == e->hard.term &&
	       e->disk.longest_lease_us >= e->set.lease_us &&
	       e->disk.longest_routing_us >= e->set.routing_lease_us;
}

void disk_write(struct election *e)
{
	struct election_action *act;

	if (!e->dirty || e->store_id != 0 ||
	    instant_before(e->now, e->store_retry))
		return;
	e->dirty = false;
	e->writing.term = e->hard.term;
	e->writing.voted_for = e->hard.voted_for;
	e->writing.blank = e->hard.blank;
	e->writing.longest_lease_us = e->hard.longest_lease_us;
	e->writing.longest_routing_us = e->hard.longest_routing_us;
	if (!position_same(e->writing.document.position,
			   e->hard.document.position))
		document_copy(&e->writing.document, &e->hard.document);
	act = election_act(e, ELECTION_STORE);
	act->store = &e->writing;
	e->store_id = act->id = ++e->last_id;
	e->store_since = e->now;
}

static void fail(struct election *e)
{
	if (!e->disk_failed)
		election_note(e, ELECTION_NOTE_DISK_FAILED, e->set.self,
			      ELECTION_REASON_NONE);
	e->disk_failed = true;
}

void disk_answered(struct election *e, bool stored)
{
	e->store_id = 0;
	if (!stored) {
		fail(e);
		e->dirty = true;
		e->store_retry = instant_add(e->now, e->set.lease_us / 2);
		return;
	}
	if (e->disk_failed)
		election_note(e, ELECTION_NOTE_DISK_BACK, e->set.self,
			      ELECTION_REASON_NONE);
	e->disk_failed = false;
	e->disk.term = e->writing.term;
	e->disk.voted_for = e->writing.voted_for;
	e->disk.longest_lease_us = e->writing.longest_lease_us;
	e->disk.longest_routing_us = e->writing.longest_routing_us;
	e->disk.position = e->writing.document.position;
}

/* A write outstanding over 2 L counts as a failed disk. */
void disk_expire(struct election *e)
{
	if (e->store_id != 0 && !e->disk_failed &&
	    instant_diff_us(e->store_since, e->now) > 2 * e->set.lease_us)
		fail(e);
}
