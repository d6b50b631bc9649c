/* Single samples of the metrics page, as text. */
#ifndef BASCULE_DAEMON_METRICS_SAMPLE_H
#define BASCULE_DAEMON_METRICS_SAMPLE_H

#include "controller/daemon/metrics_state.h"

/* What a family has one series of; it says which labels come first. */
enum metrics_rows {
	ONCE,
	SERVICES,
	TARGETS,
	HAPROXIES,
	NODES,
	FAILOVERS, /* of the primary node, then of each service */
	GROUPS,    /* the services that are groups of databases */
	INSTANCES  /* ... and their targets */
};

/* The family being written and where to. */
struct metrics_row {
	const struct daemon_view *view;
	const struct metrics *m;
	const struct metrics_page *page;
	const char *name;
	struct buffer *to;
	unsigned i; /* of the service, target, HAProxy or node */
};

/* NAME_SUFFIX{service="api",LABEL="VALUE"} and a space; the value is to be
 * added by one of the two below.  @label may be NULL. */
void sample_begin(const struct metrics_row *row, const char *suffix,
		  enum metrics_rows rows, const char *label, const char *value);
void sample_end(const struct metrics_row *row, uint64_t value);
void sample_end_seconds(const struct metrics_row *row, int64_t span_us);

/* Whole samples without a label of their own; a count ends in _total. */
void sample_number(const struct metrics_row *row, enum metrics_rows rows,
		   uint64_t value);
void sample_seconds(const struct metrics_row *row, enum metrics_rows rows,
		    int64_t span_us);
void sample_count(const struct metrics_row *row, enum metrics_rows rows,
		  uint64_t value);
void sample_histogram(const struct metrics_row *row, enum metrics_rows rows,
		      const struct histogram *hist, const int64_t *bounds,
		      const char *label, const char *value);

/* ---- metrics_service.c: rows of services ---- */

void metrics_service_targets(const struct metrics_row *row);
void metrics_service_serving(const struct metrics_row *row);
void metrics_service_min_up(const struct metrics_row *row);
void metrics_service_panic(const struct metrics_row *row);
void metrics_service_held_back(const struct metrics_row *row);
void metrics_checks(const struct metrics_row *row);
void metrics_check_duration(const struct metrics_row *row);
void metrics_detection(const struct metrics_row *row);
void metrics_action(const struct metrics_row *row);
void metrics_recovery(const struct metrics_row *row);
void metrics_mttd(const struct metrics_row *row);
void metrics_mttr(const struct metrics_row *row);
void metrics_mtbf(const struct metrics_row *row);
void metrics_availability(const struct metrics_row *row);
void metrics_incidents(const struct metrics_row *row);
void metrics_incidents_open(const struct metrics_row *row);
void metrics_incident_duration(const struct metrics_row *row);

/* ---- metrics_daemon.c: of the daemon itself ---- */

void metrics_build_info(const struct metrics_row *row);
void metrics_loop_lag(const struct metrics_row *row);
void metrics_self_doubt(const struct metrics_row *row);
void metrics_self_patience_now(const struct metrics_row *row);
void metrics_maintenance(const struct metrics_row *row);
void metrics_store_up(const struct metrics_row *row);
void metrics_store_queue(const struct metrics_row *row);
void metrics_store_dropped(const struct metrics_row *row);
void metrics_log_dropped_lines(const struct metrics_row *row);
void metrics_process_cpu(const struct metrics_row *row);
void metrics_process_resident(const struct metrics_row *row);
void metrics_process_virtual(const struct metrics_row *row);
void metrics_process_fds(const struct metrics_row *row);
void metrics_process_fds_max(const struct metrics_row *row);
void metrics_process_start(const struct metrics_row *row);

/* ---- metrics_group.c: rows of groups, of instances and of failovers ---- */

void metrics_group_epoch(const struct metrics_row *row);
void metrics_group_held(const struct metrics_row *row);
void metrics_database_primary(const struct metrics_row *row);
void metrics_database_routed(const struct metrics_row *row);
void metrics_database_writable(const struct metrics_row *row);
void metrics_database_lag_bytes(const struct metrics_row *row);
void metrics_database_lag(const struct metrics_row *row);
void metrics_database_door(const struct metrics_row *row);
void metrics_failovers(const struct metrics_row *row);
void metrics_failover_duration(const struct metrics_row *row);

/* ---- metrics_cluster.c: rows of nodes ---- */

void metrics_cluster_primary(const struct metrics_row *row);
void metrics_cluster_term(const struct metrics_row *row);
void metrics_cluster_quorum(const struct metrics_row *row);
void metrics_cluster_maintenance(const struct metrics_row *row);
void metrics_address_held(const struct metrics_row *row);
void metrics_address_differences(const struct metrics_row *row);
void metrics_peer_up(const struct metrics_row *row);
void metrics_peer_rtt(const struct metrics_row *row);
void metrics_datagrams(const struct metrics_row *row);

#endif
