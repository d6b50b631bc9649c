#include "drill/load/arrivals.h"

void arrivals_init(struct arrivals *arrivals, struct instant begin,
		   int64_t rate, int64_t duration_us)
{
	arrivals->begin = begin;
	arrivals->rate = rate;
	arrivals->next = 0;
	arrivals->count = INT64_MAX;
	if (duration_us > 0)
		arrivals->count =
			duration_us / SECOND * rate +
			(duration_us % SECOND * rate + SECOND - 1) / SECOND;
}

void arrivals_stop(struct arrivals *arrivals)
{
	arrivals->count = arrivals->next;
}

struct instant arrivals_next(const struct arrivals *arrivals)
{
	int64_t whole_s = arrivals->next / arrivals->rate;
	int64_t rest = arrivals->next % arrivals->rate;

	if (arrivals->next >= arrivals->count)
		return INSTANT_NEVER;
	return instant_add(arrivals->begin,
			   whole_s * SECOND + rest * SECOND / arrivals->rate);
}
