/* What the metrics say of the cluster and its primary. */
#include "controller/daemon/api_cluster.h"
#include "controller/daemon/metrics_sample.h"

/* A cluster of one is always primary, and has its quorum. */
static bool alone(const struct metrics_row *row)
{
	return row->view->set->cluster == NULL;
}

void metrics_cluster_primary(const struct metrics_row *row)
{
	const struct cluster_facts *facts = &row->view->cluster;

	if (alone(row)) {
		sample_begin(row, "", ONCE, "node", row->view->set->node);
		sample_end(row, 1);
	} else if (facts->known) {
		sample_number(row, NODES, facts->primary == row->i);
	}
}

void metrics_cluster_term(const struct metrics_row *row)
{
	if (row->view->cluster.known)
		sample_number(row, ONCE, row->view->cluster.term);
}

void metrics_cluster_quorum(const struct metrics_row *row)
{
	if (alone(row) || row->view->cluster.known)
		sample_number(row, ONCE,
			      alone(row) || row->view->cluster.quorum);
}

void metrics_cluster_maintenance(const struct metrics_row *row)
{
	if (alone(row) || row->view->cluster.known)
		sample_number(row, ONCE,
			      row->view->cluster.maintenance != NULL);
}

void metrics_address_held(const struct metrics_row *row)
{
	const struct vip_facts *vip = &row->view->cluster.vip;

	if (vip->known)
		sample_number(row, ONCE, vip->held);
}

void metrics_address_differences(const struct metrics_row *row)
{
	const struct vip_facts *vip = &row->view->cluster.vip;
	unsigned i;

	for (i = 0; vip->known && i < VIP_DIFFERENCES; i++) {
		sample_begin(row, "_total", ONCE, "reason",
			     api_vip_difference((enum vip_difference)i));
		sample_end(row, vip->differences[i]);
	}
}

/* Whether the row is another node than this one, of which something is known.
 */
static bool is_peer(const struct metrics_row *row)
{
	return !alone(row) && row->view->cluster.known &&
	       row->i != row->view->set->cluster->self;
}

void metrics_peer_up(const struct metrics_row *row)
{
	if (is_peer(row))
		sample_number(row, NODES, row->view->cluster.nodes[row->i].up);
}

void metrics_peer_rtt(const struct metrics_row *row)
{
	if (is_peer(row) && row->view->cluster.nodes[row->i].rtt_us >= 0)
		sample_seconds(row, NODES,
			       row->view->cluster.nodes[row->i].rtt_us);
}

void metrics_datagrams(const struct metrics_row *row)
{
	const struct datagram_fact *fact = row->view->cluster.datagrams;
	unsigned i;

	for (i = 0; i < CLUSTER_DATAGRAMS_MAX && fact[i].result != NULL; i++) {
		sample_begin(row, "_total", ONCE, "result", fact[i].result);
		sample_end(row, fact[i].total);
	}
}
