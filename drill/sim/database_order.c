#include "drill/sim/database_world.h"

#include <stdio.h>

/* Orders to instances, and hooks. */

#define LOOK_US  (5 * MS)
#define TOLD_MAX 12 /* in a second */

static struct job *job_new(struct cluster *cl, unsigned node, uint64_t id)
{
	uint32_t serial = ++db.serial;
	struct job *job = &db.jobs[serial % JOBS_MAX];

	*job = (struct job){ .serial = serial,
			     .life = cl->machines[node].life,
			     .id = id,
			     .node = node };
	return job;
}

static void job_at(struct cluster *cl, int64_t at_us, enum database_what what,
		   const struct job *job)
{
	cluster_at(cl, at_us, what, job->node, job->serial,
		   job->serial % JOBS_MAX);
}

/* No instance is told the same without end. */
static void judge_pace(struct cluster *cl, const struct database_order *order)
{
	struct server *s = &db.servers[order->target];

	if (order->kind != s->told || cl->now_us > s->told_us + SECOND) {
		s->told = order->kind;
		s->told_us = cl->now_us;
		s->told_count = 0;
	}
	if (++s->told_count > TOLD_MAX)
		judge_wrong(cl, WRONG_PLAN, "%s is told to %s again and again",
			    instance_name(order->target),
			    database_order_name(order->kind));
}

void database_order(struct cluster *cl, unsigned node, uint64_t id,
		    const struct database_order *order)
{
	struct job *job = job_new(cl, node, id);
	struct instant due =
		instant_add(daemon_clock(cl, node), order->timeout_us);

	job->order = *order;
	judge_pace(cl, order);
	cluster_say(cl, "n%u tells %s: %s", node + 1,
		    instance_name(order->target),
		    database_order_name(order->kind));
	if (server_linked(cl, node, order->target))
		job_at(cl, cl->now_us + database_delay(cl), DB_TOLD, job);
	job_at(cl, daemon_real_us(cl, node, due), DB_TOLD_LATE, job);
}

static void answer(struct cluster *cl, struct job *job, const char *failed)
{
	job->failed = failed != NULL;
	job->why = failed;
	job_at(cl, cl->now_us + database_delay(cl), DB_TOLD_DONE, job);
}

static void again(struct cluster *cl, const struct job *job, int64_t at_us)
{
	job_at(cl, at_us, DB_TOLD, job);
}

static void tell_promote(struct cluster *cl, struct job *job, unsigned i)
{
	struct server *s = &db.servers[i];

	s->touched_us = cl->now_us;
	if (s->role == DATABASE_PRIMARY) {
		s->fenced = s->read_only = false;
		answer(cl, job, NULL);
	} else if (s->unready) {
		answer(cl, job, "it has no data");
	} else {
		server_promote(cl, i);
		again(cl, job, cl->now_us + LOOK_US);
	}
}

/* Whether it cannot follow as it is, and says so. */
static bool is_parted(const struct cluster *cl, unsigned i, unsigned source)
{
	const struct server *s = &db.servers[i];

	if (cl->script->engine == ENGINE_REDIS)
		return false;
	if (s->role == DATABASE_PRIMARY &&
	    cl->script->engine == ENGINE_POSTGRESQL)
		return true;
	return server_alive(cl, source) && server_paired(cl, i, source) &&
	       !row_leads_to(s->head, db.servers[source].head);
}

static void tell_follow(struct cluster *cl, struct job *job, unsigned i)
{
	if (is_parted(cl, i, job->order.source)) {
		job->parted = true;
		answer(cl, job, "its data parted");
		return;
	}
	server_follow(cl, i, job->order.source);
	answer(cl, job, NULL);
}

static void tell_fence(struct cluster *cl, struct job *job, unsigned i,
		       bool fenced)
{
	struct server *s = &db.servers[i];

	if (s->role == DATABASE_PRIMARY) {
		s->fenced = fenced;
		if (fenced)
			s->waiting_count = 0;
		else
			s->read_only = false;
	}
	answer(cl, job, NULL);
}

