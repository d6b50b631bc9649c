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
	if (it->down && !it->confirmed && !it->restarted_as_primary &&
	    RULE(GROUP_CONFIRM))
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
	doc.epoch += RULE(GROUP_EPOCH) ? 1 : 0;
	snprintf(doc.primary, sizeof(doc.primary), "%s",
		 group_name(g, plan->successor));
	group_loss_reckon(g, plan);
	group_decide(g, &doc);
}

/* Whether the successor has all that the one that is left has written. */
static bool caught_up(struct group *g, unsigned leaving, unsigned successor)
{
	struct instance *it = &g->list[successor];

	if (g->caught_up == successor ||
	    (g->caught_up != PLAN_NOBODY && !RULE(GROUP_ANSWER)))
		return true;
	if (it->order != 0)
		return false;
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
	if ((!g->withdrawn && RULE(GROUP_WAIT)) || !g->hook_done ||
	    (g->planned && !g->fenced))
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
	if (g->planned && RULE(GROUP_CATCH_UP) &&
	    !caught_up(g, leaving, plan.successor))
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
	if (!g->proved && RULE(GROUP_VERIFY)) {
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

/* --- what was asked of others is answered ---------------------------------
 */

/* Whether it is the answer to one of these: what was asked for in a phase
 * before may be answered in this one. */
static bool is_answer_to(const struct instance *it,
			 enum database_order_kind one,
			 enum database_order_kind other)
{
	return it->ordered == one || it->ordered == other ||
	       !RULE(GROUP_ANSWER);
}

static void fence_answered(struct group *g, unsigned i, bool done,
			   const char *why)
{
	g->fenced = g->fenced || done;
	g->fence_failed = !g->fenced;
	/* Its final position is wanted. */
	if (done)
		group_forget(g, i);
	else
		snprintf(g->why, sizeof(g->why),
			 "it could not be told to stop: %s", why);
}

static void promotion_answered(struct group *g, unsigned i, bool done,
			       const char *why)
{
	if (done && !g->promoted)
		g->promoted_at = g->now;
	g->proved = done && g->promoted;
	/* What takes no write may have restarted: it is promoted anew. */
	g->promoted = done;
	g->list[i].failed = !done;
	if (!done)
		group_note(g, GROUP_NOTE_NOT_PROMOTED, PLAN_NOBODY, i, why);
}

void group_order_answered(struct group *g, unsigned i, bool done,
			  const struct group_event *ev)
{
	const struct instance *it = &g->list[i];
	bool fencing = g->known && g->document.phase == PHASE_FENCING;
	bool promoting = g->known && g->document.phase == PHASE_PROMOTING;

	if (fencing && i == group_find(g, g->document.leaving)) {
		if (is_answer_to(it, DATABASE_FENCE, DATABASE_FENCE))
			fence_answered(g, i, done, ev->answer.why);
	} else if (promoting && i == group_find(g, g->document.primary)) {
		if (is_answer_to(it, DATABASE_PROMOTE, DATABASE_CANARY))
			promotion_answered(g, i, done, ev->answer.why);
	} else if (it->ordered != DATABASE_CATCH_UP) {
		group_mend_answered(g, i, done, ev);
	} else if (fencing) {
		g->caught_up = done ? i : PLAN_NOBODY;
		if (!done)
			abandon(g, group_find(g, g->document.leaving),
				ev->answer.why);
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
