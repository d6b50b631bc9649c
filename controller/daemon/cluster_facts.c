/* What is known of the cluster, in the words of docs/api.md. */
#include "controller/daemon/cluster.h"

#include <string.h>

static const struct {
	enum election_obstacle obstacle;
	const char *word;
} words[] = {
	{ ELECTION_MAINTENANCE, "maintenance" },
	{ ELECTION_CHECKS, "checks" },
	{ ELECTION_LATE, "late" },
	{ ELECTION_GUARDLESS, "guardless" },
	{ ELECTION_STOPPING, "stopping" },
	{ ELECTION_UNPROMOTED, "promote" },
	{ ELECTION_CARRIERLESS, "carrier" },
	{ ELECTION_WITNESS, "witness" },
	{ ELECTION_DISK, "disk" },
	{ ELECTION_BLANK, "blank" },
};

_Static_assert(sizeof(words) / sizeof(words[0]) <= CLUSTER_OBSTACLES_MAX,
	       "each obstacle has room");

static unsigned node_or_nobody(unsigned node)
{
	return node == ELECTION_NOBODY ? CLUSTER_NOBODY : node;
}

static const char *own_role(const struct cluster_settings *set,
			    enum election_role role)
{
	if (set->nodes[set->self].witness)
		return "witness";
	switch (role) {
	case ELECTION_PRIMARY:
		return "primary";
	case ELECTION_LEADER:
		return "leader";
	case ELECTION_ASKING:
	case ELECTION_CANDIDATE:
		return "candidate";
	case ELECTION_RELEASING:
		return "releasing";
	default:
		return "follower";
	}
}

static void own_facts(struct node_facts *facts,
		      const struct cluster_settings *set,
		      const struct election_view *view)
{
	unsigned i, count = 0;

	facts->up = true;
	facts->eligible = view->obstacles == 0;
	facts->role = own_role(set, view->role);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if ((view->obstacles & (unsigned)words[i].obstacle) != 0)
			facts->obstacles[count++] = words[i].word;
	facts->promised_to = node_or_nobody(view->leader);
	facts->promised = view->promised;
	facts->lease_end = view->lease_end;
}

static void peer_facts(struct node_facts *facts, unsigned node,
		       const struct cluster_settings *set,
		       const struct election_view *view)
{
	const struct election_peer_view *peer = &view->peers[node];
	unsigned count = 0;

	facts->up = peer->up;
	facts->eligible = peer->eligible;
	facts->misconfigured = peer->misconfigured;
	if (!peer->up)
		facts->role = NULL;
	else if (set->nodes[node].witness)
		facts->role = "witness";
	else if (view->leader == node)
		facts->role = view->leader_primary ? "primary" : "leader";
	else
		facts->role = "follower";
	if (peer->maintenance)
		facts->obstacles[count++] = "maintenance";
	if (peer->blank)
		facts->obstacles[count++] = "blank";
}

static const char *const keeps[] = {
	[KEEP_OFF] = NULL,
	[KEEP_BEGINS] = "begins",
	[KEEP_ON] = "on",
	[KEEP_ENDS] = "ends",
};

void cluster_facts_fill(struct cluster_facts *facts,
			const struct cluster_settings *set,
			const struct election_view *view, const int64_t *rtt_us)
{
	unsigned i, heard = 0;

	cluster_facts_init(facts);
	facts->known = true;
	facts->term = view->term;
	facts->routing_end = view->routing_end;
	facts->maintenance = keeps[view->keep];
	facts->waits_for = view->keep == KEEP_ENDS ? view->waits_for : 0;
	facts->leader = node_or_nobody(view->leader);
	for (i = 0; i < set->node_count; i++) {
		if (i == set->self)
			own_facts(&facts->nodes[i], set, view);
		else
			peer_facts(&facts->nodes[i], i, set, view);
		facts->nodes[i].rtt_us = rtt_us[i];
		heard += facts->nodes[i].up;
	}
	facts->quorum = heard > set->node_count / 2;
}

void cluster_facts_datagrams(struct cluster_facts *facts,
			     const struct link_counts *link,
			     const struct election_heard *heard,
			     uint64_t unreadable)
{
	const struct datagram_fact known[] = {
		{ "sent", link->sent },
		{ "congested", link->congested },
		{ "unreachable", link->unreachable },
		{ "overrun", link->overrun },
		{ "taken", heard->taken },
		{ "stale", heard->stale },
		{ "repeated", heard->repeated },
		{ "misconfigured", heard->misconfigured },
		{ "unreadable", unreadable },
	};
	unsigned count = sizeof(known) / sizeof(known[0]), verdict;

	_Static_assert(sizeof(known) / sizeof(known[0]) + SEAL_VERDICTS <=
			       CLUSTER_DATAGRAMS_MAX + 1,
		       "each result has room; what is fine has other words");
	memcpy(facts->datagrams, known, sizeof(known));
	for (verdict = SEAL_FINE + 1; verdict < SEAL_VERDICTS; verdict++)
		facts->datagrams[count++] = (struct datagram_fact){
			seal_verdict_name((enum seal_verdict)verdict),
			link->received[verdict],
		};
}

const struct door_fact *cluster_facts_door(const struct cluster_facts *facts,
					   unsigned target)
{
	unsigned i;

	for (i = 0; i < facts->door_count; i++)
		if (facts->doors[i].target == target)
			return &facts->doors[i];
	return NULL;
}

int64_t door_left_us(const struct door_fact *door, struct instant now)
{
	if (instant_is_none(door->open_until) ||
	    instant_reached(now, door->open_until))
		return 0;
	return instant_diff_us(now, door->open_until);
}
