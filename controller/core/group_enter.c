/* A phase begins, or an office: what is known from before, and what is not. */
#include "controller/core/group_state.h"
#include "controller/core/rule.h"

#include <errno.h>
#include <string.h>

static int64_t since_begun_us(const struct group *g, struct instant at)
{
	return instant_is_none(at) || instant_is_none(g->begun_at)
		       ? 0
		       : instant_diff_us(g->begun_at, at);
}

static void say_done(struct group *g, const struct document_group *was)
{
	struct group_note *note;

	note = group_note(g, GROUP_NOTE_DONE, group_find(g, was->leaving),
			  group_find(g, g->document.primary),
			  g->document.reason);
	note->withdrawn_us = since_begun_us(g, g->withdrawn_at);
	note->frozen_us = since_begun_us(g, g->frozen_at);
	note->promoted_us = since_begun_us(g, g->promoted_at);
	note->routed_us = since_begun_us(g, g->now);
	note->loss_bytes = g->loss_bytes;
	note->loss_known = g->loss_known;
	note->loss_most = g->loss_most;
	note->loss_most_known = g->loss_most_known;
}

static void begin_fencing(struct group *g)
{
	unsigned leaving = group_find(g, g->document.leaving), i;

	g->planned = strcmp(g->document.reason, GROUP_SWITCHOVER_REASON) == 0;
	g->begun_at = g->now;
	g->withdrawn_at = g->frozen_at = g->promoted_at = INSTANT_NONE;
	g->withdrawn = g->fenced = g->fence_failed = false;
	g->asked_all = g->stuck = false;
	g->caught_up = PLAN_NOBODY;
	g->hook_done = g->planned || g->set.failover->fence == NULL;
	for (i = 0; i < g->set.count; i++)
		g->list[i].failed = false;
	if (leaving != PLAN_NOBODY)
		g->list[leaving].retry = INSTANT_NONE;
	if (g->office)
		group_note(g, GROUP_NOTE_BEGUN, leaving, PLAN_NOBODY,
			   g->document.reason);
}

static void begin_promoting(struct group *g)
{
	unsigned primary = group_find(g, g->document.primary);

	/* Whoever decided this had seen it withdrawn. */
	if (instant_is_none(g->withdrawn_at))
		g->withdrawn_at = g->now;
	g->promoted = g->proved = false;
	/* It may have had time to do something else. */
	if (primary != PLAN_NOBODY)
		g->list[primary].retry = INSTANT_NONE;
	if (g->office)
		group_note(g, GROUP_NOTE_PROMOTING,
			   group_find(g, g->document.leaving), primary, "");
}

static void begin_steady(struct group *g, const struct document_group *was)
{
	unsigned primary = group_find(g, g->document.primary), i;

	g->asked = PLAN_NOBODY;
	g->held[0] = '\0';
	/* What they can and cannot do under this one is found out anew. */
	for (i = 0; i < g->set.count; i++) {
		g->list[i].parted = false;
		g->list[i].failed = false;
	}
	/* Whoever did it: this node may be in office next. */
	if (was != NULL &&
	    (was->phase == PHASE_PROMOTING || was->epoch < g->document.epoch))
		g->moved_at = g->now;
	if (!g->office) {
		g->withdrawn_at = INSTANT_NONE;
		return;
	}
	if (was != NULL && was->phase == PHASE_PROMOTING) {
		say_done(g, was);
		group_reply(g, 0, g->document.primary);
	} else if (g->document.epoch == 1 && was == NULL) {
		group_note(g, GROUP_NOTE_ADOPTED, PLAN_NOBODY, primary, "");
	}
	g->planned = false;
	g->withdrawn_at = INSTANT_NONE;
}

void group_phase_begins(struct group *g, const struct document_group *was)
{
	switch (g->document.phase) {
	case PHASE_STEADY:
		begin_steady(g, was);
		break;
	case PHASE_FENCING:
		begin_fencing(g);
		break;
	case PHASE_PROMOTING:
		begin_promoting(g);
		break;
	}
}

/* Who comes into office goes on from the document; what another node had
 * under way is begun again, since orders are safe to repeat. */
void group_office_changed(struct group *g, bool office)
{
	struct instant withdrawn_at = g->withdrawn_at;
	bool withdrawn = g->withdrawn;
	unsigned i;

	g->office = office;
	g->office_at = g->now;
	g->deciding = g->loss_known = g->loss_most_known = false;
	for (i = 0; i < g->set.count; i++) {
		struct instance *it = &g->list[i];

		it->order = it->hook = 0;
		it->parted = false;
		/* What runs for the group as a whole ends with the office. */
		if (!g->set.list[i].hosted)
			it->rejoin = 0;
	}
	if (!office) {
		/* It says nothing about the next office. */
		g->withdrawn = false;
		group_reply(g, -ECANCELED, "this node left office");
		return;
	}
	if (!g->known || g->document.phase == PHASE_STEADY)
		return;
	group_phase_begins(g, NULL);
	/* It may have been heard just before the office that it is of. */
	g->withdrawn = withdrawn && RULE(GROUP_WITHDRAWN_FIRST);
	if (g->withdrawn)
		g->withdrawn_at = withdrawn_at;
}
