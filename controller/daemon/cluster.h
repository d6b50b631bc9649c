/* The cluster: carries the quorum protocol's events and actions.
 *
 * The decisions are controller/core/election.h; here are the link to the
 * other nodes, the disk that keeps term, vote and document, and the office:
 * what being primary means on this machine.  Everything happens in the loop's
 * thread.  Without a cluster block there is none, and every function takes
 * NULL for it.
 */
#ifndef BASCULE_DAEMON_CLUSTER_H
#define BASCULE_DAEMON_CLUSTER_H

#include <stdbool.h>

#include "controller/core/election.h"
#include "controller/core/err.h"
#include "controller/core/event.h"
#include "controller/core/note.h"
#include "controller/core/settings.h"
#include "controller/daemon/view.h"
#include "controller/io/link.h"
#include "controller/io/loop.h"

struct cluster;
struct guard_process;
struct log;

struct cluster_parts {
	struct loop *loop; /* borrowed, as are all */
	struct log *log;
	/* Something has happened that people want to know. */
	void (*note)(void *arg, const struct note *note);
	/* How a hand-over ended: who was primary, who is, and how long nobody
	 * was; or why nobody else is. */
	void (*switched)(void *arg, uint64_t token, const char *from,
			 const char *to, int64_t span_us);
	void (*refused)(void *arg, uint64_t token, int error, const char *text);
	/* After cluster_leave(): this node may go into maintenance, or @why
	 * not. */
	void (*leave)(void *arg, const char *why);
	/* This node has become primary after another one. */
	void (*failover)(void *arg, const char *reason, int64_t span_us);
	/* Who is primary has changed, or how whole the cluster is. */
	void (*primary)(void *arg, const struct primary_seen *seen);
	/* Another node says what it sees, or what incidents it knows; the nodes
	 * that are heard have changed, bit i being node i. */
	void (*observed)(void *arg, unsigned node, const struct message *msg);
	void (*peers)(void *arg, uint32_t heard);
	/* The document that this node holds has changed; nobody routes to
	 * what a group leaves any more; another instance of a group is to be
	 * routed, or none, to be answered by cluster_routed(). */
	void (*document)(void *arg, const struct document *doc);
	void (*withdrawn)(void *arg, const char *group);
	void (*route)(void *arg, const struct route_order *order);
	/* cluster_deadline() is another one. */
	void (*changed)(void *arg);
	void *arg;
};

/* Before any thread and any loop: read the key, wait for the guard of an
 * earlier daemon, and start ours.
 *
 * @set: borrowed for life: its cluster is read at the start only.
 * @ret_warning: a sentence when the guard runs with a reservation, else "".
 */
int cluster_prepare(struct cluster **ret_cluster, const struct settings *set,
		    struct err *ret_warning, struct err *err);

/* Release what an earlier daemon was, read the hard state, listen.  Nothing is
 * sent before cluster_start(). */
int cluster_join(struct cluster *cluster, const struct cluster_parts *parts,
		 struct err *err);

/* Accepts NULL. */
void cluster_free(struct cluster *cluster);

/* The first event. */
void cluster_start(struct cluster *cluster);

/* When cluster_tick() is wanted; NEVER without a cluster. */
struct instant cluster_deadline(const struct cluster *cluster);
void cluster_tick(struct cluster *cluster);

/* Tell the other nodes what this one sees: at most MESSAGE_OBSERVATIONS_MAX. */
void cluster_observe(struct cluster *cluster, const struct observation *list,
		     unsigned count);

/* Tell the other nodes of incidents: at most MESSAGE_INCIDENTS_BYTES_MAX. */
void cluster_share(struct cluster *cluster, const uint8_t *body, size_t size);

/* Whether @obstacle keeps this node from leading. */
void cluster_obstacle(struct cluster *cluster, enum election_obstacle obstacle,
		      bool there);

/* Hand the role over to the node @to, or to the best one when that is
 * CLUSTER_NOBODY; one of the doors tells how it ended, maybe within. */
void cluster_hand_over(struct cluster *cluster, unsigned to, uint64_t token);

/* The cluster's maintenance: KEEP_ON, KEEP_ENDS, or KEEP_OFF to wait for no
 * node; refused() tells how it went, with 0 when well, maybe within. */
void cluster_keep(struct cluster *cluster, enum document_keep want,
		  uint64_t token);

/* Write @want into the document, if this node may; document() follows. */
void cluster_decide(struct cluster *cluster, const struct document_group *want);

/* The order @id to route was carried out, or was not. */
void cluster_routed(struct cluster *cluster, uint64_t id, bool done);

/* Until when this node may let its own instances be written to by its
 * document, with time to spare; NONE: not now.  That document; and whether the
 * cluster is in maintenance, so that what is routed stays. */
struct instant cluster_permit(const struct cluster *cluster);
bool cluster_keeps(const struct cluster *cluster);
const struct document *cluster_document(const struct cluster *cluster);

/* The guard, which must know of whatever runs; borrowed, NULL without a
 * cluster. */
struct guard_process *cluster_guard(struct cluster *cluster);

/* election_needs_self(). */
const char *cluster_needs_us(const struct cluster *cluster);

/* Ask the others whether this node may go into maintenance, of those that want
 * to at once; leave() tells, maybe within.  One at a time. */
void cluster_leave(struct cluster *cluster);

/* Leave office, if in it, for good: true once nothing is held any more. */
bool cluster_stopped(const struct cluster *cluster);

/* From a reload: other hooks. */
void cluster_reload(struct cluster *cluster, const struct settings *set);

/* What part of the other nodes' datagrams is lost by our link; 0 without a
 * cluster.  To be asked now and then (beats.h). */
unsigned cluster_loss_percent(struct cluster *cluster);

/* What is known; nothing without a cluster. */
void cluster_facts_now(const struct cluster *cluster,
		       struct cluster_facts *ret_facts);

/* The same from its parts; @rtt_us for each node, negative: not known. */
void cluster_facts_fill(struct cluster_facts *facts,
			const struct cluster_settings *set,
			const struct election_view *view,
			const int64_t *rtt_us);

/* The other half of the facts: datagrams by how they ended. */
void cluster_facts_datagrams(struct cluster_facts *facts,
			     const struct link_counts *link,
			     const struct election_heard *heard,
			     uint64_t unreadable);

#endif
