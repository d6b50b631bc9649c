/* Those that are not the primary: they follow it, or are brought to. */
#include "controller/core/group_state.h"
#include "controller/core/rule.h"

#include <stdio.h>
#include <string.h>

void group_mark_received(struct group *g)
{
	unsigned i;

	for (i = 0; i < g->set.count; i++) {
		g->list[i].marked = false;
		g->list[i].spoke = INSTANT_NONE;
	}
}

unsigned group_spokesman(const struct group *g)
{
	unsigned i;

	for (i = 0; i < g->set.count; i++)
		if (!instant_is_none(g->list[i].spoke) &&
		    instant_diff_us(g->list[i].spoke, g->now) < GROUP_SPEAKS_US)
			return i;
	return PLAN_NOBODY;
}

bool group_gets_on(const struct database_facts *facts)
{
	return facts->source_up && !facts->halted && !facts->errant;
}

/* Addresses compare, names do not: a name is taken for the same host. */
static bool is_address(const char *host)
{
	return host[strspn(host, "0123456789abcdefABCDEF.:")] == '\0';
}

bool group_follows(const struct group *g, const struct database_facts *facts,
		   unsigned primary)
{
	const struct group_instance_settings *to = &g->set.list[primary];

	if (facts->source_host[0] == '\0' || facts->source_port != to->port)
		return false;
	return strcmp(facts->source_host, to->host) == 0 ||
	       !is_address(facts->source_host) || !is_address(to->host);
}

bool group_may_try(struct group *g, struct instance *it)
{
	if (it->order != 0 || it->hook != 0 || it->rejoin != 0)
		return false;
	if (instant_is_none(it->retry) || instant_reached(g->now, it->retry))
		return true;
	group_wake(g, it->retry);
	return false;
}

static void follow(struct group *g, unsigned i, unsigned primary)
{
	/* It has as long again to find its link: told without end, it never
	 * would. */
	if (RULE(GROUP_PATIENCE))
		g->list[i].unlinked = INSTANT_NONE;
	group_order(g, i,
		    (struct database_order){ .kind = DATABASE_FOLLOW,
					     .source = primary,
					     .timeout_us = GROUP_RETRY_US });
}

/* An old primary, or one that somebody promoted: first it stops, then it is
 * made a replica. */
static void take_back(struct group *g, unsigned i, unsigned primary)
{
	struct instance *it = &g->list[i];

	if (!it->returned) {
		it->returned = true;
		it->fenced = false;
		group_note(g, GROUP_NOTE_RETURNED, i, primary,
			   "it says that it is the primary, and is not");
	}
	if (!group_may_try(g, it))
		return;
	if (!it->fenced)
		group_order(g, i,
			    (struct database_order){ .kind = DATABASE_FENCE,
						     .timeout_us =
							     GROUP_FENCE_US });
	else if (!it->parted)
		follow(g, i, primary);
}

/* It said that it follows, and then it could not: a source may refuse late what
 * it cannot give.  Told once more, it says why. */
static bool is_stranded(const struct group *g, const struct instance *it,
			const struct database_facts *facts)
{
	return it->returned && !facts->source_up &&
	       it->followed_epoch == g->document.epoch;
}

/* Not told yet, in this epoch. */
static bool goes_astray(const struct group *g, const struct instance *it,
			const struct database_facts *facts, unsigned primary)
{
	return !group_follows(g, facts, primary) &&
	       it->followed_epoch != g->document.epoch;
}

/* Whether it has not got on as a replica for long; one that takes in a whole
 * copy has its hands full. */
static bool lost_its_link(struct group *g, struct instance *it,
			  const struct database_facts *facts)
{
	struct instant end;

	if (group_gets_on(facts) || facts->unready) {
		it->unlinked = INSTANT_NONE;
		return false;
	}
	if (instant_is_none(it->unlinked))
		it->unlinked = g->now;
	end = instant_add(it->unlinked, GROUP_LINK_US);
	group_wake(g, end);
	return instant_reached(g->now, end);
}

static void not_rejoined(struct group *g, unsigned i, const char *why)
{
	struct instance *it = &g->list[i];

	it->retry = instant_add(g->now, GROUP_RETRY_US);
	group_wake(g, it->retry);
	if (!it->told_trouble)
		group_note(g, GROUP_NOTE_NOT_REJOINED, i,
			   group_find(g, g->document.primary), why);
	it->told_trouble = true;
}

/* It can be told whom to follow, but not what to forget. */
static void errs(struct group *g, unsigned i)
{
	if (!group_parted(g, i))
		not_rejoined(g, i,
			     "it has writes of its own, its data must be "
			     "replaced (rejoin hook)");
}

