/* The state of the node and its services, as people read it. */
#ifndef BASCULE_CLI_STATUS_H
#define BASCULE_CLI_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "report/table.h"

/* Exit codes of status. */
#define STATUS_WELL        0
#define STATUS_DEGRADED    1
#define STATUS_OUTAGE      2
#define STATUS_UNREACHABLE 3

struct status_view {
	struct table_style style;
	bool all; /* every target, also when there are thousands */
};

/* Print the document of /api/v1/status. */
void status_print(const json_t *status, const struct status_view *view,
		  FILE *out);

/* The exit code that goes with the document. */
int status_code(const json_t *status);

#endif
