#include "controller/core/election_state.h"

#include <errno.h>

/* What the settings of a cluster must be, and what follows from them. */

int64_t election_release_budget_us(const struct election_settings *set)
{
	int64_t part_us = set->lease_us / 5;

	return part_us > 20 * MS ? part_us : 20 * MS;
}

/* Of @span_us: what a clock that is faster by the drift shows. */
int64_t election_stretched_us(const struct election_settings *set,
			      int64_t span_us)
{
	return span_us + (span_us * set->drift_ppm + 999999) / 1000000;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	unsigned i;

	for (i = 0; i < 64; i += 8)
		hash = (hash ^ (value >> i & 0xff)) * 1099511628211u;
	return hash;
}

/* What must be the same on all nodes.  Not the priorities: they travel. */
uint64_t election_digest(const struct election_settings *set)
{
	uint64_t hash = mix(14695981039346656037u, message_id(set->cluster));
	unsigned i;

	for (i = 0; i < set->node_count; i++) {
		hash = mix(hash, message_id(set->nodes[i].name));
		hash = mix(hash, set->nodes[i].witness);
	}
	hash = mix(hash, (uint64_t)set->heartbeat_us);
	hash = mix(hash, (uint64_t)set->lease_us);
	hash = mix(hash, (uint64_t)set->routing_lease_us);
	return mix(hash, set->drift_ppm);
}

static bool ids_differ(const struct election_settings *set)
{
	unsigned i, k;

	for (i = 0; i < set->node_count; i++)
		for (k = 0; k < i; k++)
			if (message_id(set->nodes[i].name) ==
			    message_id(set->nodes[k].name))
				return false;
	return true;
}

int election_settings_check(const struct election_settings *set,
			    struct err *err)
{
	int64_t budget_us = election_release_budget_us(set);
	unsigned i, leaders = 0;

	if (set->node_count < 1 || set->node_count > ELECTION_NODES_MAX ||
	    set->self >= set->node_count)
		return err_set(err, -EINVAL,
			       "a cluster has 1 to %d nodes, this one among "
			       "them",
			       ELECTION_NODES_MAX);
	for (i = 0; i < set->node_count; i++)
		leaders += !set->nodes[i].witness;
	if (leaders == 0)
		return err_set(err, -EINVAL, "all nodes are witnesses");
	if (!ids_differ(set))
		return err_set(err, -EINVAL,
			       "two nodes have the same name, or names whose "
			       "hashes are the same: rename one");
	if (set->heartbeat_us < 10 * MS)
		return err_set(err, -EINVAL, "heartbeat is under 10ms");
	if (set->lease_us < 4 * set->heartbeat_us + budget_us)
		return err_set(err, -EINVAL,
			       "lease must be at least 4 heartbeats and the "
			       "release budget (a fifth of the lease, at least "
			       "20ms)");
	if (set->routing_lease_us < set->lease_us)
		return err_set(err, -EINVAL,
			       "routing_lease is shorter than lease");
	return 0;
}
