/* What others may see of a group's instances. */
#include "controller/core/group_state.h"

static void fill_behind(const struct group *g, unsigned primary,
			struct group_instance_view *view)
{
	const struct database_facts *last = &g->list[primary].primary_facts;
	const struct database_facts *facts = view->facts;

	if (facts == NULL || last->role != DATABASE_PRIMARY ||
	    facts->system != last->system ||
	    facts->received.timeline != last->applied.timeline)
		return;
	view->behind_known = true;
	if (last->applied.offset > facts->received.offset)
		view->behind = last->applied.offset - facts->received.offset;
	if (last->applied.offset > facts->applied.offset)
		view->unapplied = last->applied.offset - facts->applied.offset;
}

struct group_instance_view group_instance(const struct group *g, unsigned i)
{
	unsigned primary =
		g->known ? group_find(g, g->document.primary) : PLAN_NOBODY;
	const struct instance *it = &g->list[i];
	struct group_instance_view view = {
		.facts = group_facts(g, i),
		.primary = i == primary,
		.whole = !it->down && !it->suspect && !it->maintenance,
	};

	if (primary == PLAN_NOBODY || view.facts == NULL)
		return view;
	if (i != primary && view.facts->role == DATABASE_REPLICA) {
		view.follows = group_follows(g, view.facts, primary);
		fill_behind(g, primary, &view);
	} else if (i == primary && view.facts->role == DATABASE_PRIMARY) {
		view.behind_known = true;
	}
	return view;
}

bool group_reads(const struct group *g, unsigned i)
{
	uint64_t max = g->set.failover->max_lag_bytes;
	struct group_instance_view view = group_instance(g, i);

	return view.whole && view.follows && view.facts->source_up &&
	       !view.facts->loading && !view.facts->unready &&
	       view.behind_known && (max == 0 || view.unapplied <= max);
}