static void tell_catch_up(struct cluster *cl, struct job *job, unsigned i)
{
	const struct server *s = &db.servers[i];

	if ((uint64_t)db.rows[s->applied].depth * ROW_BYTES >=
	    job->order.position.offset)
		answer(cl, job, NULL);
	else
		again(cl, job, cl->now_us + LOOK_US);
}

static void tell(struct cluster *cl, struct job *job, unsigned i)
{
	switch (job->order.kind) {
	case DATABASE_PROMOTE:
		tell_promote(cl, job, i);
		break;
	case DATABASE_FOLLOW:
		tell_follow(cl, job, i);
		break;
	case DATABASE_FENCE:
	case DATABASE_UNFENCE:
		tell_fence(cl, job, i, job->order.kind == DATABASE_FENCE);
		break;
	case DATABASE_CATCH_UP:
		tell_catch_up(cl, job, i);
		break;
	default:
		answer(cl, job,
		       server_writable(cl, i) ? NULL : "it takes no writes");
	}
	if (server_writable(cl, i))
		db.servers[i].took_writes_us = cl->now_us;
}

/* What a frozen instance was told it does when it goes on, whoever has given
 * up on it by then. */
static void told(struct cluster *cl, struct job *job)
{
	unsigned i = job->order.target;
	const struct server *s = &db.servers[i];
	int64_t until_us = s->thaw_us;

	if (job->order.kind != DATABASE_CATCH_UP && until_us < s->disk_us)
		until_us = s->disk_us;
	if (!server_linked(cl, job->node, i) ||
	    (job->life == 0 && job->order.kind == DATABASE_CATCH_UP))
		return;
	if (!s->up || !s->ready)
		answer(cl, job, "refused");
	else if (cl->now_us < until_us)
		again(cl, job, until_us);
	else
		tell(cl, job, i);
}

/* Whatever it was, it becomes a replica that can stream. */
static void rejoin(struct cluster *cl, struct job *job)
{
	unsigned i = job->order.target, source = job->order.source;
	struct server *s = &db.servers[i];

	if (!s->host || s->stays_dead || cl->now_us < s->thaw_us ||
	    cl->now_us < s->disk_us || !server_linked(cl, job->node, i) ||
	    !server_writable(cl, source) || !server_paired(cl, i, source)) {
		job->why = "it cannot be rejoined now";
		return;
	}
	server_kill(cl, i);
	s->head = s->applied = row_common(s->head, db.servers[source].head);
	server_follow(cl, i, source);
	server_start(cl, i, 1);
}

void database_hook(struct cluster *cl, unsigned node, uint64_t id,
		   enum database_hook hook, unsigned target, unsigned source)
{
	struct job *job = job_new(cl, node, id);

	job->hook = true;
	job->order.target = target;
	job->order.source = source;
	cluster_say(cl, "n%u runs the hook %s on %s", node + 1,
		    hook == DATABASE_HOOK_REJOIN ? "rejoin" : "fence",
		    instance_name(target));
	job_at(cl, cl->now_us + 200 * MS + cluster_below(cl, SECOND), DB_HOOKED,
	       job);
}

static void finish(struct cluster *cl, struct job *job)
{
	unsigned node = job->node;

	if (job->life != cl->machines[node].life)
		return;
	job->life = 0; /* once */
	driver_answer(cl, node, job->id, job->why, job->parted);
}

void database_order_happens(struct cluster *cl, const struct happening *h)
{
	struct job *job = &db.jobs[h->arg];

	if (job->serial != h->life)
		return;
	if (h->what == DB_TOLD) {
		told(cl, job);
		return;
	}
	if (job->life != cl->machines[job->node].life)
		return;
	if (daemon_frozen(cl, job->node)) {
		job_at(cl, cl->machines[job->node].thaw_us,
		       (enum database_what)h->what, job);
		return;
	}
	if (h->what == DB_HOOKED)
		rejoin(cl, job);
	else if (h->what == DB_TOLD_LATE)
		job->why = "it does not answer";
	else if (!server_linked(cl, job->node, job->order.target))
		return;
	finish(cl, job);
}
