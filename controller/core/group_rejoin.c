/* Those that cannot become replicas as they are: a program makes them anew.
 *
 * Whoever is in office finds out, and runs it; but for an instance with a node
 * of its own, it calls for that node, which does, alone, and goes on until the
 * instance follows, whoever is in office by then.  So there is one run at a
 * time.
 */
#include "controller/core/group_state.h"

#include <stdio.h>

static bool is_elsewhere(const struct group *g, unsigned i)
{
	return g->set.list[i].node != NULL && !g->set.list[i].hosted;
}

bool group_rejoins(const struct group *g, unsigned i)
{
	const struct instance *it = &g->list[i];

	return it->rejoin != 0 ||
	       (g->office && it->parted && is_elsewhere(g, i));
}

bool group_parted(struct group *g, unsigned i)
{
	struct instance *it = &g->list[i];

	if (g->set.failover->rejoin == NULL || !g->office)
		return false;
	it->parted = true;
	it->since = g->now;
	it->host_spoke = it->at_work;
	return true;
}

void group_rejoined(struct group *g, unsigned i, unsigned primary)
{
	struct instance *it = &g->list[i];

	if (it->returned || it->tries > 0 || it->begun || it->parted ||
	    it->told_trouble)
		group_note(g, GROUP_NOTE_REJOINED, i, primary, "");
	it->returned = it->begun = it->parted = false;
	it->told_trouble = it->told_person = false;
	it->tries = 0;
	/* Not `again`: the call that was just answered may still be heard. */
	it->retry = INSTANT_NONE;
}

static void call_person(struct group *g, unsigned i, const char *why)
{
	struct instance *it = &g->list[i];
	char text[GROUP_TEXT_MAX];

	if (it->tries < GROUP_REJOIN_TRIES || it->told_person)
		return;
	it->told_person = true;
	snprintf(text, sizeof(text), "%s is not rejoined after %u attempts: %s",
		 g->set.list[i].name, it->tries, why);
	group_note(g, GROUP_NOTE_STUCK, i, PLAN_NOBODY, text);
}

static void begin(struct group *g, unsigned i, unsigned primary)
{
	struct instance *it = &g->list[i];

	call_person(g, i,
		    "the rejoin hook says that it is done, and it does not "
		    "follow");
	it->begun = true;
	it->tries++;
	group_hook(g, DATABASE_HOOK_REJOIN, i, primary);
}

/* Its node does not say that it is at it. */
static void await_host(struct group *g, unsigned i, unsigned primary)
{
	struct instance *it = &g->list[i];
	struct instant end = instant_add(it->since, GROUP_HOST_US);
	char text[GROUP_TEXT_MAX];

	if (it->host_spoke || it->told_trouble)
		return;
	group_wake(g, end);
	if (!instant_reached(g->now, end))
		return;
	it->told_trouble = true;
	snprintf(text, sizeof(text),
		 "it must be rejoined, and %s, which hosts it, does not",
		 g->set.list[i].node);
	group_note(g, GROUP_NOTE_NOT_REJOINED, i, primary, text);
}

static bool is_due(struct group *g, const struct instance *it)
{
	if (instant_is_none(it->again) || instant_reached(g->now, it->again))
		return true;
	group_wake(g, it->again);
	return false;
}

/* What was begun goes on when it is known what became of the instance. */
static bool is_known(const struct group *g, unsigned i)
{
	return group_facts(g, i) != NULL || g->list[i].down;
}

static void look_at(struct group *g, unsigned i, unsigned primary)
{
	const struct database_facts *facts = group_facts(g, i);
	struct instance *it = &g->list[i];

	if (it->rejoin != 0 || it->maintenance)
		return;
	if (facts != NULL && !it->gone && facts->role == DATABASE_REPLICA &&
	    group_gets_on(facts) && group_follows(g, facts, primary)) {
		group_rejoined(g, i, primary);
		return;
	}
	if (is_elsewhere(g, i)) {
		if (it->parted)
			await_host(g, i, primary);
		return;
	}
	if (g->set.failover->rejoin == NULL ||
	    (!g->set.list[i].hosted && !g->office))
		return;
	if ((it->parted || it->called || (it->begun && is_known(g, i))) &&
	    is_due(g, it) && group_may_try(g, it))
		begin(g, i, primary);
}

/* By its own word before its state: one that is held back since it flapped
 * counts as down, and answers. */
static bool is_well(const struct group *g, unsigned primary)
{
	const struct database_facts *facts = group_facts(g, primary);

	if (facts == NULL)
		return !g->list[primary].down;
	return !g->list[primary].gone && facts->role == DATABASE_PRIMARY;
}

void group_rejoin(struct group *g)
{
	unsigned primary, i;

	if (!g->known || g->document.phase != PHASE_STEADY || g->deciding ||
	    g->set.failover->mode == FAILOVER_OBSERVE)
		return;
	primary = group_find(g, g->document.primary);
	if (primary == PLAN_NOBODY || !is_well(g, primary))
		return;
	for (i = 0; i < g->set.count; i++)
		if (i != primary)
			look_at(g, i, primary);
		else
			g->list[i].begun = g->list[i].parted = false;
}

/* When it says that it is done, what the instance says next counts. */
void group_rejoin_answered(struct group *g, unsigned i, bool done,
			   const char *why)
{
	int64_t wait_us = GROUP_RETRY_US;
	struct instance *it = &g->list[i];
	unsigned n;

	for (n = 1; n < it->tries && wait_us < GROUP_REJOIN_US_MAX; n++)
		wait_us *= 2;
	if (wait_us > GROUP_REJOIN_US_MAX)
		wait_us = GROUP_REJOIN_US_MAX;
	it->again = instant_add(g->now, wait_us);
	group_wake(g, it->again);
	group_forget(g, i);
	if (done) {
		it->begun = it->parted = false;
		return;
	}
	if (!it->told_trouble)
		group_note(g, GROUP_NOTE_NOT_REJOINED, i,
			   group_find(g, g->document.primary), why);
	it->told_trouble = true;
	call_person(g, i, why);
}
