#include "drill/sim/database_world.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Instances: their processes, what they replicate, what they say. */

#define COPY_US (300 * MS)

int64_t database_delay(struct cluster *cl)
{
	return 50 + cluster_below(cl, db.delay_us);
}

bool server_alive(const struct cluster *cl, unsigned i)
{
	const struct server *s = &db.servers[i];

	return s->host && s->up && cl->now_us >= s->thaw_us;
}

/* Whether it would take a write now. */
bool server_writable(const struct cluster *cl, unsigned i)
{
	const struct server *s = &db.servers[i];

	return server_alive(cl, i) && s->ready && s->role == DATABASE_PRIMARY &&
	       !s->fenced && !s->read_only && cl->now_us >= s->disk_us;
}

/* Instances stand on the nodes' machines, unless they are apart. */
static bool machines_linked(const struct cluster *cl, unsigned a, unsigned b)
{
	if (cl->script->apart || a == b || a >= cl->script->nodes ||
	    b >= cl->script->nodes)
		return true;
	return net_linked(cl, a, b);
}

bool server_linked(const struct cluster *cl, unsigned node, unsigned i)
{
	return db.servers[i].host && db.cut[node][i] == 0 &&
	       machines_linked(cl, node, i);
}

bool server_paired(const struct cluster *cl, unsigned a, unsigned b)
{
	return db.part[a][b] == 0 && db.servers[a].host && db.servers[b].host &&
	       machines_linked(cl, a, b);
}

/* --- streams ---------------------------------------------------------------
 */

bool server_linked_long(unsigned i)
{
	const struct server *s = &db.servers[i];

	return s->linked || (s->streaming && s->source == db.routed &&
			     db.now_us > s->linked_us + SECOND);
}

static void cut_stream(unsigned i)
{
	struct server *s = &db.servers[i];

	s->linked = server_linked_long(i);
	s->streaming = s->sending = s->unready = false;
	s->stream++;
}

static void connect_later(struct cluster *cl, unsigned i, int64_t us)
{
	cluster_at(cl, cl->now_us + us, DB_CONNECT, i, db.servers[i].life, 0);
}

/* Send what it lacks, one batch at a time. */
static void pump(struct cluster *cl, unsigned i)
{
	struct server *s = &db.servers[i];

	if (!s->streaming || s->sending ||
	    s->head == db.servers[s->source].head)
		return;
	s->sending = true;
	cluster_at(cl, cl->now_us + database_delay(cl), DB_WAL, i, s->stream,
		   db.servers[s->source].head);
}

static void pump_all(struct cluster *cl, unsigned from)
{
	unsigned i;

	for (i = 0; i < INSTANCES; i++)
		if (i != from && db.servers[i].source == from)
			pump(cl, i);
}

static void stream(struct cluster *cl, unsigned i)
{
	struct server *s = &db.servers[i], *from = &db.servers[s->source];

	s->stream++;
	s->streaming = true;
	s->linked_us = cl->now_us;
	s->sending = s->unready = false;
	s->system = from->system;
	s->applied = s->head;
	from->acked[i] = s->head;
	pump(cl, i);
}

/* A replica without a stream looks for one. */
static void connect(struct cluster *cl, unsigned i)
{
	struct server *s = &db.servers[i], *from;

	if (s->role != DATABASE_REPLICA || s->source == NOBODY)
		return;
	connect_later(cl, i,
		      db.connect_us / 2 + cluster_below(cl, db.connect_us));
	from = &db.servers[s->source];
	if (s->streaming && (!server_paired(cl, i, s->source) || !from->up))
		cut_stream(i);
	if (s->streaming || s->unready || !server_alive(cl, i) || !s->ready ||
	    !server_alive(cl, s->source) || !from->ready ||
	    !server_paired(cl, i, s->source))
		return;
	if (row_leads_to(s->head, from->head)) {
		stream(cl, i);
	} else if (cl->script->engine == ENGINE_REDIS) {
		s->unready = true;
		s->stream++;
		cluster_at(cl, cl->now_us + COPY_US, DB_COPIED, i, s->stream,
			   0);
	}
}

static void copied(struct cluster *cl, unsigned i)
{
	struct server *s = &db.servers[i];

	s->unready = false;
	if (!server_alive(cl, s->source) || !server_paired(cl, i, s->source))
		return;
	s->head = s->applied = db.servers[s->source].head;
	stream(cl, i);
}

static void received(struct cluster *cl, const struct happening *h)
{
	unsigned i = h->node;
	struct server *s = &db.servers[i];

	if (!server_paired(cl, i, s->source)) {
		cut_stream(i);
		return;
	}
	s->head = h->arg;
	if (s->slow_us == 0)
		s->applied = h->arg;
	else
		cluster_at(cl, cl->now_us + s->slow_us, DB_APPLIED, i,
			   s->stream, h->arg);
	cluster_at(cl, cl->now_us + database_delay(cl), DB_WAL_ACK, i,
		   s->stream, h->arg);
}

static void acknowledge(struct cluster *cl, const struct waiting *w)
{
	cluster_at(cl, cl->now_us + database_delay(cl), DB_ACK, w->client,
		   w->serial, w->row);
}

