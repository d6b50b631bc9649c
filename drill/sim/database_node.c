#include "controller/core/election_state.h"
#include "drill/sim/database_world.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* A node's daemon besides its election: the controller, and what goes to and
 * fro between the two, as controller/daemon/cluster*.c and run*.c have it. */

#define STEPS_AT_ONCE 100
#define REFRESH_US    (1 * SECOND)
#define WALL_US       ((int64_t)1785000000 * SECOND)

static void arm(struct cluster *cl, unsigned node)
{
	struct driver *d = &db.drivers[node];
	struct instant due = ctl_deadline(d->ctl);
	int64_t real_us = daemon_real_us(cl, node, due);

	if (real_us == FOREVER_US || real_us >= d->wake_us)
		return;
	if (real_us < cl->now_us)
		real_us = cl->now_us;
	real_us += cluster_below(cl, 200);
	d->wake_us = real_us;
	cluster_at(cl, real_us, DB_WAKE, node, cl->machines[node].life, 0);
}

/* --- what the controller wants ---------------------------------------------
 */

/* An id in two words: kind and target go with the node. */
static void store(struct cluster *cl, unsigned node, uint64_t id)
{
	uint32_t kind = (uint32_t)(id >> 60);
	uint32_t target = (uint32_t)(id >> 32) & 0xfffff;

	cluster_at(cl, cl->now_us + 500, DB_STORED,
		   node | kind << 8 | target << 12, cl->machines[node].life,
		   (uint32_t)id);
}

static void stored(struct cluster *cl, const struct happening *h)
{
	uint64_t kind = h->node >> 8 & 0xf, target = h->node >> 12;

	driver_answer(cl, h->node & 0xff, kind << 60 | target << 32 | h->arg,
		      NULL, false);
}

static void carry_out(struct cluster *cl, unsigned node,
		      const struct action *act)
{
	struct driver *d = &db.drivers[node];

	switch (act->kind) {
	case ACTION_CHECK:
		ask_begin(cl, node, act);
		break;
	case ACTION_HAPROXY:
		haproxy_order(cl, node, act);
		break;
	case ACTION_DATABASE:
		database_order(cl, node, act->id, &act->database);
		break;
	case ACTION_HOOK:
		database_hook(cl, node, act->id, act->hook.hook,
			      act->hook.target, act->hook.source);
		break;
	case ACTION_DECIDE:
		d->wanted = act->decide;
		d->wants = true;
		break;
	case ACTION_ROUTED:
		assert(d->routed_count < 16);
		d->routed[d->routed_count] = act->id;
		d->routed_done[d->routed_count++] = act->routed.done;
		break;
	case ACTION_STORE:
		if (act->id != 0)
			store(cl, node, act->id);
		break;
	case ACTION_OBSERVE:
		d->changed |= act->observe.target < INSTANCES
				      ? 1u << act->observe.target
				      : 7u;
		break;
	case ACTION_NOTE:
		database_noted(cl, node, &act->note);
		break;
	default:
		break;
	}
}

static void say_routed(struct cluster *cl, unsigned node)
{
	struct driver *d = &db.drivers[node];
	struct election_event ev;
	unsigned i;

	while (d->started && d->routed_count > 0) {
		ev = (struct election_event){
			.kind = d->routed_done[0] ? ELECTION_ROUTED
						  : ELECTION_ROUTE_FAILED
		};
		ev.id = d->routed[0];
		d->routed_count--;
		for (i = 0; i < d->routed_count; i++) {
			d->routed[i] = d->routed[i + 1];
			d->routed_done[i] = d->routed_done[i + 1];
		}
		daemon_feed(cl, node, &ev);
	}
}

