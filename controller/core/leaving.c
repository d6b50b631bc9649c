#include "controller/core/election_state.h"

#include <errno.h>

/* Rule 12: maintenance of a node, which nobody relies on then. */

#define ANSWER_US (2 * SECOND)

/* Who is in maintenance may be gone at any moment, and who has lost its state
 * does not vote: neither is relied on. */
const char *election_needs_self(const struct election *e)
{
	unsigned i, reliable = 0, eligible = 0;

	for (i = 0; i < e->set.node_count; i++) {
		const struct peer *peer = &e->peers[i];

		if (i == e->set.self ||
		    !election_heard(e, i, 4 * e->set.heartbeat_us))
			continue;
		reliable += !peer->maintenance && !peer->blank;
		eligible += peer->eligible;
	}
	if (reliable < e->quorum)
		return "the other nodes that are heard, without those in "
		       "maintenance, are no quorum";
	if (primary_in_office(e) && eligible == 0)
		return "this node is the primary, and no other could take over";
	return NULL;
}

/* All hear it at once, and answer with their next heartbeat. */
void leaving_tell(struct election *e, bool on)
{
	unsigned i;

	e->leaving = on ? e->now : INSTANT_NONE;
	for (i = 0; i < e->set.node_count; i++)
		if (i != e->set.self)
			election_beat(e, i);
}

/* Those that stayed when they had heard that this one wants to go: of two that
 * want it, one has heard of the other before it began, or neither is let go. */
static unsigned staying(const struct election *e)
{
	unsigned i, count = 0;

	for (i = 0; i < e->set.node_count; i++) {
		const struct peer *peer = &e->peers[i];

		count += i != e->set.self &&
			 election_heard(e, i, 4 * e->set.heartbeat_us) &&
			 !instant_before(peer->echoed, e->leaving) &&
			 (peer->echoed_flags &
			  (MESSAGE_MAINTENANCE | MESSAGE_BLANK)) == 0;
	}
	return count;
}

int election_may_leave(const struct election *e, struct err *err)
{
	const char *why = election_needs_self(e);
	int64_t waited_us = instant_diff_us(e->leaving, e->now);

	if (why == NULL && staying(e) >= e->quorum)
		return 0;
	if (waited_us < ANSWER_US + 4 * e->set.heartbeat_us)
		return -EAGAIN;
	return err_set(err, -EPERM, "%s",
		       why != NULL ? why
				   : "the other nodes did not answer in time");
}
