#include "controller/core/group_state.h"
#include "controller/core/rule.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What goes in, what comes out; what a phase wants is in group_phase.c. */

struct group *group_new(const struct group_settings *set)
{
	struct group *g = calloc(1, sizeof(*g));
	unsigned i;

	if (g == NULL)
		return NULL;
	assert(set->count <= PLAN_INSTANCES_MAX);
	g->set = *set;
	g->asked = g->caught_up = PLAN_NOBODY;
	g->wake = INSTANT_NEVER;
	g->moved_at = INSTANT_NONE;
	for (i = 0; i < set->count; i++) {
		g->list[i].heard = g->list[i].primary_heard = INSTANT_NONE;
		g->list[i].asked = g->list[i].known_since = INSTANT_NONE;
		g->list[i].retry = g->list[i].spoke = INSTANT_NONE;
		g->list[i].unlinked = g->list[i].again = INSTANT_NONE;
		g->list[i].paced.at = g->list[i].paced_from.at = INSTANT_NONE;
	}
	return g;
}

void group_free(struct group *group)
{
	free(group);
}

void group_carry(struct group *g, const struct group *from)
{
	g->moved_at = from->moved_at;
}

struct group_action *group_act(struct group *g, enum group_action_kind kind)
{
	struct group_action *act = &g->out->list[g->out->count++];

	assert(g->out->count <= GROUP_ACTIONS_MAX);
	*act = (struct group_action){ .kind = kind };
	return act;
}

struct group_note *group_note(struct group *g, enum group_note_kind kind,
			      unsigned from, unsigned to, const char *text)
{
	struct group_note *note = &group_act(g, GROUP_SAY)->note;

	*note = (struct group_note){ .kind = kind,
				     .from = from,
				     .to = to,
				     .epoch = g->document.epoch,
				     .planned = g->planned };
	snprintf(note->text, sizeof(note->text), "%s", text);
	return note;
}

/* What is past was looked at in this step: asked for again, it would be due
 * without end. */
void group_wake(struct group *g, struct instant at)
{
	if (!instant_reached(g->now, at))
		g->wake = instant_min(g->wake, at);
}

const struct database_facts *group_facts(const struct group *g, unsigned i)
{
	const struct instance *it = &g->list[i];

	if (instant_is_none(it->heard) ||
	    instant_diff_us(it->heard, g->now) > g->set.fresh_us)
		return NULL;
	return &it->facts;
}

void group_forget(struct group *g, unsigned i)
{
	g->list[i].heard = INSTANT_NONE;
	g->list[i].known_since = g->now;
	group_act(g, GROUP_ASK)->ask = i;
}

const char *group_name(const struct group *g, unsigned i)
{
	return i < g->set.count ? g->set.list[i].name : "nobody";
}

unsigned group_find(const struct group *g, const char *name)
{
	unsigned i;

	for (i = 0; i < g->set.count; i++)
		if (strcmp(g->set.list[i].name, name) == 0)
			return i;
	return PLAN_NOBODY;
}

void group_order(struct group *g, unsigned i, struct database_order order)
{
	struct instance *it = &g->list[i];
	struct group_action *act = group_act(g, GROUP_ORDER);

	order.target = i;
	order.epoch = g->document.epoch;
	act->id = it->order = ++g->last_id;
	act->order = order;
	it->ordered = order.kind;
}

void group_hook(struct group *g, enum database_hook hook, unsigned i,
		unsigned source)
{
	struct group_action *act = group_act(g, GROUP_HOOK);
	struct instance *it = &g->list[i];

	act->id = ++g->last_id;
	*(hook == DATABASE_HOOK_REJOIN ? &it->rejoin : &it->hook) = act->id;
	act->hook.hook = hook;
	act->hook.instance = i;
	act->hook.source = source;
	act->hook.epoch = g->document.epoch;
}

