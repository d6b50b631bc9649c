/* The counters; shared by the metrics*.c files alone. */
#ifndef BASCULE_DAEMON_METRICS_STATE_H
#define BASCULE_DAEMON_METRICS_STATE_H

#include "controller/daemon/histogram.h"
#include "controller/daemon/metrics.h"

#define METRICS_LAG_SECONDS 10
#define METRICS_REASONS_MAX 16
#define METRICS_SEVERITIES  (SEVERITY_P4 + 1)

extern HISTOGRAM_BOUNDS(metrics_check_bounds);
extern HISTOGRAM_BOUNDS(metrics_detection_bounds);
extern HISTOGRAM_BOUNDS(metrics_action_bounds);
extern HISTOGRAM_BOUNDS(metrics_incident_bounds);
extern HISTOGRAM_BOUNDS(metrics_command_bounds);
extern HISTOGRAM_BOUNDS(metrics_lag_bounds);
extern HISTOGRAM_BOUNDS(metrics_failover_bounds);

/* Why a group of databases has got another primary. */
#define METRICS_GROUP_REASONS 3
extern const char *const metrics_group_reasons[METRICS_GROUP_REASONS];

struct service_counts {
	uint64_t checks[RESULT_CODES];
	uint64_t incidents[METRICS_SEVERITIES]; /* that reached it */
	struct histogram check, detection, action, recovery;
	struct histogram duration[METRICS_SEVERITIES];
	/* Of a group of databases. */
	uint64_t failovers[METRICS_GROUP_REASONS];
	struct histogram failover;
};

struct target_counts {
	uint32_t transitions[HEALTH_STATES];
};

struct haproxy_counts {
	uint64_t done, failed;
	struct histogram command;
};

/* Why the primary moved: one of few words, no free text. */
struct failover_count {
	const char *reason; /* a literal; NULL: not used */
	uint64_t total;
};

struct metrics {
	const struct settings *set;      /* borrowed */
	struct service_counts *services; /* owned, as are the others */
	struct target_counts *targets;
	struct haproxy_counts *haproxies;
	struct histogram lag;
	struct failover_count failovers[METRICS_REASONS_MAX];
	struct histogram failover;
	/* The worst of each second, by the second's number. */
	struct {
		int64_t second, lag_us;
	} recent[METRICS_LAG_SECONDS];
};

/* What the kernel knows of this process; 0 where it does not say. */
struct process_figures {
	int64_t cpu_us;
	uint64_t virtual_bytes, resident_bytes, fds, fds_max;
};

void process_figures(struct process_figures *ret_figures);

#endif
