/* An old primary behind its door (permit.h): nobody else reaches it, so whoever
 * hosts it tells it to stop.  Then the door opens again, and whoever is in
 * office makes it a replica. */
#include "controller/core/group_state.h"

static bool must_stop(const struct group *g, unsigned i)
{
	const struct database_facts *facts = group_facts(g, i);
	const struct instance *it = &g->list[i];

	return g->set.list[i].hosted && facts != NULL && !it->gone &&
	       !it->suspect && !it->maintenance && !facts->loading &&
	       facts->role == DATABASE_PRIMARY && facts->writable;
}

/* While a primary is being left, whoever decided on that speaks to it. */
static bool is_decided(const struct group *g)
{
	return g->known && g->document.phase != PHASE_FENCING &&
	       g->set.failover->door &&
	       g->set.failover->mode != FAILOVER_OBSERVE;
}

void group_keep_house(struct group *g)
{
	unsigned primary, i;

	if (!is_decided(g) || (g->office && g->document.phase == PHASE_STEADY))
		return;
	primary = group_find(g, g->document.primary);
	for (i = 0; i < g->set.count; i++)
		if (i != primary && must_stop(g, i) &&
		    group_may_try(g, &g->list[i]))
			group_order(g, i,
				    (struct database_order){
					    .kind = DATABASE_FENCE,
					    .timeout_us = GROUP_FENCE_US });
}

bool group_opens_door(struct group *g, unsigned instance)
{
	const struct instance *it = &g->list[instance];
	struct instant end = instant_add(
		instant_max(g->office_at, it->host_since), g->set.fresh_us);

	if (!g->set.failover->door || !it->host_up ||
	    instant_reached(g->now, end))
		return false;
	group_wake(g, end);
	return true;
}