static bool is_safe(unsigned primary, uint32_t row)
{
	unsigned i;

	for (i = 0; i < INSTANCES; i++)
		if (i != primary && db.servers[i].streaming &&
		    db.servers[i].source == primary &&
		    db.rows[db.servers[primary].acked[i]].depth >=
			    db.rows[row].depth)
			return true;
	return false;
}

static void heard_of(struct cluster *cl, const struct happening *h)
{
	unsigned i = h->node, k, kept = 0, source = db.servers[i].source;
	struct server *from = &db.servers[source];

	db.servers[i].sending = false;
	if (!server_paired(cl, i, source)) {
		cut_stream(i);
		return;
	}
	from->acked[i] = h->arg;
	for (k = 0; k < from->waiting_count; k++)
		if (is_safe(source, from->waiting[k].row))
			acknowledge(cl, &from->waiting[k]);
		else
			from->waiting[kept++] = from->waiting[k];
	from->waiting_count = kept;
	pump(cl, i);
}

/* --- writes ---------------------------------------------------------------
 */

void server_write(struct cluster *cl, const struct happening *h)
{
	unsigned i = h->node >> 8, client = h->node & 0xff;
	struct server *s = &db.servers[i];
	struct waiting w = { .serial = h->life, .client = client };

	if (!server_linked(cl, client, i) || !s->up || !s->ready)
		return;
	if (cl->now_us < s->thaw_us || cl->now_us < s->disk_us) {
		cluster_at(cl,
			   s->thaw_us > s->disk_us ? s->thaw_us : s->disk_us,
			   DB_WRITE, h->node, h->life, h->arg);
		return;
	}
	if (!server_writable(cl, i) || db.row_count >= ROWS_MAX - 64)
		return;
	s->head = s->applied = w.row =
		row_add(s->head, db.rows[s->head].timeline);
	pump_all(cl, i);
	if (!cl->script->no_loss)
		acknowledge(cl, &w);
	else if (s->waiting_count < WAITING_MAX && !db.cancels)
		s->waiting[s->waiting_count++] = w;
}

/* --- processes ------------------------------------------------------------
 */

static void end_roles(unsigned i)
{
	struct server *s = &db.servers[i];

	s->waiting_count = 0;
	s->promoting = false;
	cut_stream(i);
}

static void lose_followers(unsigned i)
{
	unsigned k;

	for (k = 0; k < INSTANCES; k++)
		if (k != i && db.servers[k].source == i)
			cut_stream(k);
}

void server_kill(struct cluster *cl, unsigned i)
{
	struct server *s = &db.servers[i];
	uint32_t life = s->life;

	s->touched_us = cl->now_us;
	if (!s->up)
		return;
	cluster_say(cl, "%s dies", instance_name(i));
	s->up = s->ready = false;
	s->life++;
	s->thaw_us = 0;
	end_roles(i);
	lose_followers(i);
	if (s->host)
		driver_hint(cl, i, life);
}

void server_start(struct cluster *cl, unsigned i, int64_t after_us)
{
	cluster_at(cl, cl->now_us + after_us, DB_UP, i, db.servers[i].life, 0);
}

/* What it comes back as is its own affair. */
static void up(struct cluster *cl, unsigned i)
{
	struct server *s = &db.servers[i];

	if (s->up || !s->host || s->stays_dead)
		return;
	s->up = true;
	s->life++;
	s->touched_us = cl->now_us;
	s->applied = s->head;
	if (cl->script->engine == ENGINE_MARIADB)
		s->read_only = true;
	if (cl->script->engine == ENGINE_REDIS) {
		s->fenced = false;
		if (s->role == DATABASE_PRIMARY)
			s->system = rng_next(&cl->rng) | 1;
	}
	cluster_at(cl, cl->now_us + 1 + cluster_below(cl, db.start_us),
		   DB_READY, i, s->life, 0);
}

static void ready(struct cluster *cl, unsigned i)
{
	cluster_say(cl, "%s serves as %s", instance_name(i),
		    database_role_name(db.servers[i].role));
	db.servers[i].ready = true;
	connect_later(cl, i, 1);
}

void server_follow(struct cluster *cl, unsigned i, unsigned source)
{
	struct server *s = &db.servers[i];

	cluster_say(cl, "%s is to follow %s", instance_name(i),
		    instance_name(source));
	end_roles(i);
	lose_followers(i);
	s->role = DATABASE_REPLICA;
	s->fenced = s->read_only = false;
	s->source = source;
	connect_later(cl, i, 1 + database_delay(cl));
}

static void promoted(struct cluster *cl, unsigned i)
{
	struct server *s = &db.servers[i];

	cluster_say(cl, "%s is promoted", instance_name(i));
	end_roles(i);
	s->role = DATABASE_PRIMARY;
	s->source = NOBODY;
	s->fenced = s->read_only = false;
	s->applied = s->head;
	if (cl->script->engine == ENGINE_POSTGRESQL)
		s->head = s->applied =
			row_add(s->head, db.rows[s->head].timeline + 1);
	if (cl->script->engine == ENGINE_REDIS)
		s->system = rng_next(&cl->rng) | 1;
	s->took_writes_us = cl->now_us;
}

