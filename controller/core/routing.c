#include "controller/core/election_state.h"

#include <string.h>

/* Rule 10 of docs/protocol.md: who may route to which instance, until when. */

/* Whether the document lets @group be routed to @instance. */
static bool names(const struct election *e, const char *group,
		  const char *instance)
{
	const struct document_group *grp =
		document_group(&e->hard.document, group);

	return grp != NULL &&
	       (grp->phase == PHASE_STEADY || !RULE(ROUTE_STEADY)) &&
	       strcmp(grp->primary, instance) == 0;
}

/* Rule 13: what is on disk counts, for a start may follow. */
bool election_keeps(const struct election *e)
{
	enum document_keep keep = e->hard.document.maintenance;

	return (keep == KEEP_ON ||
		(keep == KEEP_BEGINS && !RULE(KEEP_COMMITTED))) &&
	       position_same(e->disk.position, e->hard.document.position);
}

static bool held(const struct election *e, const struct route *route)
{
	unsigned i;

	for (i = 0; i < e->holds.count; i++)
		if (strcmp(e->holds.groups[i], route->group) == 0)
			return true;
	return false;
}

/* Whether it stays when its lease ends. */
static bool stays(const struct election *e, const struct route *route)
{
	return !route->withdrawing && (route->kept || held(e, route));
}

/* One that stayed has no lease that could be over: it gets a whole one. */
static void leave_off(struct election *e, struct route *route)
{
	if (stays(e, route))
		route->end = instant_max(
			route->end,
			instant_add(e->now, e->set.routing_lease_us));
	route->kept = false;
	route->withdrawing = true;
}

static void order(struct election *e, struct route *route, bool on)
{
	struct election_action *act = election_act(e, ELECTION_ROUTE);

	if (!on)
		leave_off(e, route);
	route->id = act->id = ++e->last_id;
	route->withdrawing = !on;
	route->retry_at = INSTANT_NEVER;
	memcpy(act->route.group, route->group, sizeof(route->group));
	if (on) {
		memcpy(act->route.instance, route->instance,
		       sizeof(route->instance));
		if (!route->kept)
			act->not_after = instant_add(route->end, -e->budget_us);
	} else {
		act->route.instance[0] = '\0';
	}
}

static struct route *find(struct election *e, const char *group)
{
	unsigned i;

	for (i = 0; i < e->route_count; i++)
		if (strcmp(e->routes[i].group, group) == 0)
			return &e->routes[i];
	return NULL;
}

/* Whether new routes may be set now. */
static bool granted(const struct election *e)
{
	return (position_same(e->granted, e->hard.document.position) ||
		!RULE(ROUTE_COMMITTED)) &&
	       instant_before(e->now,
			      instant_add(e->routing_end, -e->budget_us));
}

/* Route what the document names, where it is not yet so.  A group that is
 * still being withdrawn waits for that. */
static void set_routes(struct election *e)
{
	const struct document *doc = &e->hard.document;
	unsigned i;

	if (e->route_count == doc->group_count ||
	    !(granted(e) || election_keeps(e)))
		return;
	for (i = 0; i < doc->group_count; i++) {
		const struct document_group *grp = &doc->groups[i];
		struct route *route;

		if (!names(e, grp->name, grp->primary) ||
		    find(e, grp->name) != NULL ||
		    e->route_count == DOCUMENT_GROUPS_MAX)
			continue;
		route = &e->routes[e->route_count++];
		*route = (struct route){ .end = e->routing_end,
					 .kept = election_keeps(e) };
		memcpy(route->group, grp->name, sizeof(grp->name));
		memcpy(route->instance, grp->primary, sizeof(grp->primary));
		order(e, route, true);
	}
}

/* The lease goes on for every group that the document names; one that is
 * being withdrawn must be done when it would have been. */
static void extend(struct election *e, struct instant end)
{
	unsigned i;

	e->routing_end = instant_max(e->routing_end, end);
	for (i = 0; i < e->route_count; i++)
		if (!e->routes[i].withdrawing || !RULE(ROUTE_EACH)) {
			e->routes[i].end = e->routing_end;
			e->routes[i].kept = election_keeps(e);
		}
	set_routes(e);
	routing_conform(e);
}

void routing_keep(struct election *e)
{
	unsigned i;

	if (!election_keeps(e) ||
	    (e->role == ELECTION_RELEASING && !e->promoting))
		return;
	for (i = 0; i < e->route_count; i++)
		if (!e->routes[i].withdrawing)
			e->routes[i].kept = true;
	set_routes(e);
}