static void decide(struct cluster *cl, unsigned node)
{
	struct driver *d = &db.drivers[node];
	struct election *e = cl->machines[node].election;

	if (!d->started)
		return;
	if (election_role(e) != ELECTION_PRIMARY && RULE(DECIDE_OFFICE))
		d->wants = false;
	if (!d->wants || !election_may_decide(e))
		return;
	d->wants = false;
	document_copy(&cl->scratch, election_document(e));
	if (!document_decide(&cl->scratch, &d->wanted))
		return;
	database_decided(cl, &d->wanted);
	outside_decide(cl, node, &cl->scratch);
}

static void tell_views(struct cluster *cl, unsigned node)
{
	struct driver *d = &db.drivers[node];
	struct election_event ev = { .kind = ELECTION_OBSERVE };
	struct observation list[INSTANCES];
	uint8_t body[256];
	unsigned i, count = 0;

	if (cl->now_us >= d->refresh_us) {
		d->changed = 7;
		d->refresh_us = cl->now_us + REFRESH_US;
	}
	for (i = 0; i < INSTANCES; i++) {
		const struct health *h = ctl_target(d->ctl, i).health;
		unsigned state = h->state;

		if ((d->changed >> i & 1) == 0)
			continue;
		if (h->state != HEALTH_DOWN && h->bad > 0)
			state |= OBSERVATION_FAILING;
		if (ctl_instance_held_back(d->ctl, i))
			state |= OBSERVATION_HELD_BACK;
		list[count++] = (struct observation){
			.target = i + 1,
			.state = (uint8_t)state,
			.result = (uint8_t)h->last.code,
		};
	}
	d->changed = 0;
	if (count == 0)
		return;
	observation_encode(list, count, body, sizeof(body));
	ev.observe.body = body;
	ev.observe.count = count;
	daemon_feed(cl, node, &ev);
}

static void step(struct cluster *cl, unsigned node, struct event *ev)
{
	struct driver *d = &db.drivers[node];
	unsigned i;

	assert(!d->stepping);
	d->stepping = true;
	ev->now = daemon_clock(cl, node);
	ev->wall_us = WALL_US + cl->now_us;
	ctl_step(d->ctl, ev, &db.actions);
	for (i = 0; i < db.actions.count; i++)
		carry_out(cl, node, &db.actions.list[i]);
	d->stepping = false;
	decide(cl, node);
	say_routed(cl, node);
}

void driver_feed(struct cluster *cl, unsigned node, struct event *ev)
{
	struct driver *d = &db.drivers[node];
	struct event more = { .kind = EVENT_DEADLINE };
	unsigned i;

	if (d->ctl == NULL)
		return;
	step(cl, node, ev);
	for (i = 0; i < STEPS_AT_ONCE && instant_reached(daemon_clock(cl, node),
							 ctl_deadline(d->ctl));
	     i++)
		step(cl, node, &more);
	if (d->started)
		tell_views(cl, node);
	arm(cl, node);
}

void driver_answer(struct cluster *cl, unsigned node, uint64_t id,
		   const char *failed, bool parted)
{
	struct event ev = { .kind = EVENT_ACTION_DONE };

	ev.action.id = id;
	if (failed != NULL) {
		ev.kind = EVENT_ACTION_FAILED;
		ev.action.parted = parted;
		snprintf(ev.action.text, sizeof(ev.action.text), "%s", failed);
	}
	driver_feed(cl, node, &ev);
}

/* --- what the election wants ----------------------------------------------
 */

void driver_act(struct cluster *cl, unsigned node,
		const struct election_action *act)
{
	struct driver *d = &db.drivers[node];
	struct kept *kept = &d->routes[d->route_count];

	if (act->kind == ELECTION_COMMITTED) {
		const struct document *doc =
			election_document(cl->machines[node].election);

		db.kept = doc->maintenance != KEEP_OFF;
		if (doc->group_count > 0)
			database_committed(cl, node, &doc->groups[0]);
	} else if (act->kind == ELECTION_OBSERVED) {
		d->observed = act->observed.message;
		d->observer = act->observed.from;
	} else if (act->kind == ELECTION_WITHDRAWN) {
		d->withdrawn = true;
		database_withdrawn(cl, node);
	} else {
		assert(d->route_count < 8);
		d->route_count++;
		*kept = (struct kept){ .not_after = act->not_after };
		kept->order.id = act->id;
		memcpy(kept->group, act->route.group, sizeof(kept->group));
		memcpy(kept->instance, act->route.instance,
		       sizeof(kept->instance));
	}
}

