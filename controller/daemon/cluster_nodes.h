/* Which nodes the cluster had when this one ran last, in a file of its own.
 *
 * Of two sets that differ by more than one node each may have a majority that
 * shares nobody with the other's, and so a primary of its own.
 */
#ifndef BASCULE_DAEMON_CLUSTER_NODES_H
#define BASCULE_DAEMON_CLUSTER_NODES_H

#include <stdbool.h>

#include "controller/core/err.h"
#include "controller/core/settings.h"

/* Compare the nodes of @set with those at @path, and write them there.
 *
 * @voter: this node has a state, so it may have voted with the former ones.
 * Returns 0, -EPERM when more than one has come or gone, or another negative
 * errno when the file cannot be read or written. */
int cluster_nodes_settle(const char *path, const struct cluster_settings *set,
			 bool voter, struct err *err);

#endif
