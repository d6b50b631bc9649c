/* What each phase of the document wants done next. */
#include "controller/core/group_state.h"
#include "controller/core/rule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void hold(struct group *g, const char *text)
{
	if (strcmp(g->held, text) == 0)
		return;
	snprintf(g->held, sizeof(g->held), "%s", text);
	if (g->held[0] != '\0')
		group_note(g, GROUP_NOTE_HELD, PLAN_NOBODY, PLAN_NOBODY,
			   g->held);
}

/* --- no document yet: what is found is adopted ---------------------------- */

static void adopt(struct group *g)
{
	unsigned i, found = PLAN_NOBODY, primaries = 0;
	struct document_group doc = { .epoch = 1, .phase = PHASE_STEADY };

	for (i = 0; i < g->set.count; i++) {
		const struct database_facts *facts = group_facts(g, i);

		/* Whoever has not spoken may be another primary. */
		if (facts == NULL && !g->list[i].down)
			return;
		if (facts == NULL || facts->role != DATABASE_PRIMARY)
			continue;
		primaries++;
		found = i;
	}
	if (primaries > 1) {
		if (!g->ambiguous)
			group_note(g, GROUP_NOTE_AMBIGUOUS, PLAN_NOBODY,
				   PLAN_NOBODY,
				   "more than one instance says that it is the "
				   "primary, and nothing was decided yet");
		g->ambiguous = true;
		return;
	}
	g->ambiguous = false;
	if (primaries == 0) {
		hold(g, "no instance says that it is the primary: "
			"promote one by hand");
		return;
	}
	hold(g, "");
	snprintf(doc.name, sizeof(doc.name), "%s", g->set.name);
	snprintf(doc.primary, sizeof(doc.primary), "%s", group_name(g, found));
	snprintf(doc.reason, sizeof(doc.reason), "found as primary");
	group_decide(g, &doc);
}

/* --- steady ----------------------------------------------------------------
 */

/* Why the primary is to be left, or NULL. */
static const char *cause(const struct group *g, unsigned primary)
{
	const struct instance *it = &g->list[primary];

	if (it->restarted_as_primary)
		return "it restarted with less data than it had";
	if (it->down)
		return "its checks fail";
	return NULL;
}

/* Why a failover that is due may not begin, or NULL. */
static const char *forbidden(struct group *g, unsigned primary,
			     const struct plan *plan, char *buf, size_t size)
{
	const struct failover_settings *set = g->set.failover;
	const struct instance *it = &g->list[primary];
	unsigned speaks = group_spokesman(g);
	struct instant end;

	if (set->mode != FAILOVER_AUTOMATIC)
		return set->mode == FAILOVER_MANUAL
			       ? "mode is \"manual\": a person decides"
			       : "mode is \"observe\"";
	if (it->maintenance)
		return "it is in maintenance";
	if (it->down && !it->confirmed && !it->restarted_as_primary)
		return "too few nodes find it down";
	if (group_opens_door(g, primary))
		return "its door was shut, and its node opens it now";
	if (speaks != PLAN_NOBODY && !it->certain) {
		group_wake(g,
			   instant_add(g->list[speaks].spoke, GROUP_SPEAKS_US));
		snprintf(buf, size, "%s still receives from it",
			 group_name(g, speaks));
		return buf;
	}
	end = instant_add(g->moved_at, set->cooldown_us);
	if (!instant_is_none(g->moved_at) && instant_before(g->now, end)) {
		group_wake(g, end);
		return "the last failover was less than cooldown ago";
	}
	if (g->forbids[0] != '\0')
		return g->forbids;
	if (plan->successor == PLAN_NOBODY)
		return "no replica is fit to succeed it";
	return NULL;
}

void group_begin(struct group *g, const char *reason)
{
	struct document_group doc = g->document;

	doc.phase = PHASE_FENCING;
	memcpy(doc.leaving, doc.primary, sizeof(doc.leaving));
	snprintf(doc.reason, sizeof(doc.reason), "%s", reason);
	group_decide(g, &doc);
}

static void steady(struct group *g)
{
	unsigned primary = group_find(g, g->document.primary);
	char buf[GROUP_TEXT_MAX], text[GROUP_TEXT_MAX + 64];
	const char *why, *no;
	struct plan plan;

	if (primary == PLAN_NOBODY) {
		hold(g, "the primary that was decided on is not configured");
		return;
	}
	group_take_restart(g, primary);
	group_mend(g, primary);
	why = cause(g, primary);
	if (why == NULL) {
		hold(g, group_complaint(g, primary));
		return;
	}
	plan = group_plan(g, PLAN_NOBODY);
	no = forbidden(g, primary, &plan, buf, sizeof(buf));
	if (no != NULL) {
		snprintf(text, sizeof(text), "%s: %s", why, no);
		text[GROUP_TEXT_MAX - 1] = '\0';
		hold(g, text);
		if (plan.successor == PLAN_NOBODY)
			group_say_unfit(g, &plan);
		return;
	}
	hold(g, "");
	group_begin(g, why);
}

