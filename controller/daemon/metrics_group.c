/* What the metrics say of groups of databases, and of failovers. */
#include "controller/daemon/metrics_sample.h"

void metrics_group_epoch(const struct metrics_row *row)
{
	struct ctl_group_view group;

	if (ctl_group_look(row->view->ctl, row->i, &group))
		sample_number(row, GROUPS,
			      group.document != NULL ? group.document->epoch
						     : 0);
}

void metrics_group_held(const struct metrics_row *row)
{
	struct ctl_group_view group;

	if (ctl_group_look(row->view->ctl, row->i, &group))
		sample_number(row, GROUPS, group.held != NULL);
}

void metrics_database_primary(const struct metrics_row *row)
{
	struct group_instance_view it;

	if (ctl_instance_look(row->view->ctl, row->i, &it))
		sample_number(row, INSTANCES, it.primary);
}

void metrics_database_routed(const struct metrics_row *row)
{
	const struct settings *set = row->view->set;
	struct ctl_group_view group;

	if (ctl_group_look(row->view->ctl, set->targets[row->i].service,
			   &group))
		sample_number(row, INSTANCES, group.routed == row->i);
}

/* The facts of a row that has fresh ones. */
static bool look(const struct metrics_row *row,
		 struct group_instance_view *ret_it)
{
	return ctl_instance_look(row->view->ctl, row->i, ret_it) &&
	       ret_it->facts != NULL;
}

void metrics_database_writable(const struct metrics_row *row)
{
	struct group_instance_view it;

	if (look(row, &it))
		sample_number(row, INSTANCES, it.facts->writable);
}

void metrics_database_lag_bytes(const struct metrics_row *row)
{
	struct group_instance_view it;

	if (look(row, &it) && it.behind_known && !it.primary)
		sample_number(row, INSTANCES, it.behind);
}

void metrics_database_lag(const struct metrics_row *row)
{
	struct group_instance_view it;

	if (look(row, &it) && it.facts->role == DATABASE_REPLICA &&
	    it.facts->lag_us >= 0)
		sample_seconds(row, INSTANCES, it.facts->lag_us);
}

void metrics_database_door(const struct metrics_row *row)
{
	const struct door_fact *door =
		cluster_facts_door(&row->view->cluster, row->i);

	if (door != NULL && door->guarded)
		sample_seconds(row, INSTANCES,
			       door_left_us(door, row->view->now));
}

/* ---- failovers ---- */

static void failovers_of_node(const struct metrics_row *row)
{
	const struct failover_count *counts = row->m->failovers;
	unsigned i;

	for (i = 0; i < METRICS_REASONS_MAX && counts[i].reason != NULL; i++) {
		sample_begin(row, "_total", FAILOVERS, "reason",
			     counts[i].reason);
		sample_end(row, counts[i].total);
	}
}

/* The service of the row, or NULL when it is no group. */
static const struct service_counts *group_counts(const struct metrics_row *row)
{
	unsigned service = row->i - 1;

	return row->view->set->services[service].failover == NULL
		       ? NULL
		       : &row->m->services[service];
}

void metrics_failovers(const struct metrics_row *row)
{
	const struct service_counts *counts;
	unsigned i;

	if (row->i == 0) {
		failovers_of_node(row);
		return;
	}
	counts = group_counts(row);
	for (i = 0; counts != NULL && i < METRICS_GROUP_REASONS; i++) {
		sample_begin(row, "_total", FAILOVERS, "reason",
			     metrics_group_reasons[i]);
		sample_end(row, counts->failovers[i]);
	}
}

void metrics_failover_duration(const struct metrics_row *row)
{
	const struct histogram *hist = &row->m->failover;

	if (row->i == 0 && row->view->set->cluster == NULL)
		return;
	if (row->i > 0 && group_counts(row) == NULL)
		return;
	if (row->i > 0)
		hist = &group_counts(row)->failover;
	sample_histogram(row, FAILOVERS, hist, metrics_failover_bounds, NULL,
			 NULL);
}
