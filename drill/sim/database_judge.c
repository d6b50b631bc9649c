#include "drill/sim/database_world.h"

#include <string.h>

/* What may never be, and what must be in the end. */

/* Facts of the primary are so old at most when it is left. */
#define UNSEEN_US (3 * SECOND)

/* Beginning a timeline is a position, and no row. */
#define SLACK 2
/* What was well for so long was seen so. */
#define LATELY_US (5 * SECOND)
/* By then a node has heard of the primary what it must know. */
#define LEARNED_US (8 * SECOND)

/* Why it is this one, for the trace. */
static void explain(struct cluster *cl, unsigned node)
{
	struct plan plan = ctl_group_plan(db.drivers[node].ctl, 0, NOTE_NONE);
	unsigned i;

	for (i = 0; i < INSTANCES; i++)
		cluster_say(cl, "n%u: %s: %s, at %u", node + 1,
			    instance_name(i), plan_reject_text(plan.reject[i]),
			    db.rows[db.servers[i].head].depth);
}

/* Whether @node has seen @instance, if it is one, well all the time lately. */
static bool sees_well(const struct cluster *cl, unsigned node,
		      unsigned instance)
{
	const struct driver *d = &db.drivers[node];
	int64_t since_us = cl->now_us - LATELY_US;

	return instance != NOBODY && d->ctl != NULL && d->held[instance] &&
	       ctl_target(d->ctl, instance).health->state != HEALTH_MAINT &&
	       d->started_us < since_us && d->failed_us[instance] < since_us &&
	       cl->machines[node].thaw_us < since_us &&
	       db.servers[instance].touched_us < since_us;
}

/* A row is lost that a replica had, when nobody was routed to any more, which
 * the deciding node saw all the time. */
static void judge_choice(struct cluster *cl, unsigned chosen, uint32_t row)
{
	unsigned i;

	/* A Redis that started again shares its history with nobody. */
	if (cl->script->engine == ENGINE_REDIS)
		return;
	for (i = 0; i < INSTANCES; i++)
		if (i != chosen && i != db.left &&
		    db.servers[i].role == DATABASE_REPLICA &&
		    !db.servers[i].unready && sees_well(cl, db.decider, i) &&
		    (cl->script->engine != ENGINE_MARIADB ||
		     server_linked_long(i)) &&
		    row_leads_to(row, db.heads[db.decider][i]))
			judge_wrong(cl, WRONG_WRITE_LOST,
				    "%s lacks a row that %s has",
				    instance_name(chosen), instance_name(i));
}

/* The rows acknowledged since the last take-over that who is at @head does
 * not have. */
static void find_lost(struct cluster *cl, unsigned instance)
{
	uint32_t head = db.servers[instance].head, row = head, i;
	bool late = cl->script->no_loss;

	db.lost = 0;
	db.stamp++;
	for (; db.rows[row].depth > db.rows[db.base].depth;
	     row = db.rows[row].parent)
		db.rows[row].stamp = db.stamp;
	for (i = db.judged; i < db.acked_count; i++) {
		if (db.rows[db.acked[i]].stamp == db.stamp)
			continue;
		judge_choice(cl, instance, db.acked[i]);
		if (db.lost++ == db.estimate + SLACK)
			db.lost_since_us = db.rows[db.acked[i]].acked_us;
	}
	db.judged = db.acked_count;
	cl->result->rows_lost += db.lost;
	if (db.lost > 0)
		cluster_say(cl, "%u acknowledged rows are lost", db.lost);
	if (db.lost > 0 && late)
		judge_wrong(cl, WRONG_WRITE_LOST,
			    "%s lacks %u acknowledged rows",
			    instance_name(instance), db.lost);
}

/* The record of the failover has said what may be lost.  What was written after
 * the primary was heard last is not in it. */
static void judge_estimate(struct cluster *cl)
{
	int64_t heard_us =
		db.fencing_us - cl->script->routing_lease_us - UNSEEN_US;

	if (db.estimated && !db.emptied && db.lost > db.estimate + SLACK &&
	    db.lost_since_us < heard_us)
		judge_wrong(cl, WRONG_ESTIMATE,
			    "%u rows are lost, %llu were estimated", db.lost,
			    (unsigned long long)db.estimate);
	db.estimated = false;
}

static void taken_over(struct cluster *cl, unsigned instance)
{
	unsigned i;

	cluster_say(cl, "%s is the one now", instance_name(instance));
	if (db.routed != NOBODY) {
		cl->result->failovers++;
		find_lost(cl, instance);
		judge_estimate(cl);
	}
	db.routed = instance;
	for (i = 0; i < INSTANCES; i++) {
		db.servers[i].linked = false;
		db.servers[i].linked_us = cl->now_us;
	}
	db.base = db.last_acked = db.servers[instance].head;
}