void group_decide(struct group *g, const struct document_group *document)
{
	struct group_action *act = group_act(g, GROUP_DECIDE);

	act->document = *document;
	act->document.since_wall_us = g->wall_us;
	g->deciding = true;
	/* What is lost on the way is asked for again. */
	g->decide_by = instant_add(g->now, GROUP_DECIDE_PATIENCE_US);
	group_wake(g, g->decide_by);
}

void group_reply(struct group *g, int error, const char *text)
{
	struct group_action *act;

	if (g->token == 0)
		return;
	act = group_act(g, GROUP_REPLY);
	act->reply.token = g->token;
	act->reply.error = error;
	snprintf(act->reply.text, sizeof(act->reply.text), "%s", text);
	g->token = 0;
}

bool group_is_still(const struct group *g, unsigned i)
{
	const struct instance *it = &g->list[i];

	if (instant_is_none(g->withdrawn_at) || !RULE(GROUP_STILL))
		return true;
	return !instant_is_none(it->heard) &&
	       !instant_before(RULE(GROUP_ASKED) ? it->asked : it->heard,
			       g->withdrawn_at);
}

/* Whether what it said as the primary is of @epoch: in an earlier one its data
 * were others. */
static bool is_of_reign(const struct instance *it, uint64_t epoch)
{
	return it->primary_facts.role == DATABASE_PRIMARY &&
	       (it->primary_epoch == 0 || it->primary_epoch == epoch ||
		!RULE(GROUP_REIGN));
}

static bool is_linked(const struct group *g, const struct instance *it)
{
	return g->reign != 0 && it->linked_epoch == g->reign;
}

static bool is_apart(const struct group *g, const struct instance *it)
{
	return !is_linked(g, it) && g->reign != 0 &&
	       it->apart_epoch == g->reign;
}

struct plan group_plan(const struct group *g, unsigned to)
{
	struct plan_question ask = { .set = g->set.failover,
				     .count = g->set.count,
				     .asked = to };
	unsigned i;

	ask.leaving = g->known ? group_find(g, g->document.phase == PHASE_STEADY
						       ? g->document.primary
						       : g->document.leaving)
			       : PLAN_NOBODY;
	if (ask.leaving != PLAN_NOBODY &&
	    is_of_reign(&g->list[ask.leaving], g->reign))
		ask.last = &g->list[ask.leaving].primary_facts;
	for (i = 0; i < g->set.count; i++)
		ask.list[i] = (struct plan_instance){
			.facts =
				group_is_still(g, i) ? group_facts(g, i) : NULL,
			.priority = g->set.list[i].priority,
			.down = g->list[i].down || g->list[i].suspect,
			.maintenance = g->list[i].maintenance,
			.failed = g->list[i].failed,
			.linked = is_linked(g, &g->list[i]),
			.apart = is_apart(g, &g->list[i]),
			.absent = g->list[i].absent && !g->list[i].asynchronous,
			.absent_at = g->list[i].absent_at,
			.rejoining =
				g->list[i].rejoin != 0 || g->list[i].at_work,
		};
	return plan_make(&ask);
}

struct group_view group_look(const struct group *g)
{
	return (struct group_view){
		.document = g->known ? &g->document : NULL,
		.primary = g->known ? group_find(g, g->document.primary)
				    : PLAN_NOBODY,
		.held = g->held[0] != '\0' ? g->held : NULL,
		.busy = g->known &&
			(g->document.phase != PHASE_STEADY || g->deciding),
	};
}

/* A replica that receives more while its primary is in doubt speaks for it.
 * What was under way when the doubt began is no such word: the first facts
 * after it set the mark. */
static void hear_received(const struct group *g, struct instance *it,
			  const struct database_facts *facts)
{
	if (facts->role != DATABASE_REPLICA)
		return;
	if (it->marked &&
	    database_position_compare(facts->received, it->mark) > 0)
		it->spoke = g->now;
	it->marked = true;
	it->mark = facts->received;
}

/* Whether a replica has ever taken something from this primary.  Data that
 * parted show only then, where positions alone do not tell. */
