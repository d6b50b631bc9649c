/* A node's own maintenance: the others are asked whether they stay. */
#include "controller/daemon/cluster_state.h"

#include <errno.h>

static void tell(struct cluster *c, bool on)
{
	struct election_event ev = { .kind = ELECTION_LEAVE, .leave = on };

	cluster_step(c, &ev, loop_clock());
}

void cluster_leave(struct cluster *c)
{
	c->leaving = true;
	tell(c, true);
}

void cluster_leave_watch(struct cluster *c)
{
	struct err err = { 0 };
	int r;

	if (!c->leaving)
		return;
	r = election_may_leave(c->election, &err);
	if (r == -EAGAIN)
		return;
	c->leaving = false;
	/* By now its maintenance is an obstacle, or it stays. */
	c->parts.leave(c->parts.arg, r < 0 ? err.text : NULL);
	tell(c, false);
}
