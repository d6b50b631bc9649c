/* Groups of databases in the cluster: the election's orders to route, the
 * document when it changes, and decisions on their way into it.
 *
 * What a step brings is kept until its actions are carried out, since whoever
 * hears of it may step again.
 */
#include "controller/daemon/cluster_state.h"

#include <string.h>

static void keep_route(struct cluster *c, const struct election_action *act)
{
	struct kept_route *kept = &c->groups.routes[c->groups.route_count];

	if (c->groups.route_count == DOCUMENT_GROUPS_MAX)
		return; /* one is under way for each group */
	c->groups.route_count++;
	kept->id = act->id;
	kept->not_after = act->not_after;
	memcpy(kept->group, act->route.group, sizeof(kept->group));
	memcpy(kept->instance, act->route.instance, sizeof(kept->instance));
}

void cluster_groups_keep(struct cluster *c, const struct election_action *act)
{
	struct cluster_groups *g = &c->groups;

	if (act->kind == ELECTION_ROUTE) {
		keep_route(c, act);
	} else if (act->kind == ELECTION_WITHDRAWN &&
		   g->withdrawn_count < DOCUMENT_GROUPS_MAX) {
		memcpy(g->withdrawn[g->withdrawn_count++], act->withdrawn.group,
		       sizeof(g->withdrawn[0]));
	}
}

static void hand_on_routes(struct cluster *c)
{
	struct kept_route kept;

	while (c->groups.route_count > 0) {
		kept = c->groups.routes[--c->groups.route_count];
		if (!instant_is_never(kept.not_after) &&
		    instant_reached(loop_clock(), kept.not_after)) {
			cluster_routed(c, kept.id, false);
			continue;
		}
		c->parts.route(
			c->parts.arg,
			&(struct route_order){ .id = kept.id,
					       .group = kept.group,
					       .instance = kept.instance });
	}
}

static void hand_on_withdrawn(struct cluster *c)
{
	char group[DOCUMENT_NAME_MAX + 1];

	while (c->groups.withdrawn_count > 0) {
		memcpy(group, c->groups.withdrawn[--c->groups.withdrawn_count],
		       sizeof(group));
		c->parts.withdrawn(c->parts.arg, group);
	}
}

/* A primary acts by what is committed; what the others hold serves them when
 * they take over. */
static void hand_on_document(struct cluster *c)
{
	const struct document *doc = election_document(c->election);
	struct election_view view;

	if (position_same(doc->position, c->groups.told))
		return;
	election_look(c->election, &view);
	if (view.role == ELECTION_PRIMARY &&
	    !position_same(view.committed, doc->position))
		return;
	c->groups.told = doc->position;
	c->parts.document(c->parts.arg, doc);
}

/* All that waits is written at once; what this node wanted in an earlier office
 * is not wanted any more. */
static void decide(struct cluster *c)
{
	struct election_event ev = { .kind = ELECTION_DECIDE };
	struct cluster_groups *g = &c->groups;
	struct document doc;
	bool changed = false;
	unsigned i;

	if (election_role(c->election) != ELECTION_PRIMARY)
		g->wanted_count = 0;
	if (g->wanted_count == 0 || !election_may_decide(c->election))
		return;
	document_copy(&doc, election_document(c->election));
	for (i = 0; i < g->wanted_count; i++)
		changed = document_decide(&doc, &g->wanted[i]) || changed;
	g->wanted_count = 0;
	if (!changed)
		return;
	ev.document = &doc;
	cluster_step(c, &ev, loop_clock());
}

void cluster_groups_hand_on(struct cluster *c)
{
	hand_on_routes(c);
	/* One step may commit what is left and find it withdrawn: who hears of
	 * the latter must know the former. */
	hand_on_document(c);
	hand_on_withdrawn(c);
	decide(c);
}

void cluster_decide(struct cluster *c, const struct document_group *want)
{
	struct cluster_groups *g = &c->groups;
	unsigned i;

	for (i = 0; i < g->wanted_count; i++)
		if (strcmp(g->wanted[i].name, want->name) == 0)
			break;
	if (i == DOCUMENT_GROUPS_MAX)
		return; /* asked for again */
	if (i == g->wanted_count)
		g->wanted_count++;
	g->wanted[i] = *want;
	decide(c);
}

void cluster_routed(struct cluster *c, uint64_t id, bool done)
{
	struct election_event ev = { .kind = done ? ELECTION_ROUTED
						  : ELECTION_ROUTE_FAILED };

	ev.id = id;
	cluster_step(c, &ev, loop_clock());
}

struct instant cluster_permit(const struct cluster *c)
{
	struct instant end = election_permit(c->election);

	if (instant_is_none(end))
		return end;
	return instant_add(end, -election_release_budget_us(&c->rules) / 2);
}

bool cluster_keeps(const struct cluster *c)
{
	return c->keeps;
}

const struct document *cluster_document(const struct cluster *c)
{
	return election_document(c->election);
}