static void hear_link(const struct group *g, struct instance *it,
		      const struct database_facts *facts)
{
	unsigned primary;

	if (!g->known || g->document.phase != PHASE_STEADY ||
	    facts->role != DATABASE_REPLICA)
		return;
	primary = group_find(g, g->document.primary);
	if (primary == PLAN_NOBODY)
		return;
	if (facts->source_up && group_follows(g, facts, primary))
		it->linked_epoch = g->document.epoch;
	else if (group_facts(g, primary) != NULL && !g->list[primary].down &&
		 !g->list[primary].suspect)
		it->apart_epoch = g->document.epoch;
}

static const struct database_replica *named(const struct database_facts *facts,
					    const char *name)
{
	unsigned i;

	for (i = 0; name[0] != '\0' && i < facts->replica_count &&
		    i < DATABASE_REPLICAS_MAX;
	     i++)
		if (strcmp(facts->replicas[i].name, name) == 0)
			return &facts->replicas[i];
	return NULL;
}

/* Who is a replica of it, by the word of @primary. */
static void hear_replicas(struct group *g, const struct instance *primary,
			  const struct database_facts *facts)
{
	const struct database_replica *replica;
	struct instance *it;

	for (it = g->list; it < g->list + g->set.count; it++) {
		if (it == primary)
			continue;
		replica = named(facts, it->facts.name);
		if (replica != NULL)
			it->asynchronous = !replica->synchronous;
		else if (!it->absent)
			it->absent_at = facts->applied;
		it->absent = replica == NULL;
	}
}

static void hear_primary(struct group *g, struct instance *it,
			 const struct database_facts *facts)
{
	const struct database_facts *was = &it->primary_facts;

	if (is_of_reign(it, g->document.epoch) && was->start != facts->start &&
	    facts->applied.offset < was->applied.offset) {
		it->restarted_as_primary = true;
		return;
	}
	hear_replicas(g, it, facts);
	it->primary_facts = *facts;
	it->primary_heard = g->now;
	it->primary_epoch = g->known ? g->document.epoch : 0;
	group_loss_hear(g, it);
}

static void hear_facts(struct group *g, const struct group_event *ev)
{
	struct instance *it = &g->list[ev->instance];

	if (instant_before(ev->asked, it->known_since) && RULE(GROUP_ASKED)) {
		group_act(g, GROUP_ASK)->ask = ev->instance;
		return;
	}
	it->asked = ev->asked;
	/* What failed while it was away is tried at once. */
	if (it->gone)
		it->retry = INSTANT_NONE;
	it->gone = false;
	hear_received(g, it, ev->facts);
	hear_link(g, it, ev->facts);
	/* What was said to a server before this one is forgotten. */
	if (it->facts.start != ev->facts->start)
		it->fenced = false;
	it->facts = *ev->facts;
	it->heard = g->now;
	/* What a primary said last of itself outlives its becoming something
	 * else, until it is primary again. */
	if (ev->facts->role == DATABASE_PRIMARY && !it->restarted_as_primary)
		hear_primary(g, it, ev->facts);
	if (ev->facts->role == DATABASE_REPLICA)
		it->restarted_as_primary = false;
}

static void hear_health(struct group *g, const struct group_event *ev)
{
	struct instance *it = &g->list[ev->instance];
	bool was = it->suspect || it->down;

	it->gone = ev->health.down && (it->gone || !it->down);
	it->down = ev->health.down;
	it->confirmed = ev->health.confirmed;
	it->certain = ev->health.certain;
	it->suspect = ev->health.suspect;
	it->maintenance = ev->health.maintenance;
	it->called = ev->health.called;
	it->at_work = ev->health.at_work;
	it->host_spoke = it->host_spoke || it->at_work;
	if (ev->health.host_up && !it->host_up)
		it->host_since = g->now;
	it->host_up = ev->health.host_up;
	/* From here on a replica that receives more speaks for it. */
	if (!was && (it->suspect || it->down))
		group_mark_received(g);
}

