#include "drill/sim/database_world.h"

#include <stdio.h>
#include <string.h>

/* The HAProxy of each node, and the client that writes through it: one row
 * at a time, and the next one when that is answered or given up. */

#define GIVE_UP_US (2 * SECOND)
#define POLL_US    (500 * MS)
#define CANCEL_US  (40 * MS)

void haproxy_order(struct cluster *cl, unsigned node, const struct action *act)
{
	struct sim_haproxy *hap = &db.haproxies[node];
	uint32_t at = db.order_next++ % ORDERS_MAX;
	int64_t due_us = cl->now_us + 20 + cluster_below(cl, 150);

	db.orders[at] = (struct haproxy_job){
		.life = cl->machines[node].life,
		.haproxy_life = hap->life,
		.id = act->id,
		.node = node,
		.instance = act->haproxy.target,
		.state = act->haproxy.state,
	};
	/* In the order in which they are given. */
	if (due_us <= hap->busy_us)
		due_us = hap->busy_us + 1;
	hap->busy_us = due_us;
	cluster_at(cl, due_us, DB_ORDER, node, 0, at);
}

static void set(struct cluster *cl, unsigned node, unsigned i, bool ready)
{
	struct sim_haproxy *hap = &db.haproxies[node];

	if (hap->ready[i] == ready)
		return;
	hap->ready[i] = ready;
	hap->sessions[i]++;
	cluster_say(cl, "n%u %s %s", node + 1,
		    ready ? "routes to" : "withdraws", instance_name(i));
	if (ready)
		database_routed(cl, node, i);
}

void haproxy_clear(struct cluster *cl, unsigned node)
{
	unsigned i;

	for (i = 0; i < INSTANCES; i++)
		set(cl, node, i, false);
}

static void tell(struct cluster *cl, unsigned node, unsigned i)
{
	struct event ev = { .kind = EVENT_HAPROXY_SEEN };

	ev.haproxy.kind = HAPROXY_SERVER;
	ev.haproxy.target = i;
	ev.haproxy.state =
		db.haproxies[node].ready[i] ? SERVER_READY : SERVER_MAINT;
	ev.haproxy.weight_percent = 100;
	db.drivers[node].seen[i] = ev.haproxy.state;
	driver_feed(cl, node, &ev);
}

/* A daemon begins and finds it. */
void haproxy_start(struct cluster *cl, unsigned node)
{
	struct event ev = { .kind = EVENT_HAPROXY_SEEN };
	unsigned i;

	ev.haproxy.kind = HAPROXY_LINK_UP;
	ev.haproxy.fresh = true;
	driver_feed(cl, node, &ev);
	for (i = 0; i < INSTANCES; i++)
		tell(cl, node, i);
	cluster_at(cl, cl->now_us + POLL_US, DB_POLL, node,
		   cl->machines[node].life, 0);
}

/* Others may have changed it. */
static void poll(struct cluster *cl, unsigned node)
{
	struct driver *d = &db.drivers[node];
	unsigned i;

	for (i = 0; i < INSTANCES; i++)
		if (d->seen[i] !=
		    (db.haproxies[node].ready[i] ? SERVER_READY : SERVER_MAINT))
			tell(cl, node, i);
	cluster_at(cl, cl->now_us + POLL_US, DB_POLL, node,
		   cl->machines[node].life, 0);
}

static void carry_out(struct cluster *cl, const struct happening *h)
{
	const struct haproxy_job *job = &db.orders[h->arg];
	struct sim_haproxy *hap = &db.haproxies[job->node];

	if (job->haproxy_life != hap->life || !hap->up)
		return;
	if (job->state != SERVER_UNKNOWN)
		set(cl, job->node, job->instance, job->state == SERVER_READY);
	cluster_at(cl, cl->now_us + 20 + cluster_below(cl, 150), DB_ORDERED,
		   job->node, job->life, h->arg);
}

static void ordered(struct cluster *cl, const struct happening *h)
{
	const struct haproxy_job *job = &db.orders[h->arg];

	if (job->state != SERVER_UNKNOWN)
		db.drivers[h->node].seen[job->instance] = job->state;
	driver_answer(cl, h->node, job->id, NULL, false);
}

void haproxy_happens(struct cluster *cl, const struct happening *h)
{
	if (h->what == DB_ORDER) {
		carry_out(cl, h);
		return;
	}
	if (h->life != cl->machines[h->node].life ||
	    db.drivers[h->node].ctl == NULL)
		return;
	if (daemon_frozen(cl, h->node))
		cluster_at(cl, cl->machines[h->node].thaw_us, h->what, h->node,
			   h->life, h->arg);
	else if (h->what == DB_POLL)
		poll(cl, h->node);
	else
		ordered(cl, h);
}

/* --- clients --------------------------------------------------------------
 */

void client_begin(struct cluster *cl, unsigned node)
{
	cluster_at(cl, cl->now_us + cluster_below(cl, db.period_us), DB_TICK,
		   node, 0, 0);
}

static void tick(struct cluster *cl, unsigned node)
{
	const struct sim_haproxy *hap = &db.haproxies[node];
	struct client *c = &db.clients[node];
	unsigned i;

	cluster_at(cl,
		   cl->now_us + db.period_us / 2 +
			   cluster_below(cl, db.period_us),
		   DB_TICK, node, 0, 0);
	if (c->waits && cl->now_us < c->give_up_us &&
	    hap->sessions[c->instance] == c->session)
		return;
	c->waits = false;
	c->serial++;
	for (i = 0; i < INSTANCES && !hap->ready[i]; i++)
		;
	if (!hap->up || i == INSTANCES)
		return;
	c->waits = true;
	c->give_up_us = cl->now_us + (db.cancels ? CANCEL_US : GIVE_UP_US);
	c->instance = i;
	c->session = hap->sessions[i];
	if (server_linked(cl, node, i))
		cluster_at(cl, cl->now_us + database_delay(cl), DB_WRITE,
			   node | i << 8, c->serial, 0);
}

static void acked(struct cluster *cl, const struct happening *h)
{
	struct client *c = &db.clients[h->node];

	if (!c->waits || c->serial != h->life ||
	    db.haproxies[h->node].sessions[c->instance] != c->session ||
	    !server_linked(cl, h->node, c->instance) ||
	    cl->now_us >= c->give_up_us)
		return;
	c->waits = false;
	database_acked(cl, h->arg, c->instance);
}

void client_happens(struct cluster *cl, const struct happening *h)
{
	if (h->what == DB_TICK)
		tick(cl, h->node);
	else
		acked(cl, h);
}
