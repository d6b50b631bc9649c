#include "drill/sim/database_world.h"

#include <string.h>

/* What goes wrong with databases, and how it is mended. */

static unsigned resolve(struct cluster *cl, unsigned node)
{
	unsigned primary = instance_named(db.document.primary), pick;

	if (node < INSTANCES)
		return node;
	if (node == CLUSTER_PRIMARY && primary != NOBODY)
		return primary;
	pick = (unsigned)cluster_below(cl, INSTANCES);
	if (node == CLUSTER_FOLLOWER && pick == primary)
		pick = (pick + 1) % INSTANCES;
	return pick;
}

static unsigned resolve_node(struct cluster *cl, unsigned node)
{
	unsigned primary = fault_primary(cl);

	if (node < cl->script->nodes)
		return node;
	if (node == CLUSTER_PRIMARY && primary != CLUSTER_NODES)
		return primary;
	return (unsigned)cluster_below(cl, cl->script->nodes);
}

static void later(int64_t *until_us, int64_t at_us)
{
	if (*until_us < at_us)
		*until_us = at_us;
}

static void isolate(struct cluster *cl, unsigned i, bool but_one, int by)
{
	unsigned n;

	for (n = 0; n < cl->script->nodes; n++)
		if (n != i || !but_one)
			db.cut[n][i] += by;
	for (n = 0; n < INSTANCES; n++)
		if (n != i) {
			db.part[n][i] += by;
			db.part[i][n] += by;
		}
}

static void die(struct cluster *cl, const struct cluster_step *step, unsigned i,
		bool host)
{
	struct server *s = &db.servers[i];

	if (host)
		s->host = false;
	server_kill(cl, i);
	s->stays_dead = step->span_us == 0;
	if (step->kind == STEP_DB_EMPTY) {
		s->head = s->applied = 0;
		db.emptied = true;
		db.base = db.last_acked = 0;
	}
	if (step->span_us > 0 && !host)
		server_start(cl, i, step->span_us);
}

static void maintain(struct cluster *cl, unsigned i, bool on)
{
	struct event ev = { .kind = EVENT_ADMIN };
	unsigned n;

	ev.admin.kind = ADMIN_MAINTENANCE;
	ev.admin.token = 1;
	ev.admin.maintenance = (struct maintenance){ .target = i,
						     .on = on,
						     .until = INSTANT_NEVER };
	for (n = 0; n < cl->script->nodes; n++)
		if (!daemon_frozen(cl, n))
			driver_feed(cl, n, &ev);
}

static void switch_over(struct cluster *cl, unsigned to)
{
	struct event ev = { .kind = EVENT_ADMIN };
	unsigned primary = fault_primary(cl);

	if (primary == CLUSTER_NODES)
		return;
	ev.admin.kind = ADMIN_SWITCHOVER;
	ev.admin.token = 2;
	ev.admin.switchover.service = 0;
	ev.admin.switchover.to = to < INSTANCES ? to : NOTE_NONE;
	driver_feed(cl, primary, &ev);
}

static void part(unsigned a, unsigned b, int by)
{
	db.part[a][b] += by;
	if (a != b)
		db.part[b][a] += by;
}

static void step_pair(struct cluster *cl, const struct cluster_step *step,
		      unsigned i)
{
	unsigned other = step->kind == STEP_DB_CUT
				 ? resolve_node(cl, step->other)
				 : resolve(cl, step->other);

	if (step->kind == STEP_DB_CUT)
		db.cut[other][i]++;
	else
		part(i, other, 1);
	fault_mend_later(cl, step, i | other << 8);
}

void database_step(struct cluster *cl, const struct cluster_step *step)
{
	unsigned i = resolve(cl, step->node);
	struct server *s = &db.servers[i];

	db.quiet_us = FOREVER_US;
	s->touched_us = cl->now_us;
	cluster_say(cl, "-- database step %d of %s",
		    (int)step->kind - STEP_DB_KILL, instance_name(i));
	switch (step->kind) {
	case STEP_DB_KILL:
	case STEP_DB_EMPTY:
		die(cl, step, i, false);
		break;
	case STEP_DB_HOST:
		die(cl, step, i, true);
		fault_mend_later(cl, step, i);
		break;
	case STEP_DB_FREEZE:
		later(&s->thaw_us, cl->now_us + step->span_us);
		break;
	case STEP_DB_DISK:
		later(&s->disk_us, cl->now_us + step->span_us);
		break;
	case STEP_DB_SLOW:
		s->slow_us = step->value;
		fault_mend_later(cl, step, i);
		break;
	case STEP_DB_ISOLATE:
		isolate(cl, i, step->value != 0, 1);
		fault_mend_later(cl, step, i);
		break;
	case STEP_DB_SWITCHOVER:
		switch_over(cl, step->node);
		break;
	case STEP_DB_MAINTENANCE:
		maintain(cl, i, true);
		fault_mend_later(cl, step, i);
		break;
	case STEP_DB_CANCEL:
		db.cancels = true;
		fault_mend_later(cl, step, i);
		break;
	default:
		step_pair(cl, step, i);
	}
}

void database_mend(struct cluster *cl, const struct cluster_step *step,
		   unsigned one, unsigned other)
{
	db.servers[one].touched_us = cl->now_us;
	switch (step->kind) {
	case STEP_DB_HOST:
		db.servers[one].host = true;
		server_start(cl, one, 1);
		break;
	case STEP_DB_SLOW:
		db.servers[one].slow_us = 0;
		break;
	case STEP_DB_ISOLATE:
		isolate(cl, one, step->value != 0, -1);
		break;
	case STEP_DB_CUT:
		db.cut[other][one]--;
		break;
	case STEP_DB_PART:
		part(one, other, -1);
		break;
	case STEP_DB_MAINTENANCE:
		maintain(cl, one, false);
		break;
	case STEP_DB_CANCEL:
		db.cancels = false;
		break;
	default:
		break;
	}
}

void database_heal(struct cluster *cl)
{
	unsigned i;

	memset(db.cut, 0, sizeof(db.cut));
	memset(db.part, 0, sizeof(db.part));
	db.cancels = false;
	for (i = 0; i < INSTANCES; i++) {
		struct server *s = &db.servers[i];

		s->slow_us = 0;
		s->stays_dead = false;
		s->touched_us = cl->now_us;
		maintain(cl, i, false);
		s->host = true;
		if (!s->up)
			server_start(cl, i, 1);
		/* What it stands still for ends now, in its order. */
		if (s->thaw_us > cl->now_us + SECOND)
			s->thaw_us = cl->now_us + SECOND;
		if (s->disk_us > cl->now_us + SECOND)
			s->disk_us = cl->now_us + SECOND;
	}
}

/* A node's machine, and the instance on it. */
void database_power(struct cluster *cl, unsigned node, bool on)
{
	struct sim_haproxy *hap = &db.haproxies[node];
	struct server *s = &db.servers[node < INSTANCES ? node : 0];
	bool has = !cl->script->apart && node < INSTANCES;

	if (hap->up == on)
		return;
	hap->up = on;
	hap->life++;
	hap->busy_us = 0;
	haproxy_clear(cl, node);
	if (!has)
		return;
	s->host = on;
	if (on)
		server_start(cl, node, 1 + cluster_below(cl, SECOND));
	else
		server_kill(cl, node);
}