/* @node routes to @instance anew. */
void database_routed(struct cluster *cl, unsigned node, unsigned instance)
{
	unsigned n, i;

	for (n = 0; n < cl->script->nodes; n++)
		for (i = 0; i < INSTANCES; i++)
			if (i != instance && db.haproxies[n].ready[i])
				judge_wrong(cl, WRONG_TWO_ROUTES,
					    "n%u routes to %s while n%u does "
					    "to %s",
					    node + 1, instance_name(instance),
					    n + 1, instance_name(i));
	if (instance != db.routed)
		taken_over(cl, instance);
}

/* A client was told that its row is there. */
void database_acked(struct cluster *cl, uint32_t row, unsigned instance)
{
	db.rows[row].acked_us = cl->now_us;
	db.acked[db.acked_count++] = row;
	db.acked_us = cl->now_us;
	cl->result->rows++;
	if (db.quiet_us != FOREVER_US && db.well_us == FOREVER_US)
		db.well_us = cl->now_us;
	if (instance != db.routed)
		judge_wrong(cl, WRONG_WRITE_LOST,
			    "%s acknowledges a row after %s took over",
			    instance_name(instance), instance_name(db.routed));
	if (!db.emptied && !row_leads_to(db.last_acked, row) &&
	    !row_leads_to(row, db.last_acked))
		judge_wrong(cl, WRONG_WRITE_LOST,
			    "%s has lost rows without a take-over",
			    instance_name(instance));
	if (db.rows[row].depth > db.rows[db.last_acked].depth)
		db.last_acked = row;
}

/* A primary that most nodes see well is left by a person only.  What is decided
 * then may be committed much later, by another node. */
void database_decided(struct cluster *cl, const struct document_group *group)
{
	unsigned leaving = instance_named(group->leaving), n, well = 0;

	for (n = 0; n < cl->script->nodes; n++)
		well += sees_well(cl, n, leaving);
	if (group->phase == PHASE_FENCING &&
	    strcmp(group->reason, "its checks fail") == 0 &&
	    well > cl->script->nodes / 2)
		judge_wrong(cl, WRONG_PLAN,
			    "%s is left, and %u nodes see it well",
			    group->leaving, well);
}

/* Nobody becomes the primary while another one is routed to. */
static void judge_fencing(struct cluster *cl)
{
	unsigned n;

	for (n = 0; db.left != NOBODY && n < cl->script->nodes; n++)
		if (db.haproxies[n].ready[db.left])
			judge_wrong(cl, WRONG_TWO_ROUTES,
				    "n%u routes to %s, and another one is to "
				    "be promoted",
				    n + 1, instance_name(db.left));
}

/* What @node decided about the group is committed. */
void database_committed(struct cluster *cl, unsigned node,
			const struct document_group *group)
{
	const struct document_group *was = &db.document;
	unsigned primary = instance_named(group->primary);

	if (db.decided && was->epoch == group->epoch &&
	    was->phase == group->phase)
		return;
	cluster_say(cl, "n%u: epoch %llu, %s, phase %d, leaving %s: %s",
		    node + 1, (unsigned long long)group->epoch, group->primary,
		    group->phase, group->leaving, group->reason);
	if (db.decided && strcmp(was->primary, group->primary) != 0 &&
	    group->epoch <= was->epoch)
		judge_wrong(cl, WRONG_PLAN, "%s follows %s without an epoch",
			    group->primary, was->primary);
	if (group->phase == PHASE_PROMOTING) {
		db.promoting_us = cl->now_us;
		db.left = instance_named(group->leaving);
		db.decider = node;
		judge_fencing(cl);
	}
	if (group->phase == PHASE_FENCING)
		db.fencing_us = cl->now_us;
	if (db.decided && group->phase == PHASE_STEADY &&
	    was->phase == PHASE_PROMOTING &&
	    db.servers[primary].took_writes_us < db.promoting_us)
		judge_wrong(cl, WRONG_PLAN,
			    "%s is routed before it took writes",
			    group->primary);
	db.document = *group;
	db.decided = true;
}

/* @node believes that nobody routes to what is left. */
void database_withdrawn(struct cluster *cl, unsigned node)
{
	const struct document *doc =
		election_document(cl->machines[node].election);
	unsigned leaving = instance_named(doc->groups[0].leaving), n, i;

	/* What comes later may come after they were asked. */
	for (i = 0; i < INSTANCES; i++)
		db.heads[node][i] = db.servers[i].head;
	for (n = 0; leaving != NOBODY && n < cl->script->nodes; n++)
		if (db.haproxies[n].ready[leaving])
			judge_wrong(cl, WRONG_TWO_ROUTES,
				    "n%u believes that n%u has withdrawn %s",
				    node + 1, n + 1, instance_name(leaving));
}