/* What was heard before there was a primary is heard now. */
static void look_back(struct group *g)
{
	unsigned i;

	for (i = 0; i < g->set.count; i++)
		if (group_facts(g, i) != NULL)
			hear_link(g, &g->list[i], &g->list[i].facts);
}

/* A new phase, or the same in another epoch, begins. */
static void hear_document(struct group *g, const struct group_event *ev)
{
	struct document_group was = g->document;
	bool known = g->known;

	g->deciding = false;
	g->known = ev->document != NULL;
	if (!g->known)
		return;
	g->document = *ev->document;
	if (g->document.phase != PHASE_PROMOTING)
		g->reign = g->document.epoch;
	if (!known)
		look_back(g);
	if (known && was.epoch == g->document.epoch &&
	    was.phase == g->document.phase)
		return;
	group_phase_begins(g, known ? &was : NULL);
}

static void hear_answer(struct group *g, const struct group_event *ev)
{
	bool done = ev->kind == GROUP_DONE;
	unsigned i;

	for (i = 0; i < g->set.count; i++) {
		struct instance *it = &g->list[i];

		if (it->order != 0 && it->order == ev->answer.id) {
			it->order = 0;
			group_order_answered(g, i, done, ev);
		} else if (it->hook != 0 && it->hook == ev->answer.id) {
			it->hook = 0;
			group_hook_answered(g, i, done, ev->answer.why);
		} else if (it->rejoin != 0 && it->rejoin == ev->answer.id) {
			it->rejoin = 0;
			group_rejoin_answered(g, i, done, ev->answer.why);
		}
	}
}

static void hear_switchover(struct group *g, const struct group_event *ev)
{
	if (g->token != 0) {
		struct group_action *act = group_act(g, GROUP_REPLY);

		act->reply.token = ev->switchover.token;
		act->reply.error = -EBUSY;
		snprintf(act->reply.text, sizeof(act->reply.text),
			 "another switchover of %s is under way", g->set.name);
		return;
	}
	g->token = ev->switchover.token;
	group_switchover(g, ev->switchover.to);
}

/* Where nobody may be asked any more, nothing else would tell that nothing is
 * known. */
static void wake_when_stale(struct group *g)
{
	unsigned i;

	for (i = 0; i < g->set.count; i++)
		if (!instant_is_none(g->list[i].heard))
			group_wake(g, instant_add(g->list[i].heard,
						  g->set.fresh_us + 1));
}

void group_step(struct group *g, const struct group_event *ev,
		struct group_actions *out)
{
	out->count = 0;
	g->out = out;
	g->now = ev->now;
	g->wall_us = ev->wall_us;
	g->wake = INSTANT_NEVER;
	switch (ev->kind) {
	case GROUP_TICK:
		break;
	case GROUP_FACTS:
		hear_facts(g, ev);
		break;
	case GROUP_HEALTH:
		hear_health(g, ev);
		break;
	case GROUP_OFFICE:
		if (g->office != ev->office)
			group_office_changed(g, ev->office);
		break;
	case GROUP_DOCUMENT:
		hear_document(g, ev);
		break;
	case GROUP_WITHDRAWN:
		g->withdrawn = true;
		g->withdrawn_at = g->now;
		break;
	case GROUP_DONE:
	case GROUP_FAILED:
		hear_answer(g, ev);
		break;
	case GROUP_INTERRUPTED:
		g->list[ev->instance].begun = true;
		break;
	case GROUP_SWITCHOVER:
		hear_switchover(g, ev);
		break;
	case GROUP_PERMIT:
		snprintf(g->forbids, sizeof(g->forbids), "%s",
			 ev->forbids != NULL ? ev->forbids : "");
		break;
	}
	group_proceed(g);
	wake_when_stale(g);
	g->out = NULL;
}

struct instant group_deadline(const struct group *g)
{
	return g->wake;
}
