/* The cluster in the status document; for api_status.c alone. */
#ifndef BASCULE_DAEMON_API_CLUSTER_H
#define BASCULE_DAEMON_API_CLUSTER_H

#include <jansson.h>
#include <stdbool.h>

#include "controller/daemon/view.h"

/* null for a cluster of one. */
json_t *api_cluster(const struct daemon_view *view);

/* Whether there are a primary, a quorum and all nodes; a cluster of one is
 * well. */
bool api_cluster_well(const struct daemon_view *view);

/* "lost", "left" or "claimed": for JSON and metrics. */
const char *api_vip_difference(enum vip_difference what);

#endif
