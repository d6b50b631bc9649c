/* Incidents: the time a service spent not whole, and why.
 *
 * An incident belongs to a service: opened by its first target that goes
 * DOWN, raised to the total severity when fewer than min_up (at least one)
 * are left, closed when no target is DOWN or RECOVERING any more.
 */
#ifndef BASCULE_CORE_INCIDENT_H
#define BASCULE_CORE_INCIDENT_H

#include <stdbool.h>

#include "controller/core/instant.h"
#include "controller/core/result.h"
#include "controller/core/settings.h"

struct incident {
	uint32_t number;  /* from 1, never used twice on one node; 0: none */
	uint32_t service; /* index; NOTE_NONE once a reload removed it */
	uint32_t target;  /* the one that opened it, likewise */
	enum severity severity;
	struct result cause;       /* the evidence that completed the verdict */
	unsigned targets_down_max; /* the most that were DOWN at once */
	bool total;       /* fewer than min_up were left at some time */
	bool held;        /* min_up kept a dead server in rotation */
	bool maintenance; /* closed because its targets went into maintenance */
	/* Points in time; NONE where it has not happened. */
	struct instant onset_min, onset_max, detected, acted, recovered;
	/* The same for people, 0 where it has not happened. */
	int64_t onset_min_wall_us, onset_max_wall_us, detected_wall_us,
		acted_wall_us, recovered_wall_us;
	int64_t outage_us;           /* time with fewer than min_up serving */
	struct instant outage_since; /* NONE when enough serve */
};

static inline bool incident_open(const struct incident *inc)
{
	return inc->number != 0 && instant_is_none(inc->recovered);
}

/* Account @serving targets from @now on: starts or ends outage time. */
void incident_serving(struct incident *inc, unsigned serving, unsigned wanted,
		      struct instant now);

/* Spans for people; negative when not known yet.  Detection is counted from
 * the earliest possible onset, so it errs to the long side. */
int64_t incident_detection_us(const struct incident *inc);
int64_t incident_action_us(const struct incident *inc);
int64_t incident_recovery_us(const struct incident *inc);

#endif
