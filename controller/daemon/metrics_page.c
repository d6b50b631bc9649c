/* The page that Prometheus reads: families in a table, rows by index. */
#include "controller/daemon/metrics_sample.h"

enum family_type { COUNTER, GAUGE, HISTOGRAM };

struct family {
	const char *name; /* a counter's without _total */
	enum family_type type;
	enum metrics_rows rows;
	void (*write)(const struct metrics_row *row);
	const char *help;
};

/* ---- rows of targets ---- */

static const struct health *health_of(const struct metrics_row *row)
{
	return ctl_target(row->view->ctl, row->i).health;
}

static void target_up(const struct metrics_row *row)
{
	enum health_state state = health_of(row)->state;

	sample_number(row, TARGETS,
		      state == HEALTH_UP || state == HEALTH_DEGRADED);
}

static void target_state(const struct metrics_row *row)
{
	enum health_state now = health_of(row)->state;
	unsigned state;

	for (state = 0; state < HEALTH_STATES; state++) {
		sample_begin(row, "", TARGETS, "state",
			     health_state_name((enum health_state)state));
		sample_end(row, state == (unsigned)now);
	}
}

static void target_in_rotation(const struct metrics_row *row)
{
	sample_number(row, TARGETS,
		      ctl_target(row->view->ctl, row->i).in_rotation);
}

static void target_transitions(const struct metrics_row *row)
{
	const struct target_counts *counts = &row->m->targets[row->i];
	unsigned state;

	for (state = 0; state < HEALTH_STATES; state++) {
		if (counts->transitions[state] == 0)
			continue;
		sample_begin(row, "_total", TARGETS, "to",
			     health_state_name((enum health_state)state));
		sample_end(row, counts->transitions[state]);
	}
}

static void target_certificate(const struct metrics_row *row)
{
	const struct health *h = health_of(row);

	if (h->judged && h->last.cert_days != RESULT_NO_CERT)
		sample_seconds(row, TARGETS, h->last.cert_days * DAY);
}

/* ---- rows of HAProxies ---- */

static void haproxy_up(const struct metrics_row *row)
{
	sample_number(row, HAPROXIES, ctl_haproxy(row->view->ctl, row->i).up);
}

static void haproxy_commands(const struct metrics_row *row)
{
	const struct haproxy_counts *counts = &row->m->haproxies[row->i];

	sample_begin(row, "_total", HAPROXIES, "result", "done");
	sample_end(row, counts->done);
	sample_begin(row, "_total", HAPROXIES, "result", "failed");
	sample_end(row, counts->failed);
}

static void haproxy_command(const struct metrics_row *row)
{
	sample_histogram(row, HAPROXIES, &row->m->haproxies[row->i].command,
			 metrics_command_bounds, NULL, NULL);
}

static void haproxy_drift(const struct metrics_row *row)
{
	sample_count(row, HAPROXIES,
		     ctl_haproxy(row->view->ctl, row->i).drifts);
}

static void haproxy_absent(const struct metrics_row *row)
{
	sample_number(row, HAPROXIES,
		      ctl_haproxy(row->view->ctl, row->i).absent);
}

static void haproxy_differing(const struct metrics_row *row)
{
	sample_number(row, HAPROXIES,
		      ctl_haproxy(row->view->ctl, row->i).differing);
}

/* ---- the table ---- */

