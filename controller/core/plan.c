#include "controller/core/plan.h"
#include "controller/core/rule.h"

#include <string.h>

static const char *const texts[] = {
	[PLAN_FIT] = "fit",
	[PLAN_IS_LEFT] = "it is the one to be left",
	[PLAN_UNKNOWN] = "nothing fresh is known of it",
	[PLAN_DOWN] = "its checks fail",
	[PLAN_MAINTENANCE] = "it is in maintenance",
	[PLAN_LOADING] = "it does not serve yet",
	[PLAN_REJOINING] = "it is being rejoined",
	[PLAN_NO_REPLICA] = "it is not a replica",
	[PLAN_FOREIGN] = "it holds the data of another cluster",
	[PLAN_DIVERGED] = "its history is another one",
	[PLAN_BEHIND] = "it is further behind than max_lag",
	[PLAN_MAY_LACK] = "it may lack acknowledged writes (no-loss)",
	[PLAN_FAILED] = "it could not be promoted",
	[PLAN_NOT_ASKED_FOR] = "another one was asked for",
};

const char *plan_reject_text(enum plan_reject reject)
{
	return texts[reject];
}

static const char *const remedies[] = {
	[PLAN_NO_REPLICA] = "let it follow the primary",
	[PLAN_FOREIGN] = "make it anew from the primary",
	[PLAN_DIVERGED] = "rejoin it, or make it anew",
	[PLAN_MAY_LACK] = "have the old primary back, or start the others",
};

const char *plan_reject_remedy(enum plan_reject reject)
{
	return reject < sizeof(remedies) / sizeof(remedies[0])
		       ? remedies[reject]
		       : NULL;
}

static bool comparable(const struct database_facts *facts,
		       const struct database_facts *last)
{
	return last != NULL &&
	       facts->received.timeline == last->applied.timeline;
}

static uint64_t behind(const struct database_facts *facts,
		       const struct database_facts *last)
{
	if (!comparable(facts, last) ||
	    facts->received.offset >= last->applied.offset)
		return 0;
	return last->applied.offset - facts->received.offset;
}

/* Where nothing tells whose data it has, they are that primary's if it took
 * something from that one. */
static bool is_apart(const struct plan_instance *it)
{
	return it->apart && it->facts->system == 0 && RULE(PLAN_APART);
}

/* ... and otherwise it is not known. */
static bool is_strange(const struct plan_instance *it)
{
	return !it->linked && it->facts->system == 0 && RULE(PLAN_APART);
}

/* The replica that the primary spoke of, if it answers now; or NULL. */
static const struct database_facts *
answers(const struct plan_question *ask, const struct database_replica *replica)
{
	unsigned i;

	for (i = 0; i < ask->count; i++) {
		const struct database_facts *facts = ask->list[i].facts;

		if (i != ask->leaving && facts != NULL && !ask->list[i].down &&
		    !facts->errant && facts->role == DATABASE_REPLICA &&
		    strcmp(facts->name, replica->name) == 0)
			return facts;
	}
	return NULL;
}

/* How many may have confirmed, before their link to the one to be left ended,
 * what who said @facts does not have. */
static unsigned absent(const struct plan_question *ask,
		       const struct database_facts *facts)
{
	unsigned i, may = 0;

	for (i = 0; i < ask->count; i++) {
		const struct plan_instance *it = &ask->list[i];
		bool speaks = it->facts != NULL && !it->down &&
			      !it->facts->errant &&
			      it->facts->role == DATABASE_REPLICA;

		if (i == ask->leaving || !it->absent ||
		    (speaks && database_position_compare(it->facts->received,
							 facts->received) <= 0))
			continue;
		may += database_position_compare(facts->received,
						 it->absent_at) < 0;
	}
	return may;
}

/* A commit waits for `quorum` of the synchronous replicas.  One that @facts do
 * not have is with so many of those that are silent or further on. */
