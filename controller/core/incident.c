#include "controller/core/incident.h"

void incident_serving(struct incident *inc, unsigned serving, unsigned wanted,
		      struct instant now)
{
	bool enough = serving >= wanted;

	if (enough && !instant_is_none(inc->outage_since)) {
		inc->outage_us += instant_diff_us(inc->outage_since, now);
		inc->outage_since = INSTANT_NONE;
	} else if (!enough && instant_is_none(inc->outage_since)) {
		inc->outage_since = now;
		inc->total = true;
	}
}

/* From @from to @to, or -1 when one of them has not happened. */
static int64_t span_us(struct instant from, struct instant to)
{
	if (instant_is_none(from) || instant_is_none(to))
		return -1;
	return instant_diff_us(from, to);
}

int64_t incident_detection_us(const struct incident *inc)
{
	return span_us(inc->onset_min, inc->detected);
}

int64_t incident_action_us(const struct incident *inc)
{
	return span_us(inc->detected, inc->acted);
}

int64_t incident_recovery_us(const struct incident *inc)
{
	return span_us(inc->onset_min, inc->recovered);
}
