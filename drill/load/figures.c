#include "drill/load/figures.h"

#include <string.h>

void figures_init(struct figures *figures, struct instant begin,
		  int64_t slow_us)
{
	memset(figures, 0, sizeof(*figures));
	figures->begin = begin;
	figures->slow_us = slow_us;
	figures->last_success = begin;
	figures->gap_from = begin;
	figures->first_failure = INSTANT_NONE;
	figures->first_success_after = INSTANT_NONE;
	figures->last_failure = INSTANT_NONE;
}

/* Above 255 the eight highest bits of the value choose the step. */
static size_t step_of(int64_t latency_us)
{
	uint64_t value = latency_us < 0 ? 0 : (uint64_t)latency_us;
	unsigned shift = 0;
	size_t step;

	if (value < 256)
		return (size_t)value;
	shift = (unsigned)(63 - __builtin_clzll(value)) - 7;
	step = 256 + (shift - 1) * 128 + (size_t)(value >> shift) - 128;
	return step < FIGURES_STEPS ? step : FIGURES_STEPS - 1;
}

/* The highest latency of a step. */
static int64_t step_top_us(size_t step)
{
	unsigned shift;
	int64_t high;

	if (step < 256)
		return (int64_t)step;
	shift = (unsigned)(step - 256) / 128 + 1;
	high = (int64_t)(step - 256) % 128 + 128;
	return ((high + 1) << shift) - 1;
}

static void close_gap(struct figures *figures, struct instant success)
{
	int64_t gap_us = instant_diff_us(figures->last_success, success);

	if (gap_us > figures->gap_us) {
		figures->gap_us = gap_us;
		figures->gap_from = figures->last_success;
	}
	figures->last_success = success;
}

static void add_success(struct figures *figures, const struct outcome *outcome)
{
	close_gap(figures, outcome->intended);
	figures->steps[step_of(outcome->latency_us)]++;
	if (outcome->latency_us > figures->latency_us_max)
		figures->latency_us_max = outcome->latency_us;
	if (outcome->latency_us > figures->slow_us)
		figures->slow++;
	if (!instant_is_none(figures->first_failure) &&
	    instant_is_none(figures->first_success_after))
		figures->first_success_after = outcome->intended;
}

void figures_add(struct figures *figures, const struct outcome *outcome)
{
	figures->requests++;
	figures->by_kind[outcome->kind]++;
	if (outcome->status > 0 && outcome->status < FIGURES_STATUS_MAX)
		figures->by_status[outcome->status]++;
	if (outcome->kind == OUTCOME_OK) {
		add_success(figures, outcome);
		return;
	}
	figures->last_failure = outcome->intended;
	if (instant_is_none(figures->first_failure))
		figures->first_failure = outcome->intended;
}

void figures_end(struct figures *figures, struct instant end)
{
	close_gap(figures, end);
}

uint64_t figures_failed(const struct figures *figures)
{
	return figures->requests - figures->by_kind[OUTCOME_OK];
}

int64_t figures_latency_us(const struct figures *figures, unsigned permille)
{
	uint64_t rank, seen = 0;
	size_t step;
	int64_t top_us;

	if (figures->by_kind[OUTCOME_OK] == 0)
		return 0;
	rank = (figures->by_kind[OUTCOME_OK] * permille + 999) / 1000;
	for (step = 0; step < FIGURES_STEPS - 1; step++) {
		seen += figures->steps[step];
		if (seen >= rank && seen > 0)
			break;
	}
	top_us = step_top_us(step);
	return top_us < figures->latency_us_max ? top_us
						: figures->latency_us_max;
}
