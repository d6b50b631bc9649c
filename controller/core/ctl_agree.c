/* Whose view counts: the other nodes' opinions of the targets. */
#include "controller/core/ctl_state.h"

static bool others_see_it_down(const struct ctl *ctl, unsigned target)
{
	return ctl_service_of(ctl, target)->agree == AGREE_ANY &&
	       quorum_others_down(ctl->quorum, target, ctl->now);
}

bool agree_down(const struct ctl *ctl, unsigned target)
{
	const struct health *h = &ctl->targets[target].health;

	if (h->state == HEALTH_DOWN)
		return true;
	return (h->state == HEALTH_UP || h->state == HEALTH_DEGRADED) &&
	       others_see_it_down(ctl, target);
}

const char *agree_forbids(const struct ctl *ctl, unsigned target)
{
	if (ctl->targets[target].health.state != HEALTH_DOWN)
		return NULL;
	if (!quorum_agrees(ctl->quorum, ctl_service_of(ctl, target)->agree,
			   target, ctl->now))
		return "unreachable from here, but too few nodes say so";
	return NULL;
}

/* Whether the word of the cluster is that it is down: for an incident one
 * node's is enough, unless a majority is wanted. */
static bool cluster_down(const struct ctl *ctl, unsigned target)
{
	enum health_state state = ctl->targets[target].health.state;

	if (state == HEALTH_DOWN)
		return agree_forbids(ctl, target) == NULL;
	if (state == HEALTH_MAINT || quorum_alone(ctl->quorum))
		return false;
	if (ctl_service_of(ctl, target)->agree == AGREE_MAJORITY)
		return quorum_majority(
			quorum_count(ctl->quorum, target, false, ctl->now),
			ctl->quorum);
	return quorum_others_down(ctl->quorum, target, ctl->now);
}

void agree_confirm(struct ctl *ctl, unsigned target,
		   const struct incident *finding)
{
	unsigned service = ctl->set->targets[target].service;
	struct incident *inc = &ctl->services[service].incident;
	uint32_t nodes;

	/* What takes an instance down is an incident of its group. */
	if (readers_has(ctl, target) || !share_recorder(ctl) ||
	    !cluster_down(ctl, target))
		return;
	if (inc->number == 0) {
		incidents_down(ctl, target, finding);
		incidents_update(ctl, service);
		return;
	}
	nodes = agree_nodes(ctl, target) & ~inc->nodes;
	if (nodes != 0) {
		inc->nodes |= nodes;
		share_write(ctl, inc);
	}
}

uint32_t agree_nodes(const struct ctl *ctl, unsigned target)
{
	const struct cluster_settings *cluster = ctl->set->cluster;
	uint32_t nodes = quorum_finders(ctl->quorum, target, ctl->now);

	if (cluster != NULL && ctl->targets[target].health.state == HEALTH_DOWN)
		nodes |= UINT32_C(1) << cluster->self;
	return nodes;
}

bool agree_whole(const struct ctl *ctl, unsigned service)
{
	const struct service_settings *svc = &ctl->set->services[service];
	unsigned i;

	if (quorum_alone(ctl->quorum))
		return true;
	for (i = svc->first_target; i < svc->first_target + svc->target_count;
	     i++) {
		if (ctl->targets[i].health.state == HEALTH_MAINT)
			continue;
		if (svc->agree == AGREE_MAJORITY
			    ? cluster_down(ctl, i)
			    : quorum_others_poor(ctl->quorum, i, ctl->now))
			return false;
	}
	return true;
}

void agree_moved(struct ctl *ctl, unsigned target)
{
	if (readers_has(ctl, target))
		return;
	agree_confirm(ctl, target, NULL);
	if (ctl->targets[target].health.state == HEALTH_DOWN)
		share_find(ctl, target);
	if (ctl->set->cluster != NULL)
		ctl_emit(ctl, ACTION_OBSERVE, 0)->observe.target = target;
}

void agree_observed(struct ctl *ctl, const struct observed *observed)
{
	const struct opinion_heard *opinion;
	unsigned i, target;
	bool other, known;

	for (i = 0; i < observed->count; i++) {
		opinion = &observed->list[i];
		target = opinion->target;
		if (target >= ctl->set->target_count)
			continue;
		known = quorum_others_down(ctl->quorum, target, ctl->now);
		other = quorum_hear(ctl->quorum, observed->node, target,
				    opinion->down, opinion->whole, ctl->now);
		quorum_hear_held_back(ctl->quorum, observed->node, target,
				      opinion->held_back);
		quorum_hear_finding(ctl->quorum, observed->node, target,
				    opinion->finding);
		groups_rejoins(ctl, observed->node, target, opinion->rejoins);
		groups_look(ctl, target);
		if (ctl_service_of(ctl, target)->agree != AGREE_LOCAL ||
		    other || opinion->down)
			rotation_dirty(ctl, target);
		if (!known && quorum_others_down(ctl->quorum, target, ctl->now))
			hints_node(ctl, target, observed->node);
	}
	/* Perhaps somebody's word has become too old, too. */
	share_review_open(ctl);
}

void agree_peers(struct ctl *ctl, uint32_t heard)
{
	unsigned i;

	quorum_set_heard(ctl->quorum, heard);
	groups_heard(ctl, heard);
	groups_office(ctl);
	for (i = 0; i < ctl->set->target_count; i++)
		if (ctl_service_of(ctl, i)->agree != AGREE_LOCAL ||
		    ctl->targets[i].held)
			rotation_dirty(ctl, i);
	share_review_open(ctl);
}
