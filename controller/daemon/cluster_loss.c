/* Who was lost, and when: what an incident of the nodes says. */
#include "controller/daemon/cluster_state.h"

void cluster_loss_init(struct cluster *c)
{
	unsigned i;

	for (i = 0; i < ELECTION_NODES_MAX; i++)
		c->spoke[i] = INSTANT_NONE;
	c->speaker = ELECTION_NOBODY;
	c->last_sign = INSTANT_NONE;
	c->stood = INSTANT_NONE;
	c->seen.primary = NOTE_NONE;
}

void cluster_loss_hear(struct cluster *c, const struct election_view *view)
{
	/* Only what the election took counts: a replay is no sign of life. */
	if (c->speaker != ELECTION_NOBODY &&
	    view->peers[c->speaker].heard.us == c->now.us)
		c->spoke[c->speaker] = c->now;
	if (c->primary != ELECTION_NOBODY && c->primary != c->rules.self)
		c->last_sign = c->spoke[c->primary];
}

void cluster_loss_stands(struct cluster *c)
{
	if (instant_is_none(c->stood))
		c->stood = c->now;
}

struct node_loss cluster_loss_of(const struct cluster *c)
{
	int64_t limit_us = 2 * c->set->lease_us + 4 * c->set->heartbeat_us;
	struct node_loss loss = { .node = c->former };

	loss.detected = instant_is_none(c->stood) ? c->now : c->stood;
	loss.onset_min =
		instant_is_none(c->last_sign) ? loss.detected : c->last_sign;
	loss.onset_min = instant_min(loss.onset_min, loss.detected);
	loss.onset_max =
		instant_min(instant_add(loss.onset_min, c->set->heartbeat_us),
			    loss.detected);
	loss.late = instant_diff_us(loss.onset_min, c->now) > limit_us;
	return loss;
}

bool cluster_is_whole(const struct cluster *c, const struct election_view *view)
{
	unsigned i;

	for (i = 0; i < c->set->node_count; i++) {
		if (i == c->rules.self)
			continue;
		/* The guard of a dead daemon may have spoken last. */
		if (!view->peers[i].up || instant_is_none(c->spoke[i]) ||
		    !instant_before(c->since, c->spoke[i]))
			return false;
	}
	return true;
}