static bool holds_all(const struct plan_question *ask,
		      const struct database_facts *facts)
{
	const struct database_facts *last = ask->last, *other;
	unsigned i, may = 0;

	if (last == NULL || !last->durable ||
	    last->replica_count > DATABASE_REPLICAS_MAX)
		return false;
	for (i = 0; i < last->replica_count; i++) {
		if (!last->replicas[i].synchronous)
			continue;
		other = answers(ask, &last->replicas[i]);
		if (other == NULL ||
		    database_position_compare(other->received,
					      facts->received) > 0)
			may++;
	}
	return may + absent(ask, facts) < last->quorum;
}

static enum plan_reject judge(const struct plan_question *ask, unsigned i)
{
	const struct plan_instance *it = &ask->list[i];
	const struct database_facts *facts = it->facts, *last = ask->last;

	if (i == ask->leaving)
		return PLAN_IS_LEFT;
	if (it->maintenance)
		return PLAN_MAINTENANCE;
	/* What is at work on it may stop it again. */
	if (it->rejoining)
		return PLAN_REJOINING;
	if (it->down)
		return PLAN_DOWN;
	if (facts == NULL)
		return PLAN_UNKNOWN;
	if (facts->loading || facts->unready)
		return PLAN_LOADING;
	if (facts->role != DATABASE_REPLICA)
		return PLAN_NO_REPLICA;
	if (last != NULL && last->system != 0 && facts->system != last->system)
		return PLAN_FOREIGN;
	if (facts->errant || is_apart(it) ||
	    (last != NULL && !comparable(facts, last)))
		return PLAN_DIVERGED;
	if (it->failed)
		return PLAN_FAILED;
	if (ask->set->max_lag_bytes > 0 &&
	    behind(facts, last) > ask->set->max_lag_bytes)
		return PLAN_BEHIND;
	return PLAN_FIT;
}

/* Whether @a goes before @b. */
static bool better(const struct plan_question *ask, unsigned a, unsigned b)
{
	const struct plan_instance *x = &ask->list[a], *y = &ask->list[b];
	int order = database_position_compare(x->facts->received,
					      y->facts->received);

	/* Its position may be of another history. */
	if (is_strange(x) != is_strange(y))
		return is_strange(y);
	if (order != 0 && RULE(PLAN_BEST))
		return order > 0;
	if (x->priority != y->priority)
		return x->priority > y->priority;
	return a < b;
}

static unsigned best(const struct plan_question *ask, const struct plan *plan)
{
	unsigned i, found = PLAN_NOBODY;

	for (i = 0; i < ask->count; i++)
		if (plan->reject[i] == PLAN_FIT &&
		    (found == PLAN_NOBODY || better(ask, i, found)))
			found = i;
	return found;
}

static void refuse_loss(const struct plan_question *ask, struct plan *plan)
{
	unsigned i;

	if (ask->set->durability != DURABILITY_NO_LOSS || !RULE(PLAN_NO_LOSS))
		return;
	for (i = 0; i < ask->count; i++)
		if (plan->reject[i] == PLAN_FIT &&
		    (is_strange(&ask->list[i]) ||
		     !holds_all(ask, ask->list[i].facts)))
			plan->reject[i] = PLAN_MAY_LACK;
}

struct plan plan_make(const struct plan_question *ask)
{
	struct plan plan = { .leaving = ask->leaving, .count = ask->count };
	unsigned i;

	plan.behind_known = ask->last != NULL;
	for (i = 0; i < ask->count; i++) {
		plan.reject[i] = judge(ask, i);
		if (ask->list[i].facts != NULL)
			plan.behind[i] = behind(ask->list[i].facts, ask->last);
	}
	refuse_loss(ask, &plan);
	for (i = 0; i < ask->count; i++)
		if (ask->asked != PLAN_NOBODY && i != ask->asked &&
		    plan.reject[i] == PLAN_FIT)
			plan.reject[i] = PLAN_NOT_ASKED_FOR;
	plan.successor = best(ask, &plan);
	plan.strange = plan.successor != PLAN_NOBODY &&
		       is_strange(&ask->list[plan.successor]);
	return plan;
}