static const struct family families[] = {
	{ "bascule_build_info", GAUGE, ONCE, metrics_build_info,
	  "Always 1; the version is its label." },
	{ "bascule_target_up", GAUGE, TARGETS, target_up,
	  "Whether the target is UP or DEGRADED." },
	{ "bascule_target_state", GAUGE, TARGETS, target_state,
	  "1 for the state that the target is in, 0 for the others." },
	{ "bascule_target_in_rotation", GAUGE, TARGETS, target_in_rotation,
	  "Whether nobody keeps the target out of HAProxy." },
	{ "bascule_target_transitions", COUNTER, TARGETS, target_transitions,
	  "Changes of the target's state, by the new state." },
	{ "bascule_target_certificate_expiry_seconds", GAUGE, TARGETS,
	  target_certificate,
	  "Time until the target's certificate ends, in whole days." },
	{ "bascule_service_targets", GAUGE, SERVICES, metrics_service_targets,
	  "Targets of the service." },
	{ "bascule_service_serving", GAUGE, SERVICES, metrics_service_serving,
	  "Targets that answer and are in rotation." },
	{ "bascule_service_min_up", GAUGE, SERVICES, metrics_service_min_up,
	  "Targets that are never withdrawn." },
	{ "bascule_service_panic", GAUGE, SERVICES, metrics_service_panic,
	  "Whether more targets are down than may be withdrawn." },
	{ "bascule_service_held_back", GAUGE, SERVICES,
	  metrics_service_held_back,
	  "Targets that have recovered and are kept out for some time." },
	{ "bascule_checks", COUNTER, SERVICES, metrics_checks,
	  "Checks that ended, by what they found." },
	{ "bascule_check_duration_seconds", HISTOGRAM, SERVICES,
	  metrics_check_duration,
	  "Time from the question to the answer or the end." },
	{ "bascule_detection_seconds", HISTOGRAM, SERVICES, metrics_detection,
	  "Incidents: from the earliest possible onset to detected." },
	{ "bascule_action_seconds", HISTOGRAM, SERVICES, metrics_action,
	  "Incidents: from detected to acknowledged by every HAProxy." },
	{ "bascule_recovery_seconds", HISTOGRAM, SERVICES, metrics_recovery,
	  "Incidents: from the earliest possible onset to recovered." },
	{ "bascule_mttd_seconds", GAUGE, SERVICES, metrics_mttd,
	  "Mean time from onset to detected, over the window." },
	{ "bascule_mttr_seconds", GAUGE, SERVICES, metrics_mttr,
	  "Mean time from onset to recovered, over the window." },
	{ "bascule_mtbf_seconds", GAUGE, SERVICES, metrics_mtbf,
	  "Mean time between onsets, over the window." },
	{ "bascule_availability_ratio", GAUGE, SERVICES, metrics_availability,
	  "Share of the window with at least min_up targets serving." },
	{ "bascule_incidents", COUNTER, SERVICES, metrics_incidents,
	  "Incidents that reached the severity: one that is raised counts in "
	  "both. In a cluster the node counts that recorded it." },
	{ "bascule_incidents_open", GAUGE, SERVICES, metrics_incidents_open,
	  "Incidents open now: the same on each node of a cluster." },
	{ "bascule_incident_duration_seconds", HISTOGRAM, SERVICES,
	  metrics_incident_duration,
	  "Closed incidents: from the earliest possible onset to the end, by "
	  "the highest severity. In a cluster the node counts that closed "
	  "it." },
	{ "bascule_haproxy_up", GAUGE, HAPROXIES, haproxy_up,
	  "Whether the runtime socket answers." },
	{ "bascule_haproxy_commands", COUNTER, HAPROXIES, haproxy_commands,
	  "Orders given to HAProxy, by how they ended." },
	{ "bascule_haproxy_command_seconds", HISTOGRAM, HAPROXIES,
	  haproxy_command, "Time from an order to its acknowledgement." },
	{ "bascule_haproxy_drift", COUNTER, HAPROXIES, haproxy_drift,
	  "Servers found other than wanted and put right." },
	{ "bascule_haproxy_absent_servers", GAUGE, HAPROXIES, haproxy_absent,
	  "Targets that this HAProxy does not know." },
	{ "bascule_haproxy_differing_servers", GAUGE, HAPROXIES,
	  haproxy_differing, "Servers that are not as wanted right now." },
	{ "bascule_cluster_primary", GAUGE, NODES, metrics_cluster_primary,
	  "1 for the node that is primary as far as this one knows." },
	{ "bascule_cluster_term", GAUGE, ONCE, metrics_cluster_term,
	  "The term of the election." },
	{ "bascule_cluster_quorum", GAUGE, ONCE, metrics_cluster_quorum,
	  "Whether this node hears more than half of the nodes." },
	{ "bascule_cluster_maintenance", GAUGE, ONCE,
	  metrics_cluster_maintenance,
	  "Whether the whole cluster is in maintenance, or not yet out of it: "
	  "no group fails over." },
	{ "bascule_address_held", GAUGE, ONCE, metrics_address_held,
	  "Whether this node has all virtual addresses on its interface." },
	{ "bascule_address_differences", COUNTER, ONCE,
	  metrics_address_differences,
	  "Times that a virtual address was not where it should be: lost by "
	  "the primary, left on another node, or claimed by another machine." },
	{ "bascule_peer_up", GAUGE, NODES, metrics_peer_up,
	  "Whether the other node is heard." },
	{ "bascule_peer_rtt_seconds", GAUGE, NODES, metrics_peer_rtt,
	  "Time of a message to the other node and back." },
	{ "bascule_datagrams", COUNTER, ONCE, metrics_datagrams,
	  "Datagrams to and from the other nodes, by how they ended." },
	{ "bascule_failovers", COUNTER, FAILOVERS, metrics_failovers,
	  "Group node: moves of the primary node to this one, by their reason. "
	  "Other groups: new primaries of databases that this node brought "
	  "about." },
	{ "bascule_failover_duration_seconds", HISTOGRAM, FAILOVERS,
	  metrics_failover_duration,
	  "Group node: time without a primary node before this one became it. "
	  "Other groups: from the decision to leave the primary until another "
	  "one was decided to be routed." },
	{ "bascule_database_epoch", GAUGE, GROUPS, metrics_group_epoch,
	  "The number of primaries that the group has had; 0: none yet." },
	{ "bascule_database_held", GAUGE, GROUPS, metrics_group_held,
	  "Whether a failover is due and may not be." },
	{ "bascule_database_primary", GAUGE, INSTANCES,
	  metrics_database_primary,
	  "Whether the instance is the primary that was decided on." },
	{ "bascule_database_routed", GAUGE, INSTANCES, metrics_database_routed,
	  "Whether this node routes writes to the instance." },
	{ "bascule_database_writable", GAUGE, INSTANCES,
	  metrics_database_writable,
	  "Whether the instance says that it takes writes." },
	{ "bascule_database_lag_bytes", GAUGE, INSTANCES,
	  metrics_database_lag_bytes,
	  "How far the replica is behind what the primary was seen to have "
	  "written; of MariaDB, transactions." },
	{ "bascule_database_lag_seconds", GAUGE, INSTANCES,
	  metrics_database_lag,
	  "How far the replica is behind by its own word." },
	{ "bascule_database_door_seconds", GAUGE, INSTANCES,
	  metrics_database_door,
	  "How long the port of an instance on this machine stays open if "
	  "nobody renews that; 0: it is shut." },
	{ "bascule_maintenance", GAUGE, ONCE, metrics_maintenance,
	  "Whether the whole node is in maintenance." },
	{ "bascule_store_up", GAUGE, ONCE, metrics_store_up,
	  "Whether the disk keeps what it is told." },
	{ "bascule_store_queue_records", GAUGE, ONCE, metrics_store_queue,
	  "Records that wait for the disk." },
	{ "bascule_store_dropped_records", COUNTER, ONCE, metrics_store_dropped,
	  "Events that found no room in the queue." },
	{ "bascule_log_dropped_lines", COUNTER, ONCE, metrics_log_dropped_lines,
	  "Lines that the journal or the pipe did not take." },
	{ "bascule_loop_lag_seconds", HISTOGRAM, ONCE, metrics_loop_lag,
	  "How late the loop woke up for its deadlines." },
	{ "bascule_self_doubt", GAUGE, ONCE, metrics_self_doubt,
	  "Whether this node doubts itself: 0 no, 1 strained, 2 it abstains." },
	{ "bascule_self_patience_ratio", GAUGE, ONCE, metrics_self_patience_now,
	  "By how much a strained node waits longer for answers." },
	{ "process_cpu_seconds", COUNTER, ONCE, metrics_process_cpu,
	  "User and system CPU time spent." },
	{ "process_resident_memory_bytes", GAUGE, ONCE,
	  metrics_process_resident, "Resident memory." },
	{ "process_virtual_memory_bytes", GAUGE, ONCE, metrics_process_virtual,
	  "Virtual memory." },
	{ "process_open_fds", GAUGE, ONCE, metrics_process_fds,
	  "Open file descriptors." },
	{ "process_max_fds", GAUGE, ONCE, metrics_process_fds_max,
	  "Most open file descriptors allowed." },
	{ "process_start_time_seconds", GAUGE, ONCE, metrics_process_start,
	  "Start of the process since 1970." },
};

