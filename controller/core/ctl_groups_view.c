/* What people see of groups of databases. */
#include "controller/core/ctl_groups.h"

bool ctl_group_look(const struct ctl *ctl, unsigned service,
		    struct ctl_group_view *ret_view)
{
	const struct ctl_group *grp = groups_of(ctl, service);
	struct group_view view;

	if (grp == NULL)
		return false;
	view = group_look(grp->machine);
	*ret_view = (struct ctl_group_view){
		.document = view.document,
		.primary = view.primary == PLAN_NOBODY
				   ? NOTE_NONE
				   : grp->first + view.primary,
		.routed = grp->routed,
		.held = view.held,
		.busy = view.busy,
	};
	return true;
}

bool ctl_instance_look(const struct ctl *ctl, unsigned target,
		       struct group_instance_view *ret_view)
{
	const struct ctl_group *grp =
		groups_of(ctl, ctl->set->targets[target].service);

	if (grp == NULL)
		return false;
	*ret_view = group_instance(grp->machine, target - grp->first);
	return true;
}

bool ctl_instance_reads(const struct ctl *ctl, unsigned target)
{
	const struct ctl_group *grp =
		groups_of(ctl, ctl->set->targets[target].service);

	return grp != NULL && group_reads(grp->machine, target - grp->first);
}

bool ctl_instance_rejoins(const struct ctl *ctl, unsigned target)
{
	const struct ctl_group *grp =
		groups_of(ctl, ctl->set->targets[target].service);

	return grp != NULL && group_rejoins(grp->machine, target - grp->first);
}

enum permit ctl_permit(const struct ctl *ctl, unsigned target,
		       const struct document *doc, struct instant lease,
		       struct instant now)
{
	unsigned service = ctl->set->targets[target].service;
	const struct health *h = &ctl->targets[target].health;
	struct permit_question ask = {
		.lease = lease,
		.document =
			document_group(doc, ctl->set->services[service].name),
		.instance = ctl->set->targets[target].name,
		.facts = ctl_facts(ctl, target),
		.doubted = h->state == HEALTH_DOWN || h->bad > 0,
	};

	return permit_judge(&ask, now);
}

const struct database_facts *ctl_facts(const struct ctl *ctl, unsigned target)
{
	const struct ctl_group *grp =
		groups_of(ctl, ctl->set->targets[target].service);

	return grp == NULL ? NULL
			   : group_facts(grp->machine, target - grp->first);
}

struct plan ctl_group_plan(const struct ctl *ctl, unsigned service, unsigned to)
{
	const struct ctl_group *grp = groups_of(ctl, service);

	return group_plan(grp->machine,
			  to == NOTE_NONE ? PLAN_NOBODY : to - grp->first);
}