void database_noted(struct cluster *cl, unsigned node, const struct note *note)
{
	if (note->kind < NOTE_GROUP_ADOPTED ||
	    note->kind > NOTE_GROUP_NOT_REJOINED)
		return;
	if (cl->trace != NULL)
		cluster_say(cl, "n%u: %s %s %s: %s", node + 1,
			    note_kind_name(note->kind),
			    instance_name(note->group.from),
			    instance_name(note->group.to), note->text);
	if (cl->trace != NULL && note->kind == NOTE_GROUP_PROMOTING)
		explain(cl, node);
	if (note->kind == NOTE_GROUP_DONE) {
		cl->result->switchovers += note->count;
		db.estimated = note->group.loss_known;
		db.estimate = note->group.loss_bytes / ROW_BYTES;
	}
}

/* Whether one more may go under no-loss: all others hold what the primary
 * has, and each node has heard that it waits for them. */
static bool is_whole(const struct cluster *cl)
{
	unsigned primary = instance_named(db.document.primary), i;

	for (i = 0; i < cl->script->nodes; i++)
		if (db.drivers[i].ctl == NULL || daemon_frozen(cl, i) ||
		    db.drivers[i].started_us > cl->now_us - LEARNED_US)
			return false;
	for (i = 0; i < INSTANCES; i++)
		if (i != primary && (!db.servers[i].streaming ||
				     db.servers[i].source != primary))
			return false;
	return db.document.phase == PHASE_STEADY;
}

void database_quiet(struct cluster *cl, const struct cluster_step *step)
{
	unsigned dead = (unsigned)(step->value >> 8) & 3;

	/* A Redis that starts again has a history of its own: others that
	 * follow it are not fit to succeed the one that is dead. */
	if (step->node != step->other || cl->script->engine == ENGINE_REDIS ||
	    (cl->script->no_loss && !is_whole(cl)))
		dead = 0;
	db.dead = dead > 0 ? dead - 1 : NOBODY;
	if (db.dead != NOBODY) {
		db.servers[db.dead].stays_dead = true;
		server_kill(cl, db.dead);
	}
	db.quiet_us = cl->now_us;
	db.well_us = FOREVER_US;
	cluster_at(cl, cl->now_us + RESTING_US + cl->script->cooldown_us,
		   DB_VERDICT, 0, 0, 0);
}

/* Whether somebody could take writes: the primary that was decided on, or a
 * replica that has what was there when it became so. */
static bool somebody_could(const struct cluster *cl)
{
	unsigned primary = instance_named(db.document.primary), i;

	if (primary != NOBODY && server_alive(cl, primary) &&
	    db.servers[primary].ready)
		return true;
	for (i = 0; i < INSTANCES; i++)
		if (server_alive(cl, i) &&
		    db.servers[i].role == DATABASE_REPLICA &&
		    !db.servers[i].unready &&
		    (cl->script->engine != ENGINE_MARIADB ||
		     server_linked_long(i)) &&
		    row_leads_to(db.base, db.servers[i].head))
			return true;
	return false;
}

static void describe(struct cluster *cl)
{
	unsigned i;

	if (cl->trace != NULL && fault_primary(cl) != CLUSTER_NODES)
		explain(cl, fault_primary(cl));
	for (i = 0; cl->trace != NULL && i < INSTANCES; i++) {
		const struct server *s = &db.servers[i];

		cluster_say(cl,
			    "%s:%s%s %s%s%s, source %s%s%s, at %u of timeline "
			    "%u",
			    instance_name(i), s->host ? "" : " no host",
			    s->up ? s->ready ? "" : " starts" : " dead",
			    database_role_name(s->role),
			    s->fenced ? " fenced" : "",
			    s->read_only ? " read-only" : "",
			    instance_name(s->source),
			    s->streaming ? " streaming" : "",
			    s->unready ? " copying" : "",
			    db.rows[s->head].depth, db.rows[s->head].timeline);
	}
}

void database_verdict(struct cluster *cl)
{
	if (cl->quiet_us == FOREVER_US || db.quiet_us == FOREVER_US ||
	    cl->now_us < db.quiet_us + RESTING_US + cl->script->cooldown_us)
		return;
	/* A person is called when nobody has the data. */
	if (db.emptied || db.kept || !somebody_could(cl))
		return;
	if (db.acked_us < cl->now_us - 5 * SECOND) {
		describe(cl);
		judge_wrong(cl, WRONG_IDLE,
			    "no row is acknowledged %lld ms after the last "
			    "fault",
			    (long long)((cl->now_us - db.quiet_us) / 1000));
	}
}
