/* Who says that an instance is down: this node's checks, and those of others.
 */
#include "controller/core/ctl_groups.h"
#include "controller/core/rule.h"

/* Refused, and refused again when it was looked at once more. */
static bool is_certain(const struct health *h)
{
	return h->refused >= 2;
}

/* One that went and came so often that it is held back counts as down, and
 * answers: that is no reason to leave it. */
static bool is_held_back(const struct ctl *ctl, unsigned target)
{
	const struct health *h = &ctl->targets[target].health;

	return h->state == HEALTH_DOWN &&
	       h->good >= ctl_service_of(ctl, target)->check.rise &&
	       RULE(GROUP_HELD_BACK);
}

bool ctl_instance_held_back(const struct ctl *ctl, unsigned target)
{
	return groups_of(ctl, ctl->set->targets[target].service) != NULL &&
	       is_held_back(ctl, target);
}

static bool is_down(const struct ctl *ctl, unsigned target)
{
	return ctl->targets[target].health.state == HEALTH_DOWN &&
	       !is_held_back(ctl, target);
}

/* A majority of the nodes; or evidence that needs no counting, and a second
 * node.  A cluster of one is its own majority. */
static bool confirmed(const struct ctl *ctl, unsigned target, bool down,
		      bool certain)
{
	unsigned count = down + quorum_deaf(ctl->quorum, target, ctl->now);

	if (quorum_alone(ctl->quorum))
		return down;
	return quorum_majority(count, ctl->quorum) || (certain && count >= 2);
}

/* The other nodes hear what changes of it while it counts as down. */
static void tell_held_back(struct ctl *ctl, struct member *m, unsigned target)
{
	bool held_back = is_held_back(ctl, target);

	if (m->told_held_back == held_back)
		return;
	m->told_held_back = held_back;
	if (ctl->set->cluster != NULL)
		ctl_emit(ctl, ACTION_OBSERVE, 0)->observe.target = target;
}

bool groups_found(struct ctl *ctl, struct ctl_group *grp, unsigned i,
		  struct group_event *ret_ev)
{
	struct member *m = &grp->members[i];
	unsigned target = grp->first + i;
	const struct health *h = &ctl->targets[target].health;
	struct group_event *ev = ret_ev;

	tell_held_back(ctl, m, target);
	ev->health.down = is_down(ctl, target);
	ev->health.certain = ev->health.down && is_certain(h);
	ev->health.confirmed =
		confirmed(ctl, target, ev->health.down, ev->health.certain);
	ev->health.suspect = h->bad > 0;
	ev->health.maintenance = admin_holds(ctl, target);
	ev->health.called = groups_calls(ctl, grp, target);
	ev->health.at_work = groups_works(ctl, grp, target);
	ev->health.host_up = groups_hears(ctl, grp, target);
	if (ev->health.down == m->down && ev->health.certain == m->certain &&
	    ev->health.confirmed == m->confirmed &&
	    ev->health.suspect == m->suspect &&
	    ev->health.maintenance == m->maintenance &&
	    ev->health.called == m->called &&
	    ev->health.at_work == m->at_work &&
	    ev->health.host_up == m->host_up)
		return false;
	m->down = ev->health.down;
	m->certain = ev->health.certain;
	m->confirmed = ev->health.confirmed;
	m->suspect = ev->health.suspect;
	m->maintenance = ev->health.maintenance;
	m->called = ev->health.called;
	m->at_work = ev->health.at_work;
	m->host_up = ev->health.host_up;
	return true;
}
