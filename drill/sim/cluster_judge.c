#include "controller/core/election_state.h"
#include "drill/sim/cluster_world.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

/* The claim, checked where something could break it. */

const char *cluster_wrong_name(enum cluster_wrong wrong)
{
	static const char *const names[WRONG_KINDS] = {
		[WRONG_NOTHING] = "nothing",
		[WRONG_TWO_PRIMARIES] = "two primaries",
		[WRONG_TWO_LEASES] = "two leases",
		[WRONG_TWO_ROUTES] = "two routes",
		[WRONG_LOST] = "document lost",
		[WRONG_TWO_LEADERS] = "two leaders",
		[WRONG_STUCK] = "stuck",
		[WRONG_WRITE_LOST] = "write lost",
		[WRONG_ESTIMATE] = "estimate",
		[WRONG_PLAN] = "plan",
		[WRONG_IDLE] = "idle",
	};

	return names[wrong];
}

void judge_wrong(struct cluster *cl, enum cluster_wrong wrong, const char *fmt,
		 ...)
{
	va_list ap;

	if (cl->result->wrong != WRONG_NOTHING)
		return;
	cl->result->wrong = wrong;
	va_start(ap, fmt);
	vsnprintf(cl->result->text, sizeof(cl->result->text), fmt, ap);
	va_end(ap);
	cluster_say(cl, "WRONG: %s: %s", cluster_wrong_name(wrong),
		    cl->result->text);
}

/* @node has become active: nobody else may be. */
void judge_active(struct cluster *cl, unsigned node)
{
	unsigned i;

	for (i = 0; i < cl->script->nodes; i++)
		if (i != node && cl->machines[i].active)
			judge_wrong(cl, WRONG_TWO_PRIMARIES,
				    "n%u became active while n%u was", node + 1,
				    i + 1);
}

/* @node routes @group anew. */
void judge_route(struct cluster *cl, unsigned node, int group)
{
	int instance = cl->machines[node].routes[group];
	unsigned i;

	for (i = 0; i < cl->script->nodes; i++) {
		int other = cl->machines[i].routes[group];

		if (instance != 0 && other != 0 && other != instance)
			judge_wrong(cl, WRONG_TWO_ROUTES,
				    "g%d goes to %d at n%u and to %d at n%u",
				    group, instance, node + 1, other, i + 1);
	}
}

/* @node has become primary: no other lease may run that was not resigned,
 * whether its holder lives, is frozen or is dead. */
void judge_primary(struct cluster *cl, unsigned node)
{
	unsigned i;

	for (i = 0; i < cl->script->nodes; i++) {
		struct machine *m = &cl->machines[i];

		if (i != node && m->page.leader && !m->resigned &&
		    instant_before(daemon_clock(cl, i), m->page.lease_end))
			judge_wrong(cl, WRONG_TWO_LEASES,
				    "n%u is primary while n%u's lease runs",
				    node + 1, i + 1);
	}
}

/* Who has won and does not become primary keeps all others waiting. */
void judge_leader(struct cluster *cl, unsigned node)
{
	const struct election *e = cl->machines[node].election;

	if (instant_diff_us(e->won_at, e->now) > e->set.lease_us)
		judge_wrong(cl, WRONG_STUCK,
			    "n%u leads for a lease without becoming primary",
			    node + 1);
}

/* @node was told that nobody routes @group to what it leaves. */
void judge_withdrawn(struct cluster *cl, unsigned node, int group)
{
	const struct document *doc =
		election_document(cl->machines[node].election);
	int leaving = doc->groups[group].leaving[1] - '0';
	unsigned i;

	for (i = 0; i < cl->script->nodes; i++)
		if (cl->machines[i].routes[group] == leaving)
			judge_wrong(cl, WRONG_TWO_ROUTES,
				    "n%u believes that n%u has withdrawn g%d",
				    node + 1, i + 1, group);
}

uint32_t judge_change(struct cluster *cl, uint32_t parent)
{
	assert(cl->changes < CHANGES_MAX && parent < cl->changes);
	cl->parent[cl->changes] = parent;
	return cl->changes++;
}

/* What @node has committed must contain what was committed before. */
void judge_committed(struct cluster *cl, unsigned node)
{
	const struct document *doc =
		election_document(cl->machines[node].election);
	uint32_t change = (uint32_t)doc->maintenance_until_wall_us, at = change;

	cl->result->commits++;
	while (at > cl->committed)
		at = cl->parent[at];
	if (at != cl->committed) {
		judge_wrong(cl, WRONG_LOST,
			    "n%u committed change %u without change %u",
			    node + 1, change, cl->committed);
		return;
	}
	cl->committed = change;
}

/* The promise after a start is as long as the longest lease there was. */
int64_t judge_bound_us(const struct cluster *cl)
{
	return 2 * cl->longest_us + 20 * cl->script->heartbeat_us;
}

static bool follows(struct cluster *cl, unsigned node, unsigned primary)
{
	struct election *e = cl->machines[node].election;
	struct election_view view, of_primary;

	if (e == NULL || !net_linked(cl, node, primary))
		return true;
	election_look(e, &view);
	election_look(cl->machines[primary].election, &of_primary);
	return view.role == ELECTION_FOLLOWER && view.leader == primary &&
	       view.leader_primary &&
	       position_same(view.stored, of_primary.stored);
}

/* A primary, and all that are linked with it follow and hold what it has. */
static bool all_well(struct cluster *cl)
{
	unsigned primary = fault_primary(cl), i;

	if (primary == CLUSTER_NODES)
		return false;
	for (i = 0; i < cl->script->nodes; i++)
		if (i != primary && !follows(cl, i, primary))
			return false;
	return true;
}

void judge_well(struct cluster *cl)
{
	struct cluster_result *result = cl->result;

	if (cl->now_us < cl->quiet_us || !all_well(cl))
		return;
	cl->well_us = cl->now_us;
	if (result->recovery_count < CLUSTER_RECOVERIES_MAX)
		result->recoveries[result->recovery_count++] =
			(unsigned)(1000 * (cl->well_us - cl->quiet_us) /
				   judge_bound_us(cl));
}

void judge_verdict(struct cluster *cl)
{
	if (cl->quiet_us == FOREVER_US ||
	    cl->now_us < cl->quiet_us + judge_bound_us(cl))
		return;
	if (cl->well_us == FOREVER_US)
		judge_wrong(cl, WRONG_STUCK,
			    "no primary that all follow, %lld ms after the "
			    "last fault",
			    (long long)((cl->now_us - cl->quiet_us) / 1000));
	else if (fault_primary(cl) == CLUSTER_NODES && !cl->script->preempt)
		judge_wrong(cl, WRONG_STUCK, "the primary was lost again");
}
