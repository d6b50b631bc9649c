#include "controller/core/governor.h"

#include <stddef.h>

const char *governor_withdraw(const struct service_settings *svc,
			      unsigned rotating)
{
	if (rotating <= svc->min_up)
		return "min_up allows no further withdrawal";
	return NULL;
}