/* --- fencing ---------------------------------------------------------------
 */

/* Back to where it was: nothing was promoted. */
static void abandon(struct group *g, unsigned leaving, const char *why)
{
	struct document_group doc = g->document;

	group_note(g, GROUP_NOTE_ABANDONED, leaving, PLAN_NOBODY, why);
	group_reply(g, -ECANCELED, why);
	if (g->list[leaving].order == 0)
		group_order(g, leaving,
			    (struct database_order){ .kind = DATABASE_UNFENCE,
						     .timeout_us =
							     GROUP_FENCE_US });
	doc.phase = PHASE_STEADY;
	doc.leaving[0] = '\0';
	snprintf(doc.reason, sizeof(doc.reason), "%s", why);
	group_decide(g, &doc);
}

/* Tell the one that is left to stop, and run the hook. */
static void fence(struct group *g, unsigned leaving)
{
	struct instance *it = &g->list[leaving];

	if (!g->fenced && !g->fence_failed && it->order == 0)
		group_order(g, leaving,
			    (struct database_order){ .kind = DATABASE_FENCE,
						     .timeout_us =
							     GROUP_FENCE_US });
	if (!g->hook_done && it->hook == 0 &&
	    (instant_is_none(it->retry) || instant_reached(g->now, it->retry)))
		group_hook(g, DATABASE_HOOK_FENCE, leaving, PLAN_NOBODY);
	if (!g->hook_done && it->hook == 0)
		group_wake(g, it->retry);
}

/* Whether all that answer have been heard since nobody writes any more. */
static bool frozen(struct group *g, unsigned leaving)
{
	struct instant end = instant_add(g->withdrawn_at, GROUP_FREEZE_US);
	bool all = true;
	unsigned i;

	for (i = 0; i < g->set.count; i++) {
		struct instance *it = &g->list[i];

		if (it->down || it->maintenance ||
		    (i == leaving && !g->planned))
			continue;
		if (!g->asked_all)
			group_act(g, GROUP_ASK)->ask = i;
		if (!group_is_still(g, i))
			all = false;
	}
	g->asked_all = true;
	if (all || instant_reached(g->now, end))
		return true;
	group_wake(g, end);
	return false;
}

static void commit(struct group *g, const struct plan *plan)
{
	struct document_group doc = g->document;

	doc.phase = PHASE_PROMOTING;
	doc.epoch++;
	snprintf(doc.primary, sizeof(doc.primary), "%s",
		 group_name(g, plan->successor));
	group_loss_reckon(g, plan);
	group_decide(g, &doc);
}

/* Whether the successor has all that the one that is left has written. */
static bool caught_up(struct group *g, unsigned leaving, unsigned successor)
{
	struct instance *it = &g->list[successor];

	if (g->caught_up || it->order != 0)
		return g->caught_up;
	group_order(g, successor,
		    (struct database_order){
			    .kind = DATABASE_CATCH_UP,
			    .position = g->list[leaving].facts.applied,
			    .timeout_us = GROUP_CATCH_UP_US });
	return false;
}

static bool is_well(const struct group *g, unsigned i)
{
	const struct database_facts *facts = group_facts(g, i);

	return !g->list[i].down && !g->list[i].suspect && facts != NULL &&
	       facts->role == DATABASE_PRIMARY &&
	       !g->list[i].restarted_as_primary;
}

static void fencing(struct group *g)
{
	unsigned leaving = group_find(g, g->document.leaving);
	struct plan plan;

	if (leaving == PLAN_NOBODY) {
		hold(g, "the primary to be left is not configured");
		return;
	}
	fence(g, leaving);
	if (g->planned && g->fence_failed) {
		abandon(g, leaving, g->why);
		return;
	}
	if (!g->withdrawn || !g->hook_done || (g->planned && !g->fenced))
		return;
	if (!frozen(g, leaving))
		return;
	if (instant_is_none(g->frozen_at))
		g->frozen_at = g->now;
	plan = group_plan(g, g->planned ? g->asked : PLAN_NOBODY);
	if (plan.successor == PLAN_NOBODY && is_well(g, leaving)) {
		abandon(g, leaving, "it is well, and no replica is fit");
		return;
	}
	if (plan.successor == PLAN_NOBODY) {
		hold(g, "no replica is fit to succeed it");
		group_say_unfit(g, &plan);
		group_wake(g, instant_add(g->now, GROUP_FREEZE_US));
		return;
	}
	hold(g, "");
	if (g->planned && !caught_up(g, leaving, plan.successor))
		return;
	commit(g, &plan);
}

/* --- promoting -------------------------------------------------------------
 */

