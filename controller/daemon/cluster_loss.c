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
	c->told.node = ELECTION_NOBODY;
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

bool cluster_loss_late(const struct cluster *c, const struct node_loss *loss)
{
	int64_t limit_us = 2 * c->set->lease_us + 4 * c->set->heartbeat_us;

	return instant_diff_us(loss->gone, c->now) > limit_us;
}

enum message_left cluster_former_left(const struct cluster *c,
				      const struct election_view *view)
{
	return view->parted == c->former_term
		       ? (enum message_left)view->parted_by
		       : MESSAGE_LEFT_UNKNOWN;
}

struct node_loss cluster_loss_of(const struct cluster *c,
				 const struct election_view *view)
{
	struct node_loss loss = { .node = c->former };

	loss.gave_up = cluster_former_left(c, view) == MESSAGE_LEFT_FAILED;
	loss.detected = instant_is_none(c->stood) ? c->now : c->stood;
	loss.onset_min =
		instant_is_none(c->last_sign) ? loss.detected : c->last_sign;
	loss.onset_min = instant_min(loss.onset_min, loss.detected);
	loss.gone = loss.onset_min;
	loss.onset_max =
		instant_min(instant_add(loss.onset_min, c->set->heartbeat_us),
			    loss.detected);
	return loss;
}

struct node_loss cluster_loss_given_up(const struct cluster *c, unsigned node,
				       struct instant at, struct instant whole)
{
	struct instant missed = instant_add(whole, c->set->heartbeat_us);

	return (struct node_loss){
		.node = node,
		.onset_min = instant_min(whole, at),
		.onset_max = instant_min(missed, at),
		.detected = at,
		.gone = at,
		.gave_up = true,
	};
}

void cluster_loss_told(struct cluster *c, const struct message *msg)
{
	int64_t whole_us = msg->heartbeat.whole_ago_us;
	struct election_view view;

	/* An older program does not say it. */
	if (whole_us < msg->heartbeat.left_ago_us)
		whole_us = msg->heartbeat.left_ago_us;
	/* What left office before this node was last up is long over. */
	if (msg->kind != MESSAGE_HEARTBEAT || c->speaker == ELECTION_NOBODY ||
	    c->former != ELECTION_NOBODY || !c->found ||
	    msg->heartbeat.left != MESSAGE_LEFT_FAILED ||
	    msg->heartbeat.resigned < c->stored.term ||
	    msg->heartbeat.resigned <= c->told.term ||
	    msg->heartbeat.left_ago_us < 0)
		return;
	election_look(c->election, &view);
	if (view.peers[c->speaker].heard.us != c->now.us)
		return;
	c->told = (struct given_up){
		.node = c->speaker,
		.term = msg->heartbeat.resigned,
		.at = instant_add(c->now, -msg->heartbeat.left_ago_us),
		.whole = instant_add(c->now, -whole_us),
	};
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