static void mend_one(struct group *g, unsigned i, unsigned primary)
{
	const struct database_facts *facts = group_facts(g, i);
	struct instance *it = &g->list[i];

	/* What it was before it went is no word of what it is; and nobody
	 * speaks to one that is being made anew. */
	if (facts == NULL || it->gone || it->maintenance || facts->loading ||
	    it->at_work || it->rejoin != 0)
		return;
	if (facts->role == DATABASE_PRIMARY) {
		take_back(g, i, primary);
		return;
	}
	if (facts->role != DATABASE_REPLICA || it->parted)
		return;
	if (!group_may_try(g, it))
		return;
	if (facts->errant && lost_its_link(g, it, facts))
		errs(g, i);
	else if (goes_astray(g, it, facts, primary) ||
		 is_stranded(g, it, facts) || lost_its_link(g, it, facts))
		follow(g, i, primary);
}

/* A primary that takes no writes: it restarted so, or was told to stop by a
 * plan that came to nothing. */
static void open_up(struct group *g, unsigned primary)
{
	const struct database_facts *facts = group_facts(g, primary);
	struct instance *it = &g->list[primary];

	if (facts == NULL || facts->role != DATABASE_PRIMARY || it->gone ||
	    it->suspect || it->maintenance || facts->loading || facts->unready)
		return;
	if (facts->writable)
		it->told_trouble = false;
	else if (group_may_try(g, it))
		group_order(g, primary,
			    (struct database_order){ .kind = DATABASE_UNFENCE,
						     .timeout_us =
							     GROUP_FENCE_US });
}

/* Whether all others have taken over the data that it has now. */
static bool is_all_there_is(const struct group *g, unsigned primary)
{
	const struct database_facts *its = group_facts(g, primary), *facts;
	unsigned i;

	if (its == NULL || its->role != DATABASE_PRIMARY ||
	    its->start == g->list[primary].primary_facts.start)
		return false;
	for (i = 0; i < g->set.count; i++) {
		if (i == primary)
			continue;
		facts = group_facts(g, i);
		if (facts == NULL || facts->role != DATABASE_REPLICA ||
		    g->list[i].down || g->list[i].gone || facts->loading ||
		    facts->unready || !group_gets_on(facts) ||
		    !group_follows(g, facts, primary) ||
		    facts->system != its->system ||
		    database_position_compare(facts->received, its->applied) >
			    0)
			return false;
	}
	return true;
}

void group_take_restart(struct group *g, unsigned primary)
{
	struct instance *it = &g->list[primary];

	if (!it->restarted_as_primary || !is_all_there_is(g, primary))
		return;
	it->restarted_as_primary = false;
	it->primary_facts = it->facts;
	group_note(g, GROUP_NOTE_ABANDONED, primary, PLAN_NOBODY,
		   "it restarted with less data than it had, and nobody has "
		   "more");
}

void group_mend(struct group *g, unsigned primary)
{
	const struct instance *it = &g->list[primary];
	unsigned i;

	/* Who is down here alone is there for the others. */
	if (g->set.failover->mode == FAILOVER_OBSERVE ||
	    (it->down && it->confirmed) || it->restarted_as_primary)
		return;
	open_up(g, primary);
	for (i = 0; i < g->set.count; i++)
		if (i != primary)
			mend_one(g, i, primary);
}

/* Not again at once, also when it says that it is done: something else may
 * keep it from taking writes. */
static void opened_up(struct group *g, unsigned i, bool done, const char *why)
{
	struct instance *it = &g->list[i];
	char text[GROUP_TEXT_MAX];

	it->retry = instant_add(g->now, GROUP_RETRY_US);
	group_wake(g, it->retry);
	if (done) {
		group_forget(g, i);
		return;
	}
	snprintf(text, sizeof(text), "it takes no writes: %s", why);
	if (!it->told_trouble)
		group_note(g, GROUP_NOTE_STUCK, i, PLAN_NOBODY, text);
	it->told_trouble = true;
}

/* Of an order outside of a plan. */
void group_mend_answered(struct group *g, unsigned i, bool done,
			 const struct group_event *ev)
{
	struct instance *it = &g->list[i];

	if (it->ordered == DATABASE_UNFENCE) {
		opened_up(g, i, done, ev->answer.why);
		return;
	}
	if (done) {
		it->retry = INSTANT_NONE;
		if (it->ordered == DATABASE_FENCE) {
			it->fenced = true;
			if (!g->office)
				group_act(g, GROUP_ASK)->ask = i;
			return;
		}
		it->followed_epoch = g->document.epoch;
		if (it->returned)
			it->retry = instant_add(g->now, GROUP_JOIN_US);
		group_forget(g, i);
		return;
	}
	/* What the database cannot do itself, a hook may. */
	if (it->ordered == DATABASE_FOLLOW && ev->answer.parted &&
	    group_parted(g, i))
		return;
	not_rejoined(g, i, ev->answer.why);
}