static void feed_route(struct cluster *cl, unsigned node, struct kept *kept)
{
	struct event ev = { .kind = EVENT_ROUTE };

	ev.route = kept->order;
	ev.route.group = kept->group;
	ev.route.instance = kept->instance;
	driver_feed(cl, node, &ev);
}

/* The clock is read, and then it is done. */
static void hand_on_routes(struct cluster *cl, unsigned node)
{
	struct driver *d = &db.drivers[node];
	struct election_event failed = { .kind = ELECTION_ROUTE_FAILED };
	struct kept kept;

	while (d->route_count > 0) {
		kept = d->routes[--d->route_count];
		if (kept.instance[0] != '\0' &&
		    !instant_before(daemon_clock(cl, node), kept.not_after)) {
			failed.id = kept.order.id;
			daemon_feed(cl, node, &failed);
		} else {
			feed_route(cl, node, &kept);
		}
	}
}

static void hand_on_document(struct cluster *cl, unsigned node)
{
	struct driver *d = &db.drivers[node];
	const struct document *doc =
		election_document(cl->machines[node].election);
	struct event ev = { .kind = EVENT_DOCUMENT };
	struct election_view view;

	if (position_same(doc->position, d->told))
		return;
	election_look(cl->machines[node].election, &view);
	if (view.role == ELECTION_PRIMARY &&
	    !position_same(view.committed, doc->position))
		return;
	d->told = doc->position;
	ev.document = doc;
	driver_feed(cl, node, &ev);
}

static void hand_on_withdrawn(struct cluster *cl, unsigned node)
{
	struct driver *d = &db.drivers[node];
	struct event ev = { .kind = EVENT_WITHDRAWN };

	if (!d->withdrawn)
		return;
	d->withdrawn = false;
	ev.withdrawn = "g0";
	driver_feed(cl, node, &ev);
}

static void hand_on_observed(struct cluster *cl, unsigned node)
{
	struct driver *d = &db.drivers[node];
	const struct message *msg = d->observed;
	struct event ev = { .kind = EVENT_OBSERVED };
	struct opinion_heard list[INSTANCES];
	unsigned i;

	d->observed = NULL;
	if (msg == NULL || msg->kind != MESSAGE_OBSERVATION)
		return;
	for (i = 0; i < msg->observation.count && i < INSTANCES; i++) {
		struct observation obs = observation_get(msg, i);
		unsigned state = obs.state & OBSERVATION_STATE;

		list[i] = (struct opinion_heard){
			.target = obs.target - 1,
			.down = state == HEALTH_DOWN,
			.held_back = state == HEALTH_DOWN &&
				     (obs.state & OBSERVATION_HELD_BACK) != 0,
			.whole = state != HEALTH_DOWN &&
				 state != HEALTH_RECOVERING,
			.finding = state == HEALTH_DOWN ? FINDING_DOWN
				   : (obs.state & OBSERVATION_FAILING) != 0
					   ? FINDING_FAILING
				   : health_serving((enum health_state)state)
					   ? FINDING_WELL
					   : FINDING_NONE,
		};
	}
	ev.observed = (struct observed){ d->observer, list, i };
	driver_feed(cl, node, &ev);
}