/* A heartbeat of the term's primary: a routing lease until t + G. */
void routing_granted(struct election *e, const struct message *msg)
{
	struct position committed = msg->heartbeat.committed;
	struct instant end = { msg->echo.clock_us + e->set.routing_lease_us };

	if ((msg->flags & MESSAGE_PRIMARY) == 0 || msg->echo.boot != e->boot)
		return;
	if ((position_is_none(committed) ||
	     !position_same(committed, e->disk.position)) &&
	    RULE(ROUTE_COMMITTED))
		return;
	e->granted = committed;
	extend(e, end);
}

/* The primary routes under its own lease; what it routed as a follower it
 * may route as long as it could then. */
void routing_by_office(struct election *e)
{
	if (e->role != ELECTION_PRIMARY)
		return;
	e->granted = e->committed;
	extend(e, primary_lease_end(e));
}

/* Rule 13: what was kept is under a lease again, and stays so over a start. */
static bool is_released(const struct election *e)
{
	unsigned i;

	if (e->hard.document.maintenance != KEEP_ENDS)
		return true;
	for (i = 0; i < e->route_count; i++)
		if (e->routes[i].kept)
			return false;
	return position_same(e->disk.position, e->hard.document.position);
}

/* What this node routes obeys the document that it holds. */
void routing_conform(struct election *e)
{
	unsigned i;

	if (e->role == ELECTION_RELEASING && !e->promoting)
		return; /* started just now: HAProxy may still do anything */
	for (i = 0; i < e->route_count; i++)
		if (e->routes[i].withdrawing)
			return;
	if (position_same(e->conforming, e->hard.document.position) ||
	    !is_released(e))
		return;
	e->conforming = e->hard.document.position;
	if (e->leader != ELECTION_NOBODY && e->leader != e->set.self)
		election_beat(e, e->leader);
}

/* A document that is newer than what is routed by: withdraw what it does not
 * name, synced or not. */
void routing_obey(struct election *e)
{
	unsigned i;

	for (i = 0; i < e->route_count; i++) {
		struct route *route = &e->routes[i];

		if (!route->withdrawing &&
		    !names(e, route->group, route->instance))
			order(e, route, false);
	}
	routing_conform(e);
}

/* When withdrawing @route must begin. */
static struct instant must_withdraw(const struct election *e,
				    const struct route *route)
{
	return instant_add(route->end, -e->budget_us);
}

void routing_expire(struct election *e)
{
	unsigned i;

	for (i = 0; i < e->route_count; i++) {
		struct route *route = &e->routes[i];

		if (route->withdrawing
			    ? instant_reached(e->now, route->retry_at)
			    : instant_reached(e->now,
					      must_withdraw(e, route)) &&
				      !stays(e, route) && RULE(ROUTE_END))
			order(e, route, false);
	}
}

struct instant election_permit(const struct election *e)
{
	struct position at = e->hard.document.position;

	if (!position_same(e->granted, at) ||
	    !position_same(e->conforming, at) ||
	    !position_same(e->disk.position, at) ||
	    instant_reached(e->now, e->routing_end))
		return INSTANT_NONE;
	return e->routing_end;
}

/* When the first of the routes must be gone; NONE if there are none. */
struct instant routing_end(const struct election *e)
{
	struct instant end = INSTANT_NEVER;
	unsigned i;

	for (i = 0; i < e->route_count; i++)
		if (!stays(e, &e->routes[i]))
			end = instant_min(end, e->routes[i].end);
	return !instant_is_never(end) && RULE(ROUTE_END) ? end : INSTANT_NONE;
}

/* An order was carried out, or was not and may have been in part. */
void routing_answered(struct election *e, uint64_t id, bool done)
{
	struct route *route = e->routes;
	struct route *end = route + e->route_count;

	while (route < end && route->id != id)
		route++;
	if (route == end)
		return;
	route->id = 0;
	if (done && !route->withdrawing)
		return;
	if (done) {
		*route = e->routes[--e->route_count];
		routing_conform(e);
		set_routes(e);
		return;
	}
	leave_off(e, route);
	route->retry_at = instant_add(e->now, e->set.heartbeat_us / 4);
}

/* The primary before this one, of whose term the document was taken over: no
 * other one came between.  What it routed as primary ends with its lease; what
 * it had got as a follower it got before it was first heard as primary. */
static struct instant last_lease_of(const struct election *e, unsigned node)
{
	const struct peer *peer = &e->peers[node];

	if (peer->led_term == 0 ||
	    (peer->led_term != e->inherited && RULE(FORMER_TERM)))
		return e->office_at;
	return peer->led_since;
}

