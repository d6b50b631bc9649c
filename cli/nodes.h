/* The nodes of the cluster, as people read them. */
#ifndef BASCULE_CLI_NODES_H
#define BASCULE_CLI_NODES_H

#include <jansson.h>
#include <stdio.h>

#include "cli/status.h"

/* Print who is primary, and the nodes, from the document of /api/v1/status;
 * nothing for a cluster of one. */
void nodes_print(const json_t *status, const struct status_view *view,
		 FILE *out);

/* The node @name of the cluster, or NULL. */
const json_t *nodes_find(const json_t *status, const char *name);

#endif
