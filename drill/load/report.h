/* The report of a load: text for people, and the same figures as JSON. */
#ifndef BASCULE_DRILL_LOAD_REPORT_H
#define BASCULE_DRILL_LOAD_REPORT_H

#include "controller/core/err.h"
#include "drill/load/figures.h"

#include <stdio.h>

struct report {
	const struct figures *figures; /* borrowed, ended */
	struct instant end;
	int64_t rate;        /* 0: not known, of a trace */
	unsigned unfinished; /* requests given up without an outcome */
};

void report_print(const struct report *report, FILE *out);

/* Write JSON to @path, "-" for stdout.  Instants are microseconds of the
 * trace's clock, null where there is none.  0, or a negative errno and a
 * sentence.
 */
int report_write_json(const struct report *report, const char *path,
		      struct err *err);

#endif
