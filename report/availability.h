/* Availability and the times of detection and repair, from incidents.
 *
 * Pure: what happened and the window go in, figures come out.  Times are wall
 * time in microseconds, spans were measured by the daemon's own clock.
 *
 * The window is cut to what was observed: it begins with the record (the
 * daemon's first start) at the earliest.  An incident that is still open
 * counts until now.  Of an incident that crosses the beginning of the window
 * only the part inside counts; since it is not recorded where in an incident
 * the service was out, its outage is taken to lie inside as far as it fits,
 * so downtime errs to the long side.
 */
#ifndef BASCULE_REPORT_AVAILABILITY_H
#define BASCULE_REPORT_AVAILABILITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/settings.h"
#include "report/span.h"
#include "report/stats.h"

/* Strings are borrowed for as long as the report lives. */
struct availability_incident {
	unsigned number;
	unsigned service; /* index */
	const char *target, *cause;
	enum severity severity;
	int64_t onset_us, detected_us; /* wall */
	int64_t recovered_us;          /* wall; 0: open */
	/* Onset to detected, detected to acted, onset to recovered; SPAN_NONE
	 * where it has not happened. */
	int64_t detection_us, action_us, recovery_us;
	int64_t outage_us; /* with fewer than min_up serving */
	bool held;         /* min_up kept a dead server in rotation */
	bool maintenance;  /* ended by maintenance: repair was not seen */
};

struct availability_service {
	const char *name;
	double availability;      /* objective as a ratio; 0: none */
	int64_t mttd_us, mttr_us; /* objectives; 0: none */
	bool apart; /* reported, but no part of the whole: the nodes */
};

struct availability_input {
	const char *node;
	const struct availability_service *services;
	size_t service_count;
	const struct availability_incident *incidents; /* newest first */
	size_t incident_count;
	int64_t now_us;    /* wall */
	int64_t record_us; /* wall; where the record begins */
	int64_t window_us; /* asked for */
	bool complete;     /* nothing is missing from the record */
};

enum availability_met {
	AVAILABILITY_NO_OBJECTIVE,
	AVAILABILITY_MET,
	AVAILABILITY_MISSED
};

struct availability_figures {
	const char *name;
	size_t incidents;      /* that touch the window */
	size_t open, outages;  /* of these: open now, with downtime */
	size_t by_severity[5]; /* index is enum severity */
	int64_t observed_us, downtime_us, degraded_us;
	double availability; /* 0 to 1; negative: nothing observed */
	double nines;        /* INFINITY without downtime */
	/* Of what was detected, recovered, began within the window. */
	struct stats mttd, action, mttr, mtbf;
	/* The error budget of the whole window that was asked for; without an
	 * objective all of it is 0. */
	double objective;
	int64_t budget_us, budget_left_us; /* left: negative when overspent */
	double burn_rate, burn_rate_day; /* 1: spent exactly with the window */
	int64_t spent_in_us; /* at the window's rate; SPAN_NONE: never */
	int64_t mttd_objective_us, mttr_objective_us;
	enum availability_met availability_met, mttd_met, mttr_met;
};

struct availability {
	const struct availability_input *in;   /* borrowed */
	int64_t from_us, to_us;                /* wall; the observed window */
	struct availability_figures *services; /* owned; as in the input */
	/* All services together: each hour of each service counts. */
	struct availability_figures whole;
};

/* Compute; owned by the caller.  Fails with -ENOMEM only. */
int availability_new(const struct availability_input *in,
		     struct availability **ret_avail, struct err *err);
void availability_free(struct availability *av);

/* Whether an incident touches the report's window. */
bool availability_shows(const struct availability *av,
			const struct availability_incident *inc);

#endif
