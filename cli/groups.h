/* The groups of databases, as tables. */
#ifndef BASCULE_CLI_GROUPS_H
#define BASCULE_CLI_GROUPS_H

#include "cli/status.h"

/* Print each group and its instances, from the document of /api/v1/status. */
void groups_print(const json_t *status, const struct status_view *view,
		  FILE *out);

/* Print the document of /api/v1/plan. */
void groups_print_plan(const json_t *plan, const struct table_style *style,
		       FILE *out);

#endif
