/* What may be lost by a failover, for its record.
 *
 * At least: what the primary was seen to have written and the successor has
 * not received.  About: what it has written by then if it went on as it did in
 * the last second or two, until it was refused or nobody routed to it any more.
 */
#include "controller/core/group_state.h"
#include "controller/core/rule.h"

/* The pace is that of one to two such spans. */
#define PACE_US     (1 * SECOND)
#define PACE_US_MIN (100 * MS)

void group_loss_hear(const struct group *g, struct instance *it)
{
	const struct database_facts *facts = &it->primary_facts;
	struct group_mark mark = { .at = g->now,
				   .start = facts->start,
				   .position = facts->applied };

	if (instant_is_none(it->paced.at) || it->paced.start != mark.start ||
	    it->paced.position.timeline != mark.position.timeline ||
	    it->paced.position.offset > mark.position.offset) {
		it->paced_from = it->paced = mark;
	} else if (instant_diff_us(it->paced.at, g->now) >= PACE_US) {
		it->paced_from = it->paced;
		it->paced = mark;
	}
}

/* Whether the primary spoke shortly before it was left: else nobody here knows
 * what it has written since. */
static bool heard_lately(const struct group *g, const struct instance *it)
{
	if (!RULE(GROUP_HEARD))
		return true;
	return !instant_is_none(it->primary_heard) &&
	       instant_diff_us(it->primary_heard, g->begun_at) < GROUP_HEARD_US;
}

/* What @it has written in @span_us, as it did of late; false: not known. */
static bool written_in(const struct instance *it, int64_t span_us,
		       uint64_t *ret_bytes)
{
	int64_t us =
		instant_is_none(it->paced_from.at)
			? 0
			: instant_diff_us(it->paced_from.at, it->primary_heard);
	uint64_t grown;

	if (us < PACE_US_MIN)
		return false;
	grown = it->primary_facts.applied.offset -
		it->paced_from.position.offset;
	*ret_bytes = (uint64_t)((double)grown * (double)span_us / (double)us);
	return true;
}

void group_loss_reckon(struct group *g, const struct plan *plan)
{
	unsigned leaving = group_find(g, g->document.leaving);
	const struct database_facts *next = group_facts(g, plan->successor);
	const struct instance *it;
	struct instant end;
	uint64_t unseen;

	g->loss_bytes = plan->behind[plan->successor];
	g->loss_known = g->loss_most_known = false;
	if (leaving == PLAN_NOBODY || !plan->behind_known || plan->strange ||
	    next == NULL)
		return;
	it = &g->list[leaving];
	g->loss_known = heard_lately(g, it);
	end = it->down && it->certain ? g->begun_at : g->withdrawn_at;
	if (!g->loss_known || instant_is_none(end) ||
	    next->received.timeline != it->primary_facts.applied.timeline)
		return;
	if (instant_before(end, it->primary_heard))
		end = it->primary_heard;
	if (!written_in(it, instant_diff_us(it->primary_heard, end), &unseen))
		return;
	g->loss_most_known = true;
	unseen += it->primary_facts.applied.offset;
	g->loss_most = unseen > next->received.offset
			       ? unseen - next->received.offset
			       : 0;
}
