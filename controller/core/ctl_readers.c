/* Who is read from: the instances of a group once more, in another backend.
 *
 * Each instance has a second target there (settings: readers_of), which is
 * never asked.  Its evidence is what the instance says of itself whenever it
 * answers: that it is a replica of this primary and how far behind.  So it
 * goes down and recovers by `fall` and `rise` in a row, and lag about the
 * limit does not take it in and out: once it is out, it returns at three
 * quarters of max_lag.  The primary is no reader; it is taken out at once, with
 * its sessions, since what writes must be under the routing lease.
 */
#include <inttypes.h>
#include <stdio.h>

#include "controller/core/ctl_groups.h"

bool readers_has(const struct ctl *ctl, unsigned target)
{
	return ctl_service_of(ctl, target)->readers_of > 0;
}

/* The instance whose place it is. */
static unsigned instance_of(const struct ctl *ctl, unsigned target)
{
	const struct service_settings *svc = ctl_service_of(ctl, target);

	return ctl->set->services[svc->readers_of - 1].first_target + target -
	       svc->first_target;
}

unsigned readers_place(const struct ctl *ctl, unsigned target)
{
	const struct ctl_group *grp =
		groups_of(ctl, ctl->set->targets[target].service);

	return grp == NULL || grp->readers == NOTE_NONE
		       ? NOTE_NONE
		       : grp->readers + target - grp->first;
}

bool readers_leads(const struct ctl *ctl, unsigned target)
{
	struct group_instance_view view;

	if (!readers_has(ctl, target) ||
	    !ctl_instance_look(ctl, instance_of(ctl, target), &view))
		return false;
	return view.primary ||
	       (view.facts != NULL && view.facts->role == DATABASE_PRIMARY);
}

/* --- what the instance says ----------------------------------------------- */

static bool is_steady(const struct document_group *doc)
{
	return doc != NULL && doc->phase == PHASE_STEADY;
}

/* Once it is out it has to come nearer than it had to be to stay. */
static uint64_t limit(const struct ctl *ctl, unsigned place, uint64_t max)
{
	return ctl->targets[place].health.state == HEALTH_DOWN ? max - max / 4
							       : max;
}

/* Why clients should not read there, or NULL.  What a primary that is gone
 * cannot send is missing nowhere: then links are not looked at. */
static const char *unfit(const struct ctl *ctl, unsigned place,
			 const struct group_instance_view *it, bool gone,
			 char *buf, size_t size)
{
	const struct failover_settings *set =
		ctl_service_of(ctl, instance_of(ctl, place))->failover;
	uint64_t max = set->max_lag_bytes;

	if (it->facts->role != DATABASE_REPLICA)
		return "it is no replica";
	if (it->facts->loading || it->facts->unready)
		return "it does not serve yet";
	if (!it->follows)
		return "it does not follow the primary";
	if (!it->facts->source_up && !gone)
		return "it is not connected to the primary";
	if (!it->behind_known)
		return gone ? NULL : "how far it is behind is not known";
	if (max == 0 || it->unapplied <= limit(ctl, place, max))
		return NULL;
	snprintf(buf, size, "%" PRIu64 " bytes behind, more than %" PRIu64,
		 it->unapplied, max);
	return buf;
}

static void judge(struct ctl *ctl, unsigned place, const char *why)
{
	const struct check_settings *check = &ctl_service_of(ctl, place)->check;
	struct health *h = &ctl->targets[place].health;
	unsigned loss = 0;
	struct health_doubt doubt = { .patience = 1, .loss = &loss };
	struct result res = result_make(
		why == NULL ? RESULT_L7OK : RESULT_L7STS, 0, 0, why);
	enum health_input in = health_digest(h, check, &res, &doubt, ctl->now);

	if (in == HEALTH_RISE && return_held(ctl, place))
		in = HEALTH_PASS;
	if (in != HEALTH_INPUTS)
		checks_move(ctl, place, in);
	rotation_heard(ctl, place);
	if (incidents_count(ctl, place))
		incidents_update(ctl, ctl->set->targets[place].service);
}

/* It is compared with what the primary said before: so a replica is never
 * taken for further behind than it is. */
void readers_heard(struct ctl *ctl, unsigned target)
{
	unsigned place = readers_place(ctl, target), primary;
	const struct health *h = &ctl->targets[target].health;
	struct group_instance_view it;
	struct ctl_group_view group;
	char text[RESULT_TEXT_MAX];
	bool gone;

	if (place == NOTE_NONE ||
	    !ctl_group_look(ctl, ctl->set->targets[target].service, &group) ||
	    !is_steady(group.document) || group.primary == NOTE_NONE ||
	    !ctl_instance_look(ctl, target, &it))
		return;
	primary = group.primary;
	gone = ctl->targets[primary].health.bad > 0 ||
	       ctl->targets[primary].health.state == HEALTH_DOWN;
	if (!health_answers(h) || (target != primary && it.facts == NULL))
		return;
	if (!gone && ctl_facts(ctl, primary) == NULL)
		return;
	judge(ctl, place,
	      target == primary
		      ? NULL
		      : unfit(ctl, place, &it, gone, text, sizeof(text)));
}

void readers_follow(struct ctl *ctl, unsigned target)
{
	struct health *h = &ctl->targets[target].health;
	unsigned instance;

	if (!readers_has(ctl, target))
		return;
	instance = instance_of(ctl, target);
	if (ctl->targets[instance].health.state != HEALTH_DOWN ||
	    h->state == HEALTH_DOWN || h->state == HEALTH_MAINT)
		return;
	h->last = result_make(RESULT_L7STS, 0, 0, "the instance is down");
	h->judged = true;
	h->first_bad = ctl->now;
	checks_move(ctl, target, HEALTH_FALL);
}

/* --- where it should be ----------------------------------------------------
 */

static struct wish in_maintenance(const struct ctl *ctl, unsigned instance)
{
	const struct target *t = &ctl->targets[instance];
	struct instant drained;

	if (!t->maintenance.on || !t->maintenance.drain)
		return (struct wish){ .state = SERVER_UNKNOWN };
	drained = instant_add(t->health.since,
			      ctl_service_of(ctl, instance)->drain_us);
	if (t->health.state == HEALTH_MAINT &&
	    instant_reached(ctl->now, drained))
		return (struct wish){ .state = SERVER_MAINT };
	return (struct wish){ .state = SERVER_DRAIN };
}

bool readers_wish(const struct ctl *ctl, unsigned target, struct wish *ret_wish)
{
	unsigned instance;

	if (!readers_has(ctl, target))
		return false;
	instance = instance_of(ctl, target);
	if (ctl_service_of(ctl, instance)->failover->mode == FAILOVER_OBSERVE)
		*ret_wish = (struct wish){ .state = SERVER_UNKNOWN };
	else if (readers_leads(ctl, target))
		*ret_wish = (struct wish){ .state = SERVER_MAINT };
	else if (admin_holds(ctl, instance))
		*ret_wish = in_maintenance(ctl, instance);
	else
		return false;
	return true;
}

void readers_look(struct ctl *ctl, unsigned service)
{
	const struct ctl_group *grp = groups_of(ctl, service);
	unsigned i;

	for (i = 0; grp != NULL && grp->readers != NOTE_NONE && i < grp->count;
	     i++)
		rotation_dirty(ctl, grp->readers + i);
}