/* Until when @node may route by an earlier document. */
static struct instant last_route(const struct election *e, unsigned node)
{
	int64_t wait_us = RULE(WAIT_LONGEST) ? e->hard.longest_routing_us
					     : e->set.routing_lease_us;
	struct instant from = INSTANT_NONE;

	if (RULE(WAIT_OFFICE))
		from = last_lease_of(e, node);
	if (RULE(WAIT_ECHO))
		from = instant_max(from, e->peers[node].granted);
	if (!RULE(WAIT_FORMER) && node == e->former)
		from = INSTANT_NONE;
	if (RULE(WAIT_DRIFT))
		wait_us = election_stretched_us(&e->set, wait_us);
	if (!RULE(FORMER_LEASE) || !RULE(WAIT_OFFICE) ||
	    (!RULE(WAIT_FORMER) && node == e->former))
		return instant_add(from, wait_us);
	return instant_max(instant_add(from, wait_us), e->leased_before);
}

static bool is_fenced(const struct election *e,
		      const struct document_group *grp)
{
	unsigned i;

	for (i = 0; i < e->fence_count; i++)
		if (strcmp(e->fences[i].group, grp->name) == 0 &&
		    e->fences[i].epoch == grp->epoch)
			return true;
	return false;
}

/* A committed document: from now on nobody gets a routing lease under an
 * earlier one, and what was given ends. */
void routing_fence(struct election *e)
{
	const struct document *doc = &e->hard.document;
	unsigned i, k, kept = 0;

	for (i = 0; i < e->fence_count; i++) {
		const struct document_group *grp =
			document_group(doc, e->fences[i].group);

		if (grp != NULL && grp->phase == PHASE_FENCING)
			e->fences[kept++] = e->fences[i];
	}
	e->fence_count = kept;
	for (i = 0; i < doc->group_count; i++) {
		const struct document_group *grp = &doc->groups[i];
		struct fence *fence = &e->fences[e->fence_count];

		if (grp->phase != PHASE_FENCING || is_fenced(e, grp))
			continue;
		e->fence_count++;
		fence->stage = FENCE_WAITING;
		memcpy(fence->group, grp->name, sizeof(grp->name));
		fence->epoch = grp->epoch;
		fence->position = e->committed;
		for (k = 0; k < e->set.node_count; k++)
			fence->until[k] = last_route(e, k);
	}
}

static bool obeys(struct position conforming, struct position at)
{
	return conforming.term == at.term && conforming.version >= at.version;
}

uint32_t election_waits_for(const struct election *e)
{
	uint32_t nodes = 0;
	unsigned i;

	for (i = 0; i < e->set.node_count; i++)
		if (!obeys(i == e->set.self ? e->conforming
					    : e->peers[i].conforming,
			   e->committed))
			nodes |= UINT32_C(1) << i;
	return nodes;
}

static bool withdrawn(const struct election *e, const struct fence *fence)
{
	unsigned i;

	for (i = 0; i < e->set.node_count; i++) {
		if (i == e->set.self) {
			if (!obeys(e->conforming, fence->position))
				return false;
		} else if (!obeys(e->peers[i].conforming, fence->position) &&
			   instant_before(e->now, fence->until[i])) {
			return false;
		}
	}
	return true;
}

void routing_watch(struct election *e)
{
	unsigned i;

	if (e->role != ELECTION_PRIMARY)
		return;
	for (i = 0; i < e->fence_count; i++) {
		struct fence *fence = &e->fences[i];

		if (fence->stage != FENCE_WAITING ||
		    (!withdrawn(e, fence) && RULE(WAIT)))
			continue;
		fence->stage = FENCE_DONE;
		memcpy(election_act(e, ELECTION_WITHDRAWN)->withdrawn.group,
		       fence->group, sizeof(fence->group));
	}
}

struct instant routing_deadline(const struct election *e)
{
	struct instant due = INSTANT_NEVER;
	unsigned i, k;

	for (i = 0; i < e->route_count; i++) {
		const struct route *route = &e->routes[i];

		if (route->withdrawing)
			due = instant_min(due, route->retry_at);
		else if (!stays(e, route) && RULE(ROUTE_END))
			due = instant_min(due, must_withdraw(e, route));
	}
	for (i = 0; i < e->fence_count && e->role == ELECTION_PRIMARY; i++)
		for (k = 0; k < e->set.node_count; k++)
			if (e->fences[i].stage == FENCE_WAITING &&
			    k != e->set.self &&
			    instant_before(e->now, e->fences[i].until[k]))
				due = instant_min(due, e->fences[i].until[k]);
	return due;
}