void server_promote(struct cluster *cl, unsigned i)
{
	struct server *s = &db.servers[i];

	if (s->promoting)
		return;
	s->promoting = true;
	s->streaming = false;
	s->stream++;
	cluster_at(cl,
		   cl->now_us + 1 + s->slow_us +
			   cluster_below(cl, db.promote_us),
		   DB_PROMOTED, i, s->life, 0);
}

void server_begin(struct cluster *cl)
{
	unsigned i;

	db.row_count = 1;
	db.rows[0] = (struct row){ .timeline = 1 };
	for (i = 0; i < INSTANCES; i++) {
		struct server *s = &db.servers[i];

		s->host = s->up = s->ready = true;
		s->role = i == 0 ? DATABASE_PRIMARY : DATABASE_REPLICA;
		s->source = i == 0 ? NOBODY : 0;
		s->system = 77;
		s->touched_us = -HOUR;
		if (i > 0)
			connect_later(cl, i, 1);
	}
}

/* --- what it says of itself -----------------------------------------------
 */

static struct database_position position(const struct cluster *cl, uint32_t row)
{
	return (struct database_position){
		.timeline = cl->script->engine == ENGINE_POSTGRESQL
				    ? db.rows[row].timeline
				    : 0,
		.offset = (uint64_t)db.rows[row].depth * ROW_BYTES,
	};
}

static void tell_replicas(const struct cluster *cl, unsigned i,
			  struct database_facts *facts)
{
	const struct server *s = &db.servers[i];
	unsigned k;

	facts->durable = cl->script->no_loss;
	facts->quorum = 1;
	for (k = 0; k < INSTANCES; k++) {
		struct database_replica *to =
			&facts->replicas[facts->replica_count];
		bool streams =
			db.servers[k].streaming && db.servers[k].source == i;

		if (k == i || (!streams && !cl->script->no_loss))
			continue;
		facts->replica_count++;
		snprintf(to->name, sizeof(to->name), "%s", instance_name(k));
		to->streaming = streams;
		to->synchronous = cl->script->no_loss;
		to->acknowledged = position(cl, s->acked[k]);
	}
}

void server_facts(const struct cluster *cl, unsigned i,
		  struct database_facts *facts)
{
	const struct server *s = &db.servers[i];

	memset(facts, 0, sizeof(*facts));
	facts->role = s->role;
	facts->writable =
		s->role == DATABASE_PRIMARY && !s->fenced && !s->read_only;
	facts->unready = s->unready;
	facts->system = cl->script->engine == ENGINE_MARIADB ? 0 : s->system;
	facts->start = s->life;
	facts->received = position(cl, s->head);
	facts->applied = position(cl, s->applied);
	facts->lag_us = -1;
	snprintf(facts->name, sizeof(facts->name), "%s", instance_name(i));
	if (s->role == DATABASE_PRIMARY) {
		tell_replicas(cl, i, facts);
	} else if (s->source != NOBODY) {
		snprintf(facts->source_host, sizeof(facts->source_host),
			 "10.0.0.%u", s->source + 1);
		facts->source_port = 5432;
		facts->source_up = s->streaming;
	}
}

/* A frozen one hears of it when it goes on, one whose disk hangs when that
 * does. */
static bool is_late(struct cluster *cl, const struct happening *h)
{
	const struct server *s = &db.servers[h->node];
	int64_t at_us = s->thaw_us;

	if (h->what == DB_UP || h->what == DB_READY)
		at_us = 0;
	if ((h->what == DB_WAL || h->what == DB_PROMOTED) && at_us < s->disk_us)
		at_us = s->disk_us;
	if (h->what == DB_WAL_ACK && at_us < db.servers[s->source].thaw_us)
		at_us = db.servers[s->source].thaw_us;
	if (cl->now_us >= at_us)
		return false;
	cluster_at(cl, at_us, h->what, h->node, h->life, h->arg);
	return true;
}

void server_happens(struct cluster *cl, const struct happening *h)
{
	struct server *s = &db.servers[h->node];
	bool of_stream = h->what == DB_WAL || h->what == DB_APPLIED ||
			 h->what == DB_WAL_ACK || h->what == DB_COPIED;

	if (h->life != (of_stream ? s->stream : s->life) || is_late(cl, h))
		return;
	switch ((enum database_what)h->what) {
	case DB_UP:
		up(cl, h->node);
		break;
	case DB_READY:
		ready(cl, h->node);
		break;
	case DB_CONNECT:
		connect(cl, h->node);
		break;
	case DB_COPIED:
		copied(cl, h->node);
		break;
	case DB_WAL:
		received(cl, h);
		break;
	case DB_APPLIED:
		s->applied = h->arg;
		break;
	case DB_WAL_ACK:
		heard_of(cl, h);
		break;
	case DB_PROMOTED:
		promoted(cl, h->node);
		break;
	default:
		break;
	}
}
