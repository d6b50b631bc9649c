/* The doors of the databases that this node hosts (controller/io/door.h): kept
 * as core/permit.h judges, by the routing lease that this node has.
 *
 * A restart leaves them as they are, so that one within the lease cuts nobody;
 * a stop in maintenance takes them away.  In the maintenance of the cluster
 * nothing is guarded, since nobody succeeds anybody then.
 */
#ifndef BASCULE_DAEMON_DOORS_H
#define BASCULE_DAEMON_DOORS_H

#include <stdbool.h>

#include "controller/core/ctl.h"
#include "controller/core/err.h"
#include "controller/core/settings.h"
#include "controller/daemon/cluster.h"
#include "controller/daemon/log.h"
#include "controller/daemon/view.h"

struct doors;

/* Of a node in a cluster, before any check: what is asked before a port is
 * guarded is not known to be ours.  A table that is left of other settings is
 * removed.  -errno with a remedy when a door is wanted and cannot be kept. */
int doors_new(struct doors **ret_doors, struct log *log,
	      const struct settings *set, const struct cluster *cluster,
	      struct err *err);

/* The two halves of a reload: what can fail, changing nothing; and what
 * cannot. */
int doors_prepare(struct doors *doors, const struct settings *set,
		  struct err *err);
void doors_apply(struct doors *doors, const struct settings *set);

/* Something may have changed: the lease, the document, what is known of an
 * instance.  Accepts NULL. */
void doors_look(struct doors *doors, const struct ctl *ctl,
		const struct cluster *cluster);

/* Whether a daemon that is to end should not wait for another lease, which a
 * successor needs to go on before the doors close.  Accepts NULL. */
bool doors_may_end(const struct doors *doors, const struct cluster *cluster);

/* For status and metrics.  Accepts NULL. */
void doors_facts(struct doors *doors, struct cluster_facts *ret_facts);

/* For `basculed --release`: shut what is open, at once. */
int doors_shut(const struct settings *set, struct err *err);

/* @remove: in maintenance, on the way out.  Accepts NULL. */
void doors_free(struct doors *doors, bool remove);

#endif
