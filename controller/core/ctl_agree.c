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

/* Nobody is heard and nothing answers: it is this node that is cut off. */
static bool cut_off(const struct ctl *ctl)
{
	unsigned i;

	if (quorum_in_touch(ctl->quorum))
		return false;
	for (i = 0; i < ctl->set->target_count; i++)
		if (ctl->targets[i].health.bad == 0)
			return false;
	return true;
}

const char *agree_forbids(const struct ctl *ctl, unsigned target)
{
	if (ctl->targets[target].health.state != HEALTH_DOWN)
		return NULL;
	if (!quorum_agrees(ctl->quorum, ctl_service_of(ctl, target)->agree,
			   target, ctl->now))
		return "unreachable from here, but too few nodes say so";
	if (cut_off(ctl))
		return "unreachable from here: no node is heard, nothing "
		       "answers";
	return NULL;
}

/* An incident begins when the word of the cluster is that it is down. */
void agree_confirm(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];

	if (!t->unconfirmed)
		return;
	if (t->health.state != HEALTH_DOWN) {
		t->unconfirmed = false;
		return;
	}
	if (agree_forbids(ctl, target) != NULL)
		return;
	t->unconfirmed = false;
	incidents_down(ctl, target);
	incidents_update(ctl, ctl->set->targets[target].service);
}

void agree_moved(struct ctl *ctl, unsigned target)
{
	struct target *t = &ctl->targets[target];

	t->unconfirmed = t->health.state == HEALTH_DOWN;
	agree_confirm(ctl, target);
	if (ctl->set->cluster != NULL)
		ctl_emit(ctl, ACTION_OBSERVE, 0)->observe.target = target;
}

void agree_observed(struct ctl *ctl, const struct observed *observed)
{
	unsigned i, target;

	for (i = 0; i < observed->count; i++) {
		target = observed->list[i].target;
		if (target >= ctl->set->target_count)
			continue;
		quorum_hear(ctl->quorum, observed->node, target,
			    observed->list[i].down, ctl->now);
		if (ctl_service_of(ctl, target)->agree != AGREE_LOCAL)
			rotation_dirty(ctl, target);
	}
}

void agree_peers(struct ctl *ctl, uint32_t heard)
{
	unsigned i;

	quorum_set_heard(ctl->quorum, heard);
	for (i = 0; i < ctl->set->target_count; i++)
		if (ctl_service_of(ctl, i)->agree != AGREE_LOCAL ||
		    ctl->targets[i].held)
			rotation_dirty(ctl, i);
}
