#include "drill/sim/database_world.h"

#include <errno.h>
#include <stdio.h>

/* The checks of a node: a question to an instance, and what comes back. */

static struct ask *ask_of(unsigned node, unsigned instance)
{
	return &db.drivers[node].asks[instance];
}

static uint32_t both(unsigned node, unsigned instance)
{
	return node | instance << 8;
}

void ask_begin(struct cluster *cl, unsigned node, const struct action *act)
{
	unsigned i = act->check.target;
	struct ask *ask = ask_of(node, i);
	struct instant due;

	*ask = (struct ask){ .token = ++db.token,
			     .id = act->id,
			     .since = daemon_clock(cl, node),
			     .open = true };
	due = instant_add(ask->since, act->check.timeout_us);
	if (server_linked(cl, node, i))
		cluster_at(cl, cl->now_us + database_delay(cl), DB_ASKED,
			   both(node, i), cl->machines[node].life, ask->token);
	cluster_at(cl, daemon_real_us(cl, node, due), DB_TIMEOUT, both(node, i),
		   cl->machines[node].life, ask->token);
}

static void send_back(struct cluster *cl, const struct happening *h)
{
	cluster_at(cl,
		   cl->now_us + database_delay(cl) +
			   cluster_below(cl, db.answer_us),
		   DB_ANSWER, h->node, h->life, h->arg);
}

/* At the instance. */
static void asked(struct cluster *cl, const struct happening *h, unsigned node,
		  unsigned i)
{
	const struct server *s = &db.servers[i];
	struct ask *ask = ask_of(node, i);

	if (!server_linked(cl, node, i))
		return;
	ask->reached = true;
	if (!s->up) {
		ask->result = result_make(RESULT_L4CON, ECONNREFUSED, 0, NULL);
		send_back(cl, h);
		return;
	}
	if (cl->now_us < s->thaw_us) {
		cluster_at(cl, s->thaw_us, DB_ASKED, h->node, h->life, h->arg);
		return;
	}
	if (cl->script->canary && s->role == DATABASE_PRIMARY &&
	    cl->now_us < s->disk_us)
		return;
	ask->life = s->life;
	if (!s->ready) {
		ask->result = result_make(RESULT_L7STS, 0, 0, "starting up");
	} else {
		ask->has_facts = true;
		server_facts(cl, i, &ask->facts);
		ask->result = result_make(RESULT_L7OK, 0, 0, NULL);
	}
	send_back(cl, h);
}

static void finish(struct cluster *cl, unsigned node, unsigned i)
{
	struct event facts = { .kind = EVENT_DATABASE };
	struct event ev = { .kind = EVENT_EVIDENCE };
	struct driver *d = &db.drivers[node];
	struct ask *ask = ask_of(node, i);
	uint32_t token = ask->token;

	if (!ask->has_facts)
		d->failed_us[i] = cl->now_us;
	ask->open = false;
	ask->result.latency_us =
		instant_diff_us(ask->since, daemon_clock(cl, node));
	ev.evidence.target = i;
	ev.evidence.check = ask->id;
	ev.evidence.result = ask->result;
	if (ask->has_facts) {
		d->held[i] = true;
		d->held_life[i] = ask->life;
		facts.database.target = i;
		facts.database.facts = &ask->facts;
		driver_feed(cl, node, &facts);
	}
	if (d->ctl != NULL && ask_of(node, i)->token == token)
		driver_feed(cl, node, &ev);
}

void ask_happens(struct cluster *cl, const struct happening *h)
{
	unsigned node = h->node & 0xff, i = h->node >> 8;
	struct ask *ask = ask_of(node, i);

	if (h->life != cl->machines[node].life || ask->token != h->arg ||
	    !ask->open)
		return;
	if (h->what == DB_ASKED) {
		asked(cl, h, node, i);
		return;
	}
	if (daemon_frozen(cl, node)) {
		cluster_at(cl, cl->machines[node].thaw_us, h->what, h->node,
			   h->life, h->arg);
		return;
	}
	if (h->what == DB_TIMEOUT) {
		ask->has_facts = false;
		ask->result = result_make(ask->reached ? RESULT_L7TOUT
						       : RESULT_L4TOUT,
					  0, 0, NULL);
		ask->result.reach =
			ask->reached ? REACH_ACKNOWLEDGED : REACH_NOT_CONNECTED;
	} else if (!server_linked(cl, node, i)) {
		return;
	}
	finish(cl, node, i);
}