/* The next one, under another epoch; or a person. */
static void try_another(struct group *g)
{
	struct plan plan = group_plan(g, PLAN_NOBODY);
	unsigned i;

	if (plan.successor != PLAN_NOBODY) {
		commit(g, &plan);
		return;
	}
	if (!g->stuck) {
		group_note(g, GROUP_NOTE_STUCK,
			   group_find(g, g->document.leaving), PLAN_NOBODY,
			   "no replica could be promoted: a person is needed");
		group_say_unfit(g, &plan);
	}
	g->stuck = true;
	group_reply(g, -EIO, "no replica could be promoted");
	for (i = 0; i < g->set.count; i++) {
		if (g->list[i].failed)
			g->list[i].retry = instant_add(g->now, GROUP_RETRY_US);
		g->list[i].failed = false;
	}
}

static void promoting(struct group *g)
{
	unsigned primary = group_find(g, g->document.primary);
	struct document_group doc = g->document;
	struct instance *it;

	if (primary == PLAN_NOBODY) {
		hold(g, "the successor that was decided on is not configured");
		return;
	}
	it = &g->list[primary];
	if (it->order != 0)
		return;
	if (it->failed) {
		try_another(g);
		return;
	}
	if (!instant_is_none(it->retry) &&
	    !instant_reached(g->now, it->retry)) {
		group_wake(g, it->retry);
		return;
	}
	if (!g->proved) {
		group_order(
			g, primary,
			(struct database_order){
				.kind = g->promoted ? DATABASE_CANARY
						    : DATABASE_PROMOTE,
				.timeout_us =
					g->set.failover->promote_timeout_us });
		return;
	}
	doc.phase = PHASE_STEADY;
	doc.leaving[0] = '\0';
	group_decide(g, &doc);
}

/* --- from one to the next ------------------------------------------------- */

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
	g->asked_all = g->caught_up = g->stuck = false;
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
	/* Whoever decided this had seen it withdrawn. */
	if (instant_is_none(g->withdrawn_at))
		g->withdrawn_at = g->now;
	g->promoted = g->proved = false;
	if (g->office)
		group_note(g, GROUP_NOTE_PROMOTING,
			   group_find(g, g->document.leaving),
			   group_find(g, g->document.primary), "");
}

static void begin_steady(struct group *g, const struct document_group *was)
{
	unsigned primary = group_find(g, g->document.primary), i;

	g->asked = PLAN_NOBODY;
	g->held[0] = '\0';
	/* Whether they can follow this one is found out anew. */
	for (i = 0; i < g->set.count; i++)
		g->list[i].parted = false;
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
	g->deciding = false;
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

void group_order_answered(struct group *g, unsigned i, bool done,
			  const struct group_event *ev)
{
	struct instance *it = &g->list[i];
	const char *why = ev->answer.why;

	if (g->known && g->document.phase == PHASE_FENCING &&
	    i == group_find(g, g->document.leaving)) {
		g->fenced = g->fenced || done;
		g->fence_failed = !g->fenced;
		/* Its final position is wanted. */
		if (done)
			group_forget(g, i);
		else
			snprintf(g->why, sizeof(g->why),
				 "it could not be told to stop: %s", why);
	} else if (g->known && g->document.phase == PHASE_FENCING &&
		   it->ordered == DATABASE_CATCH_UP) {
		g->caught_up = done;
		if (!done)
			abandon(g, group_find(g, g->document.leaving), why);
	} else if (g->known && g->document.phase == PHASE_PROMOTING &&
		   i == group_find(g, g->document.primary)) {
		if (done && !g->promoted)
			g->promoted_at = g->now;
		g->proved = done && g->promoted;
		g->promoted = g->promoted || done;
		it->failed = !done;
		if (!done)
			group_note(g, GROUP_NOTE_NOT_PROMOTED, PLAN_NOBODY, i,
				   why);
	} else {
		group_mend_answered(g, i, done, ev);
	}
}

void group_hook_answered(struct group *g, unsigned i, bool done,
			 const char *why)
{
	struct instance *it = &g->list[i];

	/* Too late: it is no longer left, or something else was decided. */
	if (!g->known || g->document.phase != PHASE_FENCING ||
	    i != group_find(g, g->document.leaving))
		return;
	g->hook_done = done;
	if (done)
		return;
	it->retry = instant_add(g->now, GROUP_RETRY_US);
	if (!g->stuck)
		group_note(g, GROUP_NOTE_STUCK, i, PLAN_NOBODY, why);
	g->stuck = true;
}

void group_proceed(struct group *g)
{
	group_rejoin(g);
	group_keep_house(g);
	if (!g->office)
		return;
	if (g->deciding && instant_before(g->now, g->decide_by)) {
		group_wake(g, g->decide_by);
		return;
	}
	g->deciding = false;
	if (g->set.failover->mode == FAILOVER_OBSERVE && !g->known)
		return;
	if (!g->known)
		adopt(g);
	else if (g->document.phase == PHASE_STEADY)
		steady(g);
	else if (g->document.phase == PHASE_FENCING)
		fencing(g);
	else
		promoting(g);
}
