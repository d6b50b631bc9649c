#include "controller/core/flap.h"

#define DOUBLINGS_MAX 10

/* Back in use below this. */
static uint32_t reuse(const struct service_settings *svc)
{
	return svc->flap_limit * FLAP_ONE / 2;
}

/* Straight lines between the half-lives: whole numbers are the same on every
 * machine, and the error is below 7 %. */
static uint32_t decay(uint32_t penalty, int64_t span_us, int64_t half_life_us)
{
	int64_t halvings = span_us / half_life_us;
	int64_t rest_us = span_us % half_life_us;

	if (halvings > 31)
		return 0;
	penalty >>= halvings;
	return penalty -
	       (uint32_t)((int64_t)penalty * rest_us / (2 * half_life_us));
}

/* The penalty that takes flap_max to decay, as RFC 2439's ceiling: so a
 * target that flapped for a day is not kept out for a week. */
static uint32_t ceiling(const struct service_settings *svc)
{
	int64_t doublings = svc->flap_max_us / svc->flap_half_life_us;
	uint32_t least = svc->flap_limit * FLAP_ONE + FLAP_ONE, top;

	if (doublings > DOUBLINGS_MAX)
		doublings = DOUBLINGS_MAX;
	top = reuse(svc) << doublings;
	return top > least ? top : least;
}

uint32_t flap_penalty(const struct flap *flap,
		      const struct service_settings *svc, int64_t after_us)
{
	if (svc->flap_limit == 0 || after_us < 0)
		return 0;
	return decay(flap->penalty, after_us, svc->flap_half_life_us);
}

void flap_add(struct flap *flap, const struct service_settings *svc,
	      int64_t after_us)
{
	uint32_t penalty = flap_penalty(flap, svc, after_us);

	/* What has decayed so far is not worth a word any more. */
	if (penalty < FLAP_ONE / 2)
		flap->count = 0;
	flap->count++;
	flap->penalty = penalty + FLAP_ONE;
	if (svc->flap_limit > 0 && flap->penalty > ceiling(svc))
		flap->penalty = ceiling(svc);
}

int64_t flap_hold_us(const struct flap *flap,
		     const struct service_settings *svc)
{
	int64_t penalty = flap->penalty, least = reuse(svc), hold_us = 0;

	if (svc->flap_limit == 0 || flap->penalty <= svc->flap_limit * FLAP_ONE)
		return 0;
	for (; penalty / 2 >= least; penalty /= 2)
		hold_us += svc->flap_half_life_us;
	hold_us += 2 * svc->flap_half_life_us * (penalty - least) / penalty;
	return hold_us < svc->flap_max_us ? hold_us : svc->flap_max_us;
}
