/* Which nodes the cluster had when this one last knew of a primary, and when it
 * ran last, in a file of its own.
 *
 * Of two sets that differ by more than one node each may have a majority that
 * shares nobody with the other's, and so a primary of its own.  A primary shows
 * that a majority runs with the present set: the next change is safe then.
 */
#ifndef BASCULE_DAEMON_CLUSTER_NODES_H
#define BASCULE_DAEMON_CLUSTER_NODES_H

#include <stdbool.h>

#include "controller/core/err.h"
#include "controller/core/settings.h"

/* Compare the nodes of @set with those at @path, and write there that they run.
 *
 * @voter: this node has a state, so it may have voted with the former ones.
 * @ret_settled: no primary need be waited for, cluster_nodes_settle() need not
 *	be called.
 * Returns 0, -EPERM when more than one has come or gone, or another negative
 * errno when the file cannot be read or written. */
int cluster_nodes_check(const char *path, const struct cluster_settings *set,
			bool voter, bool *ret_settled, struct err *err);

/* A primary is there with the nodes of @set.  Not synced: a machine that loses
 * it asks for a primary once more.  Returns 0 or a negative errno. */
int cluster_nodes_settle(const char *path, const struct cluster_settings *set);

#endif
