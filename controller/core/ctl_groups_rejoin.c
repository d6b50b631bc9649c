/* What the nodes tell each other of instances that are to be rejoined. */
#include "controller/core/ctl_groups.h"

#include <string.h>

void groups_rejoins(struct ctl *ctl, unsigned node, unsigned target, bool on)
{
	struct ctl_group *grp =
		groups_of(ctl, ctl->set->targets[target].service);
	uint32_t bit = UINT32_C(1) << node;
	struct member *m;

	if (grp == NULL)
		return;
	m = &grp->members[target - grp->first];
	m->rejoins = on ? m->rejoins | bit : m->rejoins & ~bit;
}

void groups_heard(struct ctl *ctl, uint32_t heard)
{
	struct ctl_group *grp;
	unsigned i, j;

	for (i = 0; i < ctl->set->service_count; i++) {
		grp = groups_of(ctl, i);
		if (grp == NULL)
			continue;
		grp->heard = heard;
		for (j = 0; j < grp->count; j++) {
			grp->members[j].rejoins &= heard;
			groups_look(ctl, grp->first + j);
		}
	}
}

static bool says(const struct ctl_group *grp, unsigned target, unsigned node)
{
	return (grp->members[target - grp->first].rejoins >> node & 1) != 0;
}

/* The node that hosts it, or NOTE_NONE. */
static unsigned host_of(const struct ctl *ctl, unsigned target)
{
	const struct cluster_settings *cluster = ctl->set->cluster;
	const char *name = ctl->set->targets[target].node;
	unsigned i;

	for (i = 0; cluster != NULL && i < cluster->node_count; i++)
		if (settings_text_same(cluster->nodes[i].name, name))
			return i;
	return NOTE_NONE;
}

bool groups_calls(const struct ctl *ctl, const struct ctl_group *grp,
		  unsigned target)
{
	unsigned host = host_of(ctl, target);

	return host != NOTE_NONE && host == ctl->set->cluster->self &&
	       ctl->primary != NOTE_NONE && ctl->primary != host &&
	       says(grp, target, ctl->primary);
}

bool groups_works(const struct ctl *ctl, const struct ctl_group *grp,
		  unsigned target)
{
	unsigned host = host_of(ctl, target);

	return host != NOTE_NONE && host != ctl->set->cluster->self &&
			       host != ctl->primary
		       ? says(grp, target, host)
		       : false;
}

bool groups_hears(const struct ctl *ctl, const struct ctl_group *grp,
		  unsigned target)
{
	unsigned host = host_of(ctl, target);

	return host != NOTE_NONE && (host == ctl->set->cluster->self ||
				     (grp->heard >> host & 1) != 0);
}
