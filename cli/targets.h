/* The targets of a status document, those in trouble first. */
#ifndef BASCULE_CLI_TARGETS_H
#define BASCULE_CLI_TARGETS_H

#include <jansson.h>
#include <stdio.h>

#include "cli/status.h"

#define MAINTENANCE_TEXT_MAX 192

/* "disk swap, 29 min left": the maintenance of a node or a target.  Returns
 * @buf. */
const char *maintenance_text(const json_t *maintenance,
			     char buf[static MAINTENANCE_TEXT_MAX]);

/* Print the targets of all services.  Of many only those that are not simply
 * UP, and the rest as a number, unless @view wants all. */
void targets_print(const json_t *status, const struct status_view *view,
		   FILE *out);

#endif
