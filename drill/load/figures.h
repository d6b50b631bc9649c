/* The figures of a load: counts, latencies, the longest gap.
 *
 * Pure, and of constant size however long the run.  Outcomes are added in the
 * order of their intended starts.  Latencies are of successes only; they are
 * kept in a histogram whose steps are under 1 %, the maximum exactly.
 *
 * A gap is the time between the intended starts of two successes with none
 * between them.  The begin and the end of the run count as successes, so that
 * an outage at either is seen.
 */
#ifndef BASCULE_DRILL_LOAD_FIGURES_H
#define BASCULE_DRILL_LOAD_FIGURES_H

#include "drill/load/outcome.h"

#define FIGURES_STATUS_MAX 600

/* 256 steps of 1 us, then 128 for each doubling, up to 2^40 us. */
#define FIGURES_STEPS (256 + 32 * 128)

struct figures {
	struct instant begin;
	int64_t slow_us;
	uint64_t requests;
	uint64_t by_kind[OUTCOME_KINDS];
	uint64_t by_status[FIGURES_STATUS_MAX];
	uint64_t slow; /* successes above slow_us */
	uint64_t steps[FIGURES_STEPS];
	int64_t latency_us_max;
	struct instant last_success;
	int64_t gap_us; /* the longest */
	struct instant gap_from;
	struct instant first_failure;       /* INSTANT_NONE: none */
	struct instant first_success_after; /* INSTANT_NONE: none */
	struct instant last_failure;        /* INSTANT_NONE: none */
};

/* @slow_us: a success that took longer is slow. */
void figures_init(struct figures *figures, struct instant begin,
		  int64_t slow_us);

void figures_add(struct figures *figures, const struct outcome *outcome);

/* Nothing more comes; the run ended at @end. */
void figures_end(struct figures *figures, struct instant end);

/* All that were not ok. */
uint64_t figures_failed(const struct figures *figures);

/* The latency that @permille of all successes did not exceed; 0 without a
 * success.
 */
int64_t figures_latency_us(const struct figures *figures, unsigned permille);

#endif
