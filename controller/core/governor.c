#include "controller/core/governor.h"

#include <stddef.h>

unsigned governor_withdrawable(const struct service_settings *svc)
{
	unsigned n;

	/* 0: nobody has set a limit. */
	if (svc->max_withdrawn == 0)
		return svc->target_count;
	n = svc->target_count * svc->max_withdrawn / 100;
	return n > 0 ? n : 1;
}

unsigned governor_wanted(const struct service_settings *svc)
{
	return svc->min_up > 0 ? svc->min_up : 1;
}

const char *governor_withdraw(const struct service_settings *svc,
			      unsigned rotating, unsigned withdrawn)
{
	if (rotating <= svc->min_up)
		return "min_up allows no further withdrawal";
	if (withdrawn > governor_withdrawable(svc))
		return "max_withdrawn allows no further withdrawal";
	return NULL;
}

bool governor_panics(const struct service_settings *svc, unsigned serving,
		     unsigned bad, unsigned drained)
{
	if (bad == 0)
		return false;
	return serving < governor_wanted(svc) ||
	       bad + drained > governor_withdrawable(svc);
}