#define FAMILY_COUNT (sizeof(families) / sizeof(families[0]))

static const char *const type_names[] = { "counter", "gauge", "histogram" };

/* OpenMetrics names a counter's family without _total. */
static void put_head(const struct family *fam, bool openmetrics,
		     struct buffer *to)
{
	const char *suffix =
		fam->type == COUNTER && !openmetrics ? "_total" : "";

	buffer_printf(to, "# HELP %s%s %s\n# TYPE %s%s %s\n", fam->name, suffix,
		      fam->help, fam->name, suffix, type_names[fam->type]);
}

static unsigned row_count(const struct settings *set, enum metrics_rows rows)
{
	switch (rows) {
	case SERVICES:
	case GROUPS:
		return set->service_count;
	case FAILOVERS:
		return 1 + set->service_count;
	case TARGETS:
	case INSTANCES:
		return set->target_count;
	case HAPROXIES:
		return set->haproxy_count;
	case NODES:
		return set->cluster != NULL ? set->cluster->node_count : 1;
	default:
		return 1;
	}
}

bool metrics_piece(void *state, struct buffer *to)
{
	struct metrics_page *page = state;
	const struct family *fam = &families[page->family];
	struct metrics_row row = { .view = page->view,
				   .m = page->view->metrics,
				   .page = page,
				   .name = fam->name,
				   .to = to,
				   .i = page->row };

	if (!page->begun) {
		put_head(fam, page->openmetrics, to);
		page->begun = true;
	}
	if (!to->failed && page->row < row_count(page->view->set, fam->rows)) {
		fam->write(&row);
		page->row++;
		return true;
	}
	page->begun = false;
	page->row = 0;
	page->family++;
	if (page->family < FAMILY_COUNT)
		return true;
	if (page->openmetrics)
		buffer_add(to, "# EOF\n");
	return false;
}
