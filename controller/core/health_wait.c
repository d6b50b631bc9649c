/* When a target is asked, and how long it may take to answer. */
#include "controller/core/health.h"

static int64_t clamp_us(int64_t v, int64_t min, int64_t max)
{
	if (v > max)
		return max;
	return v < min ? min : v;
}

/* Whether the last question did not even get there. */
static bool was_lost(const struct health *h)
{
	return h->lost > 0 && health_counts(h) &&
	       evidence_of(&h->last, false) == EVIDENCE_LOST;
}

int64_t health_hurry_us(const struct check_settings *check)
{
	int64_t most_us = check->timeout_us;

	if (check->lost > check->fall)
		most_us = (check->fall - 1) * check->timeout_us /
			  (check->lost - 1);
	return most_us > check->lost_interval_us ? most_us
						 : check->lost_interval_us;
}

/* As long as a way there and back takes: a new connection costs two of them
 * until its question is acknowledged. */
static int64_t hurried_us(const struct health *h,
			  const struct check_settings *check)
{
	int64_t most_us = health_hurry_us(check);
	int64_t t = check->timeout_us;

	if (latency_known(&h->latency) >= HEALTH_KNOWN)
		t = 3 * latency_percentile_us(&h->latency, 50);
	return clamp_us(t, check->lost_interval_us, most_us);
}

int64_t health_timeout_us(const struct health *h,
			  const struct check_settings *check)
{
	const struct latency *lat = &h->latency;
	int64_t t;
	unsigned i;

	if (was_lost(h))
		return hurried_us(h, check);
	if (h->state == HEALTH_DOWN || h->state == HEALTH_UNKNOWN ||
	    latency_known(lat) < HEALTH_KNOWN)
		return check->timeout_us;
	t = 3 * latency_percentile_us(lat, 95);
	if (t < 2 * lat->latest_us)
		t = 2 * lat->latest_us;
	t = clamp_us(t, check->timeout_min_us, check->timeout_us);
	for (i = 0; i < h->silent && t < check->timeout_us; i++)
		t *= 2;
	return clamp_us(t, check->timeout_min_us, check->timeout_us);
}

/* After a failure the old connection proves nothing; a bad answer came over
 * it. */
struct health_question health_ask(struct health *h,
				  const struct check_settings *check,
				  const struct health_doubt *doubt, bool fresh)
{
	int64_t timeout_us = health_timeout_us(h, check) * doubt->patience;

	h->fresh = fresh || h->lost + h->mute + h->silent + h->refused > 0;
	h->hurried = was_lost(h);
	return (struct health_question){
		.timeout_us = clamp_us(timeout_us, 0, check->timeout_us),
		.fresh = h->fresh,
	};
}

int64_t health_interval_us(const struct health *h,
			   const struct check_settings *check)
{
	if (h->again)
		return 0;
	switch (h->state) {
	case HEALTH_UNKNOWN:
		/* It answers, and yet UNKNOWN: it is held back. */
		return h->good < check->rise && h->poor == 0
			       ? check->fast_interval_us
			       : check->interval_us;
	case HEALTH_DOWN:
		/* Enough, and yet DOWN: it is held back. */
		return h->good > 0 && h->good < check->rise
			       ? check->fast_interval_us
			       : check->down_interval_us;
	case HEALTH_UP:
	case HEALTH_DEGRADED:
	case HEALTH_RECOVERING:
		return h->bad > 0 ? check->fast_interval_us
				  : check->interval_us;
	default:
		return check->interval_us;
	}
}
