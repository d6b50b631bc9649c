/* The nodes of a cluster, and what the one file of all nodes means on this
 * one.
 *
 * What fails for lack of memory shows in arena_failed().
 */
#ifndef BASCULE_CONFIG_CLUSTER_H
#define BASCULE_CONFIG_CLUSTER_H

#include <libconfig.h>

#include "controller/config/block.h"
#include "controller/core/settings.h"

/* Read the nodes of the cluster block, if @root has one, and find this node,
 * settings->node, among them: self is node_count when it is none.
 */
void cluster_read(const struct reader *reader, struct settings *settings,
		  config_setting_t *root);

/* Leave of the HAProxies, all checked, those that this node drives, and find
 * what the primary requires among them.
 */
void cluster_settle(const struct reader *reader, struct settings *settings);

#endif
