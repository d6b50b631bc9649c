#include "controller/core/instant.h"
#include "drill/sim/cluster.h"

/* Making a script shorter that goes wrong. */

/* A long script of an expensive world is left somewhat longer. */
#define EVENTS_MAX UINT64_C(200000000)

static uint64_t spent;

static bool still_wrong(struct cluster *cl, const struct cluster_script *script,
			enum cluster_wrong wrong)
{
	static struct cluster_result result;

	if (spent > EVENTS_MAX)
		return false;
	cluster_run(cl, script, &result);
	spent += result.events;
	return result.wrong == wrong;
}

/* Leave out steps from @first on, @count of them. */
static void leave_out(const struct cluster_script *from,
		      struct cluster_script *to, unsigned first, unsigned count)
{
	unsigned i, kept = 0;

	*to = *from;
	for (i = 0; i < from->step_count; i++)
		if (i < first || i >= first + count)
			to->steps[kept++] = from->steps[i];
	to->step_count = kept;
}

/* Let all from step @first on happen @span_us earlier. */
static void pull(const struct cluster_script *from, struct cluster_script *to,
		 unsigned first, int64_t span_us)
{
	unsigned i;

	*to = *from;
	for (i = first; i < to->step_count; i++)
		to->steps[i].at_us -= span_us;
	to->end_us -= span_us;
}

/* @less is tried under a few seeds, and taken with the one that fails. */
static bool take_if_wrong(struct cluster *cl, struct cluster_script *script,
			  struct cluster_script *less, enum cluster_wrong wrong,
			  unsigned seeds)
{
	unsigned i;

	for (i = 0; i < seeds; i++, less->seed++)
		if (still_wrong(cl, less, wrong)) {
			*script = *less;
			return true;
		}
	return false;
}

static unsigned shorten_gaps(struct cluster *cl, struct cluster_script *script,
			     enum cluster_wrong wrong, unsigned seeds)
{
	static struct cluster_script less;
	unsigned i, runs = 0;
	int64_t gap_us;

	for (i = 0; i < script->step_count; i++) {
		for (;; runs++) {
			gap_us = script->steps[i].at_us -
				 (i == 0 ? 2 * SECOND
					 : script->steps[i - 1].at_us);
			if (gap_us < script->lease_us / 2)
				break;
			pull(script, &less, i, gap_us - gap_us / 8);
			if (!take_if_wrong(cl, script, &less, wrong, seeds))
				break;
		}
	}
	return runs;
}

static unsigned leave_out_steps(struct cluster *cl,
				struct cluster_script *script,
				enum cluster_wrong wrong, unsigned seeds)
{
	static struct cluster_script less;
	unsigned size = script->step_count, first, runs = 0;

	for (; size > 0; size /= 2) {
		for (first = 0; first < script->step_count; runs++) {
			leave_out(script, &less, first, size);
			if (!take_if_wrong(cl, script, &less, wrong, seeds))
				first += size;
		}
	}
	return runs;
}

/* First as it happened, then with the long waits out, then by the odds. */
unsigned cluster_shrink(struct cluster *cl, struct cluster_script *script,
			enum cluster_wrong wrong, unsigned seeds)
{
	unsigned runs;

	spent = 0;
	runs = leave_out_steps(cl, script, wrong, 1);

	runs += shorten_gaps(cl, script, wrong, 4 * seeds);
	runs += leave_out_steps(cl, script, wrong, seeds);
	return runs + shorten_gaps(cl, script, wrong, seeds);
}