/* Who is primary, and who is heard. */
static void notice(struct cluster *cl, unsigned node)
{
	struct driver *d = &db.drivers[node];
	struct event primary = { .kind = EVENT_PRIMARY };
	struct event peers = { .kind = EVENT_PEERS };
	struct election_view view;
	uint32_t heard = 0;
	unsigned i;

	election_look(cl->machines[node].election, &view);
	primary.primary.loss.node = NOTE_NONE;
	primary.primary.term = view.term;
	primary.primary.primary = NOTE_NONE;
	if (view.role == ELECTION_PRIMARY)
		primary.primary.primary = node;
	else if (view.leader_primary && view.leader != ELECTION_NOBODY &&
		 view.peers[view.leader].up)
		primary.primary.primary = view.leader;
	for (i = 0; i < cl->script->nodes; i++)
		heard |= i != node && view.peers[i].up ? 1u << i : 0;
	if (primary.primary.primary != d->primary) {
		d->primary = primary.primary.primary;
		driver_feed(cl, node, &primary);
	}
	if (heard != d->heard) {
		d->heard = peers.heard = heard;
		driver_feed(cl, node, &peers);
	}
}

void driver_stepped(struct cluster *cl, unsigned node)
{
	if (db.drivers[node].ctl == NULL)
		return;
	hand_on_observed(cl, node);
	hand_on_routes(cl, node);
	hand_on_document(cl, node);
	hand_on_withdrawn(cl, node);
	decide(cl, node);
	notice(cl, node);
}

/* --- beginning and end ----------------------------------------------------
 */

void driver_start(struct cluster *cl, unsigned node)
{
	struct driver *d = &db.drivers[node];
	struct event ev = { .kind = EVENT_START };
	static const struct stored nothing;

	database_power(cl, node, true);
	d->ctl = ctl_new(&d->set, rng_next(&cl->rng));
	assert(d->ctl != NULL);
	d->wake_us = FOREVER_US;
	d->started_us = cl->now_us;
	d->told = (struct position){ 0, 0 };
	d->route_count = d->routed_count = 0;
	d->withdrawn = d->wants = false;
	d->observed = NULL;
	d->changed = 0;
	d->refresh_us = cl->now_us + REFRESH_US;
	d->primary = NOTE_NONE;
	d->heard = 0;
	memset(d->held, 0, sizeof(d->held));
	memset(d->asks, 0, sizeof(d->asks));
	ev.stored = &nothing;
	d->started = false;
	driver_feed(cl, node, &ev);
	haproxy_start(cl, node);
	d->started = true;
}

void driver_die(struct cluster *cl, unsigned node)
{
	(void)cl;
	ctl_free(db.drivers[node].ctl);
	db.drivers[node].ctl = NULL;
}

/* The process of @instance that was @life has ended: whoever was connected
 * to it hears so. */
void driver_hint(struct cluster *cl, unsigned instance, uint32_t life)
{
	unsigned n;

	for (n = 0; n < cl->script->nodes; n++) {
		struct driver *d = &db.drivers[n];

		if (d->ctl != NULL && d->held[instance] &&
		    d->held_life[instance] == life &&
		    server_linked(cl, n, instance))
			cluster_at(cl, cl->now_us + database_delay(cl), DB_HINT,
				   n | instance << 8, cl->machines[n].life, 0);
		d->held[instance] = false;
	}
}

void driver_happens(struct cluster *cl, const struct happening *h)
{
	unsigned node = h->node & 0xff;
	struct machine *m = &cl->machines[node];
	struct driver *d = &db.drivers[node];
	struct event ev = { .kind = EVENT_DEADLINE };

	if (h->life != m->life || d->ctl == NULL ||
	    (h->what == DB_WAKE && h->at_us != d->wake_us))
		return;
	if (daemon_frozen(cl, node)) {
		if (h->what == DB_WAKE)
			d->wake_us = m->thaw_us;
		cluster_at(cl, m->thaw_us, h->what, h->node, h->life, h->arg);
		return;
	}
	if (h->what == DB_STORED) {
		stored(cl, h);
	} else if (h->what == DB_HINT) {
		ev.kind = EVENT_HINT;
		ev.hint.target = h->node >> 8;
		ev.hint.kind = HINT_TETHER_CLOSED;
		driver_feed(cl, node, &ev);
	} else {
		d->wake_us = FOREVER_US;
		driver_feed(cl, node, &ev);
	}
}
